"""A clip at a glance: the mean grey of 16 x 16 blocks per frame, to find copies that were encoded again.

Encoding again moves a block's mean by one or two of 255 levels; an edit that anyone sees moves some block by more.
"""

from __future__ import annotations

import base64
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.types import Video

GRID = 16
KEPT = 17
"""Frames of a clip that are kept for comparisons with later submissions, evenly spread."""
Thumbs = NDArray[np.float32]


def thumbs(video: Video) -> Thumbs:
    """Return block means, float32 T x 16 x 16 in [0, 255]; a side under 16 pixels repeats blocks."""
    grey: NDArray[Any] = video.frames.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    for axis in (1, 2):
        size = grey.shape[axis]
        starts = np.arange(GRID) * size // GRID
        ends = np.maximum(starts + 1, (np.arange(GRID) + 1) * size // GRID)
        sums = np.insert(np.cumsum(grey, axis, dtype=np.float64), 0, 0, axis)
        widths = (ends - starts).reshape([-1 if a == axis else 1 for a in range(3)])
        grey = (sums.take(ends, axis) - sums.take(starts, axis)) / widths
    found: Thumbs = grey.astype(np.float32)
    return found


def sampled(found: Thumbs) -> Thumbs:
    """Return `KEPT` frames of them, evenly spread, or all where there are fewer."""
    index = np.linspace(0, len(found) - 1, min(len(found), KEPT)).round().astype(int)
    chosen: Thumbs = found[index]
    return chosen


def packed(found: Thumbs) -> str:
    """Return sampled thumbs as text, rounded to whole levels."""
    levels = sampled(found).round().astype(np.uint8)
    return base64.b85encode(zlib.compress(levels.tobytes(), 6)).decode()


def unpacked(text: str) -> Thumbs:
    """Return what `packed` made text of."""
    levels = np.frombuffer(zlib.decompress(base64.b85decode(text)), np.uint8)
    return levels.reshape(-1, GRID, GRID).astype(np.float32)


def apart(a: Thumbs, b: Thumbs) -> float:
    """Return how far the block lies that differs most in any frame, in levels; infinity for unequal lengths."""
    return float(np.abs(a - b).max()) if a.shape == b.shape else float("inf")
