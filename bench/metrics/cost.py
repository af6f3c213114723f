"""What an edit took. Measured by whoever ran it; a statement about a machine as much as about a method."""

from __future__ import annotations

from dataclasses import dataclass

from bench.metrics import Sample
from bench.types import MetricCard, Score


@dataclass(frozen=True)
class CostMetric:
    """Reads one field of the sample's cost."""

    card: MetricCard
    attribute: str

    def score(self, sample: Sample) -> Score:
        """Return the measured figure in the card's unit."""
        value = getattr(sample.cost, self.attribute)
        return Score(unscored=f"needs a run that measured {self.card.name}") if value is None else Score(float(value))


def _card(name: str, title: str, unit: str, description: str) -> MetricCard:
    return MetricCard(
        name=name,
        title=title,
        family="cost",
        better="lower",
        unit=unit,
        range=(0, None),
        description=description,
    )


METRICS = (
    CostMetric(_card("seconds", "Seconds per edit", "s", "Wall time without loading the model."), "seconds"),
    CostMetric(_card("nfe", "NFE", "", "Transformer forwards of batch 1, counted by the backbone."), "nfe"),
    CostMetric(_card("peak-memory", "Peak memory", "B", "GPU memory, or resident set on a CPU."), "peak_memory"),
)
