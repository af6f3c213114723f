"""LoRA files: low-rank changes of linear layers, in the spellings that are published, merged into the weights.

Reading needs nothing but safetensors; a merged model costs what the model costs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.errors import UserError

if TYPE_CHECKING:
    from diffusers import WanTransformer3DModel

_PREFIX = re.compile(r"^(base_model\.model\.|transformer\.|diffusion_model\.|model\.)+")
_FACTOR = re.compile(r"\.(?:lora_(?P<peft>[AB])(?:\.\w+)?|lora_(?P<kohya>down|up))\.weight$")
_NATIVE = (
    (re.compile(r"\.self_attn\."), ".attn1."),
    (re.compile(r"\.cross_attn\."), ".attn2."),
    (re.compile(r"(attn[12])\.(q|k|v)$"), r"\1.to_\2"),
    (re.compile(r"(attn[12])\.o$"), r"\1.to_out.0"),
    (re.compile(r"\.ffn\.0$"), ".ffn.net.0.proj"),
    (re.compile(r"\.ffn\.2$"), ".ffn.net.2"),
)
"""Wan's own names of the layers, and diffusers'."""


@dataclass(frozen=True, slots=True, eq=False)
class LowRank:
    """The change of one linear layer's weight: scale * up @ down."""

    down: Tensor
    """[rank, in]."""
    up: Tensor
    """[out, rank]."""
    scale: float = 1.0

    @property
    def change(self) -> Tensor:
        """The change as a whole, float32 [out, in]."""
        return self.scale * (self.up.float() @ self.down.float())


def read_lora(path: Path) -> dict[str, LowRank]:
    """Return a LoRA file's changes by diffusers' name of the layer.

    Understands peft's and kohya's spelling, with and without `alpha`, and Wan's own layer names. UserError naming the
    first tensor that is none of these: half a LoRA merged would be another model.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path}: not a whole safetensors file ({error}); download it again") from None
    factors: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        if name.endswith(".alpha"):
            factors.setdefault(_layer(name[: -len(".alpha")]), {})["alpha"] = tensor
        elif found := _FACTOR.search(name):
            factor = {"A": "down", "B": "up"}.get(found["peft"] or "", found["kohya"])
            factors.setdefault(_layer(name[: found.start()]), {})[factor] = tensor
        else:
            raise UserError(f"{path}: '{name}' is no factor of a LoRA (lora_A, lora_B, lora_down, lora_up, alpha)")
    return {layer: _low_rank(path, layer, parts) for layer, parts in factors.items()}


@torch.no_grad()
def merge(transformer: WanTransformer3DModel, changes: Mapping[str, LowRank], what: str) -> None:
    """Add the changes to the transformer's weights; UserError naming `what` when one has no layer or does not fit."""
    layers = linear_layers(transformer)
    for name, change in changes.items():
        layer = layers.get(name)
        wanted = (change.up.shape[0], change.down.shape[1])
        if layer is None or tuple(layer.weight.shape) != wanted:
            found = "no such layer" if layer is None else f"{tuple(layer.weight.shape)}"
            raise UserError(
                f"{what} is of another architecture: it changes '{name}' {wanted}, the model has {found}; "
                "name the model it was trained on"
            )
    for name, change in changes.items():
        weight = layers[name].weight
        weight.copy_(weight.float() + change.change.to(weight.device))


def linear_layers(transformer: nn.Module) -> dict[str, nn.Linear]:
    """Return the transformer's linear layers by diffusers' names, wrapped or not."""
    modules = transformer.named_modules()
    return {name.replace(".embedder.", "."): m for name, m in modules if isinstance(m, nn.Linear)}


def _layer(name: str) -> str:
    name = _PREFIX.sub("", name)
    for native, ours in _NATIVE:
        name = native.sub(ours, name)
    return name


def _low_rank(path: Path, layer: str, parts: Mapping[str, Tensor]) -> LowRank:
    if not {"down", "up"} <= parts.keys() or parts["down"].shape[0] != parts["up"].shape[1]:
        raise UserError(f"{path}: '{layer}' lacks one of its two factors, or their ranks differ; download it again")
    rank = parts["down"].shape[0]
    return LowRank(parts["down"], parts["up"], float(parts["alpha"]) / rank if "alpha" in parts else 1.0)
