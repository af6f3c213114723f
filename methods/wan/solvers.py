"""Solvers of the probability-flow ODE dx/dsigma = v(x, sigma), each one flat function under its paper's name.

All share one signature, `solver(x, sigmas, velocity) -> x`: the state at `sigmas[0]` is carried to
`sigmas[-1]`. `velocity(x, sigma)` returns noise minus clean, in the shape of x. A solver in v runs both ways
(a descending grid generates, an ascending one inverts); `dpmpp_2m` and `unipc` only descend, because their data
prediction carries no velocity at sigma = 0. Any array will do, so the tests integrate analytic flows, no network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import expm1, inf, log
from typing import TypeVar

X = TypeVar("X")
Velocity = Callable[[X, float], X]
Solver = Callable[[X, Sequence[float], Velocity[X]], X]


def euler(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """First order, 1 evaluation a step."""
    for s, t in pairwise(sigmas):
        x = x + (t - s) * velocity(x, s)
    return x


def euler_lagged(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Euler upwards as the published TI2V inversion runs it, 1 evaluation a step.

    That code looks timesteps up in a generation schedule, which has no entry for sigma = 0: the first
    evaluation uses the lowest entry instead, and all are truncated to whole timesteps.
    """
    for s, t in pairwise(sigmas):
        x = x + (t - s) * velocity(x, int(1000 * (s or t)) / 1000)
    return x


def midpoint(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Second order, 2 evaluations a step: RF-Solver (Wang et al., arXiv 2411.04746).

    Its Taylor step x + h v + h^2/2 dv/dsigma, with dv taken over half a step, is the explicit midpoint rule.
    """
    for s, t in pairwise(sigmas):
        h = t - s
        half = x + h / 2 * velocity(x, s)
        x = x + h * velocity(half, s + h / 2)
    return x


def heun(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Second order, 2 evaluations a step: the trapezoid of both ends (Karras et al., arXiv 2206.00364)."""
    for s, t in pairwise(sigmas):
        h = t - s
        v = velocity(x, s)
        x = x + h / 2 * (v + velocity(x + h * v, t))
    return x


def ab2(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Second order, 1 evaluation a step: Adams-Bashforth on uneven steps, the first step Euler."""
    last: tuple[float, X] | None = None
    for s, t in pairwise(sigmas):
        h = t - s
        v = velocity(x, s)
        slope = v if last is None else v + h / last[0] / 2 * (v - last[1])
        x, last = x + h * slope, (h, v)
    return x


def fireflow(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Second order, 1 evaluation a step and 1 more (Deng et al., arXiv 2412.07517).

    The midpoint rule whose first velocity is the previous step's middle one.
    """
    v = velocity(x, sigmas[0])
    for s, t in pairwise(sigmas):
        h = t - s
        v = velocity(x + h / 2 * v, s + h / 2)
        x = x + h * v
    return x


def uni_inv(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """First order, 1 evaluation a step and 1 more (Jiao et al., UniEdit-Flow, arXiv 2504.13109).

    Implicit Euler with one predictor: it evaluates where the Euler step that later comes back will, so that
    the two nearly cancel.
    """
    v = velocity(x, sigmas[0])
    for s, t in pairwise(sigmas):
        v = velocity(x + (t - s) * v, t)
        x = x + (t - s) * v
    return x


def dpmpp_2m(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Second order, 1 evaluation a step: DPM-Solver++(2M), data prediction, midpoint form (arXiv 2211.01095).

    Wan's other sampler. `sigmas` descend and may start at 1, after which the second step is first order too, as the
    first and the last are. Raises ValueError on any other grid.
    """
    if any(t >= s for s, t in pairwise(sigmas)):
        raise ValueError("dpmpp-2m needs sigmas that descend")
    last: tuple[float, X] | None = None
    for s, t in pairwise(sigmas):
        clean = x - s * velocity(x, s)
        h = _log_snr(t) - _log_snr(s)
        ahead = clean if last is None or t == 0 else clean + h / last[0] / 2 * (clean - last[1])
        x, last = t / s * x - (1 - t) * expm1(-h) * ahead, (h, clean)
    return x


def unipc(x: X, sigmas: Sequence[float], velocity: Velocity[X]) -> X:
    """Second order, 1 evaluation a step: UniPC-2, B2(h), data prediction, with corrector (arXiv 2302.04867).

    Wan's default sampler. `sigmas` descend from below 1, the last may be 0; the last step is first order.
    Raises ValueError on any other grid.
    """
    if any(t >= s for s, t in pairwise(sigmas)) or sigmas[0] >= 1:
        raise ValueError("unipc needs sigmas that descend from below 1")
    log_snr = [_log_snr(s) for s in sigmas]
    clean: list[X] = []  # data predictions, one per step, at the predicted (not the corrected) state
    start = x  # the corrected state at the last step's beginning
    for i in range(len(sigmas) - 1):
        clean.append(x - sigmas[i] * velocity(x, sigmas[i]))
        if i > 0:
            x = _unipc_correct(start, sigmas, log_snr, clean, i)
        start = x
        x = _unipc_predict(x, sigmas, log_snr, clean, i)
    return x


def _log_snr(sigma: float) -> float:
    """Return lambda = log((1 - sigma) / sigma), infinite at both ends."""
    if sigma in (0, 1):
        return inf if sigma == 0 else -inf
    return log((1 - sigma) / sigma)


def _unipc_predict(x: X, sigmas: Sequence[float], log_snr: list[float], clean: list[X], i: int) -> X:
    h = log_snr[i + 1] - log_snr[i]
    slope = 0.0
    if 0 < i < len(sigmas) - 2:
        slope = (clean[i - 1] - clean[i]) * (h / (log_snr[i - 1] - log_snr[i]) / 2)
    scale = -(1 - sigmas[i + 1]) * expm1(-h)
    return sigmas[i + 1] / sigmas[i] * x + scale * (clean[i] + slope)


def _unipc_correct(start: X, sigmas: Sequence[float], log_snr: list[float], clean: list[X], i: int) -> X:
    """Redo the step from i - 1 to i, now that the data prediction at i is known."""
    h = log_snr[i] - log_snr[i - 1]
    scale = -(1 - sigmas[i]) * expm1(-h)
    step = clean[i] - clean[i - 1]
    if i == 1:
        slope = step / 2
    else:
        # The weights of the two differences solve [[1, 1], [r, 1]] w = b (paper, section 3.2).
        r = (log_snr[i - 2] - log_snr[i - 1]) / h
        b1 = -1 / h - 1 / expm1(-h)
        b2 = -2 / h * b1 - 1 / expm1(-h)
        w = (b1 - b2) / (1 - r)
        slope = w / r * (clean[i - 2] - clean[i - 1]) + (b1 - w) * step
    return sigmas[i] / sigmas[i - 1] * start + scale * (clean[i - 1] + slope)


SOLVERS: dict[str, Solver] = {
    "euler": euler,
    "euler-lagged": euler_lagged,
    "midpoint": midpoint,
    "heun": heun,
    "ab2": ab2,
    "fireflow": fireflow,
    "uni-inv": uni_inv,
    "dpmpp-2m": dpmpp_2m,
    "unipc": unipc,
}
"""Every solver under the name that a row's parameters use."""


def step_of(solver: Solver, evaluation: int) -> int:
    """Return the step, from 1, in which a solver asks for its n-th velocity, from 1; sigma alone does not tell it."""
    if solver in (midpoint, heun):
        return (evaluation + 1) // 2
    if solver in (fireflow, uni_inv):
        return max(1, evaluation - 1)
    return evaluation
