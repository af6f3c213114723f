"""Near-duplicate clips, by a perceptual hash over frames."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.errors import CaseFailed
from bench.media.color import to_rgb
from bench.media.decode import opened
from bench.types import Frames

Bits = NDArray[np.bool_]
SIDE = 12
BITS = 3 * 3 * SIDE * SIDE
"""Of a fingerprint: three frames, three channels."""
NEAR = 0.06
"""Share of different bits below which two clips are near-duplicates: re-encoded, a clip differs from itself by less."""


def fingerprint(frames: Frames) -> Bits:
    """Return the bits of a clip: whether each cell of a coarse picture is brighter than its right neighbour.

    The difference hash of images, taken of each colour channel of the first, middle and last frame.
    """
    bits = []
    for t in moments(len(frames)):
        small = cv2.resize(frames[t], (SIDE + 1, SIDE), interpolation=cv2.INTER_AREA).astype(np.int16)
        bits.append(small[:, 1:] - small[:, :-1] > 1)
    return np.concatenate([b.ravel() for b in bits])


def moments(frames: int) -> tuple[int, int, int]:
    """Return the indices of the frames that a fingerprint is made of."""
    return (0, frames // 2, frames - 1)


def read_fingerprint(path: Path, frames: int) -> Bits:
    """Return the bits of a file's clip of `frames` frames; only three are converted to RGB.

    Raises CaseFailed for a file that is no such clip.
    """
    wanted = moments(frames)
    with opened(path) as (container, stream):
        picked = [to_rgb(f).to_ndarray() for t, f in enumerate(container.decode(stream)) if t in wanted]
    if len(picked) != len(set(wanted)):
        raise CaseFailed(f"{path.name}: has less than {frames} frames")
    return fingerprint(np.stack(picked))


def distance(a: Bits, b: Bits) -> float:
    """Return the share of bits that differ."""
    return float((a != b).mean())


def near_duplicates(prints: Mapping[str, tuple[str, Bits]]) -> list[tuple[str, str]]:
    """Return the pairs of clips of different groups that are near-duplicates; `prints` maps clip to (group, bits).

    Clips of one group show one scene before and after edits: they are alike on purpose.
    """
    return [
        (a, b)
        for (a, (group, bits)), (b, (other, more)) in combinations(sorted(prints.items()), 2)
        if group != other and distance(bits, more) < NEAR
    ]
