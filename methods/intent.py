"""Which kind of edit an instruction asks for, by its words: what a row with presets may know of a case.

The scenario of a case is the test set's, and no method is told it. Instructions name the edit plainly, so a few rules
find it; where none does, or the two prompts are all there is, the answer is None and the row's own settings stand.
"""

from __future__ import annotations

import re

from bench.types import Scenario

_RULES: tuple[tuple[Scenario, str], ...] = (
    ("background", r"\b(background|backdrop|setting|scene behind)\b"),
    ("style", r"\b(style|restyle|stylis?e|look of a)\b"),
    ("color", r"\b(colou?r|recolou?r|repaint|tint|dye)\b"),
    ("material", r"\b(material|texture|made of|make .+ (?:of|out of) .+)\b"),
    ("remove", r"\b(remove|delete|erase|take away|get rid of)\b"),
    ("add", r"\b(add|insert|place|put)\b"),
    ("product", r"\b(replace|swap|substitute|exchange|change .+ (?:to|into|for) an?|turn .+ into an?)\b"),
)
"""Tried in this order, the first that matches wins: a background may be replaced, a colour be changed to another."""


def scenario_of(instruction: str) -> Scenario | None:
    """Return the scenario that an English instruction asks for, or None where no rule finds one."""
    words = instruction.lower()
    return next((scenario for scenario, rule in _RULES if re.search(rule, words)), None)
