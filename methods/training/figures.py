"""Figures of merit on batches of clips, uint8 [B, T, H, W, 3]; one number per clip unless said otherwise."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.training.vae_loss import laplacian
from methods.wan.vae import to_pixels

CHANGED = 8
"""Levels (of 255) by which source and target must differ for a pixel to belong to the edit."""


def psnr(clip: Tensor, reference: Tensor, inside: Tensor | None = None) -> Tensor:
    """Return the peak signal-to-noise ratio in dB, at most 80; `inside` is a mask [B, T, H, W].

    The squared error is averaged over the whole clip before the logarithm; NaN where a mask is empty.
    """
    error = (clip.float() - reference.float()).square().mean(dim=-1)
    if inside is None:
        mse = error.flatten(1).mean(dim=1)
    else:
        mse = (error * inside).flatten(1).sum(dim=1) / inside.flatten(1).sum(dim=1)
    return 10 * torch.log10(255.0**2 / mse.clamp(min=255.0**2 * 1e-8))


def changed(source: Tensor, target: Tensor) -> Tensor:
    """Return where an edit changes pixels, bool [B, T, H, W]."""
    return (source.int() - target.int()).abs().amax(dim=-1) > CHANGED


def ssim(clip: Tensor, reference: Tensor) -> Tensor:
    """Return the structural similarity (Wang et al. 2004: 11x11 Gaussian, sigma 1.5)."""
    taps = torch.exp(-((torch.arange(11, device=clip.device) - 5.0) ** 2) / 4.5)
    taps = taps / taps.sum()
    window = (taps[:, None] * taps[None]).expand(1, 1, -1, -1)
    values = []
    for a, b in zip(clip, reference, strict=True):
        x, y = (v.permute(0, 3, 1, 2).flatten(0, 1)[:, None].float() / 255 for v in (a, b))
        moments = F.conv2d(torch.cat([x, y, x * x, y * y, x * y], dim=1), window.expand(5, -1, -1, -1), groups=5)
        mx, my, xx, yy, xy = moments.unbind(dim=1)
        numerator = (2 * mx * my + 1e-4) * (2 * (xy - mx * my) + 9e-4)
        denominator = (mx**2 + my**2 + 1e-4) * (xx - mx**2 + yy - my**2 + 9e-4)
        values.append((numerator / denominator).mean())
    return torch.stack(values)


def detail_ratio(clip: Tensor, reference: Tensor) -> Tensor:
    """Return the energy of the clip's Laplacian over the reference's: below 1 is softer, above is noisier."""
    made, wanted = (laplacian(to_pixels(v)).square().flatten(1).mean(dim=1) for v in (clip, reference))
    return made / wanted.clamp(min=1e-9)


def drift(clip: Tensor, reference: Tensor) -> Tensor:
    """Return PSNR of the frames of the last latent less that of the first latent's, in dB; 0 is no drift."""
    return psnr(clip[:, -4:], reference[:, -4:]) - psnr(clip[:, :1], reference[:, :1])
