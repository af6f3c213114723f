"""A table that scrolls inside itself, sorts on its headings and draws intervals in its cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.components.asset import element, plain


@dataclass(frozen=True, slots=True)
class Bar:
    """A mean with its interval, as shares of the cell's scale (0 to 1)."""

    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell. All text is shown as text."""

    text: str = ""
    note: str = ""
    """A smaller second line."""
    hint: str = ""
    """Shown on hover and on a tap, and read out."""
    bar: Bar | None = None
    order: float | str | None = None
    """What sorting compares; None goes last in either direction."""
    href: str | None = None
    """A relative address of this board."""
    dim: bool = False
    wrap: bool = False
    """Long text: broken into lines."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    label: str
    help: str = ""
    """Shown on hover, on focus and on a tap, and read out."""
    note: str = ""
    """A smaller second line."""
    number: bool = True
    """Numbers are set to the right and sort high to low first."""
    sortable: bool = True
    strong: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row, or with `heading` a divider that names the rows below it."""

    cells: Sequence[Cell] = ()
    id: str = ""
    """Reported when a link of the row is followed."""
    heading: str = ""
    now: bool = False
    """The row that the page is about."""


def table(columns: Sequence[Column], lines: Sequence[Line], key: str, caption: str, fit: bool = False) -> str | None:
    """Draw a table; return the id of the row whose link was followed just now, else None.

    The first column stays in sight while the others scroll. `caption` names the table to screen readers;
    `fit` keeps a table of few columns narrow, so that the eye finds the row again.
    """
    followed = element("table")(
        data={
            "columns": [plain(c) for c in columns],
            "lines": [plain(x) for x in lines],
            "caption": caption,
            "fit": fit,
        },
        key=key,
        on_followed_change=lambda: None,
    ).followed
    return str(followed) if followed else None
