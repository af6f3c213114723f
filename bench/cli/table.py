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

SHOWN = ("psnr", "ssim", "perc-effl0")
"""Shown where the protocol has them and the terminal is wide: what readers of other benchmarks look for
first.
"""
WIDE = 130


def board_of(reader: Reader, run: str) -> Board:
    """Return the board a run belongs to. Raises `UserError` for an unknown run."""
    from bench.store.read import Board

    for found in reader.runs():
        if found.id == run:
            return Board(found.testset, found.version, found.testset_digest, found.protocol, found.signature, found.id)
    raise UserError(f"unknown run '{run}': `bench list runs` shows those there are")


def metrics_shown(cards: Sequence[MetricCard]) -> list[str]:
    """Return the metrics that get a column."""
    names = {card.name for card in cards}
    return [name for name in SHOWN if name in names]


def leaderboard(rows: Sequence[Row], board: Board, cards: Sequence[MetricCard], partial: bool, width: int) -> Table:
    """Return methods by falling score within their track, and below them the controls, which have no rank."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape
    from bench.export import cells, headings

    shown = metrics_shown(cards) if width >= WIDE else []
    title = f"{board.testset} {board.version} · {board.signature}{' · partial' if partial else ''}"
    table = Table(
        title=escape(title),
        title_justify="left",
        caption=_caption(rows),
        caption_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    for index, heading in enumerate(headings(shown)):
        table.add_column(heading, justify="left" if index < 2 else "right", no_wrap=True)
    methods = sorted((r for r in rows if not r.card.control), key=lambda r: r.card.track)
    controls = [r for r in rows if r.card.control]
    for position, row in enumerate(methods):
        changes = position + 1 < len(methods) and methods[position + 1].card.track != row.card.track
        last = position + 1 == len(methods)
        table.add_row(*map(escape, cells(row, shown)), end_section=last or changes)
    for row in controls:
        table.add_row(*map(escape, cells(row, shown)), style="dim")
    return table


def _caption(rows: Sequence[Row]) -> str:
    parts = ["score 0-100 with its 95 % interval over source clips"]
    if len({row.card.track for row in rows if not row.card.control}) > 1:
        parts.append("rows of different tracks are not ranked together")
    if any(row.card.control for row in rows):
        parts.append("dim rows are controls and have no rank")
    return "; ".join(parts)
