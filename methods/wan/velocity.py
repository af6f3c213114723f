"""The backbone: a Wan2.2-TI2V model as a velocity field over latents, which counts its forwards.

Conventions: sigma in [0, 1] with 1 pure noise; velocity = noise - clean = dx/dsigma; the model's timestep is
1000 * sigma. Guidance 1 is the conditional velocity alone. Latents are normalised float32 [B, C, T', h, w].
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from bench.errors import CaseFailed
from bench.types import Frames
from methods.wan.solvers import Solver, Velocity, step_of
from methods.wan.text import encode_text
from methods.wan.vae import decode_video, encode_video

if TYPE_CHECKING:
    from diffusers import AutoencoderKLWan, WanTransformer3DModel
    from transformers import PreTrainedTokenizerBase, UMT5EncoderModel

EXPLODED = 100.0
"""Root mean square of a velocity above which a run is lost; of unit-variance latents it is about 1.4."""
BATCHED_TOKENS = 1024
"""Up to this many tokens both branches of guidance go in one forward; above, one by one, for memory."""
HELD_CLIPS = 4
"""So many clips' latents are kept: the edits of a source clip follow each other, and share its encoding."""


@dataclass(slots=True, eq=False)
class Backbone:
    """A loaded model. `nfe` counts transformer forwards of batch 1 since it was made."""

    transformer: WanTransformer3DModel
    vae: AutoencoderKLWan
    text_encoder: UMT5EncoderModel
    tokenizer: PreTrainedTokenizerBase
    shift: float
    """The schedule shift that the model was trained for (its scheduler's `flow_shift`)."""
    device: torch.device
    dtype: torch.dtype
    """What the transformer computes in."""
    nfe: int = 0
    _encoded: OrderedDict[bytes, Tensor] = field(default_factory=OrderedDict, repr=False)
    """Latents of the clips that were encoded last, by content."""

    @property
    def side_step(self) -> int:
        """Pixels that the sides of a clip are multiples of: the VAE's factor times the patch."""
        return int(self.vae.config.scale_factor_spatial * self.transformer.config.patch_size[-1])

    def encode_text(self, prompt: str) -> Tensor:
        """Return the text states [1, N, D] of a prompt."""
        return encode_text(self.tokenizer, self.text_encoder, prompt).to(self.device)

    def encode(self, frames: Frames) -> Tensor:
        """Return the latents [1, C, T', h, w] of uint8 T x H x W x 3 frames; `[:, :, :1]` is frame 0's.

        A clip that is among the last HELD_CLIPS is not encoded again; what comes back is not to be changed in place.
        """
        content = hashlib.sha256(f"{frames.shape}".encode() + np.ascontiguousarray(frames).data).digest()
        if content not in self._encoded:
            self._encoded[content] = encode_video(self.vae, torch.tensor(frames))
            if len(self._encoded) > HELD_CLIPS:
                self._encoded.popitem(last=False)
        self._encoded.move_to_end(content)
        return self._encoded[content]

    def decode(self, latents: Tensor) -> Frames:
        """Return the uint8 T x H x W x 3 frames of latents [1, C, T', h, w]."""
        frames: Frames = decode_video(self.vae, latents)[0].cpu().numpy()
        return frames

    def velocity(
        self,
        x: Tensor,
        sigma: float,
        context: Tensor,
        first: Tensor | None = None,
        guidance: float = 1.0,
        negative: Tensor | None = None,
    ) -> Tensor:
        """Return the guided velocity at x, v_u + g (v_c - v_u), float32 in x's shape.

        `first` is the clean latent of frame 0, [B, C, 1, h, w]: it stands in for x's own frame 0, at timestep
        0, and the velocity there is 0, so that no step can move it. `negative` holds the text states of the
        negative prompt, needed where guidance is not 1.
        """
        x = pin(x, first)
        if guidance == 1:
            v = self._forward(x, sigma, context, first is not None)
        else:
            if negative is None:
                raise ValueError("guidance other than 1 needs the negative prompt's text states")
            if self._tokens(x) * x.shape[0] <= BATCHED_TOKENS:
                both = torch.cat([context.expand(len(x), -1, -1), negative.expand(len(x), -1, -1)])
                v, u = self._forward(torch.cat([x, x]), sigma, both, first is not None).chunk(2)
            else:
                v, u = (self._forward(x, sigma, c, first is not None) for c in (context, negative))
            v = u + guidance * (v - u)
        if first is not None:
            v[:, :, :1] = 0
        return v

    def integrate(
        self,
        x: Tensor,
        sigmas: Sequence[float],
        solver: Solver[Tensor],
        context: Tensor,
        first: Tensor | None = None,
        guidance: float = 1.0,
        negative: Tensor | None = None,
        leg: str = "generation",
    ) -> Tensor:
        """Carry x from `sigmas[0]` to `sigmas[-1]`; frame 0 of the result is `first`, bit for bit.

        Raises CaseFailed naming `leg`, step and sigma when a velocity is not finite or explodes.
        """

        velocity = partial(self.velocity, context=context, first=first, guidance=guidance, negative=negative)
        return carry(x, sigmas, solver, velocity, first, leg)

    def _forward(self, x: Tensor, sigma: float, context: Tensor, conditioned: bool) -> Tensor:
        """Run the transformer: tokens of a conditioned frame 0 at timestep 0, all others at 1000 sigma."""
        self.nfe += len(x)
        timestep = torch.full((len(x),), 1000 * sigma, dtype=torch.float32, device=x.device)
        if conditioned:
            tokens = self._tokens(x)
            timestep = timestep[:, None].repeat(1, tokens)
            timestep[:, : tokens // x.shape[2]] = 0
        context = context.expand(len(x), -1, -1).to(self.dtype)
        with torch.autocast(x.device.type, self.dtype, enabled=self.dtype != torch.float32):
            out = self.transformer(x.to(self.dtype), timestep, context, return_dict=False)[0]
        return out.float()

    def _tokens(self, x: Tensor) -> int:
        _, patch_h, patch_w = self.transformer.config.patch_size
        return x.shape[2] * (x.shape[3] // patch_h) * (x.shape[4] // patch_w)


def carry(
    x: Tensor,
    sigmas: Sequence[float],
    solver: Solver[Tensor],
    velocity: Velocity[Tensor],
    first: Tensor | None,
    leg: str,
) -> Tensor:
    """Carry x along `sigmas` by any velocity; frame 0 of the result is `first`, bit for bit. Raises as `integrate`."""
    return pin(solver(pin(x, first), sigmas, watched(velocity, sigmas, leg, solver)), first)


def pin(x: Tensor, first: Tensor | None) -> Tensor:
    """Return x with its latent frame 0 replaced by `first` (x itself where there is none)."""
    return x if first is None else torch.cat([first, x[:, :, 1:]], dim=2)


def watched(
    velocity: Velocity[Tensor], sigmas: Sequence[float], leg: str, solver: Solver[Tensor] | None = None
) -> Velocity[Tensor]:
    """Return the velocity with a watch on it: CaseFailed names leg, step and sigma of the first bad value.

    Without a solver each step is taken to ask at its start only. A single sigma is no grid, and has no steps to name.
    """
    rising = sigmas[-1] > sigmas[0]
    evaluations = count(1)

    def watch(x: Tensor, sigma: float) -> Tensor:
        v, evaluation = velocity(x, sigma), next(evaluations)
        size = float(v.square().mean().sqrt())
        if not size <= EXPLODED:  # NaN compares false
            passed = sum(s <= sigma + 1e-9 if rising else s >= sigma - 1e-9 for s in sigmas[1:-1])
            step = 1 + passed if solver is None else step_of(solver, evaluation)
            where = f"step {step} of {len(sigmas) - 1}, " if len(sigmas) > 1 else ""
            raise CaseFailed(
                f"{leg}: velocity of size {size:.3g} at {where}sigma {sigma:.4f}; wanted at most {EXPLODED:g}"
            )
        return v

    return watch
