"""SSIM (Wang, Bovik, Sheikh and Simoncelli 2004, eq. 13): whole frame, and outside the mask."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics import Sample
from bench.metrics.region import OUTSIDE_SHARE, outside, reference
from bench.types import Frames, MetricCard, Score

TAPS = 11
SIGMA = 1.5
C1 = (0.01 * 255) ** 2
C2 = (0.03 * 255) ** 2


def ssim_map(a: Frames, b: Frames) -> NDArray[np.float64]:
    """Return SSIM per window centre, T x (H - 10) x (W - 10), mean over RGB, in [-1, 1].

    Gaussian 11 x 11 windows of sigma 1.5, population covariance, no padding: the settings of the paper, and
    scikit-image's with `gaussian_weights=True, sigma=1.5, use_sample_covariance=False`.
    """
    half = TAPS // 2
    kernel = np.exp(-0.5 * (np.arange(-half, half + 1) / SIGMA) ** 2)
    kernel /= kernel.sum()

    def smooth(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(cv2.sepFilter2D(x, cv2.CV_64F, kernel, kernel)[half:-half, half:-half])

    maps = []
    for left, right in zip(a, b, strict=True):
        x, y = left.astype(np.float64), right.astype(np.float64)
        mx, my = smooth(x), smooth(y)
        mxx, mxy, myy = mx * mx, mx * my, my * my
        # Only the sum of the two variances enters, so one filtering serves both.
        variances = smooth(x * x + y * y) - mxx - myy
        covariance = smooth(x * y) - mxy
        quality = (2 * mxy + C1) * (2 * covariance + C2) / ((mxx + myy + C1) * (variances + C2))
        maps.append(quality.mean(-1))
    return np.stack(maps)


class Ssim:
    """Mean SSIM over RGB and over all windows, or over those that do not touch the mask."""

    def __init__(self, region: Literal["", "outside"]) -> None:
        self._region = region
        self.card = MetricCard(
            name=f"ssim-{region}" if region else "ssim",
            title="SSIM (outside the mask)" if region else "SSIM (whole frame)",
            family="structure" if region else "ground-truth",
            better="higher",
            range=(-1, 1),
            needs=("mask",) if region else ("target",),
            axis="preservation",
            paper="Wang et al. 2004, doi:10.1109/TIP.2003.819861",
            description="Mean over frames of SSIM to the target, Gaussian 11 x 11 windows, RGB."
            + (" Only windows that touch no masked pixel. Without a target: to the source." if region else ""),
            reactions={
                "identity": "same",
                "frozen": "worse",
                "shuffled": "worse",
                "blur": "worse",
                "noise": "worse",
                "jitter": "worse",
                "flicker": "worse",
                "cast": "worse",
                "leak": "worse",
            },
        )

    def score(self, sample: Sample) -> Score:
        """Return the mean over frames, and the series."""
        if not self._region and sample.target is None:
            return Score(unscored="needs a target clip")
        if self._region and sample.mask is None:
            return Score(unscored="needs a mask")
        if min(sample.edit.shape[1:]) < TAPS:
            return Score(unscored=f"needs frames of at least {TAPS} x {TAPS}")
        wanted = reference(sample)
        bank = sample.features
        key = ("ssim", bank.digest(sample.edit), bank.digest(wanted))
        quality = bank.memo(key, lambda: ssim_map(sample.edit.frames, wanted.frames))
        if not self._region:
            series = quality.mean((1, 2))
            return Score(float(series.mean()), series=tuple(series.tolist()))
        region = outside(sample)
        if region is None:
            return Score(unscored=f"needs {OUTSIDE_SHARE:.0%} of the pixels outside the mask")
        window = np.ones((TAPS, TAPS), np.uint8)
        half = TAPS // 2
        free = np.stack([cv2.erode(f.astype(np.uint8), window)[half:-half, half:-half] for f in region])
        counts = free.sum((1, 2), dtype=np.int64)
        if not counts.any():
            return Score(unscored="needs windows that touch no masked pixel")
        series = (quality * free).sum((1, 2))[counts > 0] / counts[counts > 0]
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (Ssim(""), Ssim("outside"))
