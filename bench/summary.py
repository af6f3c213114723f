"""One row per method: what a table, a README or a board shows of many edits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.stats import Interval, interval, macro_average
from bench.store.read import Result
from bench.types import SCENARIOS, MethodCard

HEADLINE = "score"
AXES = ("accuracy", "preservation", "temporal")


@dataclass(frozen=True, slots=True)
class Row:
    """A method over the edits of one selection."""

    card: MethodCard
    edits: int
    failed: int
    """Edits that could not be made; each counts 0 in the score."""
    score: Interval | None
    """0 to 100, macro-averaged over scenarios, with its 95 % interval over source clips; None without
    scores.
    """
    means: dict[str, float]
    """Macro-average of every other metric and axis, over the edits that have it."""
    unscored: dict[str, int]
    """How many edits lack a metric."""
    seconds: float | None
    """Mean per edit."""
    nfe: float | None
    """Mean per edit: transformer forwards of batch 1."""
    peak_memory: int | None
    """Largest, bytes."""


def rows(results: Iterable[Result]) -> list[Row]:
    """Return a row per method: methods by falling score, then controls by falling score."""
    by_method: dict[str, list[Result]] = {}
    for result in results:
        by_method.setdefault(result.method_key, []).append(result)
    made = [_row(group) for group in by_method.values()]
    return sorted(made, key=lambda r: (r.card.control, -(r.score.mean if r.score else -1.0), r.card.name))


def _row(results: Sequence[Result]) -> Row:
    names = dict.fromkeys(name for result in results for name in result.scores)
    values = {name: _of(results, name) for name in names}
    headline = values.get(HEADLINE, [])
    seconds = [r.seconds for r in results if r.seconds is not None]
    nfe = [r.nfe for r in results if r.nfe is not None]
    return Row(
        card=results[0].method,
        edits=len(results),
        failed=sum(not r.ok for r in results),
        score=interval(
            [value for value, _ in headline],
            [r.case.group for _, r in headline],
            [r.case.scenario for _, r in headline],
        )
        if headline
        else None,
        means={
            name: macro_average([value for value, _ in found], [r.case.scenario for _, r in found])
            for name, found in values.items()
            if found and name != HEADLINE
        },
        unscored={name: len(results) - len(found) for name, found in values.items() if len(found) < len(results)},
        seconds=sum(seconds) / len(seconds) if seconds else None,
        nfe=sum(nfe) / len(nfe) if nfe else None,
        peak_memory=max((r.peak_memory for r in results if r.peak_memory), default=None),
    )


def _of(results: Sequence[Result], metric: str) -> list[tuple[float, Result]]:
    """Return the edits that have a metric, with its value."""
    found = ((r.scores[metric].value, r) for r in results if metric in r.scores)
    return [(value, result) for value, result in found if value is not None]


def by_scenario(results: Sequence[Result], metric: str = HEADLINE) -> dict[str, float]:
    """Return a metric's mean per scenario, in the order of `SCENARIOS`, for those that have it."""
    found = _of(results, metric)
    means: dict[str, float] = {}
    for scenario in SCENARIOS:
        values = [value for value, result in found if result.case.scenario == scenario]
        if values:
            means[scenario] = sum(values) / len(values)
    return means
