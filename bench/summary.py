"""One row per method: what a table, a README or a board shows of many edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bench.stats import Interval, interval, macro_average
from bench.store.read import Result, SetResult
from bench.types import SCENARIOS, MethodCard, SetScore

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
    sets: dict[str, SetScore] = field(default_factory=dict)
    """Metrics of the whole set of edits (KVD, FID), where the selection is a whole split."""

    def value(self, metric: str) -> float | None:
        """Return a metric's mean over edits or its value over the set, None where it has neither."""
        found = self.sets.get(metric)
        return self.means.get(metric) if found is None else found.value


def rows(results: Iterable[Result], sets: Iterable[SetResult] = ()) -> list[Row]:
    """Return a row per method: methods by falling score, then controls by falling score.

    `sets` are the scores over the split that the results come from; of several seeds the lowest is shown.
    """
    by_method: dict[str, list[Result]] = {}
    for result in results:
        by_method.setdefault(result.method_key, []).append(result)
    whole: dict[str, dict[str, SetScore]] = {}
    for one in sorted(sets, key=lambda s: s.seed):
        whole.setdefault(one.method_key, {}).setdefault(one.metric, one.score)
    made = [_row(group, whole.get(key, {})) for key, group in by_method.items()]
    return sorted(made, key=lambda r: (r.card.control, -(r.score.mean if r.score else -1.0), r.card.name))


def _row(results: Sequence[Result], sets: dict[str, SetScore]) -> Row:
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
        sets=sets,
    )


def _of(results: Sequence[Result], metric: str) -> list[tuple[float, Result]]:
    """Return the edits that have a metric, with its value."""
    found = ((r.scores[metric].value, r) for r in results if metric in r.scores)
    return [(value, result) for value, result in found if value is not None]


def never_scored(results: Sequence[Result]) -> dict[str, list[str]]:
    """Return the metrics that no edit has, by the reason they share; what fails on some edits only is no part of it."""
    made = [result for result in results if result.ok]
    found: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for result in made for name in result.scores):
        reasons = {result.scores[name].unscored if name in result.scores else None for result in made}
        if len(reasons) == 1 and (reason := reasons.pop()) is not None:
            found.setdefault(reason, []).append(name)
    return found


def partly_scored(results: Sequence[Result], metrics: Sequence[str]) -> dict[tuple[int, str], list[str]]:
    """Return those of the metrics that some edits have and some lack, by how many lack them and for which reason."""
    made = [result for result in results if result.ok]
    found: dict[tuple[int, str], list[str]] = {}
    for name in metrics:
        reasons = Counter(result.scores[name].unscored for result in made if name in result.scores)
        if None in reasons:
            for reason, count in reasons.items():
                if reason is not None:
                    found.setdefault((count, reason), []).append(name)
    return found


def by_scenario(results: Sequence[Result], metric: str = HEADLINE) -> dict[str, float]:
    """Return a metric's mean per scenario, in the order of `SCENARIOS`, for those that have it."""
    found = _of(results, metric)
    means: dict[str, float] = {}
    for scenario in SCENARIOS:
        values = [value for value, result in found if result.case.scenario == scenario]
        if values:
            means[scenario] = sum(values) / len(values)
    return means
