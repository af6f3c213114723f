"""What a method is given for a case, and what an edit of it is compared with: the one place that decides
either.

A track gives the source and the words, plus the edited first frame (`first-frame`) or the edit mask
(`mask`). Controls with `oracle=True` are given the answer and a wrong answer besides. Everything handed out
is a copy, so that nothing reachable from a request leads to a clip the track does not give, and no method
can change what the next one sees.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import CaseFailed
from bench.media import read_mask, read_png, read_video
from bench.testsets import assets_of
from bench.types import Asset, EditCase, EditRequest, Mask, MethodCard, OracleRequest, Video


def wrong_answer(case: EditCase, cases: Iterable[EditCase]) -> EditCase | None:
    """Return the edit of the same source clip whose target is the wrong one here, or None where there is
    none.

    The next sibling in id order (from the end back to the start) whose scenario differs and which has a
    target.
    """
    others = [
        c for c in cases if c.group == case.group and c.scenario != case.scenario and c.target and c.id != case.id
    ]
    return min(others, key=lambda c: (c.id <= case.id, c.id), default=None)


def other_clip(case: EditCase, cases: Iterable[EditCase]) -> EditCase | None:
    """Return the case whose source is another clip's, the same for all edits of this clip; None where there
    is none.

    The next group in name order, within the case's split, whose source has the same size and length. So it
    is a fixed permutation of the split's clips that neither `--limit` nor a named part of the split
    changes.
    """
    shape = (case.source.width, case.source.height, case.source.frames)
    others = [
        c
        for c in cases
        if c.split == case.split
        and c.group != case.group
        and (c.source.width, c.source.height, c.source.frames) == shape
    ]
    return min(others, key=lambda c: (c.group <= case.group, c.group, c.id), default=None)


def given(card: MethodCard, case: EditCase, wrong: EditCase | None) -> dict[str, Asset | None]:
    """Return the files the method's track gives it, by role; None for one that the case lacks."""
    assets: dict[str, Asset | None] = {"source": case.source}
    if card.track == "first-frame":
        assets["first_frame"] = case.first_frame or case.target
    if card.track == "mask":
        assets["mask"] = case.mask
    if card.oracle:
        assets["target"] = case.target
        if wrong:
            assets["wrong_target"] = wrong.target
    return assets


def refusal(card: MethodCard, case: EditCase, wrong: EditCase | None) -> str | None:
    """Return why the method cannot be run on the case, or None where it can.

    A clip without a second edit has no wrong answer; the one control that needs it fails there with its own
    reason.
    """
    lacking = [role for role, asset in given(card, case, wrong).items() if asset is None]
    lacking += [need for need in card.needs if not getattr(case, need).strip()]
    return f"the case has no {' and no '.join(r.replace('_', ' ') for r in lacking)}" if lacking else None


def compared_with(case: EditCase, other: EditCase | None) -> dict[str, Asset]:
    """Return the files an edit of the case is scored against, by role."""
    files = {role: asset for role, asset in assets_of(case).items() if role != "first_frame"}
    return files | ({"other": other.source} if other else {})


@dataclass(frozen=True, slots=True, eq=False)
class References:
    """The decoded clips an edit is compared with; see `bench.metrics.Sample`."""

    source: Video
    target: Video | None
    mask: Mask | None
    product_mask: Mask | None
    other: Video | None
    """None without a target too: then nothing is anchored, and nobody would look at it."""


class CaseReader:
    """Decodes the files of one test set, each once while it stays among the last `max_bytes`."""

    def __init__(self, root: Path, max_bytes: int = 256 * 2**20) -> None:
        self._root = root
        self._max_bytes = max_bytes
        self._held = 0
        self._clips: OrderedDict[tuple[str, str], Video | Mask] = OrderedDict()

    def video(self, asset: Asset) -> Video:
        """Return a decoded clip, shared and read-only. Raises `CaseFailed` unless it is what the record
        says.
        """
        clip = self._cached("video", asset)
        assert isinstance(clip, Video)
        return clip

    def mask(self, asset: Asset) -> Mask:
        """Return a decoded mask, T x H x W, shared and read-only. Raises `CaseFailed` as `video` does."""
        mask = self._cached("mask", asset)
        assert not isinstance(mask, Video)
        return mask

    def _cached(self, kind: str, asset: Asset) -> Video | Mask:
        key = (kind, asset.sha256)
        if key not in self._clips:
            clip = self._decode(kind, asset)
            self._clips[key] = clip
            self._held += _array(clip).nbytes
            while self._held > self._max_bytes and len(self._clips) > 1:
                self._held -= _array(self._clips.popitem(last=False)[1]).nbytes
        self._clips.move_to_end(key)
        return self._clips[key]

    def _decode(self, kind: str, asset: Asset) -> Video | Mask:
        path = self._root / asset.path
        clip: Video | Mask = read_video(path) if kind == "video" else read_mask(path)
        found = _array(clip).shape[:3]
        wanted = (asset.frames, asset.height, asset.width)
        if found != wanted:
            raise CaseFailed(f"{asset.path}: decodes to {_size(found)}, its record says {_size(wanted)}")
        _array(clip).flags.writeable = False
        return clip

    def references(self, case: EditCase, other: EditCase | None) -> References:
        """Return everything an edit of the case is scored against."""
        return References(
            source=self.video(case.source),
            target=self.video(case.target) if case.target else None,
            mask=self.mask(case.mask) if case.mask else None,
            product_mask=self.mask(case.product_mask) if case.product_mask else None,
            other=self.video(other.source) if other and case.target else None,
        )

    def request(self, card: MethodCard, case: EditCase, wrong: EditCase | None, seed: int) -> EditRequest:
        """Return what the method sees, and nothing more. Raises `CaseFailed` where a file does not decode."""
        assets = given(card, case, wrong)
        first, mask = assets.get("first_frame"), assets.get("mask")
        source = self._copy(case.source)
        first_frame = self._first_frame(case, first) if first else None
        edit_mask = self.mask(mask).copy() if mask else None
        if not card.oracle:
            return EditRequest(
                case_id=case.id,
                source=source,
                source_prompt=case.source_prompt,
                target_prompt=case.target_prompt,
                instruction=case.instruction.en,
                seed=seed,
                first_frame=first_frame,
                mask=edit_mask,
            )
        return OracleRequest(
            case_id=case.id,
            source=source,
            source_prompt=case.source_prompt,
            target_prompt=case.target_prompt,
            instruction=case.instruction.en,
            seed=seed,
            first_frame=first_frame,
            mask=edit_mask,
            target=self._copy(case.target) if case.target else None,
            wrong_target=self._copy(wrong.target) if wrong and wrong.target else None,
        )

    def _first_frame(self, case: EditCase, asset: Asset) -> NDArray[np.uint8]:
        """Return the edited first frame: the case's own picture, else the first of its target."""
        if asset is not case.first_frame:
            frame: NDArray[np.uint8] = self.video(asset).frames[0].copy()
            return frame
        picture = read_png(self._root / asset.path)
        if picture.shape[:2] != (case.source.height, case.source.width):
            found, wanted = (f"{w}x{h}" for h, w in (picture.shape[:2], (case.source.height, case.source.width)))
            raise CaseFailed(f"{asset.path}: is {found}, its source {wanted}")
        return picture

    def _copy(self, asset: Asset) -> Video:
        clip = self.video(asset)
        return Video(clip.frames.copy(), clip.fps)


def _array(clip: Video | Mask) -> Mask:
    return clip.frames if isinstance(clip, Video) else clip  # type: ignore[return-value]


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} frames of {shape[2]}x{shape[1]}"
