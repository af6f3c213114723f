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

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bench.types import EditRequest
from methods.wan.adapter import WanMethod, WanParameters
from methods.wan.schedules import grid_from
from methods.wan.solvers import SOLVERS

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
        None, gt=0, description="a schedule shift > 0 for the inversion, or null for that of the generation"
    )


class TI2VInversion(WanMethod):
    """Invert the source, generate the target from its noise."""

    Parameters: ClassVar[type[InversionParameters]] = InversionParameters
    parameters: InversionParameters

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        source = wan.encode(request.source.frames)
        first = self.first_latent(wan, request, source)
        noise = self.invert(wan, request, source)
        return self.generate(wan, request, noise, first)

    def invert(self, wan: Backbone, request: EditRequest, source: Tensor) -> Tensor:
        """Stage 1: return the noise [1, C, T', h, w] that the source's latents come from."""
        p = self.parameters
        shift = self.shift(wan) if p.shift_inversion is None else p.shift_inversion
        return wan.integrate(
            source,
            grid_from(p.strength, p.inversion_steps, shift)[::-1],
            SOLVERS[p.inversion_solver],
            context=wan.encode_text(request.source_prompt),
            first=source[:, :, :1],
            guidance=p.guidance_inversion,
            negative=self.negative(wan, p.guidance_inversion),
            leg="inversion",
        )

    def generate(self, wan: Backbone, request: EditRequest, noise: Tensor, first: Tensor) -> Tensor:
        """Stage 2: return the target's latents, generated from the noise."""
        p = self.parameters
        return wan.integrate(
            noise,
            grid_from(p.strength, p.generation_steps, self.shift(wan)),
            SOLVERS[p.generation_solver],
            context=wan.encode_text(request.target_prompt),
            first=first,
            guidance=p.guidance,
            negative=self.negative(wan, p.guidance),
        )
