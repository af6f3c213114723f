"""The optional GAN head: real against student latents, by features of the frozen teacher."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from torch import Tensor, nn

from bench.errors import UserError
from methods.training.dmd.config import Gan
from methods.training.dmd.loss import Field

if TYPE_CHECKING:
    from diffusers import WanTransformer3DModel


class Head(nn.Module):
    """One small network per tapped block, from tokens [B, L, D] to a logit [B]; the result is their mean."""

    def __init__(self, config: Gan, width: int, blocks: int) -> None:
        super().__init__()
        if wrong := [i for i in config.blocks if i >= blocks]:
            raise UserError(f"gan.blocks: the transformer has {blocks} blocks, found {wrong[0]}; count from 0")
        self.blocks = config.blocks
        self.parts = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, config.width), nn.SiLU(), nn.Linear(config.width, 1))
            for _ in config.blocks
        )

    def forward(self, teacher: WanTransformer3DModel, field: Field, x: Tensor, sigma: Tensor) -> Tensor:
        """Return the logits of noised latents, by what the teacher's blocks make of them on the way to `field`."""
        with tapped(teacher, self.blocks) as features:
            field(x, sigma)
        logits = [part(f.float()).mean(dim=(1, 2)) for part, f in zip(self.parts, features, strict=True)]
        return sum(logits[1:], logits[0]) / len(logits)


@contextmanager
def tapped(transformer: WanTransformer3DModel, blocks: tuple[int, ...]) -> Iterator[list[Tensor]]:
    """Collect the output of some blocks, in the order of the blocks, for the forwards inside."""
    found: list[Tensor] = []
    hooks = [
        transformer.blocks[i].register_forward_hook(lambda _module, _inputs, output: found.append(output))
        for i in sorted(blocks)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()
