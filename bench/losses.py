"""Where a method's points go: what each edit lacks to 100, shared out among the terms that cost it.

A score is 100 times a product of x^e, so its logarithm is a sum over terms, and a term's part of the loss is its part
of that sum. Where some x are 0 nothing else matters, and those terms share the 100 points by their exponents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UserError
from bench.explain import Explanation, explain
from bench.score import Formula
from bench.stats import macro_average
from bench.store.read import Result
from bench.types import SCENARIOS

FAILED = "failed"
"""In place of a metric: edits that could not be made lose all 100 points here."""


@dataclass(frozen=True, slots=True)
class Losses:
    """Points by metric; with the score they sum to 100, over all and in each scenario."""

    overall: dict[str, float]
    """Macro-average over scenarios, dearest first."""
    by_scenario: dict[str, dict[str, float]]
    score: float
    scores: dict[str, float]
    """Mean score of each scenario."""
    edits: int


def lost(result: Result, formula: Formula) -> dict[str, float]:
    """Return the points that an edit loses by metric; they sum to 100 - score.

    Raises UserError for an edit without a score, and as `bench.explain.explain` does.
    """
    found = explain(result, formula)
    if found.score.value is None:
        raise UserError(f"{result.method.name} on {result.case.id} has no score: {found.score.unscored}")
    if not found.axes:
        return {FAILED: 100.0}
    points: dict[str, float] = {}
    names = [part.placed.term.metric for axis in found.axes for part in axis.parts]
    for name, cost in zip(names, by_term(found), strict=True):
        points[name] = points.get(name, 0.0) + cost
    return points


def by_term(found: Explanation) -> tuple[float, ...]:
    """Return the points that each term cost, in the order of the axes and of their parts; they sum to 100 - score.

    Empty where the edit failed or has no score.
    """
    if found.score.value is None:
        return ()
    parts = [(axis.exponent * part.share, part.placed.x) for axis in found.axes for part in axis.parts]
    if any(x == 0 and exponent > 0 for exponent, x in parts):
        costs = [exponent if x == 0 else 0.0 for exponent, x in parts]
    else:
        costs = [-exponent * math.log(x) if exponent > 0 else 0.0 for exponent, x in parts]
    total = math.fsum(costs)
    return tuple((100 - found.score.value) * cost / total if total > 0 else 0.0 for cost in costs)


def losses(results: Sequence[Result], formula: Formula) -> Losses:
    """Return where the points of a method go, over all its results and in each scenario. Raises as `lost` does."""
    each = [lost(result, formula) for result in results]
    strata = [result.case.scenario for result in results]
    scores = [100 - math.fsum(points.values()) for points in each]

    def mean(values: Sequence[float], scenario: str) -> float:
        mine = [v for v, s in zip(values, strata, strict=True) if s == scenario]
        return math.fsum(mine) / len(mine)

    of_metric = {name: [p.get(name, 0.0) for p in each] for name in dict.fromkeys(n for p in each for n in p)}
    overall = {name: macro_average(values, strata) for name, values in of_metric.items()}
    order = sorted(overall, key=lambda name: -overall[name])
    scenarios = [s for s in SCENARIOS if s in strata]
    return Losses(
        overall={name: overall[name] for name in order},
        by_scenario={s: {name: mean(of_metric[name], s) for name in order} for s in scenarios},
        score=macro_average(scores, strata),
        scores={s: mean(scores, s) for s in scenarios},
        edits=len(results),
    )
