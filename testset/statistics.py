"""Counts that say what a test set holds: the tables of its card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bench.types import SCENARIOS, EditCase, TestSet


@dataclass(frozen=True, slots=True)
class Counts:
    """How many edits of each split have each of some values."""

    title: str
    splits: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]
    """A value and its count per split, most frequent first."""


def splits_of(testset: TestSet) -> tuple[str, ...]:
    """Return the splits themselves, without named parts of them."""
    return tuple(dict.fromkeys(case.split for case in testset.cases))


def parts_of(testset: TestSet) -> tuple[str, ...]:
    """Return the named parts of splits."""
    return tuple(name for name in testset.splits if name not in splits_of(testset))


def count(testset: TestSet, title: str, values: Callable[[EditCase], Iterable[str]]) -> Counts:
    """Return the counts of what `values` says of each case."""
    splits = splits_of(testset)
    found = {split: Counter(v for c in testset.select(split) for v in values(c)) for split in splits}
    total = sum(found.values(), Counter())
    order = sorted(total, key=lambda value: (-total[value], value))
    return Counts(title, splits, tuple((value, tuple(found[s][value] for s in splits)) for value in order))


def by_scenario(testset: TestSet) -> Counts:
    """Return the counts of scenarios, in their own order."""
    found = count(testset, "scenario", lambda case: [case.scenario])
    order = sorted(found.rows, key=lambda row: SCENARIOS.index(row[0]))
    return Counts(found.title, found.splits, tuple(order))


def by_product(testset: TestSet, products: Sequence[str]) -> Counts:
    """Return the counts of product kinds: the one that changes, else the one among the words that must stay."""

    def shown(case: EditCase) -> list[str]:
        changed = [change.source for change in case.attributes if change.name == "product"]
        return (changed or [word for word in case.keep if word in products])[:1]

    return count(testset, "product in the source", shown)


def by_values(testset: TestSet) -> list[Counts]:
    """Return, per attribute that edits change, the counts of the values that it takes in targets."""
    names = dict.fromkeys(change.name for case in testset.cases for change in case.attributes)
    return [
        count(testset, f"{name} becomes", lambda c, name=name: [a.target for a in c.attributes if a.name == name])
        for name in sorted(names)
    ]


def by_size(testset: TestSet) -> Counts:
    """Return the counts of width x height, length and frame rate."""
    return count(
        testset,
        "clip",
        lambda c: [f"{c.source.width}x{c.source.height}, {c.source.frames} frames at {c.source.fps}/s"],
    )
