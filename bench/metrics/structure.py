"""Structure: how each part of a picture relates to each other part, whatever its colours are."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.features.effnet import WEIGHTS, stage
from bench.metrics import Sample
from bench.types import MetricCard, Score, Video

STAGE = 3
"""Stride 16, 112 channels: 256 cells of a 256 x 256 frame, the deepest stage that still knows where things are."""


def self_similarity(bank: FeatureBank, video: Video) -> NDArray[np.float32]:
    """Return the cosine of every cell with every other, n x cells x cells, in [-1, 1]."""

    def compute() -> NDArray[np.float32]:
        cells = stage(bank, video, STAGE)
        cells = cells.reshape(*cells.shape[:2], -1)
        cells /= np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1e-6)
        return np.asarray(np.einsum("nci,ncj->nij", cells, cells, optimize=True), np.float32)

    return bank.memo(("effl0-self-similarity", bank.digest(video)), compute)


class Structure:
    """Mean squared difference of the two self-similarity matrices, x 1000."""

    def __init__(self, to: Literal["source", "target"]) -> None:
        self._to = to
        self.card = MetricCard(
            name="structure-effl0" if to == "source" else "structure-effl0-target",
            title=f"Structure distance to the {to}, EffNet-Lite0",
            family="structure" if to == "source" else "ground-truth",
            better="lower",
            unit="x1e-3",
            range=(0, 4000),
            needs=("target",) if to == "target" else (),
            backbone="tf_efficientnet_lite0",
            weights=WEIGHTS,
            axis="preservation" if to == "target" else None,
            paper="after Tumanyan et al. 2022 (Splice), arXiv:2201.00424, eq. 3, with another backbone",
            description=(
                "Self-similarity of stride-16 features, every second frame. "
                + ("Zero for an unedited clip, so never a quality by itself." if to == "source" else "")
            ).strip(),
            reactions={"identity": "same"}
            if to == "source"
            else {
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
        """Return the distance x 1000 and its series over the looked-at frames."""
        wanted = sample.source if self._to == "source" else sample.target
        if wanted is None:
            return Score(unscored="needs a target clip")
        difference = self_similarity(sample.features, sample.edit) - self_similarity(sample.features, wanted)
        series = 1000.0 * np.mean(difference.astype(np.float64) ** 2, (1, 2))
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (Structure("source"), Structure("target"))
