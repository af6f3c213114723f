"""A protocol is a frozen set of metrics and one formula; its signature is what makes two scores comparable."""

from __future__ import annotations

from dataclasses import dataclass

from bench.metrics import Metric, Sample
from bench.types import MetricCard, Score


@dataclass(frozen=True, slots=True)
class Protocol:
    """Scores one edit: every metric of the list, the three axes, and the headline."""

    name: str
    signature: str
    """`lite-1:<12 hex>`: a hash over the metrics' cards (weights and versions included) and the formula's parameters."""
    metrics: tuple[Metric, ...]
    cards: tuple[MetricCard, ...]
    """The metrics' cards and those of the composites (`accuracy`, `preservation`, `temporal`, `score`), in order."""

    def score_edit(self, sample: Sample) -> dict[str, Score]:
        """Return a Score by id for every card; metrics of the formula carry their anchors on this case."""
        raise NotImplementedError

    def failed_scores(self, reason: str) -> dict[str, Score]:
        """Return the scores of an edit that is missing or unusable: 0 on every composite, all else unscored."""
        raise NotImplementedError


def load(name: str) -> Protocol:
    """Return the protocol of that name. Raises UserError for an unknown one."""
    raise NotImplementedError
