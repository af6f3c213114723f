"""Metrics: one module each, found by name.

A module of this package offers `METRICS`, a tuple of objects that satisfy `Metric` (or `SetMetric`). Another
distribution offers more by an entry point `name = "package.module"` in the group `shopedit_bench.metrics`. Importing a
metric module is cheap: torch is imported when the first clip is scored.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import entry_points
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.types import EditCase, Mask, MetricCard, Score, SetScore, Video, Vocabulary
from bench.weights import MissingWeights

__all__ = ["Cost", "Metric", "Population", "Sample", "SetMetric", "measure", "registered"]

ENTRY_POINTS = "shopedit_bench.metrics"


@dataclass(frozen=True, slots=True)
class Cost:
    """What the edit took, as measured by whoever ran it; None where it was not measured."""

    seconds: float | None = None
    nfe: int | None = None
    """Transformer forwards of batch 1."""
    peak_memory: int | None = None
    """Bytes."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """All that a metric may look at for one edit. Every clip has the source's length and size."""

    case: EditCase
    source: Video
    edit: Video
    target: Video | None = None
    """The exact answer, where the test set has one."""
    mask: Mask | None = None
    """T x H x W, True where the edit may change pixels."""
    product_mask: Mask | None = None
    """T x H x W, True on the product."""
    other: Video | None = None
    """The source of another clip, by a fixed permutation over the split: what keeping nothing looks like."""
    vocabulary: Vocabulary = field(default_factory=dict)
    """The test set's closed vocabularies; empty where it has none."""
    cost: Cost = Cost()
    features: FeatureBank = field(default_factory=FeatureBank)

    def with_edit(self, edit: Video) -> Sample:
        """Return the same case with another clip in the edit's place: how a control or a damage is scored."""
        return replace(self, edit=edit)


@runtime_checkable
class Metric(Protocol):
    """A number for one edit."""

    @property
    def card(self) -> MetricCard:
        """Name, unit, direction, needs."""
        ...

    def score(self, sample: Sample) -> Score:
        """Return a finite value in the card's unit, or the reason why there is none."""
        ...


def measure(metric: Metric, sample: Sample) -> Score:
    """Return a metric's score; for want of weights it is unscored, with what to run."""
    try:
        return metric.score(sample)
    except MissingWeights as error:
        return Score(unscored=str(error))


@dataclass(frozen=True, slots=True, eq=False)
class Population:
    """One method's edits of a whole split beside their targets; every mapping is by case id."""

    edits: Mapping[str, NDArray[np.float32]]
    """Features of each edit, n x D; an edit that failed has its source's, as if it had changed nothing."""
    targets: Mapping[str, NDArray[np.float32]]
    groups: Mapping[str, str]
    """The source clip of each."""
    failed: int
    whole_test: bool
    """Whether these are all cases of a split named `test`."""

    def scored(self, value: float, low: float | None = None, high: float | None = None) -> SetScore:
        """Return the score of this population."""
        size = len(self.edits), len(set(self.groups.values())), self.failed
        return SetScore(value, None, low, high, *size)

    def unscored(self, reason: str) -> SetScore:
        """Return why this population has no score."""
        return SetScore(None, reason, None, None, len(self.edits), len(set(self.groups.values())), self.failed)


@runtime_checkable
class SetMetric(Protocol):
    """A number for a whole set of edits (FVD, KVD, FID)."""

    @property
    def card(self) -> MetricCard:
        """Name, unit, direction, needs."""
        ...

    @property
    def look(self) -> str:
        """Identity of the features, part of a file name: metrics that share it share the features."""
        ...

    def features(self, video: Video, bank: FeatureBank) -> NDArray[np.float32]:
        """Return one clip's features, n x D; computed once per clip and kept by its file's content."""
        ...

    def reduce(self, population: Population) -> SetScore:
        """Return the value over all edits, or the reason why there is none."""
        ...


@cache
def registered() -> Mapping[str, Metric | SetMetric]:
    """Return every metric by its card's name: those of this package, then those of installed plug-ins.

    Raises ValueError where two metrics claim one name.
    """
    offers = [importlib.import_module(f"{__name__}.{m.name}") for m in pkgutil.iter_modules(__path__)]
    offers += [entry.load() for entry in entry_points(group=ENTRY_POINTS)]
    found: dict[str, Metric | SetMetric] = {}
    for module in offers:
        for metric in getattr(module, "METRICS", ()):
            if metric.card.name in found:
                raise ValueError(f"two metrics are named '{metric.card.name}'; the second is in {module.__name__}")
            found[metric.card.name] = metric
    return found
