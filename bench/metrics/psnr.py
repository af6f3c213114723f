"""PSNR to the ground truth: whole frame, inside the mask and outside it.

Masked forms average over the region's own pixels. The common shortcut (multiply by the mask, then average over the
whole frame) adds 10 log10(1 / share) dB for nothing; it is not used here.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bench.metrics import Sample
from bench.metrics.region import OUTSIDE_SHARE, outside, reference
from bench.types import MetricCard, Score

CAP = 60.0
"""dB. Eight-bit rounding alone costs 58.9 dB, so anything above says `the same picture`."""


class Psnr:
    """PSNR of RGB in [0, 1], per frame, capped at 60 dB, then the mean over frames."""

    def __init__(self, region: Literal["", "inside", "outside"]) -> None:
        self._region = region
        where = {"": "whole frame", "inside": "inside the mask", "outside": "outside the mask"}[region]
        elsewhere = {"inside": "same", "outside": "worse"}
        self.card = MetricCard(
            name=f"psnr-{region}" if region else "psnr",
            title=f"PSNR ({where})",
            family="structure" if region == "outside" else "ground-truth",
            better="higher",
            unit="dB",
            range=(0, CAP),
            needs=("mask",) if region == "outside" else ("target", "mask") if region else ("target",),
            description=f"Mean over frames of the PSNR to the target, {where}; identical frames count {CAP:g} dB."
            + (" Without a target: to the source." if region == "outside" else ""),
            reactions={
                "identity": "same",
                "frozen": "worse",
                "shuffled": "worse",
                "blur": "worse",
                "noise": "worse",
                "jitter": "worse",
                "flicker": "worse",
                "cast": "worse",
                "leak": elsewhere.get(region, "worse"),
            },
        )

    def score(self, sample: Sample) -> Score:
        """Return dB and the per-frame series."""
        wanted = reference(sample) if self._region == "outside" else sample.target
        if wanted is None:
            return Score(unscored="needs a target clip")
        if self._region and sample.mask is None:
            return Score(unscored="needs a mask")
        region = {"": None, "inside": sample.mask, "outside": outside(sample)}[self._region]
        if self._region and region is None:
            return Score(unscored=f"needs {OUTSIDE_SHARE:.0%} of the pixels outside the mask")
        error = (sample.edit.frames.astype(np.float32) - wanted.frames) ** 2
        per_pixel = error.mean(-1) / 255.0**2
        if region is not None:
            share = region.mean((1, 2))
            if not share.any():
                return Score(unscored="needs a mask that is not empty")
            mse = (per_pixel * region).mean((1, 2))[share > 0] / share[share > 0]
        else:
            mse = per_pixel.mean((1, 2))
        series = np.minimum(-10 * np.log10(np.maximum(mse.astype(np.float64), 1e-12)), CAP)
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (Psnr(""), Psnr("inside"), Psnr("outside"))
