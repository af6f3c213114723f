"""Was the edit made? How far the clip has gone from the source to the ground truth, and how far astray.

In a space of vectors (feature maps, patch colours), inside the mask, with s, t and e for source, target and edit:

    made  = <e - s, t - s> / |t - s|^2, kept in [0, 1]        how much of the asked change is there
    stray = |e - s - made (t - s)| / |t - s|                  how much change there is that nobody asked for
    value = made / (1 + stray^2)

The source has 0, the target 1, their half-way blend 0.5. A plain ratio of distances, 1 - |e - t| / |s - t|, punishes
faint errors spread over all dimensions as hard as an edit that was not made, and with it every method that decodes
latents; a projection does not, because such errors are nearly orthogonal to the asked change.

In colours, |t - s| under stray is at most 15 units: a colour cast is as wrong in a large edit as in a small one. In
features it is at least |t|: a recolouring moves them little, and faint blur would cost far more there than in a product
swap (docs/score.md).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.features.effnet import STAGES, WEIGHTS, region_weights, stage
from bench.metrics import Sample
from bench.metrics.patches import lab_patches, patch_weights
from bench.types import MetricCard, Score

MIN_FEATURE_CHANGE = 0.05
"""Length of t - s as a share of t's: below it the margin would measure compression."""
MIN_COLOUR_CHANGE = 2.0
"""Root mean square of t - s in CIELAB units: below it the margin would measure compression."""
MOST_COLOUR_CHANGE = 15.0
"""Root mean square in CIELAB units: a stray of this size halves the margin, however large the asked change is."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Way:
    """Where an edit stands with respect to the way from source to target."""

    made: float
    stray: float

    @property
    def margin(self) -> float:
        """In [0, 1]: 0 for the source, 1 for the target."""
        return self.made / (1 + self.stray**2)


def way(
    edit: Vectors, source: Vectors, target: Vectors, weight: Vectors, *, least: float = 0.0, most: float = np.inf
) -> Way:
    """Return how much of the change was made, and the stray relative to the change, held between `least` and `most`.

    Weights broadcast to the vectors and are not all 0; target and source differ. Lengths are root mean squares.
    """
    asked, done = target - source, edit - source
    length = float(np.sum(weight * asked * asked, dtype=np.float64))
    made = min(max(float(np.sum(weight * done * asked, dtype=np.float64)) / length, 0.0), 1.0)
    astray = done - np.float32(made) * asked
    every = float(np.sum(weight, dtype=np.float64))
    unit = max(min(length, most**2 * every), least**2 * every)
    return Way(made, float(np.sqrt(np.sum(weight * astray * astray, dtype=np.float64) / unit)))


_DESCRIPTION = (
    "0 for the untouched source, 1 for the target, 0.5 for their half-way blend; lower for changes not asked for."
)


class FeatureMargin:
    """The margin over EfficientNet-Lite0 features: made and squared stray are averaged over the five stages."""

    card = MetricCard(
        name="margin-effl0",
        version=2,
        title="Edit made in the mask, EffNet-Lite0",
        family="accuracy",
        better="higher",
        range=(0, 1),
        needs=("target", "mask"),
        backbone="tf_efficientnet_lite0",
        weights=WEIGHTS,
        axis="accuracy",
        paper="docs/metrics.md, ground-truth margin",
        description=_DESCRIPTION,
        reactions={
            "identity": "same",
            "frozen": "worse",
            "shuffled": "worse",
            "blur": "worse",
            "noise": "worse",
            "jitter": "worse",
            "flicker": "worse",
            "cast": "worse",
        },
    )

    def score(self, sample: Sample) -> Score:
        """Return the margin; unscored where source and target can hardly be told apart."""
        if sample.target is None:
            return Score(unscored="needs a target clip")
        if sample.mask is None or not sample.mask.any():
            return Score(unscored="needs a mask that is not empty")
        ways, changes = [], []
        for index in range(len(STAGES)):
            source, target, edit = (
                stage(sample.features, v, index) for v in (sample.source, sample.target, sample.edit)
            )
            weight = region_weights(sample.mask, source)[:, None]
            size = float(np.sum(weight * target * target, dtype=np.float64))
            change = float(np.sum(weight * (target - source) ** 2, dtype=np.float64))
            changes.append((change / max(size, 1e-12)) ** 0.5)
            if change > 0:
                own = (size / float(np.sum(weight, dtype=np.float64))) ** 0.5
                ways.append(way(edit, source, target, weight, least=own))
        if not ways or np.mean(changes) < MIN_FEATURE_CHANGE:
            found = f"{np.mean(changes):.3f}"
            return Score(unscored=f"needs a change of {MIN_FEATURE_CHANGE:g} of the features' length, found {found}")
        stray = float(np.mean([w.stray**2 for w in ways])) ** 0.5
        return Score(Way(float(np.mean([w.made for w in ways])), stray).margin)


class ColourMargin:
    """The margin over patch colours in CIELAB."""

    card = MetricCard(
        name="margin-lab",
        title="Edit made in the mask, patch colours",
        family="accuracy",
        better="higher",
        range=(0, 1),
        needs=("target", "mask"),
        axis="accuracy",
        paper="docs/metrics.md, ground-truth margin",
        description=_DESCRIPTION,
        reactions={
            "identity": "same",
            "frozen": "worse",
            "shuffled": "worse",
            "blur": "worse",
            "noise": "worse",
            "jitter": "worse",
            "flicker": "worse",
            "cast": "worse",
        },
    )

    def score(self, sample: Sample) -> Score:
        """Return the margin; unscored where source and target have nearly the same colours."""
        if sample.target is None:
            return Score(unscored="needs a target clip")
        if sample.mask is None or not sample.mask.any():
            return Score(unscored="needs a mask that is not empty")
        source, target, edit = (lab_patches(sample.features, v) for v in (sample.source, sample.target, sample.edit))
        weight = patch_weights(sample.mask)[..., None]
        square = float(np.sum(weight * (target - source) ** 2, dtype=np.float64) / np.sum(weight, dtype=np.float64))
        if square**0.5 < MIN_COLOUR_CHANGE:
            return Score(unscored=f"needs a colour change of {MIN_COLOUR_CHANGE:g} in CIELAB, found {square**0.5:.2f}")
        return Score(way(edit, source, target, weight, most=MOST_COLOUR_CHANGE).margin)


METRICS = (FeatureMargin(), ColourMargin())
