"""The flow-matching objective of a TI2V model: x = (1 - t) clean + t noise, target velocity noise - clean."""

from __future__ import annotations

import torch
from torch import Tensor, nn


def training_times(count: int, shift: float, scale: float, uniform: float, generator: torch.Generator) -> Tensor:
    """Return t in (0, 1), [count]: shift(sigmoid(scale * normal)), or uniform for a share `uniform` of them."""
    device = generator.device
    normal = torch.sigmoid(scale * torch.randn(count, generator=generator, device=device))
    flat = torch.rand(count, generator=generator, device=device)
    use_flat = torch.rand(count, generator=generator, device=device) < uniform
    return torch.where(use_flat, flat, shift * normal / (1 + (shift - 1) * normal))


def mix(clean: Tensor, noise: Tensor, t: Tensor, given: Tensor) -> Tensor:
    """Return noised latents [B, C, T', h, w]; where `given` [B], latent frame 0 stays clean."""
    t = t.view(-1, 1, 1, 1, 1)
    noised = (1 - t) * clean + t * noise
    first = torch.where(given.view(-1, 1, 1, 1, 1), clean[:, :, :1], noised[:, :, :1])
    return torch.cat([first, noised[:, :, 1:]], dim=2)


def timesteps(t: Tensor, given: Tensor, frames: int, tokens: int) -> Tensor:
    """Return the per-token timesteps 1000 t, [B, tokens]; 0 for the tokens of a given first frame."""
    first = torch.arange(tokens, device=t.device) < tokens // frames
    return torch.where(given[:, None] & first[None], 0.0, 1000 * t[:, None])


def flow_loss(
    transformer: nn.Module,
    clean: Tensor,
    noise: Tensor,
    t: Tensor,
    given: Tensor,
    context: Tensor,
    channels: Tensor | None = None,
) -> Tensor:
    """Return the mean squared error of the velocity, over all latent frames that are noised.

    `clean` and `noise` are [B, C, T', h, w], `t` and `given` (whether latent frame 0 is) [B], `context`
    [B, N, D]; `channels` weighs them, [C, 1, 1, 1]. Whatever the weights, the least error is at the same velocity: they
    say where a model that cannot have all of it should be good.
    """
    frames, height, width = clean.shape[2:]
    tokens = frames * (height // 2) * (width // 2)
    x = mix(clean, noise, t, given)
    out = transformer(x, timesteps(t, given, frames, tokens), context, return_dict=False)[0]
    square = (out.float() - (noise - clean)).square()
    error = (square if channels is None else channels * square).mean(dim=(1, 3, 4))
    weight = torch.ones_like(error)
    weight[:, 0] = torch.where(given, 0.0, 1.0)
    return (error * weight).sum() / weight.sum()
