"""How much each channel of the latents matters to the pixels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.wan.vae import denormalise, reconstruct

SHAKE = 0.5
"""Deviation of the noise on a channel; normalised latents have 1."""


@torch.no_grad()
def pixel_effect(vae: Any, latents: Tensor) -> Tensor:
    """Return the mean squared change of the pixels when one channel is shaken, [C], 1 in the mean.

    `latents` are normalised, [B, C, T', h, w]: a handful of clips is enough, what is looked at is the decoder.
    """
    base = reconstruct(vae, denormalise(vae, latents)).float()
    found = []
    for channel in range(latents.shape[1]):
        random = torch.Generator(latents.device).manual_seed(channel)
        shaken = latents.clone()
        noise = torch.randn(shaken[:, channel].shape, generator=random, device=latents.device)
        shaken[:, channel] += SHAKE * noise
        found.append((reconstruct(vae, denormalise(vae, shaken)).float() - base).square().mean())
    effect = torch.stack(found)
    return effect / effect.mean()


def channel_weights(effect: Tensor, power: float) -> Tensor:
    """Return the effects to a power, 1 in the mean, shaped [C, 1, 1, 1]."""
    weights = effect**power
    return (weights / weights.mean()).view(-1, 1, 1, 1)
