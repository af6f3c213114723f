"""A scatter plot whose points lead somewhere: methods by cost and quality, or cases of A against B."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from leaderboard.components.asset import element, plain


@dataclass(frozen=True, slots=True)
class Scale:
    """One axis of the plot."""

    label: str
    low: float
    high: float
    log: bool = False
    """Logarithmic; `low` is then above 0."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point. All text is shown as text."""

    id: str
    """Reported when the point is followed."""
    label: str
    x: float
    y: float
    hint: str
    """Shown below the plot while the point is hovered or focused."""
    href: str
    """A relative address of this board."""
    low: float | None = None
    high: float | None = None
    """Of a vertical whisker."""
    kind: Literal["loud", "quiet"] = "loud"
    mark: int = 0
    """Its shape: a disc, a square or a diamond, as `marks` names them."""


def chart(
    points: Sequence[Point],
    x: Scale,
    y: Scale,
    key: str,
    caption: str,
    hint: str = "",
    frontiers: Sequence[Sequence[int]] = (),
    marks: Sequence[str] = (),
    diagonal: bool = False,
) -> str | None:
    """Draw the plot; return the id of the point that was followed just now, else None.

    Each of `frontiers` names points, left to right, that a stepped line joins; `marks` name up to three shapes in a
    legend; `diagonal` draws x = y.
    """
    followed = element("chart")(
        data={
            "points": [plain(p) for p in points],
            "x": plain(x),
            "y": plain(y),
            "caption": caption,
            "hint": hint,
            "frontiers": [list(line) for line in frontiers],
            "marks": list(marks),
            "diagonal": diagonal,
        },
        key=key,
        on_followed_change=lambda: None,
    ).followed
    return str(followed) if followed else None


def around(values: Sequence[float], log: bool = False, margin: float = 0.06) -> tuple[float, float]:
    """Return ends that leave some room around the values."""
    low, high = min(values), max(values)
    if log:
        return low / 1.5, high * 1.5
    room = margin * (high - low) or 1.0
    return low - room, high + room
