"""The text-image model, untrained: open_clip's own `CLIP`, from the config that open_clip reads it back with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from methods.training.config import TextImageShape

if TYPE_CHECKING:
    from open_clip import CLIP

MEAN = STD = (0.5, 0.5, 0.5)


def model_config(shape: TextImageShape, vocabulary: int) -> dict[str, Any]:
    """Return open_clip's `model_cfg` for a tokenizer of `vocabulary` tokens whose end token is number 1."""
    return {
        "embed_dim": shape.embed_dim,
        "vision_cfg": {
            "timm_model_name": shape.tower,
            "timm_model_pretrained": False,
            "timm_pool": "avg",
            "timm_proj": "linear",
            "image_size": shape.image_size,
        },
        "text_cfg": {
            "context_length": shape.max_tokens,
            "vocab_size": vocabulary,
            "hf_tokenizer_name": "shopclip",
            "width": shape.width,
            "heads": shape.heads,
            "layers": shape.layers,
            "mlp_ratio": shape.mlp_ratio,
            "pool_type": "eos",
            "eos_id": 1,
            "pad_id": 0,
        },
        # The sigmoid loss starts from almost no pair being a match (Zhai et al. 2023, section 3.3).
        "init_logit_scale": 2.3026,
        "init_logit_bias": -10.0,
    }


def build_text_image(shape: TextImageShape, vocabulary: int) -> CLIP:
    """Return the model with fresh weights."""
    from open_clip import CLIP

    config = model_config(shape, vocabulary)
    text = {k: v for k, v in config["text_cfg"].items() if k != "hf_tokenizer_name"}
    model = CLIP(**config | {"text_cfg": text})
    if kept := [name for name, _ in model.visual.named_buffers()]:
        raise ValueError(f"tower {shape.tower} keeps running statistics ({kept[0]}), which are no weights")
    with torch.no_grad():
        for name, weight in model.visual.named_parameters():
            if name.endswith("gamma"):
                weight.fill_(shape.layer_scale)
    return model


def normalise(planes: Tensor) -> Tensor:
    """Return [0, 1] pixels [B, 3, S, S] as the model takes them."""
    mean, std = (planes.new_tensor(v).view(3, 1, 1) for v in (MEAN, STD))
    return (planes - mean) / std
