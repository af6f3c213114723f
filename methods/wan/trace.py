"""The source's own path through the noise, remembered while it is inverted."""

from __future__ import annotations

from bisect import bisect_left, insort
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from methods.wan.solvers import Velocity

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True, eq=False)
class Trace:
    """States [1, C, T', h, w] by sigma: one latent is held for each evaluation."""

    _sigmas: list[float] = field(default_factory=list)
    _states: dict[float, Tensor] = field(default_factory=dict)

    def add(self, sigma: float, x: Tensor) -> None:
        """Remember the state at a sigma, in the place of one remembered there before."""
        if sigma not in self._states:
            insort(self._sigmas, sigma)
        self._states[sigma] = x

    def watching(self, velocity: Velocity[Tensor]) -> Velocity[Tensor]:
        """Return the velocity; each state that it is asked at is remembered."""

        def watch(x: Tensor, sigma: float) -> Tensor:
            self.add(sigma, x)
            return velocity(x, sigma)

        return watch

    def at(self, sigma: float) -> Tensor:
        """Return the state at any sigma: on the straight line between its neighbours, or the nearest end's."""
        i = bisect_left(self._sigmas, sigma)
        if i == len(self._sigmas):
            return self._states[self._sigmas[-1]]
        above = self._sigmas[i]
        if above == sigma or i == 0:
            return self._states[above]
        below = self._sigmas[i - 1]
        a, b = self._states[below], self._states[above]
        return a + (sigma - below) / (above - below) * (b - a)
