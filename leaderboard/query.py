"""From a board's columns to what a page shows. Plain values in, plain values out; nothing here knows of Streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import numpy as np
from numpy.typing import NDArray

from bench import league
from bench.sensitivity import EXPONENTS
from bench.stats import Interval
from bench.store.columns import Columns
from bench.store.read import Result
from bench.summary import AXES, HEADLINE
from bench.types import SCENARIOS, EditCase, MethodCard, Scenario, SetScore

COMPOSITES = (HEADLINE, *AXES)
Places = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class View:
    """Some of a board's cases: a split, and within it a scenario or a vertical."""

    columns: Columns
    at: Places
    """Positions of its cases."""

    @cached_property
    def cases(self) -> tuple[EditCase, ...]:
        """The cases, by id in order."""
        return tuple(self.columns.cases[i] for i in self.at)

    @cached_property
    def groups(self) -> list[str]:
        """Each case's source clip."""
        return [c.group for c in self.cases]

    @cached_property
    def strata(self) -> list[str]:
        """Each case's scenario."""
        return [c.scenario for c in self.cases]

    @property
    def composites(self) -> tuple[str, ...]:
        """The headline and the axes, as far as the board has them: without ground truth there is no headline."""
        return tuple(name for name in COMPOSITES if name in self.columns.values)

    def of(self, metric: str) -> NDArray[np.float32]:
        """Return a metric's values, methods x cases, NaN where there is none."""
        found = self.columns.values.get(metric)
        empty = np.full((len(self.columns.methods), len(self.at)), np.nan, np.float32)
        return empty if found is None else found[:, self.at]

    def run(self) -> NDArray[np.bool_]:
        """Return where a method was run on a case."""
        found: NDArray[np.bool_] = np.asarray(self.columns.edits[:, self.at] > 0)
        return found


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of the ranking."""

    row: int
    """In the columns."""
    card: MethodCard
    mean: float | None
    """Macro-average of what the ranking goes by; None without any value."""
    missing: int
    """Cases of the view that the method was not run on."""
    edits: int
    failed: int
    """Edits that could not be made; each counts 0 in the score and the axes."""
    cost: Mapping[str, float | None]
    """Mean seconds and NFE of an edit, largest peak memory in bytes."""
    ranks: tuple[int, int] | None
    """The ranks it may hold within its track; None for controls and for methods that lack cases or a score."""


@dataclass(frozen=True, slots=True)
class Standings:
    """The ranking of one view."""

    tracks: dict[str, tuple[Standing, ...]]
    """Methods by track, best first with the incomplete ones last; tracks are never ranked together."""
    controls: tuple[Standing, ...]
    cases: int
    clips: int

    def __iter__(self) -> Iterator[Standing]:
        for track in self.tracks.values():
            yield from track
        yield from self.controls


def _ever(columns: Columns) -> list[bool]:
    """Return for each case whether any method was run on it."""
    return [bool(total) for total in columns.edits.sum(0)]


def splits(columns: Columns) -> dict[str, int]:
    """Return the splits and their named parts with their number of cases that were run, whole splits first."""
    cases = [c for c, run in zip(columns.cases, _ever(columns), strict=True) if run]
    names = [c.split for c in cases] + [part for c in cases for part in c.subsets]
    return {name: sum(name in (c.split, *c.subsets) for c in cases) for name in dict.fromkeys(names)}


def view(columns: Columns, split: str, scenario: str | None = None, vertical: str | None = None) -> View:
    """Return the cases of a split or named part, of one scenario and one vertical where given, that were ever run."""
    run = _ever(columns)
    at = [
        i
        for i, c in enumerate(columns.cases)
        if run[i]
        and split in (c.split, *c.subsets)
        and scenario in (None, c.scenario)
        and vertical in (None, c.vertical)
    ]
    return View(columns, np.array(at, np.intp))


def scenarios(cases: Iterable[EditCase]) -> tuple[Scenario, ...]:
    """Return the scenarios of these cases, in the benchmark's order."""
    found = {c.scenario for c in cases}
    return tuple(s for s in SCENARIOS if s in found)


def verticals(cases: Iterable[EditCase]) -> tuple[str, ...]:
    """Return the verticals of these cases."""
    return tuple(sorted({c.vertical for c in cases}))


def standings(shown: View, by: str = HEADLINE, higher: bool = True) -> Standings:
    """Return the ranking of a view by a metric: rank sets within each track, controls apart."""
    values, columns = shown.of(by), shown.columns
    means = league.averages(values, shown.strata)
    run = shown.run()
    rows, missing = np.flatnonzero(run.any(1)), (~run).sum(1)
    edits, failed = columns.edits[:, shown.at].sum(1), columns.failed[:, shown.at].sum(1)
    ranks = _ranks(shown, values if higher else -values, rows)
    cost = _cost(shown)
    made = [
        Standing(
            row=int(i),
            card=columns.methods[i],
            mean=float(means[i]) if np.isfinite(means[i]) else None,
            missing=int(missing[i]),
            edits=int(edits[i]),
            failed=int(failed[i]),
            cost=cost[i],
            ranks=ranks.get(int(i)),
        )
        for i in rows
    ]
    sign = -1 if higher else 1
    made.sort(key=lambda s: (s.missing > 0, s.mean is None, sign * (s.mean or 0.0), s.card.name))
    tracks: dict[str, list[Standing]] = defaultdict(list)
    for standing in made:
        if not standing.card.control:
            tracks[standing.card.track].append(standing)
    return Standings(
        tracks={name: tuple(tracks[name]) for name in sorted(tracks)},
        controls=tuple(s for s in sorted(made, key=lambda s: s.mean is None) if s.card.control),
        cases=len(shown.at),
        clips=len(set(shown.groups)),
    )


def _ranks(shown: View, values: NDArray[np.float32], rows: Places) -> dict[int, tuple[int, int]]:
    """Return rank sets by row, among the methods of a track that have a value for every case."""
    complete: NDArray[np.bool_] = np.asarray(np.isfinite(values).all(1))
    tracks: dict[str, list[int]] = defaultdict(list)
    for i in rows:
        card = shown.columns.methods[i]
        if complete[i] and not card.control:
            tracks[card.track].append(int(i))
    found: dict[int, tuple[int, int]] = {}
    for members in tracks.values():
        found |= dict(zip(members, league.rank_sets(values[members], shown.groups, shown.strata), strict=True))
    return found


def _cost(shown: View) -> list[dict[str, float | None]]:
    made: list[dict[str, float | None]] = [{} for _ in shown.columns.methods]
    for name, matrix in shown.columns.cost.items():
        mine = matrix[:, shown.at]
        there: NDArray[np.bool_] = np.isfinite(mine)
        filled = np.where(there, mine, 0)
        counts = np.maximum(there.sum(1), 1)
        whole = filled.max(1, initial=0) if name == "peak_memory" else filled.sum(1, dtype=np.float64) / counts
        for i, known in enumerate(np.atleast_1d(there.any(1))):
            made[i][name] = float(whole[i]) if known else None
    return made


def intervals(shown: View, rows: Sequence[int], metrics: Iterable[str]) -> dict[int, dict[str, Interval]]:
    """Return the macro-average and 95 % interval of each metric, for these rows of the columns."""
    made: dict[int, dict[str, Interval]] = {row: {} for row in rows}
    for metric in metrics:
        found = league.intervals(shown.of(metric)[list(rows)], shown.groups, shown.strata) if rows else []
        for row, interval in zip(rows, found, strict=True):
            if interval is not None:
                made[row][metric] = interval
    return made


def of_sets(
    shown: View, rows: Sequence[int], sets: Mapping[str, Mapping[str, SetScore]]
) -> dict[int, dict[str, Interval]]:
    """Return what metrics of whole sets say of these rows; without an interval `groups` is 0."""
    made: dict[int, dict[str, Interval]] = {row: {} for row in rows}
    for row in rows:
        for name, score in sets.get(shown.columns.keys[row], {}).items():
            if score.value is not None:
                if score.low is None or score.high is None:
                    made[row][name] = Interval(score.value, score.value, score.value, 0.95, score.edits, 0)
                else:
                    made[row][name] = Interval(score.value, score.low, score.high, 0.95, score.edits, score.groups)
    return made


def by_scenario(shown: View, row: int, metric: str = HEADLINE) -> dict[str, float]:
    """Return a method's mean in each scenario it has a value in, in the benchmark's order."""
    values, strata = shown.of(metric)[row], np.asarray(shown.strata)
    found = {s: values[(strata == s) & np.isfinite(values)] for s in scenarios(shown.cases)}
    return {name: float(v.mean()) for name, v in found.items() if len(v)}


def rank_range(shown: View, members: Sequence[Standing]) -> dict[int, tuple[int, int]]:
    """Return the best and worst place of each complete method of a track over the grid of `bench.sensitivity`.

    Places are by the mean alone, without a test: this shows what the choice of weights decides, not what chance does.
    """
    rows = [s.row for s in members if s.ranks is not None]
    if not rows or not set(AXES) <= set(shown.composites):
        return {}
    axes = [np.nan_to_num(shown.of(axis)[rows].astype(np.float64)) for axis in AXES]
    places = []
    for a, b, c in product(*(EXPONENTS[axis] for axis in AXES)):
        means = league.averages(axes[0] ** a * axes[1] ** b * axes[2] ** c, shown.strata)
        places.append(np.argsort(np.argsort(-means, kind="stable")) + 1)
    low, high = np.min(places, 0), np.max(places, 0)
    return {row: (int(a), int(b)) for row, a, b in zip(rows, low, high, strict=True)}


def methods(shown: View, by: str = HEADLINE) -> tuple[str, ...]:
    """Return the names of the methods, then of the controls, each by falling score."""
    means = league.averages(shown.of(by), shown.strata)
    cards = shown.columns.methods
    rows = [int(i) for i in np.flatnonzero(shown.run().any(1))]
    rows.sort(key=lambda i: (cards[i].control, -np.nan_to_num(means[i], nan=-1.0), cards[i].name))
    return tuple(cards[i].name for i in rows)


@dataclass(frozen=True, slots=True)
class CaseEntry:
    """A case in the list, with the value it is sorted by."""

    case: EditCase
    value: float | None


def worst_first(shown: View, method: str, metric: str, falling: bool = False) -> tuple[CaseEntry, ...]:
    """Return a method's cases in rising order of a value (falling where less is better); unscored ones last."""
    row = shown.columns.row(method)
    values, run = shown.of(metric)[row], shown.run()[row]
    found = [
        CaseEntry(case, float(value) if np.isfinite(value) else None)
        for case, value, was_run in zip(shown.cases, values, run, strict=True)
        if was_run
    ]
    sign = -1 if falling else 1
    return tuple(sorted(found, key=lambda e: (e.value is None, sign * (e.value or 0.0), e.case.id)))


def of_case(results: Iterable[Result], names: Sequence[str]) -> dict[str, Result]:
    """Return the first seed's result of each named method, in the order of the names."""
    found: dict[str, Result] = {}
    for result in results:
        found.setdefault(result.method.name, result)
    return {name: found[name] for name in names if name in found}


def frontier(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which (cost, quality) points no other point beats at no more cost, by rising cost."""
    kept: list[int] = []
    best = -np.inf
    for i in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[i][1] > best:
            kept.append(i)
            best = points[i][1]
    return kept
