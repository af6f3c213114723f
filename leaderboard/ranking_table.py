"""The ranking as columns and lines of a table, and as a file to download."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.export import FORMULA
from bench.stats import Interval
from bench.summary import AXES, HEADLINE
from bench.types import MetricCard
from leaderboard import numbers, pick
from leaderboard.components.table import Bar, Cell, Column, Line
from leaderboard.query import Standing
from leaderboard.text import Text

COST = frozenset({"seconds", "nfe", "peak-memory"})
"""Metrics that have a column of their own already."""


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


def scales(standings: Sequence[Standing], metrics: Sequence[MetricCard]) -> dict[str, Scale]:
    """Return the scale of each column: the metric's own range where it is closed, else what the table spans."""
    found = {HEADLINE: Scale(1, 0, 100), **{axis: Scale(2, 0, 1) for axis in AXES}}
    for card in metrics:
        low, high = card.range
        shown = [s.intervals[card.name] for s in standings if card.name in s.intervals]
        if low is None or high is None:
            low = min([i.low for i in shown], default=0.0)
            high = max([i.high for i in shown], default=1.0)
        found[card.name] = Scale(None, low, high)
    return found


def columns(text: Text, metrics: Sequence[MetricCard], ranked: bool) -> list[Column]:
    """Return the headings, in the order of `line`."""
    return [
        Column(text.method, number=False),
        # Controls keep the place empty, so that the columns of all tables are in line.
        Column(text.rank, text.rank_help) if ranked else Column("", sortable=False),
        Column(text.score, text.score_help, strong=True),
        *(Column(text.axes[axis], text.axes_help[axis]) for axis in AXES),
        *(Column(card.title, f"{card.description} {text.better[card.better]}".strip()) for card in metrics),
        Column(text.seconds, text.seconds_help),
        Column(text.nfe, text.nfe_help),
        Column(text.memory, text.memory_help),
        Column(text.failed, text.failed_help),
    ]


def line(
    standing: Standing,
    text: Text,
    metrics: Sequence[MetricCard],
    scale: Mapping[str, Scale],
    cases: int,
    view: Mapping[str, str],
    ranked: bool,
) -> Line:
    """Return a method's row; `view` is what a link to its cases must restore."""
    row, card = standing.row, standing.row.card
    names = [HEADLINE, *AXES, *(m.name for m in metrics)]
    partly = text.incomplete.format(n=cases - standing.missing, of=cases) if standing.missing else ""
    return Line(
        id=card.name,
        cells=[
            Cell(
                card.name,
                note=partly or f"{card.family} · {card.track}",
                hint=card.description,
                order=card.name,
                href=pick.link("cases", **{**view, "method": card.name}),
            ),
            _rank(standing, text) if ranked else Cell(),
            *(_interval(standing, name, text, scale[name]) for name in names),
            Cell(numbers.seconds(row.seconds), order=row.seconds),
            Cell(numbers.fixed(row.nfe, 0), order=row.nfe),
            Cell(numbers.memory(row.peak_memory), order=row.peak_memory),
            Cell(f"{row.failed} / {row.edits}", order=row.failed, dim=row.failed == 0),
        ],
    )


def _rank(standing: Standing, text: Text) -> Cell:
    if standing.ranks is None:
        return Cell(numbers.NONE, hint=text.incomplete_rank, dim=True)
    best, worst = standing.ranks
    return Cell(str(best) if best == worst else f"{best}\N{EN DASH}{worst}", order=-(best + worst / 1000))


def _interval(standing: Standing, name: str, text: Text, scale: Scale) -> Cell:
    found: Interval | None = standing.intervals.get(name)
    if found is None:
        return Cell(numbers.NONE, dim=True)
    low, mean, high = (scale.write(v) for v in (found.low, found.mean, found.high))
    hint = text.cell_help.format(mean=mean, low=low, high=high, n=found.n, groups=found.groups)
    # One clip resampled is the same clip: an interval of width zero would claim what nobody knows.
    note = f"{low} \N{EN DASH} {high}" if found.groups > 1 else text.one_clip
    if found.n < standing.row.edits:
        note += " · " + text.partly_scored.format(n=found.n, of=standing.row.edits)
    bar = Bar(scale.share(found.low), scale.share(found.mean), scale.share(found.high))
    return Cell(mean, note=note, hint=hint, bar=bar, order=found.mean)


def to_csv(standings: Sequence[Standing], metrics: Sequence[str]) -> str:
    """Return one line per method with mean and interval of each figure; text that a spreadsheet would run is inert."""
    names = [HEADLINE, *AXES, *metrics]
    heads = [part for name in names for part in (name, f"{name}_low", f"{name}_high")]
    stream = io.StringIO()
    writer = csv.writer(stream)
    tail = ["seconds", "nfe", "peak_memory_bytes", "edits", "failed", "missing_cases"]
    writer.writerow(["method", "version", "track", "control", "rank", *heads, *tail])
    for standing in standings:
        row = standing.row
        figures: list[float | None] = []
        for name in names:
            found = standing.intervals.get(name)
            figures += [found.mean, found.low, found.high] if found else [None, None, None]
        ranks = "-".join(map(str, dict.fromkeys(standing.ranks))) if standing.ranks else ""
        writer.writerow(
            [
                "'" + row.card.name if row.card.name.startswith(FORMULA) else row.card.name,
                row.card.version,
                row.card.track,
                row.card.control,
                f"rank {ranks}" if ranks else "",  # "1-3" alone becomes a date in a spreadsheet
                *figures,
                row.seconds,
                row.nfe,
                row.peak_memory,
                row.edits,
                row.failed,
                standing.missing,
            ]
        )
    return stream.getvalue()
