"""Unit noise that follows a seed. No torch until it is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def fresh_noise(like: Tensor, seed: int) -> Callable[[], Tensor]:
    """Return a source of unit noise in the shape of `like`, new at each call and the same for a seed."""
    import torch

    # Drawn on the CPU, so that a seed means the same noise on every device.
    generator = torch.Generator().manual_seed(seed)
    return lambda: torch.randn(like.shape, generator=generator).to(like.device)
