"""What is wrong with a pair, as far as numbers tell."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.training.pairs.record import Flag

MIN_AREA = 0.008
"""Share of the pixels that an edit must touch."""
MIN_CHANGE = 5.0
"""Mean absolute difference of source and target inside the mask, in 8-bit steps."""
MAX_OUTSIDE = 1.0
"""The same outside the mask, where they must agree but for the rounding of a crop."""
MAX_CLIPPED = 0.35
"""Share of values that may be black or white."""
MIN_DETAIL = 2.0
"""Root mean square of the Laplacian, in 8-bit steps: a clip below is out of focus, or shows nothing."""


def edit_mask(source: Tensor, target: Tensor) -> Tensor:
    """Return bool [T, H, W], True where clips (uint8 [T, H, W, 3]) differ by more than 1, two pixels wider."""
    changed = (source.int() - target.int()).abs().amax(-1) > 1
    return F.max_pool2d(changed[:, None].float(), 5, stride=1, padding=2)[:, 0] > 0


def flags(source: Tensor, target: Tensor, mask: Tensor) -> tuple[Flag, ...]:
    """Return the faults of a pair, uint8 [T, H, W, 3] twice and bool [T, H, W]."""
    found: list[Flag] = []
    difference = (source.float() - target.float()).abs().mean(-1)
    if float(mask.float().mean()) < MIN_AREA:
        found.append("empty-mask")
    elif float(difference[mask].mean()) < MIN_CHANGE:
        found.append("no-change")
    if not bool(mask.all()) and float(difference[~mask].mean()) > MAX_OUTSIDE:
        found.append("leak")
    if any(_clipped(clip) > MAX_CLIPPED for clip in (source, target)):
        found.append("clipped")
    if any(detail(clip) < MIN_DETAIL for clip in (source, target)):
        found.append("blurred")
    return tuple(found)


def detail(clip: Tensor) -> float:
    """Return the root mean square of the Laplacian of a clip's grey values, in 8-bit steps."""
    grey = clip.float().mean(-1)[:, None]
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]], device=clip.device)[None, None]
    return float(F.conv2d(grey, kernel).square().mean().sqrt())


def _clipped(clip: Tensor) -> float:
    return float(((clip <= 2) | (clip >= 253)).float().mean())
