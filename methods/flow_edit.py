"""FlowEdit and FlowAlign: the source moves towards the target prompt step by step, and is never inverted.

Both hold one clip, which starts as the source. At each step the source is noised with fresh noise, the clip is put
under the same noise, and the difference of the target's velocity at the one and the source's at the other says where
the clip has to go. What the two prompts and first frames agree on cancels, so it stays.

Strength is the sigma at which the steps begin. FlowEdit's n_max of N steps is `generation_steps: n_max` with `strength`
at the sigma of step N - n_max: the same grid, because a partial grid keeps the shifted curve.

Each clip is put under noise as q + (z - x_src), in this order: where nothing has changed it is q bit for bit, so that
equal conditions on both branches return the source exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar, Literal, TypeVar

from pydantic import Field

from bench.types import EditRequest, Need
from methods.wan.adapter import WanMethod, WanParameters
from methods.wan.noise import fresh_noise
from methods.wan.solvers import Velocity, euler

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone

X = TypeVar("X")


def flow_edit(
    x_src: X,
    sigmas: Sequence[float],
    v_src: Velocity[X],
    v_tar: Velocity[X],
    noise: Callable[[], X],
    n_avg: int = 1,
    sigma_min: float = 0.0,
) -> X:
    """Return the edit of x_src along a grid that descends to 0 (Kulikov et al., arXiv 2412.08629, algorithm 1).

    `noise()` returns fresh unit noise in the shape of x_src; each step averages over `n_avg` draws, at one evaluation
    of either velocity each. From the first sigma at or below `sigma_min` on (the paper's n_min steps) the target is
    sampled plainly by Euler, at one evaluation of v_tar a step.
    """
    switch = next(i for i, s in enumerate(sigmas) if s <= sigma_min)
    z_edit = x_src
    for s, t in pairwise(sigmas[: switch + 1]):
        v_delta = 0
        for _ in range(n_avg):
            z_src, z_tar = _under_noise(x_src, z_edit, s, noise())
            v_delta = v_delta + (v_tar(z_tar, s) - v_src(z_src, s)) / n_avg
        z_edit = z_edit + (t - s) * v_delta
    if switch == len(sigmas) - 1:
        return z_edit
    _, z_tar = _under_noise(x_src, z_edit, sigmas[switch], noise())
    return euler(z_tar, sigmas[switch:], v_tar)


def flow_align(
    x_src: X,
    sigmas: Sequence[float],
    v_q: Velocity[X],
    v_p: Velocity[X],
    noise: Callable[[], X],
    zeta: float = 0.01,
) -> X:
    """Return the edit of x_src along a grid that descends to 0 (Kim et al., FlowAlign, arXiv 2505.23145).

    `v_q` is the source prompt's velocity, unguided; `v_p` the target prompt's, guided away from the source prompt.
    `noise()` returns fresh unit noise in the shape of x_src. `zeta` draws the clean clip that p foresees to the one
    that q foresees; as published it is per step, not per sigma, so its whole pull grows with the number of steps. It
    also takes back part of what an edited first frame asks for, which guidance between the prompts cannot make up.
    """
    z = x_src
    for s, t in pairwise(sigmas):
        q, p = _under_noise(x_src, z, s, noise())
        at_q, at_p = v_q(q, s), v_p(p, s)
        z = z + (t - s) * (at_p - at_q) + zeta * ((q - s * at_q) - (p - s * at_p))
    return z


def _under_noise(x_src: X, z: X, sigma: float, eps: X) -> tuple[X, X]:
    """Return the source and the clip z under the same noise; they are equal bit for bit where z is the source."""
    q = (1 - sigma) * x_src + sigma * eps
    return q, q + (z - x_src)


class FlowEditParameters(WanParameters):
    """What a row of FlowEdit may set; `guidance` is the target branch's."""

    generation_solver: Literal["euler"] = Field("euler", description="euler: fresh noise leaves no history to use")
    guidance_source: float = Field(1.0, ge=1, description="a guidance scale >= 1 of the source branch; 1 is none")
    n_avg: int = Field(1, ge=1, description="a whole number >= 1 of noise draws that each step averages over")
    sigma_min: float = Field(
        0.0, ge=0, le=1, description="the sigma in [0, 1] from which on the target is sampled plainly; 0 is never"
    )

    @property
    def needs(self) -> tuple[Need, ...]:
        """The source prompt, for the source branch."""
        return ("source_prompt",)


class FlowEdit(WanMethod):
    """Follow the difference of target and source velocity, with fresh noise from the request's seed."""

    Parameters: ClassVar[type[FlowEditParameters]] = FlowEditParameters
    parameters: FlowEditParameters

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        from methods.wan.velocity import pin, watched

        p = self.parameters
        source = wan.encode(request.source.frames)
        first = self.first_latent(wan, request, source)
        sigmas = self.grid(wan)
        v_src = partial(
            wan.velocity,
            context=wan.encode_text(request.source_prompt),
            first=source[:, :, :1],
            guidance=p.guidance_source,
            negative=self.negative(wan, p.guidance_source),
        )
        v_tar = partial(
            wan.velocity,
            context=wan.encode_text(request.target_prompt),
            first=first,
            guidance=p.guidance,
            negative=self.negative(wan, p.guidance),
        )
        edit = flow_edit(
            source,
            sigmas,
            watched(v_src, sigmas, "source branch"),
            watched(v_tar, sigmas, "target branch"),
            fresh_noise(source, request.seed),
            p.n_avg,
            p.sigma_min,
        )
        return pin(edit, first)


class FlowAlignParameters(WanParameters):
    """What a row of FlowAlign may set."""

    generation_solver: Literal["euler"] = Field("euler", description="euler: fresh noise leaves no history to use")
    guidance: float = Field(2.0, ge=1, description="a guidance scale >= 1 of the target prompt over the source prompt")
    negative_prompt: Literal[""] = Field("", description="none: guidance steers away from the source prompt")
    zeta: float = Field(0.01, ge=0, le=1, description="the pull in [0, 1] to the source at each step; 0 is none")

    @property
    def needs(self) -> tuple[Need, ...]:
        """The source prompt, for the source branch and as the negative one."""
        return ("source_prompt",)


class FlowAlign(WanMethod):
    """FlowEdit with the source prompt as the negative one, and a pull to the source."""

    Parameters: ClassVar[type[FlowAlignParameters]] = FlowAlignParameters
    parameters: FlowAlignParameters

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        from methods.wan.velocity import pin, watched

        p = self.parameters
        source = wan.encode(request.source.frames)
        first = self.first_latent(wan, request, source)
        sigmas = self.grid(wan)
        source_text = wan.encode_text(request.source_prompt)
        # A prompt guided away from itself is itself; said outright, no rounding of a batch of two comes between.
        guidance = 1.0 if request.target_prompt == request.source_prompt else p.guidance
        v_q = partial(wan.velocity, context=source_text, first=source[:, :, :1])
        v_p = partial(
            wan.velocity,
            context=wan.encode_text(request.target_prompt),
            first=first,
            guidance=guidance,
            negative=source_text,
        )
        edit = flow_align(
            source,
            sigmas,
            watched(v_q, sigmas, "source branch"),
            watched(v_p, sigmas, "target branch"),
            fresh_noise(source, request.seed),
            p.zeta,
        )
        return pin(edit, first)
