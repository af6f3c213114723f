"""The student's sampler, and the samples it is trained on (backward simulation, DMD2 section 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from methods.training.dmd.loss import Field, noised, predicted


def step(field: Field, x: Tensor, sigma: float, below: float, sampler: str, fresh: Callable[[], Tensor]) -> Tensor:
    """Carry x from one of the student's sigmas to the next.

    `ode` follows the velocity: x + (below - sigma) v. `sde` re-noises the prediction: (1 - below) clean + below noise,
    with `fresh()` noise, which is not called by `ode` nor on the way to 0.
    """
    clean = predicted(field, x, _like(sigma, x))
    if below == 0:
        return clean
    if sampler == "ode":
        return clean + below / sigma * (x - clean)  # the same noise, less of it
    return noised(clean, fresh(), _like(below, x))


def sample(field: Field, x: Tensor, sigmas: Sequence[float], sampler: str, fresh: Callable[[], Tensor]) -> Tensor:
    """Return the student's sample from noise x, along sigmas that descend to 0."""
    for sigma, below in pairwise(sigmas):
        x = step(field, x, sigma, below, sampler, fresh)
    return x


def simulate(
    field: Field, x: Tensor, sigmas: Sequence[float], stop: int, sampler: str, fresh: Callable[[], Tensor]
) -> Tensor:
    """Return what the student predicts at step `stop` of its own sampling from noise x.

    Only that last evaluation has a gradient, so that training meets the inputs of sampling at the price of one step.
    """
    with torch.no_grad():
        for sigma, below in pairwise(sigmas[: stop + 1]):
            x = step(field, x, sigma, below, sampler, fresh)
    return predicted(field, x, _like(sigmas[stop], x))


def _like(sigma: float, x: Tensor) -> Tensor:
    return torch.full((len(x),), sigma, device=x.device, dtype=torch.float32)
