"""Whether a whole set of edits looks like the set of its ground truths: KVD, FVD and FID.

What a set says about no single edit: a source clip is as good a product clip as any target, so copying sources scores
well here. These figures stand beside the score and never enter it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.features.effnet import STAGES, WEIGHTS, stage
from bench.metrics import Population
from bench.metrics.frechet import frechet
from bench.metrics.mmd import discrepancy
from bench.types import MetricCard, SetScore, Video

FRECHET_EDITS = 256
"""Below this many clips a Frechet distance is bias rather than distance (notes in docs/metrics.md)."""
KERNEL_GROUPS = 6
"""Source clips below which the interval of a kernel distance says nothing."""
PACE = 4.0
"""Weight of the change from frame to frame beside the mean, so that both halves of a clip's vector are of a size."""
Features = NDArray[np.float32]


class Look(Protocol):
    """How a clip becomes rows of features. Metrics with one look share what it sees."""

    @property
    def identity(self) -> str:
        """Changes whenever the rows would; safe as part of a file name."""
        ...

    def rows(self, video: Video, bank: FeatureBank) -> Features:
        """Return n x D."""
        ...


class EffNetFrames:
    """One row of 320 per looked-at frame: the last stage of EfficientNet-Lite0, pooled."""

    identity = f"effl0-frames-v1-{WEIGHTS[:12]}"

    def rows(self, video: Video, bank: FeatureBank) -> Features:
        """Return n x 320."""
        return np.asarray(stage(bank, video, len(STAGES) - 1).mean((2, 3)), np.float32)


class EffNetClip:
    """One row of 640: the mean of a clip's pooled features, and 4 times their mean absolute change between frames."""

    identity = f"effl0-clip-v1-{WEIGHTS[:12]}"

    def rows(self, video: Video, bank: FeatureBank) -> Features:
        """Return 1 x 640."""
        pooled = EffNetFrames().rows(video, bank)
        change = np.abs(np.diff(pooled, axis=0)).mean(0) if len(pooled) > 1 else np.zeros_like(pooled[0])
        return np.concatenate([pooled.mean(0), PACE * change])[None]


class SetDistance:
    """Distance of the features of all edits to those of their targets."""

    def __init__(self, card: MetricCard, look: Look, form: Literal["kernel", "frechet"]) -> None:
        self.card = card
        self._look = look
        self._form = form

    @property
    def look(self) -> str:
        """Identity of the features."""
        return self._look.identity

    def features(self, video: Video, bank: FeatureBank) -> Features:
        """Return one clip's rows, n x D."""
        return self._look.rows(video, bank)

    def reduce(self, population: Population) -> SetScore:
        """Return the distance (kernel: x 1000, with its interval), or why there is none."""
        names = sorted(population.edits)
        groups = [population.groups[name] for name in names]
        edits, targets = (_stacked(clips, names) for clips in (population.edits, population.targets))
        if self._form == "frechet":
            if population.whole_test and len(names) >= FRECHET_EDITS:
                return population.scored(frechet(edits, targets))
            part = "a whole `test` split" if population.whole_test else "another selection"
            return population.unscored(
                f"needs a whole `test` split of {FRECHET_EDITS} edits or more, found {len(names)} of {part}"
            )
        if len(set(groups)) < KERNEL_GROUPS:
            return population.unscored(f"needs {KERNEL_GROUPS} source clips, found {len(set(groups))}")
        found = discrepancy(edits, targets, groups)
        return population.scored(1000 * found.value, 1000 * found.low, 1000 * found.high)


def _stacked(features: Mapping[str, Features], names: list[str]) -> NDArray[np.float64]:
    return np.concatenate([features[name] for name in names]).astype(np.float64)


def kernel_card(name: str, title: str, backbone: str, weights: str | None, paper: str) -> MetricCard:
    """Return the card of a kernel distance."""
    return MetricCard(
        name=name,
        title=title,
        family="distribution",
        better="lower",
        unit="x1e-3",
        needs=("target",),
        backbone=backbone,
        weights=weights,
        paper=paper,
        description="Unbiased squared MMD of all edits to all targets, cubic kernel; 0 for equal sets, can be below 0.",
    )


def frechet_card(name: str, title: str, backbone: str, weights: str | None, paper: str) -> MetricCard:
    """Return the card of a Frechet distance."""
    return MetricCard(
        name=name,
        title=title,
        family="distribution",
        better="lower",
        range=(0, None),
        needs=("target",),
        backbone=backbone,
        weights=weights,
        paper=paper,
        description=f"Of all edits to all targets; only on a whole test split of {FRECHET_EDITS} edits or more.",
    )


FVD_PAPER = "Unterthiner et al. 2018 (FVD, KVD), arXiv:1812.01717, with another backbone"
FID_PAPER = "Heusel et al. 2017 (FID), arXiv:1706.08500, with another backbone"
BACKBONE = "tf_efficientnet_lite0"
METRICS = (
    SetDistance(
        kernel_card("kvd-effl0t", "KVD, EffNet-Lite0 over time", BACKBONE, WEIGHTS, FVD_PAPER), EffNetClip(), "kernel"
    ),
    SetDistance(
        frechet_card("fvd-effl0t", "FVD, EffNet-Lite0 over time", BACKBONE, WEIGHTS, FVD_PAPER),
        EffNetClip(),
        "frechet",
    ),
    SetDistance(
        frechet_card("fid-effl0", "FID of frames, EffNet-Lite0", BACKBONE, WEIGHTS, FID_PAPER),
        EffNetFrames(),
        "frechet",
    ),
)
