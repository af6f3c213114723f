"""Samples and trajectories of the teacher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from methods.training.dmd.loss import Field
from methods.training.dmd.networks import Condition


@dataclass(frozen=True, slots=True, eq=False)
class Trajectories:
    """Where the teacher passes the student's sigmas, and where it ends, from the same noise."""

    condition: Condition
    passed: Tensor
    """[N, steps, C, T', h, w], one for each of the student's sigmas above 0."""
    end: Tensor
    """[N, C, T', h, w]."""

    def draw(self, count: int, step: int, random: torch.Generator) -> tuple[Condition, Tensor, Tensor]:
        """Return conditions, states at one of the student's steps, and the ends that they lead to."""
        rows = torch.randint(len(self.end), (count,), generator=random, device=self.end.device)
        c = self.condition
        return Condition(c.first[rows], c.given[rows], c.context[rows]), self.passed[rows, step], self.end[rows]


@torch.no_grad()
def follow(field: Field, x: Tensor, sigmas: Sequence[float], keep: int) -> tuple[Tensor, Tensor]:
    """Return every `keep`-th state of an Euler walk down `sigmas`, [B, n, ...], and its end [B, ...]."""
    passed = []
    for i, (sigma, below) in enumerate(pairwise(sigmas)):
        if i % keep == 0:
            passed.append(x)
        x = x + (below - sigma) * field(x, torch.full((len(x),), sigma, device=x.device))
    return torch.stack(passed, dim=1), x
