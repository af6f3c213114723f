"""Warp error under the reference's flow: do pixels keep their colour along the paths they ought to follow?"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.features import flow, raft
from bench.features.bank import Extractor
from bench.features.flow import warp
from bench.metrics import Sample
from bench.metrics.region import reference
from bench.types import MetricCard, Score, Video


def warp_errors(video: Video, forward: NDArray[np.float16], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return per pair of frames the mean squared RGB difference (RGB in [0, 1]) along the flow, x 1000."""
    errors = []
    frames = (f.astype(np.float32) / 255 for f in video.frames)  # one by one: a whole clip takes four times its bytes
    for (now, then), path, valid in zip(pairwise(frames), forward, seen, strict=True):
        red, green, blue = np.moveaxis((warp(then, path.astype(np.float32)) - now) ** 2, -1, 0)
        difference = (red + green + blue) / 3
        errors.append(1000 * float(difference[valid].mean()) if valid.any() else 0.0)
    return np.array(errors)


class WarpError:
    """Warp error of the edit minus that of the reference itself."""

    def __init__(self, card: MetricCard, extractor: Extractor) -> None:
        self.card = card
        self._flow = extractor

    def score(self, sample: Sample) -> Score:
        """Return the excess x 1000 and its series over pairs of frames."""
        if sample.edit.shape[0] < 2:
            return Score(unscored="needs two frames")
        wanted = reference(sample)
        found = sample.features.get(wanted, self._flow)
        forward, seen = found["forward"], found["seen"]
        key = ("warp-error", self._flow.identity, sample.features.digest(wanted))
        own = sample.features.memo(key, lambda: warp_errors(wanted, forward, seen))
        series = warp_errors(sample.edit, forward, seen) - own
        return Score(float(series.mean()), series=tuple(series.tolist()))


def _card(name: str, by: str, paper: str, backbone: str | None = None, sha256: str | None = None) -> MetricCard:
    return MetricCard(
        name=name,
        title=f"Excess warp error, {by} flow of the reference",
        family="temporal",
        better="lower",
        unit="x1e-3",
        backbone=backbone,
        weights=sha256,
        axis="temporal",
        paper=paper,
        description="0 for the ground truth. Below 0 the edit is smoother than the ground truth, which is no virtue. "
        "Without a target: the source's flow and error.",
        reactions={
            "identity": "same",
            "frozen": "worse",
            "shuffled": "worse",
            "noise": "worse",
            "jitter": "worse",
            "flicker": "worse",
        },
    )


PAPER = "Lai et al. 2018, arXiv:1808.00449, eq. 12-13, with the target's flow by "
METRICS = (
    WarpError(_card("warp-excess-dis", "DIS", PAPER + "OpenCV DIS"), flow.EXTRACTOR),
    WarpError(
        _card("warp-excess-raft", "RAFT", PAPER + "RAFT", "raft_large", weights.CATALOGUE["raft-large"].sha256),
        raft.EXTRACTOR,
    ),
)
