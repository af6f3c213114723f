"""Edges: do outlines and fine detail lie where the ground truth has them, and as sharp?"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics import Sample
from bench.metrics.region import OUTSIDE_SHARE, outside, reference, spliced
from bench.types import Frames, MetricCard, Score

CONSTANT = 170.0
"""The paper's T for grey levels 0..255; it keeps noise in flat parts from counting."""


def gradient_magnitude(frames: Frames) -> NDArray[np.float32]:
    """Return the Prewitt gradient's length of luma at half size, T x H/2 x W/2, in grey levels."""
    across = np.array([[1, 0, -1]] * 3, np.float32) / 3
    found = []
    for frame in frames:
        luma = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
        half = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        found.append(np.hypot(cv2.filter2D(half, -1, across), cv2.filter2D(half, -1, across.T)))
    return np.stack(found)


class EdgeSimilarity:
    """Gradient-magnitude similarity, weighted by the stronger of the two gradients."""

    def __init__(self, region: Literal["", "outside"]) -> None:
        self._region = region
        self.card = MetricCard(
            name="edges-gms-outside" if region else "edges-gms",
            title="Edge agreement" + (" outside the mask" if region else " with the target"),
            family="structure" if region else "ground-truth",
            better="higher",
            range=(0, 1),
            needs=("mask",) if region else ("target",),
            axis="preservation",
            paper="Xue et al. 2014 (GMSD), arXiv:1308.3052, eq. 4; mean weighted by max gradient, not deviation",
            description="1 where every edge of the target is in the edit, as sharp, and no other. Blind to colour."
            + (" The reference's own pixels stand inside the mask." if region else ""),
            reactions={
                "identity": "same",
                "frozen": "worse",
                "shuffled": "worse",
                "blur": "worse",
                "noise": "worse",
                "jitter": "worse",
                "leak": "worse",
            },
        )

    def score(self, sample: Sample) -> Score:
        """Return the mean over frames, and the series."""
        edit, region = sample.edit, None
        if self._region:
            if sample.mask is None:
                return Score(unscored="needs a mask")
            region = outside(sample)
            if region is None:
                return Score(unscored=f"needs {OUTSIDE_SHARE:.0%} of the pixels outside the mask")
            edit = spliced(sample)
        elif sample.target is None:
            return Score(unscored="needs a target clip")
        bank, wanted = sample.features, reference(sample)
        found = gradient_magnitude(edit.frames)
        asked = bank.memo(("gradients", bank.digest(wanted)), lambda: gradient_magnitude(wanted.frames))
        similarity = (2 * found * asked + CONSTANT) / (found**2 + asked**2 + CONSTANT)
        weight = np.maximum(found, asked) + 1e-6
        if region is not None:
            size = (weight.shape[2], weight.shape[1])
            free = (cv2.resize(f.astype(np.float32), size, interpolation=cv2.INTER_AREA) for f in region)
            weight = weight * np.stack(list(free))
        total = weight.sum((1, 2))
        series = (similarity * weight).sum((1, 2))[total > 0] / total[total > 0]
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (EdgeSimilarity(""), EdgeSimilarity("outside"))
