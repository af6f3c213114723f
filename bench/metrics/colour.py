"""Colour difference to the ground truth by CIEDE2000, inside the mask and outside it."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.metrics import Sample
from bench.metrics.patches import lab_patches, patch_weights
from bench.metrics.region import OUTSIDE_SHARE, outside, reference
from bench.types import MetricCard, Score, Video


def colour_difference(bank: FeatureBank, a: Video, b: Video) -> NDArray[np.float64]:
    """Return CIEDE2000 per patch, T x h x w (Sharma, Wu and Dalal 2005)."""
    from skimage.color import deltaE_ciede2000

    def compute() -> NDArray[np.float64]:
        return np.asarray(deltaE_ciede2000(lab_patches(bank, a), lab_patches(bank, b)), np.float64)

    return bank.memo(("ciede2000", *sorted((bank.digest(a), bank.digest(b)))), compute)


class ColourDifference:
    """CIEDE2000 to the target over the region's patches: the mean inside, the root mean square outside.

    Outside, a small patch that was changed must not vanish in a large one that was not; the square sees to it.
    """

    def __init__(self, region: Literal["", "outside"]) -> None:
        self._region = region
        self.card = MetricCard(
            name="ciede2000-outside" if region else "ciede2000",
            title=f"Colour difference {'outside' if region else 'in'} the mask",
            family="structure" if region else "accuracy",
            better="lower",
            unit="dE00",
            range=(0, None),
            needs=("mask",) if region else ("target", "mask"),
            axis="preservation" if region else None,
            paper="CIE 142-2001; Sharma, Wu and Dalal 2005, doi:10.1002/col.20070",
            description="1 is just noticeable, 10 is another colour. "
            + ("Root mean square over patches. Without a target: to the source." if region else "Mean over patches."),
            reactions={
                "identity": "same",
                "frozen": "worse",
                "shuffled": "worse",
                "blur": "worse",
                "noise": "worse",
                "jitter": "worse",
                "flicker": "worse",
                "cast": "worse",
            }
            | ({"leak": "worse"} if region else {}),
        )

    def score(self, sample: Sample) -> Score:
        """Return the mean over frames that have any of the region, or the root mean square, and the series."""
        if sample.mask is None or not sample.mask.any():
            return Score(unscored="needs a mask")
        if self._region:
            region = outside(sample)
            if region is None:
                return Score(unscored=f"needs {OUTSIDE_SHARE:.0%} of the pixels outside the mask")
        else:
            region = sample.mask
            if sample.target is None:
                return Score(unscored="needs a target clip")
        difference = colour_difference(sample.features, sample.edit, reference(sample))
        weight = patch_weights(region)
        if self._region:
            # A patch that straddles the border has masked pixels in its mean.
            weight = (weight > 0.999).astype(np.float32)
        total = weight.sum((1, 2))
        if not total.any():
            return Score(unscored="needs a patch that touches no masked pixel")
        power = 2 if self._region else 1
        means = (difference**power * weight).sum((1, 2))[total > 0] / total[total > 0]
        return Score(float(means.mean() ** (1 / power)), series=tuple((means ** (1 / power)).tolist()))


METRICS = (ColourDifference(""), ColourDifference("outside"))
