"""TI2V inversion: the source is walked up to noise, and down again to the target's prompt and first frame.

Three stages. (1) Inversion: from the source's latents to noise, conditioned on the source prompt and the
source's first frame, without guidance, so that the noise holds the source's structure and motion.
(2) Generation: from that noise along the same field, conditioned on the target prompt and the edited first
frame. (3) Decoding.

The published code (a report, "Wan2.2 TI2V Inversion-Generation") inverts by Euler on an unshifted grid, with
timesteps from a generation schedule that lacks sigma = 0, and generates by UniPC. Walking both legs with one
solver on one grid is the other choice; every part of either is a parameter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bench.types import EditRequest, Need
from methods.wan.adapter import WanMethod, WanParameters
from methods.wan.solvers import SOLVERS, Velocity

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone

Inversion = Literal["euler", "euler-lagged", "midpoint", "heun", "ab2", "fireflow", "uni-inv"]
"""Solvers that may walk up a grid from sigma = 0."""


class InversionParameters(WanParameters):
    """What a row of TI2V inversion may set."""

    inversion_steps: int = Field(25, ge=1, description="a whole number of steps >= 1")
    inversion_solver: Inversion = Field(
        "euler", description="one of euler, euler-lagged, midpoint, heun, ab2, fireflow, uni-inv"
    )
    guidance_inversion: float = Field(
        1.0, ge=1, description="a guidance scale >= 1; above 1 the inversion can no longer be undone"
    )
    shift_inversion: float | None = Field(
        None,
        ge=0.01,
        le=100,
        description="a schedule shift in [0.01, 100] for the inversion, or null for that of the generation",
    )

    @property
    def needs(self) -> tuple[Need, ...]:
        """The source prompt, under which the source is walked up."""
        return ("source_prompt",)


@dataclass(frozen=True, slots=True, eq=False)
class Branches:
    """What one edit is made from: both clips' conditions, as velocities. Ideas are wrapped around these two."""

    source: Tensor
    """The source's latents [1, C, T', h, w]."""
    first: Tensor
    """The clean latent [1, C, 1, h, w] of the edit's first frame."""
    v_src: Velocity[Tensor]
    """Velocity under the source prompt and the source's first frame."""
    v_tar: Velocity[Tensor]
    """Velocity under the target prompt and the edit's first frame, guided."""
    v_free: Velocity[Tensor]
    """The same without guidance."""


class TI2VInversion(WanMethod):
    """Invert the source, generate the target from its noise."""

    Parameters: ClassVar[type[InversionParameters]] = InversionParameters
    parameters: InversionParameters

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        branches = self.branches(wan, request)
        noise = self.invert(wan, branches, branches.v_src)
        return self.generate(wan, branches, noise, branches.v_tar)

    def branches(self, wan: Backbone, request: EditRequest) -> Branches:
        """Return both branches of an edit."""
        p = self.parameters
        source = wan.encode(request.source.frames)
        first = self.first_latent(wan, request, source)
        v_src = partial(
            wan.velocity,
            context=wan.encode_text(request.source_prompt),
            first=source[:, :, :1],
            guidance=p.guidance_inversion,
            negative=self.negative(wan, p.guidance_inversion),
        )
        v_free = partial(wan.velocity, context=wan.encode_text(request.target_prompt), first=first)
        v_tar = partial(v_free, guidance=p.guidance, negative=self.negative(wan, p.guidance))
        return Branches(source, first, v_src, v_tar, v_free)

    def invert(self, wan: Backbone, branches: Branches, v_src: Velocity[Tensor]) -> Tensor:
        """Stage 1: return the noise [1, C, T', h, w] that the source's latents come from."""
        from methods.wan.velocity import carry

        solver, first = SOLVERS[self.parameters.inversion_solver], branches.source[:, :, :1]
        return carry(branches.source, self.inversion_grid(wan), solver, v_src, first, "inversion")

    def inversion_grid(self, wan: Backbone) -> list[float]:
        """Return the ascending sigmas of stage 1, from 0 to the row's strength."""
        return self.grid(wan, self.parameters.inversion_steps, self.parameters.shift_inversion)[::-1]

    def generate(self, wan: Backbone, branches: Branches, noise: Tensor, v_tar: Velocity[Tensor]) -> Tensor:
        """Stage 2: return the target's latents, generated from the noise."""
        from methods.wan.velocity import carry

        solver = SOLVERS[self.parameters.generation_solver]
        return carry(noise, self.grid(wan), solver, v_tar, branches.first, "generation")
