"""How often each metric, each axis and the score prefer the better one of a pair."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.meta.damages import BY_NAME, LEVELS
from bench.meta.pairs import Pair
from bench.score import AXES
from bench.stats import Interval, interval
from bench.types import Axis, MetricCard

RESAMPLES = 2000
SMALLEST = 1e-9
"""Values closer than this, relative to their size, are a tie."""
OF_FAMILY: dict[str, tuple[Axis, ...]] = {
    "structure": ("preservation",),
    "semantics": ("accuracy",),
    "accuracy": ("accuracy",),
    "temporal": ("temporal",),
    "ground-truth": AXES,
}


@dataclass(frozen=True, slots=True)
class Rate:
    """Share of pairs in which the better one is preferred, mean over families; a tie is no preference."""

    rate: Interval
    ties: int

    @property
    def pairs(self) -> int:
        """Pairs with a value on both sides."""
        return self.rate.n


@dataclass(frozen=True, slots=True)
class Line:
    """One metric's record."""

    name: str
    axes: tuple[Axis, ...]
    overall: Rate
    by_level: dict[str, Rate]
    by_family: dict[str, Rate]
    tuned: Rate | None
    """Over families that were looked at while metrics were tuned."""
    held_out: Rate | None


def own_axes(card: MetricCard) -> tuple[Axis, ...]:
    """Return the axes on whose damages a metric is judged; none for costs."""
    if card.name == "score":
        return AXES
    if card.name in AXES:
        return (card.name,)
    if card.axis:
        return (card.axis,)
    return OF_FAMILY.get(card.family, ())


def line(card: MetricCard, pairs: Sequence[tuple[Pair, float, float]]) -> Line | None:
    """Return a metric's record over pairs with its values of the better and the worse one; None without any."""
    axes = own_axes(card)
    mine = [p for p in pairs if set(BY_NAME[p[0].family].axes) & set(axes)]
    overall = _rate(card, mine)
    if overall is None:
        return None

    def only(chosen: Iterable[tuple[Pair, float, float]]) -> Rate | None:
        return _rate(card, list(chosen))

    levels = {name: only(p for p in mine if p[0].level == name) for name in LEVELS}
    families = {name: only(p for p in mine if p[0].family == name) for name in BY_NAME}
    return Line(
        name=card.name,
        axes=axes,
        overall=overall,
        by_level={name: rate for name, rate in levels.items() if rate},
        by_family={name: rate for name, rate in families.items() if rate},
        tuned=only(p for p in mine if not BY_NAME[p[0].family].held_out),
        held_out=only(p for p in mine if BY_NAME[p[0].family].held_out),
    )


def prefers(card: MetricCard, better: float, worse: float) -> int:
    """Return 1 where the metric prefers the better one, -1 the worse one, 0 for a tie."""
    gap = better - worse if card.better == "higher" else worse - better
    if abs(gap) <= SMALLEST * max(1.0, abs(better), abs(worse)):
        return 0
    return 1 if gap > 0 else -1


def _rate(card: MetricCard, pairs: Sequence[tuple[Pair, float, float]]) -> Rate | None:
    if not pairs:
        return None
    signs = [prefers(card, better, worse) for _, better, worse in pairs]
    found = interval(
        [float(sign == 1) for sign in signs],
        [pair.group for pair, _, _ in pairs],
        [pair.family for pair, _, _ in pairs],
        resamples=RESAMPLES,
    )
    return Rate(found, sum(sign == 0 for sign in signs))
