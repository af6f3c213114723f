"""How near edits come to the exact targets: PSNR over all frames but the given first, by scenario, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from bench.store.read import Result

METRICS = ("psnr", "psnr-inside")


@dataclass(frozen=True, slots=True)
class Gap:
    """A method against another over the same cases."""

    other: str
    mean: float
    """dB, positive where the method is nearer to the targets."""
    low: float
    high: float
    """95 % interval, bootstrapped over source clips."""
    n: int


def later_frames(result: Result, metric: str) -> float | None:
    """Return the mean over frames 1 to the last of a per-frame metric (frame 0 is given to TI2V methods)."""
    score = result.scores.get(metric)
    values = [v for v in (score.series[1:] if score else ()) if np.isfinite(v)]
    return fmean(values) if values else None


def by_method(results: Sequence[Result], metric: str) -> dict[str, dict[str, tuple[str, str, float]]]:
    """Return, by method and case id, (scenario, group, dB)."""
    found: dict[str, dict[str, tuple[str, str, float]]] = {}
    for r in results:
        value = later_frames(r, metric)
        if value is not None:
            found.setdefault(r.method.name, {})[r.case.id] = (r.case.scenario, r.case.group, value)
    return found


def scenario_means(rows: Mapping[str, tuple[str, str, float]]) -> dict[str, float]:
    """Return the mean of every scenario, and of all cases under `all`."""
    scenarios = sorted({scenario for scenario, _, _ in rows.values()})
    means = {s: fmean(v for scenario, _, v in rows.values() if scenario == s) for s in scenarios}
    return {"all": fmean(v for _, _, v in rows.values()), **means}


def gap(
    mine: Mapping[str, tuple[str, str, float]],
    others: Mapping[str, tuple[str, str, float]],
    other: str,
    resamples: int = 10_000,
) -> Gap:
    """Return the mean paired difference over the cases that both have, with its clustered interval."""
    both = sorted(mine.keys() & others.keys())
    groups: dict[str, list[float]] = {}
    for case in both:
        groups.setdefault(mine[case][1], []).append(mine[case][2] - others[case][2])
    sums = np.array([sum(v) for v in groups.values()])
    counts = np.array([len(v) for v in groups.values()])
    picks = np.random.default_rng(0).integers(0, len(sums), (resamples, len(sums)))
    means = sums[picks].sum(1) / counts[picks].sum(1)
    low, high = np.quantile(means, (0.025, 0.975))
    return Gap(other, float(sums.sum() / counts.sum()), float(low), float(high), len(both))
