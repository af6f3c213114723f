"""Intervals and rank sets of many methods at once, over the same cases.

The same figures as `bench.stats.interval` and `bench.stats.rank_sets`, from one set of draws for all methods. Above
`FEW` methods Holm asks of a pair a p-value below what 10,000 random flips can give, so that nothing could ever be told
apart; a t test on the source clips takes their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.stats import RESAMPLES, SEED, Interval

FEW = 24
"""276 pairs: 1 / 10,001, corrected, is 0.03; a few more methods and it cannot be below 0.05."""
EXACT_CLIPS = 14
"""Up to so many source clips every flip of signs is counted, as in `bench.stats.compare`."""
_CHUNK = 128
Values = NDArray[np.floating[Any]]
Places = NDArray[np.intp]


def intervals(
    values: Values, groups: Sequence[str], strata: Sequence[str], level: float = 0.95
) -> list[Interval | None]:
    """Return each row's macro-average with its cluster-bootstrap interval; None for a row without values.

    `values` is rows x edits with NaN where a row lacks an edit; `groups` and `strata` name each edit's source clip and
    scenario.
    """
    found: list[Interval | None] = [None] * len(values)
    present = np.isfinite(values)
    patterns: dict[bytes, list[int]] = {}
    for row, mask in enumerate(present):
        if mask.any():
            patterns.setdefault(mask.tobytes(), []).append(row)
    clips, scenarios = np.asarray(groups), np.asarray(strata)
    for rows in patterns.values():
        keep = present[rows[0]]
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            for row, interval in zip(
                part, _same(values[part][:, keep], clips[keep], scenarios[keep], level), strict=True
            ):
                found[row] = interval
    return found


@lru_cache(maxsize=4)
def _draws(groups: tuple[str, ...], strata: tuple[str, ...]) -> tuple[NDArray[np.float32], int]:
    """Return each edit's weight in the macro-average of every draw (draws x edits), and the number of clips."""
    _, group_of = np.unique(groups, return_inverse=True)
    names, stratum_of = np.unique(strata, return_inverse=True)
    count = int(group_of.max()) + 1
    times = _times(count)[:, group_of]
    place = np.zeros((len(groups), len(names)))
    place[np.arange(len(groups)), stratum_of] = 1
    sizes = times @ place
    # A stratum that a draw leaves empty drops out of that draw's mean.
    there = sizes > 0
    shares = np.divide(1.0, sizes * there.sum(1, keepdims=True), out=np.zeros_like(sizes), where=there)
    return (times * shares[:, stratum_of]).astype(np.float32), count


@lru_cache(maxsize=4)
def _times(clips: int) -> NDArray[np.float64]:
    """Return how often each draw holds each clip (draws x clips): the same for all parts of a set with as many."""
    rng = np.random.default_rng(SEED)
    return rng.multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES).astype(np.float64)


def _same(values: Values, groups: NDArray[np.str_], strata: NDArray[np.str_], level: float) -> list[Interval]:
    """Return the intervals of rows that have the same edits."""
    weights, count = _draws(tuple(groups.tolist()), tuple(strata.tolist()))
    # About their mean, so that single precision costs nothing that is shown.
    means = averages(values, strata.tolist())
    spread = (values - means[:, None]).astype(np.float32) @ weights.T
    tail = (1 - level) / 2
    lows, highs = np.quantile(spread, [tail, 1 - tail], axis=1)
    n = values.shape[1]
    return [
        Interval(float(m), float(m + low), float(m + high), level, n, count)
        for m, low, high in zip(means, lows, highs, strict=True)
    ]


def averages(values: Values, strata: Sequence[str]) -> NDArray[np.float64]:
    """Return each row's macro-average over the edits it has; NaN for a row without any."""
    _, stratum_of = np.unique(np.asarray(strata), return_inverse=True)
    place = np.zeros((values.shape[1], int(stratum_of.max(initial=-1)) + 1))
    place[np.arange(values.shape[1]), stratum_of] = 1
    present = np.isfinite(values)
    sums, sizes = np.where(present, values, 0).astype(np.float64) @ place, present.astype(np.float64) @ place
    there = sizes > 0
    means = np.divide(sums, sizes, out=np.zeros_like(sums), where=there).sum(1)
    strata_there = there.sum(1)
    found: NDArray[np.float64] = np.divide(
        means, strata_there, out=np.full(len(values), np.nan), where=strata_there > 0
    )
    return found


def rank_sets(
    values: Values, groups: Sequence[str], strata: Sequence[str], alpha: float = 0.05
) -> list[tuple[int, int]]:
    """Return per row the ranks it may hold: (1 + rows that beat it, rows - rows it beats); every row is complete.

    One row beats another where the paired test over source clips, Holm-corrected over all pairs, is below alpha. Up to
    `FEW` rows that test is the sign flip of `bench.stats.compare`, above it is a t test on the clips' differences.
    """
    rows = len(values)
    paired = _Paired.of(values.astype(np.float64), groups, strata)
    first, second = np.triu_indices(rows, 1)
    gaps = paired.means[first] - paired.means[second]
    # Sums of the same numbers may differ in their last bit, which is no difference.
    gaps[np.abs(gaps) < 1e-12 * max(1.0, float(np.abs(paired.means).max(initial=0)))] = 0
    p = _by_flips(paired, first, second) if rows <= FEW else _by_t(paired, first, second, gaps, alpha)
    order = np.argsort(p, kind="stable")
    kept = np.flatnonzero(p[order] * (len(p) - np.arange(len(p))) >= alpha)
    told = order[: kept[0] if len(kept) else len(order)]
    told = told[gaps[told] != 0]
    winners = np.where(gaps[told] > 0, first[told], second[told])
    losers = np.where(gaps[told] > 0, second[told], first[told])
    beats, beaten = np.bincount(winners, minlength=rows), np.bincount(losers, minlength=rows)
    return [(1 + int(b), rows - int(w)) for b, w in zip(beaten, beats, strict=True)]


@dataclass(frozen=True, slots=True)
class _Paired:
    """What paired tests over source clips need of each row."""

    means: NDArray[np.float64]
    """Macro-averages."""
    sums: NDArray[np.float64]
    """Rows x clips: each clip's part of the macro-average."""
    weights: NDArray[np.float64]
    """Each clip's share of the macro-average."""

    @classmethod
    def of(cls, values: NDArray[np.float64], groups: Sequence[str], strata: Sequence[str]) -> _Paired:
        _, group_of = np.unique(np.asarray(groups), return_inverse=True)
        names, stratum_of, sizes = np.unique(np.asarray(strata), return_inverse=True, return_counts=True)
        weights = 1 / (len(names) * sizes[stratum_of])
        place = np.zeros((values.shape[1], int(group_of.max()) + 1))
        place[np.arange(values.shape[1]), group_of] = 1
        return cls(values @ weights, (values * weights) @ place, weights @ place)


def _by_flips(paired: _Paired, first: Places, second: Places) -> NDArray[np.float64]:
    """Return the p-value of each pair; one set of flips serves all of them."""
    count = len(paired.weights)
    if exact := count <= EXACT_CLIPS:
        signs = 1.0 - 2.0 * ((np.arange(2**count)[:, None] >> np.arange(count)) & 1)
    else:
        signs = np.random.default_rng(SEED).choice([-1.0, 1.0], size=(RESAMPLES, count))
    flipped = signs @ paired.sums.T
    p = np.empty(len(first))
    for at, (a, b) in enumerate(zip(first, second, strict=True)):
        observed = abs(float((paired.sums[a] - paired.sums[b]).sum()))
        hits = int((np.abs(flipped[:, a] - flipped[:, b]) >= observed - 1e-9 * max(1.0, observed)).sum())
        p[at] = hits / len(signs) if exact else (hits + 1) / (len(signs) + 1)
    return p


def _by_t(
    paired: _Paired, first: Places, second: Places, gaps: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Return each pair's two-sided p-value: difference / se, G - 1 degrees of freedom, G source clips.

    se^2 = G / (G - 1) * sum over clips of (the clip's part of the difference less its share of the mean)^2, as in
    `bench.compare.detectable`. Where Holm's answer hangs on neither p nor its place it is 0 or 1: the distribution
    function is what tens of thousands of pairs wait for.
    """
    from scipy.special import stdtr, stdtrit

    count = len(paired.weights)
    if count < 2:
        return np.ones(len(gaps))
    deviations = paired.sums - paired.means[:, None] * paired.weights
    gram = deviations @ deviations.T
    own = np.diag(gram)
    square = np.maximum((own[:, None] + own - 2 * gram)[first, second], 0) * count / (count - 1)
    t = np.divide(np.abs(gaps), np.sqrt(square), out=np.where(gaps == 0, 0, np.inf), where=square > 1e-18)
    never, always = stdtrit(count - 1, 1 - np.array([alpha, alpha / len(gaps)]) / 2)
    found = np.where(t > always, 0.0, 1.0)
    near = (t > 0.999 * never) & (t < 1.001 * always)
    found[near] = 2 * stdtr(count - 1, -t[near])
    return found
