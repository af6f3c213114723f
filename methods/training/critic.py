"""A patch discriminator for the autoencoder: learned from nothing here, so that no metric's backbone is favoured.

Hinge loss (Lim and Ye 2017) on frames, features of original and reconstruction matched (Wang et al. 2018, pix2pixHD),
and the R1 penalty in its approximated form (Lin et al. 2025, arXiv 2501.08316, section 3.3): |D(x) - D(x + noise)|^2
asks for no second derivative, so that it runs in bfloat16 and compiled. No normalisation layers, no running statistics.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from methods.training.config import Critic

NOISE = 0.05
"""Deviation of the penalty's noise; pixels are in [-1, 1]."""
DOWN = 3
"""Halvings: a logit sees about 46 pixels."""


class PatchCritic(nn.Module):
    """Logits and features of frames."""

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [3, *(width * 2**i for i in range(DOWN))]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2, padding=1) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], widths[-1], 3, padding=1)
        self.head = nn.Conv2d(widths[-1], 1, 3, padding=1)

    def forward(self, pixels: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return logits [B T, 1, H / 8, W / 8] and each layer's features, of pixels [B, 3, T, H, W] in [-1, 1]."""
        x = pixels.transpose(1, 2).flatten(0, 1)
        features = []
        for layer in (*self.down, self.last):
            x = F.leaky_relu(layer(x), 0.2)
            features.append(x)
        return self.head(x).float(), features


def critic_loss(critic: nn.Module, original: Tensor, made: Tensor, config: Critic) -> Tensor:
    """Return the scalar loss of the critic itself; `made` is taken as it is, without its history."""
    both = critic(torch.cat([original, made.detach()]))[0]
    real, fake = both.chunk(2)
    hinge = F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    shaken = critic(original + NOISE * torch.randn_like(original))[0]
    return hinge + config.smooth * (real - shaken).square().mean()


def pull(critic: nn.Module, original: Tensor, made: Tensor, gradient: Tensor, config: Critic) -> Tensor:
    """Return the gradient at the pixels of `made` by which it looks more real to the critic.

    Its norm is `strength` times that of `gradient`, the reconstruction loss's at the same place (after the adaptive
    weight of Esser et al. 2021, which compares at the decoder's last layer): the critic can neither be drowned nor take
    over. The critic's own weights get no gradient.
    """
    leaf = made.detach().requires_grad_()
    logits, features = critic(leaf)
    with torch.no_grad():
        wanted = critic(original)[1]
    matching = sum((a.float() - b.float()).abs().mean() for a, b in zip(features, wanted, strict=True))
    wish = -logits.mean() + config.matching * matching
    (own,) = torch.autograd.grad(wish, leaf)
    return own * (config.strength * gradient.norm() / own.norm().clamp(min=1e-12))
