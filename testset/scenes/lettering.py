"""The words on labels, drawn with a stroke font of our own: no font file, the same letters on every machine.

A letter lives on a grid 4 wide and 6 high. Its strokes are polylines, parted by blanks; each pair of digits is a grid
point (x, y). Words have four letters, so that every label has one shape.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LABELS = ("NOVA", "LUMO", "KIRI", "VELA", "BREN", "TOFU", "HUSK", "ZEPH", "MINT", "ORLA")
"""The closed vocabulary of label words: invented, short, no two with more than two letters in the same place."""

STROKES = {
    "A": "002640 1232",
    "B": "00063645443303 3342413000",
    "E": "40000646 0333",
    "F": "000646 0333",
    "H": "0006 4046 0343",
    "I": "2026",
    "K": "0006 4602 1340",
    "L": "060040",
    "M": "0006234640",
    "N": "00064046",
    "O": "1030414536160501 0110",
    "P": "00063645443303",
    "R": "00063645443303 2340",
    "S": "011030414233130405163645",
    "T": "0646 2620",
    "U": "060110304146",
    "V": "062046",
    "Z": "06460040",
}

WIDTH, HEIGHT = 25.0, 10.0
"""A label's size in grid units: four letters of 4 with gaps of 1.6 and a margin."""
TEXELS = 4
"""Texels of the atlas per grid unit."""


def segments(word: str) -> NDArray[np.float64]:
    """Return the strokes of a word as N x 2 x 2 points in grid units, the label's centre at (0, 0)."""
    left = -0.5 * (4 * len(word) + 1.6 * (len(word) - 1))
    found = []
    for i, letter in enumerate(word):
        for stroke in STROKES[letter].split():
            points = [(left + 5.6 * i + int(x), int(y) - 3.0) for x, y in zip(stroke[::2], stroke[1::2], strict=True)]
            found += list(pairwise(points))
    return np.array(found)


def distances(word: str) -> NDArray[np.float32]:
    """Return the distance (grid units, at most 2) from each texel's centre to the word's strokes; row 0 is the top."""
    x = (np.arange(int(WIDTH * TEXELS)) + 0.5) / TEXELS - WIDTH / 2
    y = HEIGHT / 2 - (np.arange(int(HEIGHT * TEXELS)) + 0.5) / TEXELS
    at = np.stack(np.meshgrid(x, y), -1)[:, :, None]
    a, b = segments(word)[:, 0], segments(word)[:, 1]
    along = ((at - a) * (b - a)).sum(-1) / ((b - a) ** 2).sum(-1)
    nearest = a + np.clip(along, 0, 1)[..., None] * (b - a)
    return np.minimum(np.linalg.norm(at - nearest, axis=-1).min(-1), 2.0).astype(np.float32)


def atlas() -> NDArray[np.float32]:
    """Return the distances of all words in order, words x rows x columns."""
    return np.stack([distances(word) for word in LABELS])
