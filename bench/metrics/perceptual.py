"""Perceptual distance on EfficientNet-Lite0 features: whole frame to the target, and outside the mask."""

from __future__ import annotations

from typing import Literal

from bench.features.effnet import WEIGHTS, distance
from bench.metrics import Sample
from bench.metrics.region import OUTSIDE_SHARE, outside, reference, spliced
from bench.types import MetricCard, Score


class Perceptual:
    """Relative distance of feature vectors, mean over stages and every second frame; in [0, 2]."""

    def __init__(self, region: Literal["", "outside"]) -> None:
        self._region = region
        self.card = MetricCard(
            name=f"perc-effl0-{region}" if region else "perc-effl0",
            title="Perceptual distance, EffNet-Lite0 " + ("(outside the mask)" if region else "(whole frame)"),
            family="structure" if region else "ground-truth",
            better="lower",
            range=(0, 2),
            needs=("mask",) if region else ("target",),
            backbone="tf_efficientnet_lite0",
            weights=WEIGHTS,
            axis="preservation" if region else None,
            paper="after Zhang et al. 2018 (LPIPS), arXiv:1801.03924, eq. 1, without learned weights",
            description="Uncalibrated proxy for a perceptual distance, not validated against people."
            + (" The reference's own pixels stand inside the mask. Without a target: to the source." if region else ""),
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
        """Return the distance and its series over the looked-at frames."""
        region = None
        edit = sample.edit
        if self._region:
            if sample.mask is None:
                return Score(unscored="needs a mask")
            region = outside(sample)
            if region is None:
                return Score(unscored=f"needs {OUTSIDE_SHARE:.0%} of the pixels outside the mask")
            edit = spliced(sample)
        elif sample.target is None:
            return Score(unscored="needs a target clip")
        series = distance(sample.features, edit, reference(sample), region)
        if not len(series):
            return Score(unscored="needs a looked-at frame with pixels outside the mask")
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (Perceptual(""), Perceptual("outside"))
