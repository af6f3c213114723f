"""The score of one edit taken apart, from what is stored: no clip is read again.

A metric of the formula is stored with its anchors where, and only where, it counts for the case, so the terms that
applied are known without the mask.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from bench.errors import UserError
from bench.score import AXES, Formula, Placed, Term, axis_value, combine, place
from bench.store.read import Result
from bench.types import Axis, Score

EXACT = 1e-9
"""Stored and recomputed scores agree to this share."""


@dataclass(frozen=True, slots=True)
class Part:
    """One term's part in its axis."""

    placed: Placed
    span: float
    """How much worse the control is than the truth, held between the term's least and most:
    x = clip(1 - (how much worse the value is than the truth) / span, 0, 1)."""
    share: float
    """Of the axis: the term's weight over those of all terms that count here."""
    factor: float
    """x ** share: the axis is the product of its factors."""


@dataclass(frozen=True, slots=True)
class AxisPart:
    """One axis' part in the score."""

    axis: Axis
    value: float | None
    """In [0, 1]; None where no term counts."""
    exponent: float
    factor: float | None
    """value ** exponent: the score is 100 times the product of the three."""
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a score is made of."""

    score: Score
    """As stored."""
    axes: tuple[AxisPart, ...]
    """Empty for an edit that failed: it counts 0 on every axis."""
    left_out: dict[str, str]
    """Metrics of the formula that do not count here, and why."""


def explain(result: Result, formula: Formula) -> Explanation:
    """Return the terms, axes and factors of a stored score.

    Raises UserError where the result was never scored, and where its terms do not give the score that is stored.
    """
    if "score" not in result.scores:
        reason = f"scoring failed: {result.reason}" if result.reason else "no headline was stored"
        raise UserError(f"{result.method.name} on {result.case.id} has no score ({reason}): run it again")
    stored = result.scores["score"]
    if not result.ok:
        return Explanation(stored, (), {})
    placed = tuple(p for term in formula.terms if (p := _placed(term, result)) is not None)
    remade = combine(formula, placed)["score"]
    if not _agree(stored, remade):
        raise UserError(
            f"{result.method.name} on {result.case.id}: the stored score is {stored.value}, its terms give "
            f"{remade.value}; the store was altered: run bench store verify"
        )
    counted = {p.term.metric for p in placed}
    wheres = {p.term.where for p in placed}
    left_out = {
        t.metric: _why_not(t, result.scores.get(t.metric), formula, wheres)
        for t in formula.terms
        if t.metric not in counted
    }
    return Explanation(stored, tuple(_axis(formula, placed, axis) for axis in AXES), left_out)


def _placed(term: Term, result: Result) -> Placed | None:
    score = result.scores.get(term.metric)
    if score is None or score.value is None or score.anchors is None:
        return None
    return place(term, score.value, *score.anchors)


def _axis(formula: Formula, placed: tuple[Placed, ...], axis: Axis) -> AxisPart:
    mine = [p for p in placed if p.term.axis == axis]
    total = sum(p.term.weight for p in mine)
    parts = []
    for p in mine:
        share = p.term.weight / total
        worse = p.truth - p.control if p.term.better == "higher" else p.control - p.truth
        span = min(max(worse, p.term.least_span), p.term.most_span)
        parts.append(Part(p, span, share, p.x**share))
    value, exponent = axis_value(placed, axis), formula.exponent(axis)
    return AxisPart(axis, value, exponent, None if value is None else value**exponent, tuple(parts))


def _why_not(term: Term, score: Score | None, formula: Formula, counted: AbstractSet[str]) -> str:
    """Return why a term does not count, given the `where` of those that do."""
    opposite = {"outside": "whole", "whole": "outside"}.get(term.where)
    if opposite in counted:
        side = "above" if term.where == "whole" else "up to"
        return f"counts only where the mask covers {side} {100 * formula.whole_share:.0f} %"
    if score is None:
        return "not scored"
    return score.unscored or "no anchors: the case lacks the target or another clip"


def _agree(stored: Score, remade: Score) -> bool:
    if stored.value is None or remade.value is None:
        return stored.value is remade.value
    return abs(stored.value - remade.value) <= EXACT * max(1.0, abs(stored.value))
