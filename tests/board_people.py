"""A store with people in it: a submission that waits for review, and a study with some votes."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bench.home import open_home
from bench.store.access import open_reader
from bench.store.vote_rows import BallotRow
from bench.testsets import read_testset
from bench.votes import ballots, studies
from bench.votes.rules import AXES, Choice, Rules
from submissions import scoring
from submissions.archive import pack
from submissions.audit import Actor
from submissions.folder import scan
from submissions.intake import submit
from submissions.ledger import Ledger
from tests import fixtures
from tests.board_store import BEACON
from tests.hostile_zips import MANIFEST_TEXT

RULES = Rules(floor_seconds=0.0, catch_every=3, least_caught=1, pass_share=0.5)
"""For tests: no waiting."""


def results(folder: Path, toyset: Path, manifest: bytes = MANIFEST_TEXT, clip: str = "target") -> Path:
    """Write a folder of results without a problem: for each case the target, or another of its clips."""
    (folder / "videos").mkdir(parents=True)
    (folder / "submission.yaml").write_bytes(manifest)
    for case in read_testset(toyset).cases:
        shutil.copy(toyset / getattr(case, clip).path, folder / "videos" / f"{case.id}.mp4")
    return folder


def hostile_manifest() -> bytes:
    """Return a manifest that is in order and has the beacon in every line of text that it may have."""
    quoted = BEACON.replace("'", "''")[:190]
    lines = []
    for line in MANIFEST_TEXT.decode().splitlines():
        name, _, value = line.partition(":")
        free = name in ("team", "model", "hardware", "licence") and value.strip()
        lines.append(f"{name}: '{quoted}'" if free else line)
    return "\n".join(lines).encode()


def join(home: Path, toyset: Path, work: Path) -> Path:
    """Add to a filled state folder a submission in review (its texts are hostile) and an open study with votes."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fixtures.ENVIRONMENT.items():
            patch.setenv(name, value)
        place = open_home(home)
        ledger = Ledger(place)
        folder = results(work / "hostile", toyset, hostile_manifest(), clip="source")
        held = submit(ledger, folder, Actor("local", "submitter"), str(toyset), name=BEACON)
        assert held.state == "queued", held.problems
        scoring.work(ledger, "toy", "cpu")
        assert ledger.get(held.id).state == "in-review", ledger.get(held.id).reason
        reader = open_reader(place, None)
        board = reader.boards()[0]
        study = studies.open_study(
            reader.engine, place, read_testset(toyset), "first-look", board, "smoke", rules=RULES
        )
        for account in ("ann", "bob"):
            voter = ballots.voter_of(reader.engine, place, account)
            patch.setattr(ballots, "now", Later(studies.now()))
            for _ in range(12):
                shown = ballots.next_ballot(reader.engine, place, study, voter)
                assert shown is not None
                answers = dict.fromkeys(AXES, known_answer(reader.engine, shown.token) or "left")
                ballots.cast(reader.engine, study, voter, shown.token, answers)
    return home


def known_answer(engine: Engine, token: str) -> Choice | None:
    """Return the right answer of a catch trial; None for a ballot whose answer nobody knows."""
    with Session(engine) as session:
        row = session.scalars(select(BallotRow).filter_by(token=token)).one()
    if row.catch_answer is None:
        return None
    return "left" if row.catch_answer * (-1 if row.swapped else 1) > 0 else "right"


class Later:
    """A clock that is a minute further at every look, so that no answer comes too soon."""

    def __init__(self, start: datetime) -> None:
        self._at = start

    def __call__(self) -> datetime:
        self._at += timedelta(minutes=1)
        return self._at


def packed(folder: Path, out: Path) -> Path:
    """Return a folder of results as a zip."""
    pack(folder, sorted(scan(folder)[0]), out)
    return out
