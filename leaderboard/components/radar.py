"""A radar plot: one spoke per scenario, one outline per method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.components.asset import element, plain

MOST = 4
"""Outlines that can be told apart."""


@dataclass(frozen=True, slots=True)
class Outline:
    """One method; a spoke without a value is left out of its outline."""

    label: str
    values: Sequence[float | None]
    texts: Sequence[str]
    """The values as text."""


def radar(spokes: Sequence[str], outlines: Sequence[Outline], high: float, key: str, caption: str) -> None:
    """Draw up to `MOST` outlines; the rim stands for `high`, the middle for 0."""
    element("radar")(
        data={
            "spokes": list(spokes),
            "outlines": [plain(o) for o in outlines[:MOST]],
            "high": high,
            "caption": caption,
        },
        key=key,
    )
