"""Contact sheets of a test set: for every scenario a few edits, source beside target and mask."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.media import read_mask, read_video
from bench.types import SCENARIOS, EditCase, TestSet

HEIGHT = 128
"""Pixels of a picture."""
GAP = 4
TEXT = 18
EDITS = 2
"""Of each scenario."""
MASK = (250, 190, 70)
"""RGB of what may change; not white, which would vanish on the sheet where all may."""
FRAMES = (0.0, 0.9)
"""Which moments of a clip are shown, as shares of its length."""

Picture = NDArray[np.uint8]


def chosen(cases: Sequence[EditCase]) -> list[EditCase]:
    """Return a few cases of each scenario, of different verticals where there are some; the same each time."""
    found: list[EditCase] = []
    for scenario in SCENARIOS:
        left = sorted((c for c in cases if c.scenario == scenario), key=lambda c: c.id)
        for _ in range(min(EDITS, len(left))):
            seen = [c.vertical for c in found]
            found.append(min(left, key=lambda c: (seen.count(c.vertical), c.id)))
            left.remove(found[-1])
    return found


def sheet(testset: TestSet, split: str) -> Picture:
    """Return a sheet of a split, two edits a row: source, target (twice each) and mask, below the instruction."""
    rows = [_row(testset, case) for case in chosen(testset.select(split))]
    width = max(row.shape[1] for row in rows)
    padded = [np.pad(r, ((0, GAP), (0, width - r.shape[1] + GAP), (0, 0)), constant_values=255) for r in rows]
    if len(padded) % 2:
        padded.append(np.full_like(padded[0], 255))
    return np.vstack([np.hstack(padded[i : i + 2]) for i in range(0, len(padded), 2)])


def write_jpeg(picture: Picture, path: Path) -> None:
    """Write a picture; the same one gives the same bytes."""
    from PIL import Image

    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, "JPEG", quality=85)


def _row(testset: TestSet, case: EditCase) -> Picture:
    tiles = [_tile(_frame(testset, case, "source", when)) for when in FRAMES]
    if case.target:
        tiles += [_tile(_frame(testset, case, "target", when)) for when in FRAMES]
    if case.mask:
        mask = read_mask(testset.root / case.mask.path)
        tiles.append(_tile(mask[_at(mask, FRAMES[-1])][..., None] * np.array(MASK, np.uint8)))
    gap = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    pictures = np.hstack([part for tile in tiles for part in (tile, gap)][:-1])
    return np.vstack([_text(f"{case.id}: {case.instruction.en}", pictures.shape[1]), pictures])


def _frame(testset: TestSet, case: EditCase, role: str, when: float) -> Picture:
    frames = read_video(testset.root / getattr(case, role).path).frames
    return frames[_at(frames, when)]


def _at(frames: NDArray[Any], when: float) -> int:
    return round(when * (len(frames) - 1))


def _tile(picture: Picture) -> Picture:
    """Scale to `HEIGHT`, on a square of grey, so that portrait and landscape clips line up."""
    import cv2

    scale = HEIGHT / max(picture.shape[:2])
    size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    tile = np.full((HEIGHT, HEIGHT, 3), 225, np.uint8)
    top, left = (HEIGHT - size[1]) // 2, (HEIGHT - size[0]) // 2
    tile[top : top + size[1], left : left + size[0]] = small
    return tile


def _text(text: str, width: int) -> Picture:
    from PIL import Image, ImageDraw, ImageFont

    image = Image.new("RGB", (width, TEXT), "white")
    font = ImageFont.load_default(12)
    draw = ImageDraw.Draw(image)
    while draw.textlength(text, font=font) > width and len(text) > 1:
        text = text.rstrip("…")[:-1] + "…"
    draw.text((2, 2), text, fill="black", font=font)
    return np.asarray(image)
