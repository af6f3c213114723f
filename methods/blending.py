"""Latent blending: outside the edited region the clip is held to the source's own path through the noise.

At every evaluation the model is shown the clip with its outside replaced by the source at the same sigma, so that what
it makes inside agrees with what lies around (Blended Latent Diffusion, Avrahami et al., arXiv 2206.02779). The
source's path is the one it was inverted along, or the source under one fixed noise. Towards the end the hold is given
up, so that the model can close the seam.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bench.types import EditRequest
from methods.inversion import Branches, TI2VInversion
from methods.region import RegionParameters, region_of
from methods.wan.noise import fresh_noise
from methods.wan.solvers import SOLVERS, Solver, Velocity
from methods.wan.trace import Trace

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone

Path = Callable[[float], "Tensor"]
"""The source's state [1, C, T', h, w] at a sigma."""


class BlendingParameters(RegionParameters):
    """What a row of latent blending may set."""

    blend_until: float = Field(
        0.2, ge=0, le=1, description="the sigma in [0, 1] down to which the outside is held; 1 is never, 0 to the end"
    )
    blend_path: Literal["inverted", "noised"] = Field(
        "inverted", description="inverted (the way the source was inverted) or noised (the source under one noise)"
    )


def held(v_tar: Velocity[Tensor], region: Tensor, path: Path) -> Velocity[Tensor]:
    """Return the velocity at the clip whose outside is the source's state."""

    def velocity(x: Tensor, sigma: float) -> Tensor:
        return v_tar(blended(x, region, path(sigma)), sigma)

    return velocity


def blended(x: Tensor, region: Tensor, outside: Tensor) -> Tensor:
    """Return x where the region is 1 and `outside` where it is 0, both bit for bit."""
    import torch

    return torch.lerp(outside, x, region.to(x))


def generate_held(
    noise: Tensor,
    sigmas: Sequence[float],
    solver: Solver[Tensor],
    v_tar: Velocity[Tensor],
    first: Tensor,
    region: Tensor,
    path: Path,
    until: float,
) -> Tensor:
    """Carry the noise down in two legs: held to the path outside the region as far as `until`, then free.

    Frame 0 of the result is `first`, bit for bit; CaseFailed as `methods.wan.velocity.carry`.
    """
    from methods.wan.velocity import carry, pin

    stop = next(i for i, sigma in enumerate(sigmas) if sigma <= until)
    x = noise
    if stop > 0:
        x = carry(x, sigmas[: stop + 1], solver, held(v_tar, region, path), first, "generation, held")
        x = pin(blended(x, region, path(sigmas[stop])), first)
    if stop < len(sigmas) - 1:
        x = carry(x, sigmas[stop:], solver, v_tar, first, "generation, free")
    return x


def source_path(p: BlendingParameters, branches: Branches, trace: Trace, seed: int) -> Path:
    """Return the source's state by sigma, as the row wants it."""
    if p.blend_path == "inverted":
        return trace.at
    noise = fresh_noise(branches.source, seed)()
    return lambda sigma: (1 - sigma) * branches.source + sigma * noise


class LatentBlending(TI2VInversion):
    """TI2V inversion, held to the source outside the edited region."""

    Parameters: ClassVar[type[BlendingParameters]] = BlendingParameters
    parameters: BlendingParameters

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        p, branches, trace = self.parameters, self.branches(wan, request), Trace()
        region = region_of(p, wan, request, branches)
        noise = self.invert(wan, branches, trace.watching(branches.v_src))
        trace.add(self.inversion_grid(wan)[-1], noise)
        if region is None:
            return self.generate(wan, branches, noise, branches.v_tar)
        path = source_path(p, branches, trace, request.seed)
        solver = SOLVERS[p.generation_solver]
        return generate_held(noise, self.grid(wan), solver, branches.v_tar, branches.first, region, path, p.blend_until)
