"""At which sigmas a student steps, and at which the two scores are compared."""

from __future__ import annotations

import random

import torch
from torch import Tensor

from methods.wan.schedules import shifted_grid


def student_sigmas(steps: int, shift: float) -> list[float]:
    """Return the student's `steps` sigmas, from 1 downwards, and 0 at the end.

    These are the published step lists 1000, 1000 - 1000 / N ... under the shift map ("warped"): at shift 5 four steps
    are 1, 0.9375, 0.8333, 0.625.
    """
    return shifted_grid(steps, shift)


def score_sigmas(count: int, shift: float, bounds: tuple[float, float], generator: torch.Generator) -> Tensor:
    """Return sigmas [count] for noising the student's output: u of 0 .. 999 / 1000, shifted, clamped to `bounds`."""
    u = torch.randint(1000, (count,), generator=generator, device=generator.device) / 1000
    return (shift * u / (1 + (shift - 1) * u)).clamp(*bounds)


def exit_step(seed: int, update: int, draw: int, steps: int) -> int:
    """Return which of the student's steps a draw trains, 0 .. steps - 1.

    A function of its arguments alone: every process of a run comes to the same step without a word, or they would run
    different numbers of forwards and wait for each other for ever.
    """
    return random.Random(f"dmd/{seed}/{update}/{draw}").randrange(steps)
