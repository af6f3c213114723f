"""Would the ranking be another one with other weights? Stored scores placed anew under variants of the formula.

Nothing is measured again: values and anchors are stored. Ranks are plain positions by macro-average here, because the
question is what the numbers chosen for the formula do, not what chance does; rank sets stand beside them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.errors import UserError
from bench.score import AXES, Formula, axis_value, place
from bench.stats import macro_average, rank_sets
from bench.store.read import Result

EXPONENTS = {"accuracy": (0.5, 1.0, 2.0), "preservation": (0.25, 0.5, 1.0), "temporal": (0.25, 0.5, 1.0)}
"""The grid: half, once and twice each exponent that `lite-1` has."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A formula beside the protocol's, and what it does to the ranking."""

    name: str
    ranks: dict[str, int]
    """By method, 1 is best."""
    means: dict[str, float]
    """Macro-averages of the score, 0 to 100."""
    tau: float
    """Kendall's rank correlation with the protocol's own order, -1 to 1."""


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """The ranking of one track, and what became of it."""

    base: Variant
    sets: dict[str, tuple[int, int]]
    """Ranks each method may hold by the paired tests."""
    grid: tuple[Variant, ...]
    without: tuple[Variant, ...]
    """The formula without each of its metrics in turn."""
    cases: int

    def span(self, method: str, variants: Sequence[Variant]) -> tuple[int, int]:
        """Return a method's best and worst rank over variants."""
        ranks = [v.ranks[method] for v in variants]
        return min(ranks), max(ranks)


def grid(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """Yield the formula under every combination of exponents, named by them."""
    for a in EXPONENTS["accuracy"]:
        for p in EXPONENTS["preservation"]:
            for t in EXPONENTS["temporal"]:
                yield f"a {a:g}, p {p:g}, t {t:g}", replace(formula, accuracy=a, preservation=p, temporal=t)


def leave_one_out(formula: Formula) -> Iterator[tuple[str, Formula]]:
    """Yield the formula without each metric in turn; its weight goes to the others of its axis."""
    for name in dict.fromkeys(term.metric for term in formula.terms):
        yield f"without {name}", replace(formula, terms=tuple(t for t in formula.terms if t.metric != name))


def rescored(result: Result, formula: Formula) -> float:
    """Return the score of a stored result under a formula. A failed edit has 0; an axis left empty counts as kept."""
    if not result.ok:
        return 0.0
    placed = tuple(
        place(term, score.value, *score.anchors)
        for term in formula.terms
        if (score := result.scores.get(term.metric)) and score.value is not None and score.anchors is not None
    )
    # A metric counts for a case where it was stored with its anchors, so the mask is not needed again.
    value = 100.0
    for axis in AXES:
        found = axis_value(placed, axis)
        value *= 1.0 if found is None else found ** formula.exponent(axis)
    return value


def sensitivity(results: Mapping[str, Sequence[Result]], formula: Formula) -> Sensitivity:
    """Return what variants of the formula do to the order of methods, given each one's results on the same cases.

    Raises UserError for fewer than two methods, and where their cases differ.
    """
    if len(results) < 2:
        raise UserError(f"found {len(results)} ranked method with every case, wanted two of one track; run another one")
    ids = {name: sorted(r.case.id for r in found) for name, found in results.items()}
    first = next(iter(ids.values()))
    for name, mine in ids.items():
        if mine != first:
            raise UserError(f"'{name}' has {len(mine)} cases, others {len(first)}; run all methods on one split")
    ordered = {name: sorted(found, key=lambda r: r.case.id) for name, found in results.items()}
    cases = [r.case for r in next(iter(ordered.values()))]
    groups, strata = [c.group for c in cases], [c.scenario for c in cases]

    def scores(variant: Formula) -> dict[str, list[float]]:
        return {name: [rescored(r, variant) for r in found] for name, found in ordered.items()}

    def judged(name: str, variant: Formula, like: Mapping[str, int] | None) -> Variant:
        means = {method: macro_average(values, strata) for method, values in scores(variant).items()}
        order = sorted(means, key=lambda m: (-means[m], m))
        ranks = {method: place for place, method in enumerate(order, 1)}
        return Variant(name, ranks, means, 1.0 if like is None else _tau(ranks, like))

    base = judged("as published", formula, None)
    return Sensitivity(
        base=base,
        sets=rank_sets(scores(formula), groups, strata),
        grid=tuple(judged(name, variant, base.ranks) for name, variant in grid(formula)),
        without=tuple(judged(name, variant, base.ranks) for name, variant in leave_one_out(formula)),
        cases=len(cases),
    )


def _tau(a: Mapping[str, int], b: Mapping[str, int]) -> float:
    """Return Kendall's tau of two orders without ties."""
    names = list(a)
    pairs = [(x, y) for i, x in enumerate(names) for y in names[i + 1 :]]
    agree = sum((a[x] < a[y]) == (b[x] < b[y]) for x, y in pairs)
    return 2 * agree / len(pairs) - 1
