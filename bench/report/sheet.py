"""Contact sheets of edits, named for readers or blind for judges.

A blind sheet shows, for every case, the source, the instruction and three unnamed clips in random order: the method's
edit, the exact target and the untouched source. A judge writes down for each whether the asked edit is there; the
target and the source are catch trials that show what the judge's yes and no are worth.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.blobs import BlobStore
from bench.errors import UserError
from bench.media.decode import read_video
from bench.store.read import Result
from bench.types import EditCase, Frames, TestSet

COLUMNS = 5
GAP = 6
KINDS = ("edit", "target", "source")


@dataclass(frozen=True, slots=True)
class Trial:
    """One unnamed clip of a blind sheet."""

    number: int
    case: str
    kind: str
    """`edit`, `target` or `source`: what the judge must not know."""


def strip(frames: Frames, side: int, columns: int = COLUMNS) -> NDArray[np.uint8]:
    """Return `columns` frames evenly spaced in time, side by side, each `side` high."""
    import cv2

    picks = np.linspace(0, len(frames) - 1, columns).round().astype(int)
    width = round(side * frames.shape[2] / frames.shape[1])
    return np.hstack([cv2.resize(frames[i], (width, side), interpolation=cv2.INTER_AREA) for i in picks])


def write_sheet(path: Path, testset: TestSet, results: Sequence[Result], blobs: Path, side: int = 104) -> None:
    """Write a JPEG with a row per result: source | target | edit, five frames each, the instruction above.

    Where no case has a target, that column is left out.
    """
    references = ["source", "target"] if any(result.case.target for result in results) else ["source"]
    rows = []
    for result in results:
        case = result.case
        clips = [*(_clip(testset, case, kind) for kind in references), _edit(result, blobs)]
        rows.append(_labelled(f"{case.id}:  {case.instruction.en}", [strip(c, side) for c in clips]))
    named = [*references[1:], "edit"]
    head = _text("source", 0, rows[0].shape[1], named) if rows else np.zeros((1, 1, 3), np.uint8)
    _save(path, [head, *rows])


def write_blind(
    folder: Path, testset: TestSet, results: Sequence[Result], blobs: Path, seed: int = 0, per_page: int = 15
) -> list[Trial]:
    """Write `blind-NN.jpg` pages and `key.json`; return the trials in the order shown."""
    rng = random.Random(f"blind/{seed}")
    order = [(result, kind) for result in results for kind in KINDS]
    rng.shuffle(order)
    trials, rows = [], []
    for number, (result, kind) in enumerate(order, 1):
        case = result.case
        clip = _edit(result, blobs) if kind == "edit" else _clip(testset, case, kind)
        text = f"{number}:  {case.instruction.en}      (left: before, right: after?)"
        rows.append(_labelled(text, [strip(_clip(testset, case, "source"), 120, 3), strip(clip, 120)]))
        trials.append(Trial(number, case.id, kind))
    folder.mkdir(parents=True, exist_ok=True)
    for page, start in enumerate(range(0, len(rows), per_page), 1):
        _save(folder / f"blind-{page:02d}.jpg", rows[start : start + per_page])
    key = [{"number": t.number, "case": t.case, "kind": t.kind} for t in trials]
    (folder / "key.json").write_text(json.dumps(key, indent=1) + "\n", encoding="utf-8")
    return trials


def read_labels(labels: Path, key: Path) -> dict[str, tuple[int, int]]:
    """Return (times yes, trials) for `edit`, `target` and `source` from a judge's CSV of `number,there`.

    Raises UserError for a number that the key does not have, one that is lacking, or an answer but yes and no.
    """
    import csv

    kinds = {int(t["number"]): str(t["kind"]) for t in json.loads(key.read_text(encoding="utf-8"))}
    found: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    seen = set()
    with labels.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            number, answer = int(row["number"]), row["there"].strip().lower()
            if number not in kinds or number in seen:
                raise UserError(f"{labels}: number {number} is not in {key.name}, or there twice; one row per trial")
            if answer not in ("yes", "no"):
                raise UserError(f"{labels}: number {number} says '{answer}', wanted yes or no")
            seen.add(number)
            found[kinds[number]].append(answer == "yes")
    if missing := sorted(kinds.keys() - seen):
        raise UserError(f"{labels}: no answer for {len(missing)} trials, first {missing[0]}; answer every one")
    return {kind: (sum(answers), len(answers)) for kind, answers in found.items()}


def _clip(testset: TestSet, case: EditCase, kind: str) -> Frames:
    asset = case.source if kind == "source" else case.target
    if asset is None:
        raise UserError(f"case {case.id} has no target clip: sheets need a test set with ground truth")
    return read_video(testset.root / asset.path).frames


def _edit(result: Result, blobs: Path) -> Frames:
    if result.sha256 is None:
        raise UserError(f"case {result.case.id} has no edit of {result.method.name} ({result.reason}): run it first")
    return read_video(BlobStore(blobs).path(result.sha256)).frames


def _labelled(text: str, strips: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    gap = np.full((strips[0].shape[0], GAP, 3), 255, np.uint8)
    row = np.hstack([part for s in strips for part in (s, gap)][:-1])
    return np.vstack([_text(text, 0, row.shape[1]), row])


def _text(text: str, left: int, width: int, more: Iterable[str] = ()) -> NDArray[np.uint8]:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, 22), "white")
    draw = ImageDraw.Draw(image)
    words: list[Any] = [text, *more]
    for index, word in enumerate(words):
        draw.text((left + 4 + index * width // len(words), 3), word, fill="black", font=ImageFont.load_default(14))
    return np.asarray(image)


def _save(path: Path, rows: Sequence[NDArray[np.uint8]]) -> None:
    from PIL import Image

    width = max(row.shape[1] for row in rows)
    padded = [np.pad(r, ((0, GAP), (0, width - r.shape[1]), (0, 0)), constant_values=255) for r in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.vstack(padded)).save(path, quality=85)
