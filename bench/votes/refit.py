"""The headline's exponents as votes would have them: shown beside the published ones, never in their place.

The headline of an edit is accuracy^a preservation^b temporal^c, so its logarithm is linear in the exponents, and the
odds that one edit is preferred to another are a logistic regression on differences of logarithms. Exponents are held
to be 0 or more, ridge keeps them small where votes are few, and how strong it is, is chosen on clips left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.score import AXES as SCORE_AXES
from bench.votes.agreement import Values
from bench.votes.counted import Answer

FLOOR = 0.01
"""An axis of 0 is taken for this; its logarithm must be finite."""
FOLDS = 5
RIDGES = (0.001, 0.01, 0.1, 1.0, 10.0)
LEAST = 50
"""Decided or tied votes with all three axes."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """Exponents with how well they foretell votes on clips they were not fitted to."""

    exponents: dict[str, float]
    """By axis; scaled to the sum of the published ones."""
    loss: float
    """Mean log loss on clips left out; ln 2 = 0.693 for a coin."""
    right: float
    """Share of decided votes foretold, on clips left out."""


@dataclass(frozen=True, slots=True)
class Refit:
    """The published exponents and the re-fitted ones."""

    published: Fit
    refitted: Fit
    ridge: float
    votes: int
    clips: int


def refit(answers: Sequence[Answer], values: Values, published: Mapping[str, float]) -> Refit:
    """Return exponents fitted to the votes on `overall`, beside the published ones under the same test.

    Raises `UserError` where fewer than `LEAST` votes are on edits with all three axes, or on fewer clips than folds.
    """
    rows, wins, groups = [], [], []
    for a in answers:
        first, second = (_logs(values.get((method, a.case), {})) for method in (a.a, a.b))
        if first is not None and second is not None:
            rows.append(first - second)
            wins.append((a.outcomes["overall"] + 1) / 2)
            groups.append(a.group)
    if len(rows) < LEAST or len(set(groups)) < FOLDS:
        raise UserError(
            f"{len(rows)} votes on {len(set(groups))} clips have all three axes; weights are fitted from {LEAST} votes "
            f"on {FOLDS} clips up"
        )
    x, y = np.array(rows), np.array(wins)
    fold = np.array([int(hashlib.sha256(group.encode()).hexdigest(), 16) for group in groups], object)
    order = {group: i % FOLDS for i, group in enumerate(sorted(set(fold)))}
    folds = np.array([order[f] for f in fold])
    given = np.array([published[axis] for axis in SCORE_AXES])
    tried = {ridge: _cross(x, y, folds, ridge) for ridge in RIDGES}
    ridge = min(RIDGES, key=lambda r: tried[r][0])
    found = _fit(x, y, ridge)
    scale = given.sum() / found.sum() if found.sum() > 0 else 0.0
    # The published exponents fix the direction; only their scale, how decided voters are, is fitted.
    plain = _cross((x @ given)[:, None], y, folds, min(RIDGES))
    return Refit(_named(given, plain), _named(found * scale, tried[ridge]), ridge, len(x), len(set(groups)))


def _logs(scores: Mapping[str, float]) -> Array | None:
    if any(axis not in scores for axis in SCORE_AXES):
        return None
    return np.log(np.maximum([scores[axis] for axis in SCORE_AXES], FLOOR))


def _named(exponents: Array, test: tuple[float, float]) -> Fit:
    return Fit(dict(zip(SCORE_AXES, map(float, exponents), strict=True)), *test)


def _fit(x: Array, y: Array, ridge: float) -> Array:
    from scipy.optimize import minimize

    def objective(w: Array) -> tuple[float, Array]:
        z = x @ w
        loss = np.logaddexp(0, z) - y * z
        gradient = x.T @ (1 / (1 + np.exp(-z)) - y)
        return float(loss.sum() + ridge * w @ w), gradient + 2 * ridge * w

    start = np.full(x.shape[1], 0.5)
    result: Any = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * x.shape[1])
    found: Array = result.x
    return found


def _cross(x: Array, y: Array, folds: NDArray[Any], ridge: float) -> tuple[float, float]:
    """Return mean log loss and share foretold, each vote by a fit without its clip's fold."""
    z = np.zeros(len(y))
    for fold in range(FOLDS):
        out = folds == fold
        z[out] = x[out] @ _fit(x[~out], y[~out], ridge)
    decided = y != 0.5
    right = np.where(z == 0, 0.5, (z > 0) == (y > 0.5))[decided]
    return float((np.logaddexp(0, z) - y * z).mean()), float(right.mean()) if decided.any() else 0.5
