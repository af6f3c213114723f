"""The models, untrained: diffusers' and transformers' own classes at small sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.errors import UserError
from methods.training.config import TextShape, TransformerShape, VaeShape

if TYPE_CHECKING:
    from diffusers import AutoencoderKLWan, WanTransformer3DModel
    from transformers import UMT5EncoderModel

BUDGET_MIB = {"transformer": 36.0, "vae": 12.0, "text_encoder": 4.0, "shopclip": 4.2}
"""What each part may weigh in bfloat16: the weights are shipped inside the package."""


def build_vae(
    shape: VaeShape, mean: Sequence[float] | None = None, std: Sequence[float] | None = None
) -> AutoencoderKLWan:
    """Return a VAE of the Wan 2.2 layout (16x16 pixels, 4 frames) with its latents' statistics."""
    from diffusers import AutoencoderKLWan

    return AutoencoderKLWan(
        base_dim=shape.base_dim,
        decoder_base_dim=shape.decoder_base_dim,
        z_dim=shape.z_dim,
        dim_mult=list(shape.dim_mult),
        num_res_blocks=shape.num_res_blocks,
        temperal_downsample=[False, True, True],
        is_residual=True,
        in_channels=12,
        out_channels=12,
        patch_size=2,
        scale_factor_temporal=4,
        scale_factor_spatial=16,
        latents_mean=list(mean or [0.0] * shape.z_dim),
        latents_std=list(std or [1.0] * shape.z_dim),
    )


def build_transformer(shape: TransformerShape, channels: int, text_dim: int) -> WanTransformer3DModel:
    """Return a velocity transformer with per-token timesteps, over latents of so many channels."""
    from diffusers import WanTransformer3DModel

    return WanTransformer3DModel(
        patch_size=(1, 2, 2),
        num_attention_heads=shape.heads,
        attention_head_dim=shape.head_dim,
        in_channels=channels,
        out_channels=channels,
        text_dim=text_dim,
        freq_dim=256,
        ffn_dim=shape.ffn_dim,
        num_layers=shape.layers,
        cross_attn_norm=True,
        qk_norm="rms_norm_across_heads",
    )


def build_text_encoder(shape: TextShape, vocabulary: int) -> UMT5EncoderModel:
    """Return a text encoder for a tokenizer of `vocabulary` tokens."""
    from transformers import UMT5Config, UMT5EncoderModel

    return UMT5EncoderModel(
        UMT5Config(
            vocab_size=vocabulary,
            d_model=shape.d_model,
            d_kv=shape.head_dim,
            d_ff=shape.ffn_dim,
            num_layers=shape.layers,
            num_heads=shape.heads,
            dropout_rate=0.0,
            pad_token_id=0,
            eos_token_id=1,
        )
    )


def channels_last(module: nn.Module) -> None:
    """Store convolution weights channels last, which is how tensor cores read them."""
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}
    for parameter in module.parameters():
        if parameter.ndim in formats:
            parameter.data = parameter.data.contiguous(memory_format=formats[parameter.ndim])


def mebibytes(module: nn.Module) -> float:
    """Return what a module's weights take in bfloat16."""
    return sum(p.numel() for p in module.parameters()) * 2 / 2**20


def check_budget(parts: Mapping[str, nn.Module]) -> None:
    """Raise UserError when a part is too large to be shipped."""
    for name, module in parts.items():
        if (size := mebibytes(module)) > BUDGET_MIB[name]:
            raise UserError(
                f"{name} takes {size:.2f} MiB in bfloat16, at most {BUDGET_MIB[name]:g} are shipped: "
                "make the shape in its config smaller"
            )


def load_weights(module: nn.Module, weights: Mapping[str, Tensor], prefix: str) -> None:
    """Copy the weights named `<prefix>.<parameter>` into a module; UserError where they do not fit."""
    for name, parameter in module.named_parameters():
        value = weights.get(f"{prefix}.{name}")
        if value is None or value.shape != parameter.shape:
            found = "missing" if value is None else str(tuple(value.shape))
            raise UserError(
                f"weight {prefix}.{name} is {found}, wanted {tuple(parameter.shape)}: the run's shape differs"
            )
        with torch.no_grad():
            parameter.copy_(value)
