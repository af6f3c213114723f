"""LPIPS, the official one: to the target, and outside the mask."""

from __future__ import annotations

from typing import Literal

from bench import weights
from bench.features.lpips_alex import distance
from bench.metrics import Sample
from bench.metrics.region import OUTSIDE_SHARE, outside, reference
from bench.types import MetricCard, Score


class Lpips:
    """LPIPS v0.1 with AlexNet, mean over every second frame."""

    def __init__(self, region: Literal["", "outside"]) -> None:
        self._region = region
        self.card = MetricCard(
            name=f"lpips-alex-{region}" if region else "lpips-alex",
            title="LPIPS, AlexNet " + ("(outside the mask)" if region else "(whole frame)"),
            family="structure" if region else "ground-truth",
            better="lower",
            range=(0, None),
            needs=("mask",) if region else ("target",),
            backbone="alexnet",
            weights=weights.CATALOGUE["alexnet"].sha256,
            axis="preservation" if region else None,
            paper="Zhang et al. 2018 (LPIPS), arXiv:1801.03924, v0.1",
            description="The spatial map, averaged outside the mask. Without a target: to the source."
            if region
            else "",
            reactions={"identity": "same", "frozen": "worse", "blur": "worse", "noise": "worse", "leak": "worse"},
        )

    def score(self, sample: Sample) -> Score:
        """Return the distance and its series over looked-at frames. Raises MissingWeights."""
        region = None
        if self._region:
            if sample.mask is None:
                return Score(unscored="needs a mask")
            region = outside(sample)
            if region is None:
                return Score(unscored=f"needs {OUTSIDE_SHARE:.0%} of the pixels outside the mask")
        elif sample.target is None:
            return Score(unscored="needs a target clip")
        series = distance(sample.edit, reference(sample), region)
        if not len(series):
            return Score(unscored="needs a looked-at frame with pixels outside the mask")
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (Lpips(""), Lpips("outside"))
