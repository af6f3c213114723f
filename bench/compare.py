"""A against B over the same cases: differences with intervals, corrected p-values, and what could have been found.

Paired by case: what makes a case hard is hard for both and drops out of the difference. Several seeds of a case are
averaged first. Only results of one test set (by content) and one protocol (by signature) are ever compared.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bench.errors import UserError, unknown
from bench.stats import RESAMPLES, Interval, compare, holm, macro_average
from bench.store.read import Board, Result
from bench.types import SCENARIOS, Better, EditCase, MetricCard

ALPHA = 0.05
POWER = 0.80
EXACT_CLIPS = 14
"""Up to so many source clips `bench.stats.compare` counts every flip of signs."""
Pair = tuple[EditCase, float, float]
NAMED = 5
"""So many cases are named in a refusal."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of the two: a method's scored results on one board and, where asked for, one split."""

    label: str
    """As the user named it: METHOD or METHOD@RUN."""
    board: Board
    results: tuple[Result, ...]

    @property
    def cases(self) -> dict[str, EditCase]:
        """The cases it has, by id in order."""
        return {r.case.id: r.case for r in sorted(self.results, key=lambda r: r.case.id)}

    @property
    def failed(self) -> int:
        """Edits that could not be made: 0 in the score and the axes, without a value elsewhere."""
        return sum(not r.ok for r in self.results)

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the edits."""
        return tuple(sorted({r.seed for r in self.results}))

    def values(self, metric: str) -> dict[str, float]:
        """Return a metric's value by case, the mean over its seeds, for those that have one."""
        found: dict[str, list[float]] = {}
        for result in self.results:
            score = result.scores.get(metric)
            if score is not None and score.value is not None:
                found.setdefault(result.case.id, []).append(score.value)
        return {case: sum(values) / len(values) for case, values in found.items()}


@dataclass(frozen=True, slots=True)
class Line:
    """One metric over all scenarios, or in one."""

    metric: str
    scenario: str | None
    """None: macro-average over scenarios."""
    better: Better
    a: float
    b: float
    """Averages over the pairs, in the metric's unit."""
    difference: Interval
    """A - B with its 95 % interval over source clips; `n` pairs."""
    p: float
    p_holm: float
    """Corrected for all lines of the same table (Holm 1979)."""
    detectable: float | None
    """Smallest true difference that this many clips would find in 4 of 5 repetitions; None where they find none."""

    @property
    def winner(self) -> Literal["a", "b"] | None:
        """The better one where the corrected p-value is below 0.05."""
        if self.p_holm >= ALPHA or self.difference.mean == 0:
            return None
        return "a" if (self.difference.mean > 0) == (self.better == "higher") else "b"


@dataclass(frozen=True, slots=True)
class Versus:
    """The whole comparison."""

    cases: int
    """Compared."""
    clips: int
    """Source clips they come from: what the evidence depends on."""
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    """Cases left out because the other one lacks them."""
    overall: tuple[Line, ...]
    scenarios: tuple[Line, ...]
    unpaired: tuple[str, ...]
    """Metrics that no case has on both sides."""
    least_p: float
    """The smallest p-value, before correction, that so many clips can give."""


def side(label: str, board: Board, results: Iterable[Result], split: str | None) -> Side:
    """Return the results that lie in a split or in a named part of one.

    Raises UserError for an unknown split, and without one where the results come from several: choices are made on
    one split and measured on another, so an average over both would be neither.
    """
    found = tuple(results)
    if split is None:
        if len(splits := sorted({r.case.split for r in found})) > 1:
            raise UserError(f"'{label}' has edits of the splits {', '.join(splits)}: name one with --split")
        return Side(label, board, found)
    known = {name for r in found for name in (r.case.split, *r.case.subsets)}
    if split not in known:
        raise unknown(f"split with results of '{label}'", split, known)
    return Side(label, board, tuple(r for r in found if split in (r.case.split, *r.case.subsets)))


def versus(a: Side, b: Side, metrics: Sequence[MetricCard], intersection: bool = False) -> Versus:
    """Return A against B by metric, over all scenarios and in each.

    Raises UserError where test set or protocol differ, and where the case sets do, unless `intersection` asks for
    the cases in common and there are some. Two families are corrected apart: the metrics overall, which answer
    whether, and the metrics in each scenario, which answer where.
    """
    _same_board(a, b)
    cases = {name: case for name, case in a.cases.items() if name in b.cases}
    only_a = tuple(name for name in a.cases if name not in cases)
    only_b = tuple(name for name in b.cases if name not in cases)
    if (only_a or only_b) and not (intersection and cases):
        raise _different_cases(a, b, only_a, only_b, len(cases))
    paired = [(card, _pairs(a, b, cases, card.name)) for card in metrics]
    overall = [_line(card, None, pairs) for card, pairs in paired if pairs]
    scenarios = []
    for scenario in SCENARIOS:
        for card, pairs in paired:
            if inside := [pair for pair in pairs if pair[0].scenario == scenario]:
                scenarios.append(_line(card, scenario, inside))
    clips = len({case.group for case in cases.values()})
    return Versus(
        cases=len(cases),
        clips=clips,
        only_a=only_a,
        only_b=only_b,
        overall=_corrected(overall),
        scenarios=_corrected(scenarios),
        unpaired=tuple(card.name for card, pairs in paired if not pairs),
        least_p=least_p(clips),
    )


def least_p(clips: int) -> float:
    """Return the smallest two-sided p-value that flipping the signs of so many clips can give."""
    return 2.0 ** (1 - clips) if clips <= EXACT_CLIPS else 1 / (RESAMPLES + 1)


def detectable(
    differences: Sequence[float],
    groups: Sequence[str],
    strata: Sequence[str],
    alpha: float = ALPHA,
    power: float = POWER,
) -> float | None:
    """Return the smallest true macro-averaged difference that a test at `alpha` finds with that probability.

        (t[1 - alpha/2] + t[power]) * se,    se^2 = G / (G - 1) * sum over clips of (sum of w (d - mean))^2

    with Student's t of G - 1 degrees of freedom, G source clips, w each edit's share of the macro-average (Bloom 1995,
    Evaluation Review 19:547). Deviations are taken from the macro-average, not from the scenario's mean, because the
    sign-flip test takes them so too; with one edit per clip and one scenario, se is the textbook sd / sqrt(G). Not
    corrected for several metrics. None where so few clips cannot give p < alpha whatever the difference.
    """
    from scipy.special import stdtrit

    clips, group_of = np.unique(np.asarray(groups), return_inverse=True)
    count = len(clips)
    if least_p(count) >= alpha:
        return None
    names, stratum_of, sizes = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
    found = np.asarray(differences, np.float64)
    weights = 1 / (len(names) * sizes[stratum_of])
    deviations = np.zeros(count)
    np.add.at(deviations, group_of, weights * (found - weights @ found))
    error = math.sqrt(count / (count - 1) * float(deviations @ deviations))
    return float(stdtrit(count - 1, 1 - alpha / 2) + stdtrit(count - 1, power)) * error


def _pairs(a: Side, b: Side, cases: Mapping[str, EditCase], metric: str) -> list[Pair]:
    of_a, of_b = a.values(metric), b.values(metric)
    return [(case, of_a[name], of_b[name]) for name, case in cases.items() if name in of_a and name in of_b]


def _line(card: MetricCard, scenario: str | None, pairs: Sequence[Pair]) -> Line:
    a, b = [pair[1] for pair in pairs], [pair[2] for pair in pairs]
    groups = [case.group for case, _, _ in pairs]
    strata = [case.scenario for case, _, _ in pairs]
    test = compare(a, b, groups, strata)
    return Line(
        metric=card.name,
        scenario=scenario,
        better=card.better,
        a=macro_average(a, strata),
        b=macro_average(b, strata),
        difference=test.difference,
        p=test.p,
        p_holm=test.p,
        detectable=detectable([x - y for x, y in zip(a, b, strict=True)], groups, strata),
    )


def _corrected(lines: Sequence[Line]) -> tuple[Line, ...]:
    adjusted = holm([line.p for line in lines])
    return tuple(replace(line, p_holm=p) for line, p in zip(lines, adjusted, strict=True))


def _same_board(a: Side, b: Side) -> None:
    def identity(board: Board) -> tuple[str, ...]:
        return board.testset, board.version, board.testset_digest, board.signature

    if identity(a.board) != identity(b.board):
        raise UserError(
            f"'{a.label}' has {_named(a.board)} and '{b.label}' has {_named(b.board)}: scores of different test sets "
            "or protocols are not compared; run both alike, or choose runs as METHOD@RUN"
        )


def _named(board: Board) -> str:
    return f"{board.testset} {board.version} ({board.testset_digest[:12]}) under {board.signature}"


def _different_cases(a: Side, b: Side, only_a: Sequence[str], only_b: Sequence[str], common: int) -> UserError:
    found = (
        f"'{a.label}' has {_case_set(a)}, '{b.label}' has {_case_set(b)}; "
        f"only the first: {_some(only_a)}; only the second: {_some(only_b)}"
    )
    if not common:
        return UserError(f"no case in common: {found}; run both on one split")
    return UserError(
        f"the case sets differ: {found}; run what is missing, or compare the {common} in common with --intersection"
    )


def _case_set(one: Side) -> str:
    names = list(one.cases)
    return f"{len(names)} cases ({hashlib.sha256(chr(10).join(names).encode()).hexdigest()[:12]})"


def _some(names: Sequence[str]) -> str:
    if not names:
        return "none"
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
