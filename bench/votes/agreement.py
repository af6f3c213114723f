"""Whether voters agree with each other, and whether metrics agree with voters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.preference import Ratings
from bench.stats import Interval, interval
from bench.types import MetricCard
from bench.votes.counted import Answer, Marks
from bench.votes.rules import Axis

AXIS_OF: dict[str | None, Axis] = {"accuracy": "edit_done", "preservation": "rest_kept", "temporal": "looks_real"}
"""The question that each axis of the headline stands for."""
Values = Mapping[tuple[str, str], Mapping[str, float]]
"""Metric values by (method name, case id) and metric name."""


def alpha(units: Mapping[tuple[str, ...], Mapping[str, int]]) -> float | None:
    """Return Krippendorff's alpha (2004, ch. 11) for ordinal data: 1 for full agreement, 0 for chance.

    `units` are what was judged, with each voter's answer. None where nothing was judged twice, or all answered alike.
    """
    import krippendorff

    voters = sorted({voter for answers in units.values() for voter in answers})
    shared = [answers for answers in units.values() if len(answers) > 1]
    if not shared or len({answer for answers in shared for answer in answers.values()}) < 2:
        return None
    table = np.array([[answers.get(voter, np.nan) for answers in shared] for voter in voters], float)
    return float(krippendorff.alpha(reliability_data=table, level_of_measurement="ordinal"))


def pair_alpha(answers: Sequence[Answer], axis: Axis) -> float | None:
    """Return alpha over pairs of clips."""
    units: dict[tuple[str, ...], dict[str, int]] = {}
    for a in answers:
        units.setdefault((a.case, a.a, a.b), {})[a.voter] = a.outcomes[axis]
    return alpha(units)


def sheet_alpha(marks: Sequence[Marks], axis: Axis) -> float | None:
    """Return alpha over clips of the rating sheet."""
    units: dict[tuple[str, ...], dict[str, int]] = {}
    for m in marks:
        units.setdefault((m.case, m.method), {})[m.voter] = m.marks[axis]
    return alpha(units)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often a metric prefers the clip that voters prefer."""

    metric: str
    axis: Axis
    share: Interval
    """Of decided votes, those the metric decides likewise; a tie of the metric is half. Clustered on source clips."""
    tau: float | None
    """Kendall's tau-b between the metric's mean per method and the methods' ratings; None for fewer than 3 methods."""


def agreement(
    answers: Sequence[Answer],
    ratings: Mapping[Axis, Ratings],
    values: Values,
    cards: Sequence[MetricCard],
) -> tuple[Agreement, ...]:
    """Return each metric's agreement with the votes, on its own question and on `overall`; those without are left out.

    A metric that decides at random has a share of 0.5.
    """
    found = []
    for card in cards:
        for axis in dict.fromkeys((AXIS_OF.get(card.axis or card.name, "overall"), "overall")):
            sign = 1 if card.better == "higher" else -1
            hits: list[float] = []
            groups: list[str] = []
            for a in answers:
                first, second = (values.get((method, a.case), {}).get(card.name) for method in (a.a, a.b))
                if first is None or second is None or a.outcomes[axis] == 0:
                    continue
                choice = sign * float(np.sign(first - second))
                hits.append((choice * a.outcomes[axis] + 1) / 2)
                groups.append(a.group)
            if hits:
                found.append(
                    Agreement(card.name, axis, interval(hits, groups), _tau(card.name, sign, ratings[axis], values))
                )
    return tuple(found)


def _tau(metric: str, sign: int, ratings: Ratings, values: Values) -> float | None:
    from scipy.stats import kendalltau

    means = []
    for rating in ratings.methods:
        own = [v[metric] for (method, _), v in values.items() if method == rating.name and metric in v]
        if own:
            means.append((rating.rating, sign * float(np.mean(own))))
    if len(means) < 3 or len({m for _, m in means}) < 2:
        return None
    return float(kendalltau(*zip(*means, strict=True)).statistic)
