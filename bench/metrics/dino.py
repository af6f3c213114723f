"""DINO ViT-B/8: structure distance and consistency over time."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np

from bench import weights
from bench.features.dino import EXTRACTOR, PATCH, STRIDE, self_similarity, size_of
from bench.metrics import Sample
from bench.metrics.margin import MIN_FEATURE_CHANGE, way
from bench.metrics.region import reference
from bench.types import MetricCard, Score

WEIGHTS = weights.CATALOGUE["dino-vitb8"].sha256


class DinoStructure:
    """Mean squared difference of the self-similarities of keys, x 1000."""

    def __init__(self, to: Literal["source", "target"]) -> None:
        self._to = to
        self.card = MetricCard(
            name="dino-structure-vitb8" if to == "source" else "dino-structure-vitb8-target",
            title=f"DINO structure distance to the {to}, ViT-B/8",
            family="structure" if to == "source" else "ground-truth",
            better="lower",
            unit="x1e-3",
            range=(0, 4000),
            needs=("target",) if to == "target" else (),
            backbone="vit_base_patch8_224.dino",
            weights=WEIGHTS,
            axis="preservation" if to == "target" else None,
            paper="Tumanyan et al. 2022 (Splice), arXiv:2201.00424, eq. 3",
            description="Keys of layer 11, class token included, input in [0, 1]; published tables that fed 0 to 255 "
            "are of another scale." + (" Zero for an unedited clip." if to == "source" else ""),
            reactions={"identity": "same"}
            if to == "source"
            else {"identity": "same", "frozen": "worse", "blur": "worse", "noise": "worse"},
        )

    def score(self, sample: Sample) -> Score:
        """Return the distance x 1000 and its series over every fourth frame. Raises MissingWeights."""
        wanted = sample.source if self._to == "source" else sample.target
        if wanted is None:
            return Score(unscored="needs a target clip")
        edit, other = (sample.features.get(v, EXTRACTOR)["keys"] for v in (sample.edit, wanted))
        series = [
            1000 * float(np.mean((self_similarity(a) - self_similarity(b)).astype(np.float64) ** 2))
            for a, b in zip(edit, other, strict=True)
        ]
        return Score(float(np.mean(series)), series=tuple(series))


class DinoFrames:
    """Absolute difference of the class tokens' neighbour cosines between edit and reference."""

    card = MetricCard(
        name="dino-frames-vitb8",
        title="Frame consistency (difference to the reference), DINO ViT-B/8",
        family="temporal",
        better="lower",
        range=(0, 2),
        backbone="vit_base_patch8_224.dino",
        weights=WEIGHTS,
        paper="after VBench (Huang et al. 2024, arXiv:2311.17982), as a two-sided difference",
        description="A plain cosine is best for a frozen clip; as a difference it is not.",
        reactions={"identity": "same", "frozen": "worse"},
    )

    def score(self, sample: Sample) -> Score:
        """Return the mean difference over looked-at neighbours. Raises MissingWeights."""
        edit, wanted = (_cosines(sample.features.get(v, EXTRACTOR)["cls"]) for v in (sample.edit, reference(sample)))
        if not len(wanted):
            return Score(unscored="needs five frames")
        series = np.abs(edit - wanted)
        return Score(float(series.mean()), series=tuple(series.tolist()))


def _cosines(tokens: np.ndarray) -> np.ndarray:
    unit = tokens.astype(np.float64) / np.maximum(np.linalg.norm(tokens, axis=-1, keepdims=True), 1e-12)
    return np.asarray((unit[:-1] * unit[1:]).sum(-1))


class DinoMargin:
    """The ground-truth margin (`bench.metrics.margin`) over keys inside the mask."""

    card = MetricCard(
        name="margin-dino-vitb8",
        version=2,
        title="Edit made in the mask, DINO ViT-B/8",
        family="accuracy",
        better="higher",
        range=(0, 1),
        needs=("target", "mask"),
        backbone="vit_base_patch8_224.dino",
        weights=WEIGHTS,
        axis="accuracy",
        paper="docs/metrics.md, ground-truth margin",
        description="0 for the untouched source, 1 for the target; lower for changes not asked for.",
        reactions={"identity": "same", "frozen": "worse", "blur": "worse", "noise": "worse"},
    )

    def score(self, sample: Sample) -> Score:
        """Return the margin; unscored where source and target can hardly be told apart. Raises MissingWeights."""
        if sample.target is None:
            return Score(unscored="needs a target clip")
        if sample.mask is None or not sample.mask.any():
            return Score(unscored="needs a mask that is not empty")
        tall, wide = (side // PATCH for side in size_of(*sample.source.shape[1:]))
        looked = sample.mask[::STRIDE].astype(np.float32)
        weight = np.stack([cv2.resize(f, (wide, tall), interpolation=cv2.INTER_AREA).ravel() for f in looked])[
            ..., None
        ]
        source, target, edit = (
            sample.features.get(v, EXTRACTOR)["keys"][:, 1:].astype(np.float32)
            for v in (sample.source, sample.target, sample.edit)
        )
        size, change = (float(np.sum(weight * v * v, dtype=np.float64)) for v in (target, target - source))
        found = (change / max(size, 1e-12)) ** 0.5
        if found < MIN_FEATURE_CHANGE:
            return Score(
                unscored=f"needs a change of {MIN_FEATURE_CHANGE:g} of the features' length, found {found:.3f}"
            )
        own = (size / float(np.sum(weight, dtype=np.float64))) ** 0.5
        return Score(way(edit, source, target, weight, least=own).margin)


METRICS = (DinoStructure("source"), DinoStructure("target"), DinoFrames(), DinoMargin())
