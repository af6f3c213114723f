"""Intervals and tests for scores that come in clusters: several edits share a source clip.

Every function takes one value per edit with its group (source clip) and its stratum (scenario). The figure of merit is
the macro-average: the mean over scenarios of the mean over a scenario's edits. Clusters, not edits, are resampled,
because edits of one clip succeed and fail together. Results depend on the seed alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
SEED = 20240607
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its percentile interval."""

    mean: float
    low: float
    high: float
    level: float
    n: int
    """Edits."""
    groups: int
    """Source clips: what the width depends on."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A against B on the edits both have."""

    difference: Interval
    """Macro-average of A - B."""
    p: float
    """Two-sided, by flipping the sign of whole clusters; not corrected for multiple comparisons."""


def macro_average(values: Sequence[float], strata: Sequence[str]) -> float:
    """Return the mean over strata of the stratum's mean. Raises ValueError without values."""
    table = _Table.of(values, strata, strata)
    return float(table.weights @ table.values)


def interval(
    values: Sequence[float],
    groups: Sequence[str],
    strata: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """Return the macro-average and its cluster-bootstrap percentile interval (Efron and Tibshirani 1993, ch. 13).

    Clusters are drawn with replacement; a stratum that a draw leaves empty drops out of that draw's mean.
    """
    table = _Table.of(values, groups, strata)
    rng = np.random.default_rng(seed)
    count = table.sums.shape[0]
    drawn = rng.multinomial(count, np.full(count, 1 / count), size=resamples).astype(np.float64)
    sums, sizes = drawn @ table.sums, drawn @ table.sizes
    present = sizes > 0
    means = np.divide(sums, sizes, out=np.zeros_like(sums), where=present).sum(1) / present.sum(1)
    tail = (1 - level) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    mean = float(table.weights @ table.values)
    return Interval(mean, float(low), float(high), level, len(table.values), count)


def compare(
    a: Sequence[float],
    b: Sequence[float],
    groups: Sequence[str],
    strata: Sequence[str] | None = None,
    level: float = 0.95,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Comparison:
    """Return the paired difference A - B with its interval, and the p-value of a cluster sign-flip test.

    The test asks how often flipping the sign of each cluster's differences at random gives a macro-average as far
    from 0 as the one observed. Up to 14 clusters all flips are counted (exact); above, `resamples` random ones, with
    (hits + 1) / (resamples + 1).
    """
    if len(a) != len(b):
        raise ValueError(f"paired values differ in number: {len(a)} and {len(b)}")
    differences = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    table = _Table.of(differences.tolist(), groups, strata)
    contributions = np.zeros(table.sums.shape[0])
    np.add.at(contributions, table.group_of, table.weights * table.values)
    count = len(contributions)
    if exact := count <= 14:
        bits = np.arange(2**count)[:, None] >> np.arange(count)
        signs = 1.0 - 2.0 * (bits & 1)
    else:
        signs = np.random.default_rng(seed).choice([-1.0, 1.0], size=(resamples, count))
    observed = abs(contributions.sum())
    # Equal up to rounding counts as equal, else the observed flip itself could be missed.
    hits = int((np.abs(signs @ contributions) >= observed - 1e-12 * max(1.0, observed)).sum())
    p = hits / len(signs) if exact else (hits + 1) / (len(signs) + 1)
    return Comparison(interval(differences.tolist(), groups, strata, level, resamples, seed), p)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number (Holm 1979), in the order given, each at most 1."""
    order = np.argsort(p_values, kind="stable")
    adjusted, worst = [0.0] * len(p_values), 0.0
    for place, index in enumerate(order):
        worst = max(worst, (len(p_values) - place) * p_values[index])
        adjusted[int(index)] = min(1.0, worst)
    return adjusted


def rank_sets(
    scores: Mapping[str, Sequence[float]],
    groups: Sequence[str],
    strata: Sequence[str] | None = None,
    alpha: float = 0.05,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, tuple[int, int]]:
    """Return per method the ranks it may hold: (1 + number that beat it, number of methods - number it beats).

    One method beats another where the paired test, Holm-corrected over all pairs, is below alpha. Methods are tied
    where their sets overlap.
    """
    names = list(scores)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    tests = [compare(scores[a], scores[b], groups, strata, 1 - alpha, resamples, seed) for a, b in pairs]
    adjusted = holm([t.p for t in tests])
    beaten_by, beats = dict.fromkeys(names, 0), dict.fromkeys(names, 0)
    for (a, b), test, p in zip(pairs, tests, adjusted, strict=True):
        if p < alpha and test.difference.mean != 0:
            winner, loser = (a, b) if test.difference.mean > 0 else (b, a)
            beats[winner] += 1
            beaten_by[loser] += 1
    return {name: (1 + beaten_by[name], len(names) - beats[name]) for name in names}


@dataclass(frozen=True, slots=True)
class _Table:
    """Values with what resampling needs: per cluster and stratum the sum of values and their number."""

    values: Values
    weights: Values
    """Each edit's share of the macro-average."""
    group_of: NDArray[np.intp]
    sums: Values
    sizes: Values

    @classmethod
    def of(cls, values: Sequence[float], groups: Sequence[str], strata: Sequence[str] | None) -> _Table:
        found = np.asarray(values, np.float64)
        if not len(found):
            raise ValueError("no values to average")
        if len(groups) != len(found) or (strata is not None and len(strata) != len(found)):
            raise ValueError("one group and one stratum are needed for each value")
        if not np.isfinite(found).all():
            raise ValueError("NaN and infinity are not scores")
        _, group_of = np.unique(np.asarray(groups), return_inverse=True)
        names, stratum_of = np.unique(np.asarray(strata or ["all"] * len(found)), return_inverse=True)
        sums = np.zeros((group_of.max() + 1, len(names)))
        sizes = np.zeros_like(sums)
        np.add.at(sums, (group_of, stratum_of), found)
        np.add.at(sizes, (group_of, stratum_of), 1)
        weights = 1 / (len(names) * sizes.sum(0)[stratum_of])
        return cls(found, weights, group_of, sums, sizes)
