"""SDEdit (Meng et al., arXiv 2108.01073): noise the source part of the way, denoise it to the target prompt.

`strength` is the sigma that the source is noised to: its coarse layout survives in the noise, the rest is
re-made. The denoising is conditioned on the edited first frame, or in the text track on the source's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.types import EditRequest
from methods.wan.adapter import WanMethod
from methods.wan.noise import fresh_noise
from methods.wan.solvers import SOLVERS

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone


class SDEdit(WanMethod):
    """Noise to `strength` with the request's seed, generate from there."""

    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents; latent frame 0 is that of the first frame asked for, bit for bit."""
        p = self.parameters
        source = wan.encode(request.source.frames)
        sigmas = self.grid(wan)
        return wan.integrate(
            (1 - sigmas[0]) * source + sigmas[0] * fresh_noise(source, request.seed)(),
            sigmas,
            SOLVERS[p.generation_solver],
            context=wan.encode_text(request.target_prompt),
            first=self.first_latent(wan, request, source),
            guidance=p.guidance,
            negative=self.negative(wan, p.guidance),
        )
