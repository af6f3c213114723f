"""Flicker: brightness changes from frame to frame that the reference does not have."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics import Sample
from bench.metrics.region import reference
from bench.types import Frames, MetricCard, Score

CELLS = 32
"""Brightness is compared on a grid with about this many cells along the short side, where grain averages out."""


def brightness_steps(frames: Frames) -> NDArray[np.float32]:
    """Return the luma change of each grid cell from frame to frame, T-1 x h x w, grey levels."""
    height, width = frames.shape[1:3]
    step = max(1, round(min(height, width) / CELLS))
    size = (max(1, width // step), max(1, height // step))
    luma = (cv2.cvtColor(f, cv2.COLOR_RGB2GRAY).astype(np.float32) for f in frames)
    return np.diff(np.stack([cv2.resize(f, size, interpolation=cv2.INTER_AREA) for f in luma]), axis=0)


class Flicker:
    """Mean absolute difference of brightness steps between edit and reference, grey levels per frame."""

    card = MetricCard(
        name="flicker-difference",
        title="Flicker (difference to the reference)",
        family="temporal",
        better="lower",
        unit="grey levels",
        range=(0, 510),
        axis="temporal",
        paper="after VBench temporal flickering (Huang et al. 2024, arXiv:2311.17982), as a difference",
        description="0 where brightness changes exactly as in the reference; a frozen clip lacks its changes. "
        "Without a target: against the source.",
        reactions={
            "identity": "same",
            "frozen": "worse",
            "shuffled": "worse",
            "noise": "worse",
            "jitter": "worse",
            "flicker": "worse",
        },
    )

    def score(self, sample: Sample) -> Score:
        """Return grey levels and the series over pairs of frames."""
        if sample.edit.shape[0] < 2:
            return Score(unscored="needs two frames")
        gap = brightness_steps(sample.edit.frames) - brightness_steps(reference(sample).frames)
        series = np.abs(gap).mean((1, 2), dtype=np.float64)
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (Flicker(),)
