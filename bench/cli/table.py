"""The table at the end of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table

    from bench.store.read import Board, Reader
    from bench.summary import Row
    from bench.types import MetricCard

SHOWN = ("psnr", "ssim", "perc-effl0", "kvd-effl0t")
"""Shown where the protocol has them and the terminal is wide: what readers of other benchmarks look for
first.
"""
REFERENCE_FREE = ("psnr-outside", "structure-effl0", "motion-lk", "warp-excess-dis", "flicker-difference")
"""Shown in their place where no edit has a headline, as on a test set without ground truth."""
WIDE = 120


def board_of(reader: Reader, run: str) -> Board:
    """Return the board a run belongs to. Raises `UserError` for an unknown run."""
    from bench.store.read import Board

    for found in reader.runs():
        if found.id == run:
            return Board(found.testset, found.version, found.testset_digest, found.protocol, found.signature, found.id)
    raise UserError(f"unknown run '{run}': `bench list runs` shows those there are")


def metrics_shown(cards: Sequence[MetricCard], rows: Sequence[Row]) -> list[str]:
    """Return the metrics that get a column."""
    names = {card.name for card in cards}
    if any(row.score for row in rows):
        return [name for name in SHOWN if name in names]
    return [name for name in REFERENCE_FREE if any(name in row.means for row in rows)]


def leaderboard(
    rows: Sequence[Row],
    board: Board,
    cards: Sequence[MetricCard],
    partial: bool,
    width: int,
    asked: Sequence[str] = (),
) -> Table:
    """Return a section per track with its methods by falling score, and below them the controls.

    `width` is the terminal's, in columns: metrics beside the score are shown from 120 up. `asked` ones stand in their
    place on any terminal.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape
    from bench.export import cells, headings

    shown = list(asked) or (metrics_shown(cards, rows) if width >= WIDE else [])
    title = f"{board.testset} {board.version} · {board.signature}{' · partial' if partial else ''}"
    table = Table(
        title=escape(title),
        title_justify="left",
        caption="score 0-100 with its 95 % interval over source clips; controls and other tracks are not ranked",
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for heading in _without_track(headings(shown)):
        table.add_column(heading, justify="right" if table.columns else "left", no_wrap=True)
    sections: dict[str, list[Row]] = {}
    for row in rows:
        sections.setdefault("controls" if row.card.control else f"track {row.card.track}", []).append(row)
    for section, members in sections.items():
        table.add_row(f"[italic]{section}[/]")
        for row in members:
            name, *values = _without_track(cells(row, shown))
            table.add_row(f"  {escape(name)}", *map(escape, values), style="dim" if row.card.control else None)
    return table


def _without_track(columns: Sequence[str]) -> list[str]:
    """Leave out the column that the sections make superfluous: a narrow terminal has no room for it."""
    return [column for index, column in enumerate(columns) if index != 1]
