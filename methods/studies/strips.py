"""Strips of clips for the eye: frames of each clip in a row, under a line that says what it is, as one small JPEG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench.types import Frames, Mask

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS = 5
WIDTH = 936
"""Pixels of a strip: what a page shows without shrinking it."""
TALLEST = 256
"""Pixels of a frame; those of a portrait clip get narrower."""
GAP = 4
HEAD, TEXT = 19, 16
"""Sizes of letters, in pixels."""
LEAST = 0.5
"""Share of a frame's sides that is shown at least."""
AROUND = 1.2
"""Sides of what is shown around an edit, in sides of the edit."""
LIMIT = 150_000
"""Bytes of a picture."""


@dataclass(frozen=True, slots=True)
class Clip:
    """One row of a strip."""

    label: str
    frames: Frames | None
    """uint8 [T, H, W, 3], or None for an edit that was not made."""


def write_strip(path: Path, heads: Sequence[str], clips: Sequence[Clip]) -> None:
    """Write a JPEG of at most `LIMIT` bytes: the heads (the first one larger), then five frames of each clip.

    Frames are evenly spaced in time, the first and the last among them, and lie under the same frames of the clips
    above.
    """
    from PIL import Image

    width = COLUMNS * _size(clips)[0] + (COLUMNS - 1) * GAP
    parts = [_lines(heads[0], WIDTH, HEAD), *(_lines(head, WIDTH, TEXT) for head in heads[1:])]
    for clip in clips:
        parts += [_lines(clip.label, WIDTH, TEXT, above=6), *([] if clip.frames is None else [_frames(clip.frames)])]
    sheet = Image.new("RGB", (max(WIDTH, width), sum(part.height for part in parts) + GAP), "white")
    top = 0
    for part in parts:
        sheet.paste(part, (0, top))
        top += part.height
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_jpeg(sheet))


def around(mask: Mask) -> tuple[slice, slice]:
    """Return rows and columns of the part of a frame to show, in the frame's own proportions.

    It holds all that the mask (bool [T, H, W]) lets change and some of what lies around that; all, where it is empty.
    """
    sides, found = mask.shape[1:], (np.flatnonzero(mask.any((0, 2))), np.flatnonzero(mask.any((0, 1))))
    if not mask.any():
        return slice(0, sides[0]), slice(0, sides[1])
    share = max(AROUND * float(at[-1] + 1 - at[0]) / side for at, side in zip(found, sides, strict=True))
    parts = []
    for at, side in zip(found, sides, strict=True):
        length = round(side * min(max(share, LEAST), 1))
        start = min(max(round((at[0] + at[-1] + 1 - length) / 2), 0), side - length)
        parts.append(slice(start, start + length))
    return parts[0], parts[1]


def _size(clips: Sequence[Clip]) -> tuple[int, int]:
    """Return width and height of a tile."""
    shapes = [clip.frames.shape[1:3] for clip in clips if clip.frames is not None]
    height, width = shapes[0] if shapes else (1, 1)
    scale = min((WIDTH - (COLUMNS - 1) * GAP) / COLUMNS / width, TALLEST / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _frames(frames: Frames) -> Image:
    from PIL import Image

    width, height = _size([Clip("", frames)])
    row = Image.new("RGB", (COLUMNS * width + (COLUMNS - 1) * GAP, height), "white")
    for column, index in enumerate(np.linspace(0, len(frames) - 1, COLUMNS).round().astype(int)):
        tile = Image.fromarray(frames[index]).resize((width, height), Image.Resampling.LANCZOS)
        row.paste(tile, (column * (width + GAP), 0))
    return row


def _lines(text: str, width: int, size: int, above: int = 0) -> Image:
    """Return the text on white, broken into as many lines as it needs."""
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(size)
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if font.getlength(longer) <= width - 8 or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(word)
    step = round(size * 1.35)
    image = Image.new("RGB", (width, above + step * len(lines) + 2), "white")
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((4, above + number * step), line, "black", font)
    return image


def _jpeg(image: Image) -> bytes:
    for quality in range(82, 20, -6):
        data = io.BytesIO()
        image.save(data, format="JPEG", quality=quality, optimize=True)
        if data.tell() <= LIMIT:
            break
    return data.getvalue()
