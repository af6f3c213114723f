"""Ratings from pairwise votes with ties (Davidson 1970), which without ties are those of Bradley and Terry (1952).

    P(a is preferred) = p_a / D      P(tie) = v sqrt(p_a p_b) / D      D = p_a + p_b + v sqrt(p_a p_b)

Ratings are 1000 + 400 log10(p), with the mean over methods at 1000: 400 points more are odds of 10 to 1. Intervals
resample voters, not votes, because one person's votes hang together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError

POINTS = 400 / math.log(10)
CENTRE = 1000.0
PRIOR = 5.0
"""Standard deviation of a weak normal prior on log p: 870 points. It moves a rating of 100 votes by less than one
point, and keeps it finite where a method won or lost every vote."""
RESAMPLES = 1000
SEED = 20240607
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vote:
    """One answer to one pair."""

    voter: str
    a: str
    b: str
    outcome: Literal[-1, 0, 1]
    """1 where `a` is preferred, -1 where `b` is, 0 for a tie."""


@dataclass(frozen=True, slots=True)
class Rating:
    """A method's place."""

    name: str
    rating: float
    low: float
    high: float
    """The interval; it is the rating itself where one person voted."""
    votes: int
    wins: float
    """Votes won, a tie as half a vote."""
    ranks: tuple[int, int]
    """1 + methods whose interval lies above, and all less those whose interval lies below."""
    standing: Literal["preliminary", "usable", "established"]
    """By the interval's width: more than 200 points, up to 200, up to 80; preliminary with fewer than 5 voters."""


@dataclass(frozen=True, slots=True)
class Ratings:
    """All methods, best first."""

    methods: tuple[Rating, ...]
    tie: float
    """v of the formula; 0 where nobody answered with a tie."""
    votes: int
    voters: int
    level: float


def rate(
    votes: Sequence[Vote],
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    prior: float = PRIOR,
) -> Ratings:
    """Return the rating of every method that was voted on, with percentile intervals over voters.

    Raises `UserError` without votes, and where the methods fall into groups that were never compared with each other:
    their ratings would have no common scale.
    """
    if not votes:
        raise UserError("no vote counts yet; ratings need votes")
    names = sorted({v.a for v in votes} | {v.b for v in votes})
    _connected(votes, names)
    cells, counts, voters = _table(votes, names)
    ties = bool(counts[:, :, 1].any())
    total = counts.sum(0)
    best = _fit(cells, total, len(names), ties, prior, np.zeros(len(names) + 1))
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(voters), np.full(len(voters), 1 / len(voters)), size=resamples)
    flat = counts.reshape(len(voters), -1).astype(np.float64)
    fitted = np.array(
        [_fit(cells, (d @ flat).reshape(total.shape), len(names), ties, prior, best)[: len(names)] for d in drawn]
    )
    tail = (1 - level) / 2
    low, high = (CENTRE + POINTS * q for q in np.quantile(fitted, [tail, 1 - tail], axis=0))
    rating = CENTRE + POINTS * best[: len(names)]
    methods = [
        _rating(i, names, rating, low, high, cells, total, len(voters))
        for i in sorted(range(len(names)), key=lambda i: -rating[i])
    ]
    return Ratings(tuple(methods), math.exp(best[-1]) if ties else 0.0, len(votes), len(voters), level)


def _rating(
    i: int,
    names: list[str],
    rating: Values,
    low: Values,
    high: Values,
    cells: NDArray[np.intp],
    total: Values,
    voters: int,
) -> Rating:
    first, second = total[cells[:, 0] == i].sum(0), total[cells[:, 1] == i].sum(0)
    width = high[i] - low[i]
    if voters < 5 or width > 200:
        standing: Literal["preliminary", "usable", "established"] = "preliminary"
    else:
        standing = "usable" if width > 80 else "established"
    return Rating(
        names[i],
        float(rating[i]),
        float(low[i]),
        float(high[i]),
        int(first.sum() + second.sum()),
        float(first[0] + second[2] + (first[1] + second[1]) / 2),
        (1 + int((low > high[i]).sum()), len(names) - int((high < low[i]).sum())),
        standing,
    )


def _connected(votes: Sequence[Vote], names: list[str]) -> None:
    group = {name: {name} for name in names}
    for vote in votes:
        if group[vote.a] is not group[vote.b]:
            merged = group[vote.a] | group[vote.b]
            group.update(dict.fromkeys(merged, merged))
    parts = sorted({", ".join(sorted(part)) for part in group.values()})
    if len(parts) > 1:
        raise UserError(f"never compared with each other: {' | '.join(parts)}; collect votes across these groups")


def _table(votes: Sequence[Vote], names: list[str]) -> tuple[NDArray[np.intp], Values, list[str]]:
    """Return the pairs (M x 2), and per voter, pair and outcome (a, tie, b) the number of votes."""
    place = {name: i for i, name in enumerate(names)}
    voters = sorted({v.voter for v in votes})
    voter_of = {voter: i for i, voter in enumerate(voters)}
    pairs = sorted({tuple(sorted((place[v.a], place[v.b]))) for v in votes})
    pair_of = {pair: i for i, pair in enumerate(pairs)}
    counts = np.zeros((len(voters), len(pairs), 3))
    for vote in votes:
        a, b = place[vote.a], place[vote.b]
        outcome = vote.outcome if a < b else -vote.outcome
        counts[voter_of[vote.voter], pair_of[tuple(sorted((a, b)))], 1 - outcome] += 1
    return np.array(pairs, np.intp), counts, voters


def _fit(cells: NDArray[np.intp], counts: Values, methods: int, ties: bool, prior: float, start: Values) -> Values:
    """Return log p of every method (mean 0) and log v, by Newton's method on the penalised likelihood.

    The model is a multinomial logit with utilities t_a, e + (t_a + t_b) / 2, t_b, so the likelihood is concave.
    """
    design = np.zeros((len(cells), 3, methods + 1))
    rows = np.arange(len(cells))
    design[rows, 0, cells[:, 0]] = design[rows, 2, cells[:, 1]] = 1
    design[rows, 1, cells[:, 0]] = design[rows, 1, cells[:, 1]] = 0.5
    design[:, 1, methods] = 1
    flat = design.reshape(-1, methods + 1)
    offset = np.array([0.0, 0.0 if ties else -np.inf, 0.0])
    penalty = np.full(methods + 1, 1 / prior**2)
    # Only differences are known of log p: this holds their sum at 0. Without ties log v is not in the model.
    gauge = np.zeros((methods + 1, methods + 1))
    gauge[:methods, :methods] = 1
    gauge[methods, methods] = 0 if ties else 1
    found = start.copy()
    sizes = counts.sum(1)
    for _ in range(100):
        utility = design @ found + offset
        share = np.exp(utility - utility.max(1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        expected = sizes[:, None] * share
        gradient = (counts - expected).ravel() @ flat - penalty * found
        mean = (share[:, None] @ design)[:, 0]
        second = (expected.reshape(-1, 1) * flat).T @ flat
        hessian = second - (sizes[:, None] * mean).T @ mean + np.diag(penalty) + gauge
        step = np.linalg.solve(hessian, gradient)
        found += step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-10:
            break
    found[:methods] -= found[:methods].mean()
    return found
