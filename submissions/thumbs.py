"""A clip at a glance: the mean grey of 16 x 16 blocks per frame, to find copies that were encoded again.

Encoding again moves a block's mean by a few of 255 levels; an edit that anyone sees moves some block by more.
"""

from __future__ import annotations

import base64
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bench.types import Video

GRID = 16
KEPT = 17
"""Frames of a clip that are kept for comparisons with later submissions, evenly spread."""
Thumbs = NDArray[np.float32]


def thumbs(video: Video) -> Thumbs:
    """Return block means, float32 T x 16 x 16 in [0, 255]."""
    found = np.empty((len(video.frames), GRID, GRID), np.float32)
    for index, frame in enumerate(video.frames):
        grey = Image.fromarray(frame).convert("L").convert("F")
        found[index] = np.asarray(grey.resize((GRID, GRID), Image.Resampling.BOX))
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
