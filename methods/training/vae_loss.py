"""What a reconstruction is blamed for. No pretrained backbone: the benchmark's metrics use one."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.training.config import VaeLoss


def reconstruction_loss(original: Tensor, made: Tensor, config: VaeLoss) -> Tensor:
    """Return the scalar loss of pixels [B, 3, T, H, W] in [-1, 1].

    L1 with edges weighing more, since flat backgrounds would dominate it; the squared error; L1 of the spatial and
    temporal gradients; L1 of the error averaged over 8x8 pixels, which is what colour drift looks like; L1 of the
    Laplacian; and L1 between the mean absolute Laplacians of 8x8 patches. The last asks for as much
    detail as the original has even where its exact place is lost, which the others answer with blur. Last the squared
    error of the Laplacian: the same as the squared error, with fine detail weighing more; least at the mean of what is
    possible, where the L1 of the Laplacian is least at no detail at all.
    """
    error = made - original
    loss = (edge_weight(original, config.edges) * error.abs()).mean()
    gradient = _dx(error).abs().mean() + _dy(error).abs().mean()
    loss = loss + config.square * error.square().mean()
    loss = loss + config.gradient * gradient + config.laplacian * laplacian(error).abs().mean()
    loss = loss + config.sharp * laplacian(error).square().mean()
    loss = loss + config.pooled * F.avg_pool3d(error, (1, 8, 8)).abs().mean()
    detail = F.avg_pool3d(laplacian(made).abs() - laplacian(original).abs(), (1, 8, 8), ceil_mode=True)
    loss = loss + config.texture * detail.abs().mean()
    if error.shape[2] > 1:
        loss = loss + config.motion * (error[:, :, 1:] - error[:, :, :-1]).abs().mean()
    return loss


def kl_loss(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the mean divergence of the posterior from a unit normal, in nats per latent."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()


def edge_weight(original: Tensor, strength: float) -> Tensor:
    """Return weights [B, 1, T, H, W] of mean 1: `1 + strength` near edges to 1 on flat ground, rescaled."""
    slope = F.pad(_dx(original).abs(), (0, 1)) + F.pad(_dy(original).abs(), (0, 0, 0, 1))
    slope = slope.sum(dim=1, keepdim=True)
    near = F.max_pool3d(slope, (1, 3, 3), stride=1, padding=(0, 1, 1))
    weight = 1 + strength * (near / 0.3).clamp(max=1.0)
    return weight / weight.mean()


def laplacian(x: Tensor) -> Tensor:
    """Return the four-neighbour Laplacian, [B, C, T, H - 2, W - 2]."""
    centre = x[..., 1:-1, 1:-1]
    across = x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    down = x[..., :-2, 1:-1] + x[..., 2:, 1:-1]
    return 4 * centre - across - down


def _dx(x: Tensor) -> Tensor:
    return x[..., 1:] - x[..., :-1]


def _dy(x: Tensor) -> Tensor:
    return x[..., 1:, :] - x[..., :-1, :]


def sample(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return a draw from the posterior."""
    return mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance)
