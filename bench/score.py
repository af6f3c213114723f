"""The headline: three axes per edit, each metric placed between what its control gets and what the truth gets.

    x     = clip((m(edit) - m(control)) / (m(ground truth) - m(control)), 0, 1)      one per metric
    axis  = weighted geometric mean of its metrics' x                                accuracy, preservation, temporal
    score = 100 * accuracy^a * preservation^b * temporal^c

Geometric, because no amount of kept background pays for an edit that was not made. The weights, their reasons and the
table they come from are in docs/score.md. Nothing here looks at pixels; `bench.protocol` supplies the values.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from bench.types import Axis, Better, Score

AXES: tuple[Axis, ...] = ("accuracy", "preservation", "temporal")
Control = Literal["source", "frozen", "other"]
"""The untouched source; the target's first frame, repeated; another clip's source."""


@dataclass(frozen=True, slots=True)
class Term:
    """One metric's part in the headline."""

    metric: str
    axis: Axis
    better: Better
    control: Control
    weight: float
    """Within the axis, relative to the weights of the other terms that apply to the case."""
    least_span: float = 0.0
    """In the metric's unit. A control closer to the ground truth than this is taken to be this far away: on a clip
    that hardly moves, any error at all would otherwise be as bad as no motion."""
    most_span: float = math.inf
    """In the metric's unit. A control farther away is taken to be this far away: on a fast clip, a fault that anyone
    sees would otherwise be small beside a frozen clip's."""
    where: Literal["always", "outside", "whole"] = "always"
    """`outside`: only where something lies outside the mask. `whole`: only where next to nothing does."""


@dataclass(frozen=True, slots=True)
class Formula:
    """All parameters of the headline; its digest is part of the protocol's signature."""

    terms: tuple[Term, ...]
    accuracy: float
    preservation: float
    temporal: float
    whole_share: float = 0.90
    """Where the mask covers more than this share of the clip, agreement with the target takes the place of keeping."""

    def exponent(self, axis: Axis) -> float:
        """Return the exponent of an axis."""
        return {"accuracy": self.accuracy, "preservation": self.preservation, "temporal": self.temporal}[axis]

    def applying(self, mask_share: float) -> tuple[Term, ...]:
        """Return the terms for a case whose mask covers that share of its pixels. Depends on the case alone."""
        skipped = "outside" if mask_share > self.whole_share else "whole"
        return tuple(t for t in self.terms if t.where != skipped)

    def digest(self) -> str:
        """Return sha256 (hex) of every parameter."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Placed:
    """One term's value on one edit, between its anchors."""

    term: Term
    value: float
    control: float
    truth: float
    x: float
    """In [0, 1]."""


def place(term: Term, value: float, control: float, truth: float) -> Placed:
    """Return where the value lies between the control's (0) and the ground truth's (1)."""
    sign = 1.0 if term.better == "higher" else -1.0
    span = min(max(sign * (truth - control), term.least_span), term.most_span)
    # Measured from the truth, so that the truth itself gets exactly 1.
    x = 1.0 - sign * (truth - value) / span if span > 0 else float(value == truth)
    return Placed(term, value, control, truth, min(max(x, 0.0), 1.0))


def place_all(formula: Formula, scores: Mapping[str, Score], mask_share: float) -> tuple[Placed, ...]:
    """Return the terms of an edit that have a value and anchors, placed: the explanation of its score."""
    placed = []
    for term in formula.applying(mask_share):
        score = scores.get(term.metric)
        if score is not None and score.value is not None and score.anchors is not None:
            placed.append(place(term, score.value, *score.anchors))
    return tuple(placed)


def axis_value(placed: tuple[Placed, ...], axis: Axis) -> float | None:
    """Return the axis in [0, 1], or None where none of its terms applies."""
    parts = [p for p in placed if p.term.axis == axis]
    total = sum(p.term.weight for p in parts)
    if total <= 0:
        return None
    value = 1.0
    for part in parts:
        value *= part.x ** (part.term.weight / total)
    return value


def combine(formula: Formula, placed: tuple[Placed, ...]) -> dict[str, Score]:
    """Return `accuracy`, `preservation`, `temporal` in [0, 1] and `score` in [0, 100].

    An axis without a metric that applies is unscored, and so is the score: it is never made of fewer axes.
    """
    found: dict[str, Score] = {}
    headline = 100.0
    missing = []
    for axis in AXES:
        value = axis_value(placed, axis)
        if value is None:
            found[axis] = Score(unscored=f"needs a metric of {axis} that applies to this case")
            missing.append(axis)
        else:
            found[axis] = Score(value)
            headline *= value ** formula.exponent(axis)
    found["score"] = Score(unscored=f"needs {' and '.join(missing)}") if missing else Score(headline)
    return found
