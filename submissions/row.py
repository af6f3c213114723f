"""A submission as a row of the registry: its "edit" is the clip that was submitted. Registered by the environment of
the process that scores it, and nowhere else.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from bench.blobs import BlobStore
from bench.errors import CaseFailed
from bench.identity import digest
from bench.media import read_video
from bench.types import Edit, EditRequest, MethodCard, MethodEntry
from submissions.manifest import Manifest

VARIABLE = "SHOPEDIT_SUBMISSION"
"""Names the file that `Scored` is read from."""
PLUGIN = "methods:submitted=submissions.row:zoo"


def row_name(manifest: Manifest) -> str:
    """Return the name that a team's method has on the board: one row per team and method."""
    ascii_team = unicodedata.normalize("NFKD", manifest.team).encode("ascii", "ignore").decode().lower()
    team = re.sub(r"[^a-z0-9]+", "-", ascii_team).strip("-")[:40].strip("-")
    if not team or not manifest.team.isascii():
        # Letters were lost on the way: teams that differ in them alone must not share a row.
        team = f"{team or 'team'}-{digest(manifest.team.casefold())[:6]}"
    return f"{manifest.method.name}-by-{team}"


def card_of(manifest: Manifest, submission: str, name: str, content: str | None) -> MethodCard:
    """Return what the store knows a submission by; its texts are foreign."""
    return MethodCard(
        name=name,
        family="submitted",
        track=manifest.method.track,
        description=f"{manifest.team}: {manifest.model}, on {manifest.hardware}",
        parameters={"submission": submission, "version": manifest.method.version, "content": content},
        paper=manifest.paper,
        licence=manifest.licence,
    )


class Scored(BaseModel):
    """What the scoring process is told of a submission."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    card: MethodCard
    blobs: str
    """Folder of the stored clips."""
    clips: dict[str, str]
    """sha256 of the stored clip by case id."""
    seconds: float
    """Per edit, as the submitter states it."""


def _told() -> Scored:
    return Scored.model_validate_json(Path(os.environ[VARIABLE]).read_bytes())


def zoo() -> Mapping[str, MethodEntry]:
    """Return the one row that the environment names; none where it names none."""
    if VARIABLE not in os.environ:
        return {}
    card = _told().card
    return {card.name: MethodEntry(card, "submissions.row:Submitted")}


class Submitted:
    """Shows the submitted clip of each case."""

    def __init__(self, card: MethodCard) -> None:
        self.card = card

    def load(self, device: str) -> None:
        """Read which clip belongs to which case; `device` does not matter."""
        self._told = _told()
        self._blobs = BlobStore(Path(self._told.blobs))

    def edit(self, request: EditRequest) -> Edit:
        """Return the submitted clip. CaseFailed for a case without one."""
        sha256 = self._told.clips.get(request.case_id)
        if sha256 is None:
            raise CaseFailed(f"no clip was submitted for {request.case_id}")
        clip = read_video(self._blobs.path(sha256))
        return Edit(clip, self._told.seconds, nfe=None, notes={"seconds": "as submitted"}, stored=sha256)
