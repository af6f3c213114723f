"""From results to what a page shows. Plain values in, plain values out; nothing here knows of Streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bench.stats import Interval, interval, rank_sets
from bench.store.read import Result
from bench.summary import AXES, HEADLINE, Row, rows
from bench.types import SCENARIOS, EditCase


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the ranking."""

    row: Row
    intervals: dict[str, Interval]
    """Macro-average and 95 % interval of the headline, the axes and every other metric asked for."""
    missing: int
    """Cases of the selection that the method was not run on."""
    ranks: tuple[int, int] | None
    """The ranks it may hold within its track; None for controls and for methods that lack cases or a score."""


@dataclass(frozen=True, slots=True)
class Standings:
    """The ranking of one selection of cases."""

    tracks: dict[str, tuple[Standing, ...]]
    """Methods by track, each by falling score with the incomplete ones last; tracks are never ranked together."""
    controls: tuple[Standing, ...]
    cases: int
    clips: int

    def __iter__(self) -> Iterator[Standing]:
        for track in self.tracks.values():
            yield from track
        yield from self.controls


def splits(results: Iterable[Result]) -> dict[str, int]:
    """Return the splits and their named parts with their number of cases, whole splits first."""
    cases = {r.case.id: r.case for r in results}.values()
    names = [c.split for c in cases] + [part for c in cases for part in c.subsets]
    return {name: sum(name in (c.split, *c.subsets) for c in cases) for name in dict.fromkeys(names)}


def scenarios(results: Iterable[Result]) -> tuple[str, ...]:
    """Return the scenarios that have results, in the benchmark's order."""
    found = {r.case.scenario for r in results}
    return tuple(s for s in SCENARIOS if s in found)


def select(results: Iterable[Result], split: str, scenario: str | None = None) -> tuple[Result, ...]:
    """Return the results of a split or named part, and of one scenario where it is given."""
    return tuple(r for r in results if split in (r.case.split, *r.case.subsets) and scenario in (None, r.case.scenario))


def standings(results: Sequence[Result], metrics: Sequence[str] = ()) -> Standings:
    """Return the ranking of these results, with intervals for the score, the axes and `metrics`."""
    by_method: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_method[result.method_key].append(result)
    cases = {r.case.id for r in results}
    ranks = _ranks(by_method, cases)
    made = []
    for row in rows(results):
        # One name has one identity here: the reader keeps the newest.
        key = next(k for k, group in by_method.items() if group[0].method == row.card)
        group = by_method[key]
        found = {name: _interval(group, name) for name in (HEADLINE, *AXES, *metrics)}
        intervals = {name: value for name, value in found.items() if value is not None}
        missing = len(cases) - len({r.case.id for r in group})
        made.append(Standing(row, intervals, missing, ranks.get(key)))
    tracks: dict[str, list[Standing]] = defaultdict(list)
    for standing in made:
        if not standing.row.card.control:
            tracks[standing.row.card.track].append(standing)
    return Standings(
        tracks={name: tuple(sorted(tracks[name], key=lambda s: s.missing > 0)) for name in sorted(tracks)},
        controls=tuple(s for s in made if s.row.card.control),
        cases=len(cases),
        clips=len({r.case.group for r in results}),
    )


def _interval(results: Sequence[Result], metric: str) -> Interval | None:
    found = [(r.scores[metric].value, r) for r in results if metric in r.scores]
    kept = [(value, r) for value, r in found if value is not None]
    if not kept:
        return None
    return interval([v for v, _ in kept], [r.case.group for _, r in kept], [r.case.scenario for _, r in kept])


def _ranks(by_method: dict[str, list[Result]], cases: set[str]) -> dict[str, tuple[int, int]]:
    """Return rank sets by method key, among the methods of a track that have a score for every case."""
    tracks: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for key, group in by_method.items():
        scores = _score_by_case(group)
        if not group[0].method.control and set(scores) == cases:
            tracks[group[0].method.track][key] = scores
    case_of = {r.case.id: r.case for group in by_method.values() for r in group}
    order = sorted(cases)
    groups, strata = [case_of[c].group for c in order], [case_of[c].scenario for c in order]
    found: dict[str, tuple[int, int]] = {}
    for methods in tracks.values():
        found |= rank_sets({key: [s[c] for c in order] for key, s in methods.items()}, groups, strata)
    return found


def _score_by_case(results: Iterable[Result]) -> dict[str, float]:
    """Return the headline by case, the mean over seeds; cases without one are left out."""
    values: dict[str, list[float]] = defaultdict(list)
    for result in results:
        score = result.scores.get(HEADLINE)
        if score is not None and score.value is not None:
            values[result.case.id].append(score.value)
    return {case: sum(found) / len(found) for case, found in values.items()}


def methods(results: Iterable[Result]) -> tuple[str, ...]:
    """Return the names of the methods, then of the controls, each by falling score."""
    return tuple(row.card.name for row in rows(results))


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """A case in the list, with the value it is sorted by."""

    case: EditCase
    value: float | None


def worst_first(results: Iterable[Result], method: str, metric: str, falling: bool = False) -> tuple[CaseEntry, ...]:
    """Return a method's cases in rising order of a value (falling where less is better); unscored ones last."""
    found: dict[str, CaseEntry] = {}
    for result in results:
        if result.method.name == method and result.case.id not in found:
            score = result.scores.get(metric)
            found[result.case.id] = CaseEntry(result.case, score.value if score else None)
    sign = -1 if falling else 1
    return tuple(
        sorted(found.values(), key=lambda e: (e.value is None, sign * (e.value or 0.0), e.case.id)),
    )


def of_case(results: Iterable[Result], case: str, names: Sequence[str]) -> dict[str, Result]:
    """Return the first seed's result of each named method on a case, in the order of the names."""
    found: dict[str, Result] = {}
    for result in results:
        if result.case.id == case:
            found.setdefault(result.method.name, result)
    return {name: found[name] for name in names if name in found}
