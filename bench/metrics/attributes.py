"""Edit accuracy by the attribute probe: does the edited attribute show its target value?"""

from __future__ import annotations

import numpy as np

from bench.features.probe import CLOSE_UP, probabilities
from bench.features.text_image import LEAST, WEIGHTS, unreliable
from bench.metrics import Sample
from bench.types import AttributeChange, Mask, MetricCard, Score

_REACTIONS = {"identity": "same"}


def region(sample: Sample, change: AttributeChange) -> Mask | None:
    """Return where a change of the product is read: on the target's product, else where the edit may change pixels."""
    if change.name not in CLOSE_UP:
        return None
    return sample.mask if sample.product_mask is None else sample.product_mask


class AttributeProbe:
    """What the probe says of the edited attribute, mean over frames and changes."""

    def __init__(self, kind: str) -> None:
        self._share = kind == "accuracy"
        says = (
            "Share of frames whose most probable value is the target's."
            if self._share
            else "Probability of the target's value among all of its vocabulary."
        )
        self.card = MetricCard(
            name=f"attribute-{kind}",
            title="Edited attribute is read" + (" (share of frames)" if self._share else " (probability)"),
            family="accuracy",
            better="higher",
            range=(0, 1),
            needs=("vocabulary",),
            backbone="shopclip",
            weights=WEIGHTS,
            paper="after zero-shot classification (Radford et al. 2021, section 3.1)",
            description=f"{says} Close-up of the product for product, colour and material, else whole frames.",
            reactions=_REACTIONS,
        )

    def score(self, sample: Sample) -> Score:
        """Return the mean and its series over looked-at frames."""
        if not sample.case.attributes:
            return Score(unscored="needs a case that says which attribute changes")
        rows = []
        for change in sample.case.attributes:
            values = sample.vocabulary.get(change.name)
            if values is None:
                return Score(unscored=f"needs the vocabulary of '{change.name}' in testset.json")
            if change.target not in values:
                return Score(unscored=f"needs '{change.target}' in the vocabulary of '{change.name}'")
            if change.name in (weak := unreliable()):
                return Score(
                    unscored=f"needs a probe that reads {change.name} right in {LEAST:.0%} of held-out renders, "
                    f"found {weak[change.name]:.0%}"
                )
            found = probabilities(sample.features, sample.edit, change.name, values, region(sample, change))
            wanted = list(values).index(change.target)
            rows.append(found.argmax(1) == wanted if self._share else found[:, wanted])
        series = np.stack(rows).astype(np.float64).mean(0)
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (AttributeProbe("probe"), AttributeProbe("accuracy"))
