"""The ranking as columns and lines of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.meta.published import Verdict
from bench.stats import Interval
from bench.summary import AXES, HEADLINE
from bench.types import MetricCard
from leaderboard import numbers, pick
from leaderboard.case_view import title
from leaderboard.components.table import Bar, Cell, Column, Line
from leaderboard.query import Standing
from leaderboard.text import Text

COST = frozenset({"seconds", "nfe", "peak-memory"})
"""Metrics that have a column of their own already."""
Intervals = Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class Scale:
    """How a metric is written and drawn."""

    digits: int | None
    """Decimals; None for three significant digits."""
    low: float
    high: float

    def share(self, value: float) -> float:
        """Return where a value lies between the ends, 0 to 1."""
        return (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5

    def write(self, value: float | None) -> str:
        """Return the value as text, or a dash."""
        return numbers.significant(value) if self.digits is None else numbers.fixed(value, self.digits)


def scales(found: Mapping[int, Intervals], metrics: Sequence[MetricCard]) -> dict[str, Scale]:
    """Return the scale of each column: the metric's own range where it is closed, else what the table spans."""
    made = {HEADLINE: Scale(1, 0, 100), **{axis: Scale(2, 0, 1) for axis in AXES}}
    for card in metrics:
        low, high = card.range
        shown = [mine[card.name] for mine in found.values() if card.name in mine]
        if low is None or high is None:
            low = min([i.low for i in shown], default=0.0)
            high = max([i.high for i in shown], default=1.0)
        made[card.name] = Scale(None, low, high)
    return made


def columns(
    text: Text,
    composites: Sequence[str],
    metrics: Sequence[MetricCard],
    rank_help: str | None,
    trial: Mapping[str, Verdict],
) -> list[Column]:
    """Return the headings, in the order of `line`; without `rank_help`, of a table whose rows have no rank.

    `trial` says of each metric how often it prefers the better edit; the figure stands below its heading.
    """
    words = text.ranking
    names = {HEADLINE: text.frame.score, **text.frame.axes}
    helps = {HEADLINE: words.score_help, **words.axes_help}

    def tried(name: str, label: str, said: str, strong: bool = False) -> Column:
        verdict = trial.get(name)
        if verdict is None:
            return Column(label, said, strong=strong)
        help_ = f"{said} {trial_help(verdict, text)}".strip()
        return Column(label, help_, words.trial_note.format(rate=numbers.fixed(100 * verdict.rate, 1)), strong=strong)

    return [
        Column(text.frame.method, number=False),
        # Controls have the column too, so that the columns of all tables are in line.
        Column(words.rank, rank_help) if rank_help else Column(words.rank, words.controls_note, sortable=False),
        *(tried(name, names[name], helps[name], strong=name == HEADLINE) for name in composites),
        *(
            tried(card.name, title(card, text), f"{card.description} {text.frame.better[card.better]}".strip())
            for card in metrics
        ),
        Column(words.seconds, words.seconds_help),
        Column(words.nfe, words.nfe_help),
        Column(words.memory, words.memory_help),
        Column(words.failed, words.failed_help),
    ]


def trial_help(verdict: Verdict, text: Text) -> str:
    """Return in a sentence how often a metric prefers the better edit, and whether the score uses it."""
    words = text.ranking
    rate, low, high = (numbers.fixed(100 * v, 1) for v in (verdict.rate, verdict.low, verdict.high))
    said = words.trial_help.format(rate=rate, low=low, high=high, pairs=verdict.pairs)
    return said if verdict.weighs else f"{said} {words.no_weight}"


def line(
    standing: Standing,
    found: Intervals,
    text: Text,
    names: Sequence[str],
    scale: Mapping[str, Scale],
    cases: int,
    view: Mapping[str, str],
    ranked: bool,
    badge: str = "",
) -> Line:
    """Return a method's row; `view` is what a link to its page must restore, `badge` its provenance."""
    card, words = standing.card, text.ranking
    partly = words.incomplete.format(n=cases - standing.missing, of=cases) if standing.missing else ""
    cost = standing.cost
    return Line(
        id=card.name,
        cells=[
            Cell(
                card.name,
                note=" · ".join(part for part in (partly or ("" if card.control else card.family), badge) if part),
                hint=card.description,
                order=card.name,
                href=pick.link("method", **{**view, "method": card.name}),
            ),
            _rank(standing, text) if ranked else Cell(numbers.NONE, dim=True),
            *(interval_cell(found.get(name), text, scale[name], standing.edits) for name in names),
            Cell(numbers.seconds(cost["seconds"]), order=cost["seconds"]),
            Cell(numbers.fixed(cost["nfe"], 0), order=cost["nfe"]),
            Cell(numbers.memory(cost["peak_memory"]), order=cost["peak_memory"]),
            Cell(f"{standing.failed} / {standing.edits}", order=standing.failed, dim=standing.failed == 0),
        ],
    )


def _rank(standing: Standing, text: Text) -> Cell:
    if standing.ranks is None:
        return Cell(numbers.NONE, hint=text.ranking.incomplete_rank, dim=True)
    best, worst = standing.ranks
    return Cell(places(standing.ranks), order=-(best + worst / 1000))


def places(ranks: tuple[int, int]) -> str:
    """Return a set of ranks as text."""
    return str(ranks[0]) if ranks[0] == ranks[1] else f"{ranks[0]}\N{EN DASH}{ranks[1]}"


def interval_cell(found: Interval | None, text: Text, scale: Scale, edits: int) -> Cell:
    """Return a figure with its interval below and as a bar; a dash where there is none."""
    if found is None:
        return Cell(numbers.NONE, dim=True)
    words = text.ranking
    low, mean, high = (scale.write(v) for v in (found.low, found.mean, found.high))
    hint = words.cell_help.format(mean=mean, low=low, high=high, n=found.n, groups=found.groups)
    # One clip resampled is the same clip: an interval of width zero would claim what nobody knows.
    alone = words.one_clip if found.groups == 1 else words.no_interval
    note = f"{low} \N{EN DASH} {high}" if found.groups > 1 else alone
    if found.n < edits:
        note += " · " + words.partly_scored.format(n=found.n, of=edits)
    bar = Bar(scale.share(found.low), scale.share(found.mean), scale.share(found.high))
    return Cell(mean, note=note, hint=hint, bar=bar, order=found.mean)
