"""Labelled lines of text: what a case asks for, in the test set's own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leaderboard.components.asset import element, plain


@dataclass(frozen=True, slots=True)
class Fact:
    """A label with one or more lines. All text is shown as text."""

    label: str
    lines: Sequence[str]
    languages: Sequence[str] = ()
    """Language of each line where it is not the page's, for fonts and screen readers."""
    lead: bool = False
    """Set large: what the reader came for."""
    chips: bool = False
    """Set as a row of short words."""


def facts(entries: Sequence[Fact], key: str) -> None:
    """Draw the facts that have a line."""
    element("facts")(data={"facts": [plain(e) for e in entries if e.lines]}, key=key)
