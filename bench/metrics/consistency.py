"""Feature consistency from frame to frame, as the difference to the reference's own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.features.effnet import STAGES, WEIGHTS, stage
from bench.metrics import Sample
from bench.metrics.region import reference
from bench.types import MetricCard, Score, Video


def neighbour_cosines(bank: FeatureBank, video: Video) -> NDArray[np.float64]:
    """Return the cosine of pooled features of looked-at frames with the next looked-at one, in [-1, 1]."""
    pooled = stage(bank, video, len(STAGES) - 1).mean((2, 3), dtype=np.float64)
    unit = pooled / np.maximum(np.linalg.norm(pooled, axis=1, keepdims=True), 1e-12)
    return np.asarray((unit[:-1] * unit[1:]).sum(1))


class FrameConsistency:
    """Absolute difference of neighbour cosines between edit and reference, mean over the clip."""

    card = MetricCard(
        name="framecos-effl0",
        title="Frame consistency (difference to the reference), EffNet-Lite0",
        family="temporal",
        better="lower",
        range=(0, 2),
        backbone="tf_efficientnet_lite0",
        weights=WEIGHTS,
        paper="after CLIP-F (Wu et al. 2023, arXiv:2310.16003) with another backbone, as a two-sided difference",
        description="Plain frame cosines are best for a frozen clip; as a difference they are not. "
        "Without a target: against the source.",
        reactions={
            "identity": "same",
            "frozen": "worse",
            "shuffled": "worse",
            "noise": "worse",
            "jitter": "worse",
        },
    )

    def score(self, sample: Sample) -> Score:
        """Return the mean difference and its series over looked-at neighbours."""
        wanted = neighbour_cosines(sample.features, reference(sample))
        if not len(wanted):
            return Score(unscored="needs three frames")
        series = np.abs(neighbour_cosines(sample.features, sample.edit) - wanted)
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (FrameConsistency(),)
