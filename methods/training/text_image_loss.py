"""What the text-image model is trained on: open_clip's sigmoid loss on captions, cross-entropy on short prompts."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from methods.training.config import Softness
from methods.training.views import UNASKED


def attribute_loss(image: Tensor, prompts: Tensor, labels: Tensor, sizes: Sequence[int], scale: Tensor) -> Tensor:
    """Return the cross-entropy of zero-shot classification, the mean over attributes.

    In a batch most images share a value with hundreds of others, so a prompt has many positives, and the sigmoid
    loss, whose positives are the diagonal, does not apply. Asking which of an attribute's prompts fits each image has
    one right answer, is what the model is used for, and lives in the same space under the same scale.

    `image` [B, D] and `prompts` [sum of sizes, D] are unit vectors, the prompts of each attribute in a row; `labels`
    is int64 [B, attributes], UNASKED where an image does not tell.
    """
    losses = []
    for logits, asked in zip((scale * image @ prompts.T).split(list(sizes), dim=1), labels.unbind(1), strict=True):
        found = F.cross_entropy(logits, asked, ignore_index=UNASKED, reduction="sum")
        losses.append(found / (asked != UNASKED).sum().clamp(min=1))
    return torch.stack(losses).mean()


def spoil(pixels: Tensor, softness: Softness, random: torch.Generator) -> Tensor:
    """Return [B, 3, S, S] in [0, 1]: views uint8 [B, S, S, 3] mirrored at random, some softened, some noisy."""
    count, device = len(pixels), pixels.device

    def draw() -> Tensor:
        return torch.rand(count, 1, 1, 1, generator=random, device=device)

    planes = pixels.permute(0, 3, 1, 2).float() / 255
    planes = torch.where(draw() < 0.5, planes.flip(-1), planes)
    soft = F.interpolate(F.avg_pool2d(planes, 2), scale_factor=2.0, mode="bilinear", align_corners=False)
    planes = torch.lerp(planes, soft, draw() * (draw() < softness.blur))
    noise = torch.randn(planes.shape, generator=random, device=device)
    return (planes + noise * softness.noise * draw()).clamp(0, 1)
