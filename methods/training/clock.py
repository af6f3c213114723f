"""How far a stage has come, when a command may only run for so long and a stage spans several commands."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.errors import UserError


@dataclass(slots=True)
class Clock:
    """One command's share of a stage's schedule: from where the stage stands to `until`, in time or in steps.

    The schedule's position is a number in [0, 1] that is saved with the weights. A command walks it evenly
    over the time it has left after its own setup, so that the learning rate reaches `until` whatever
    rendering and compiling took.
    """

    minutes: float | None = None
    """Wall time of the whole command, setup and last evaluation included."""
    steps: int | None = None
    """Or: optimiser steps of this command."""
    until: float = 1.0
    reserve: float = 0.0
    """Seconds of `minutes` that training leaves for what comes after it."""
    now: Callable[[], float] = time.monotonic
    started: float = field(default=-1.0)
    _from: tuple[float, int, float] = (0.0, 0, 0.0)

    def __post_init__(self) -> None:
        if (self.minutes is None) == (self.steps is None):
            raise UserError("a training command needs --minutes or --steps (and not both)")
        if not 0 < self.until <= 1:
            raise UserError(f"--until {self.until}: the schedule ends at a share in (0, 1]")
        if self.started < 0:
            self.started = self.now()

    @property
    def elapsed(self) -> float:
        """Seconds since the command began."""
        return self.now() - self.started

    @property
    def left(self) -> float:
        """Seconds until training must stop (infinite when steps are counted)."""
        if self.minutes is None:
            return float("inf")
        return 60 * self.minutes - self.reserve - self.elapsed

    def begin(self, progress: float, step: int) -> None:
        """Mark the end of the setup; the stage stands at `progress` of its schedule, after `step` steps."""
        if progress >= self.until:
            raise UserError(
                f"the stage already stands at {progress:.3f} of its schedule: nothing is left before --until "
                f"{self.until:g}"
            )
        if self.left <= 0:
            raise UserError(
                f"the setup took {self.elapsed:.0f} s and left no time to train: raise --minutes {self.minutes:g}"
            )
        self._from = (progress, step, self.now())

    def progress(self, step: int) -> float:
        """Return the position in the schedule, in [0, 1]."""
        start, first, since = self._from
        if self.steps is not None:
            share = (step - first) / self.steps
        else:
            seconds = self.now() - since
            share = seconds / max(seconds + self.left, 1e-9) if self.left > 0 else 1.0
        return start + (self.until - start) * min(1.0, share)

    def over(self, step: int) -> bool:
        """Return True once this command's share is done."""
        if self.steps is not None:
            return step - self._from[1] >= self.steps
        return self.left <= 0


@dataclass(slots=True)
class Every:
    """True at most once per so many seconds; the first period starts when it is made."""

    seconds: float
    now: Callable[[], float] = time.monotonic
    last: float = -1.0

    def __post_init__(self) -> None:
        self.last = self.now()

    def due(self) -> bool:
        """Return whether the period has passed, and start the next one if so."""
        if self.now() - self.last < self.seconds:
            return False
        self.last = self.now()
        return True
