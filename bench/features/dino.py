"""DINO ViT-B/8 (Caron et al. 2021): keys of the last block for structure, the class token for consistency."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.features import device
from bench.features.bank import Arrays
from bench.types import Video

STRIDE = 4
"""Every fourth frame is looked at: one frame has 785 tokens or more."""
SHORT_SIDE, LONG_MOST, PATCH = 224, 480, 8
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@cache
def _network(path: str, where: str) -> Any:
    import timm
    import torch

    network = timm.create_model("vit_base_patch8_224.dino", pretrained=False, num_classes=0, dynamic_img_size=True)
    # The published file has timm's names; strict loading checks every shape.
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return network.eval().requires_grad_(False).to(where)


def size_of(height: int, width: int) -> tuple[int, int]:
    """Return the size a frame is brought to: short side 224, long side at most 480, both whole patches."""
    ratio = min(SHORT_SIDE / min(height, width), LONG_MOST / max(height, width))
    tall, wide = (max(PATCH, round(side * ratio / PATCH) * PATCH) for side in (height, width))
    return tall, wide


class DinoVitB8:
    """Extractor of `keys` (float16, n x tokens x 768, class token first) and `cls` (float32, n x 768)."""

    identity = f"dino-vitb8-v1-every{STRIDE}-short{SHORT_SIDE}"

    def extract(self, video: Video) -> Arrays:
        """Return keys of block 11, heads side by side, and the final class token. Raises MissingWeights."""
        import torch
        from torch.nn import functional

        network = _network(str(weights.find("dino-vitb8")), device.current())
        held: list[Any] = []
        hook = network.blocks[-1].attn.qkv.register_forward_hook(lambda _, __, out: held.append(out))
        keys, tokens = [], []
        try:
            with torch.inference_mode():
                for frame in video.frames[::STRIDE]:
                    pixels = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].to(device.current())
                    x = functional.interpolate(
                        pixels.float() / 255, size_of(*frame.shape[:2]), mode="bicubic", antialias=True
                    ).clamp(0, 1)
                    mean, std = (torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (MEAN, STD))
                    tokens.append(network((x - mean) / std).float().cpu().numpy()[0])
                    width = network.embed_dim
                    keys.append(held.pop()[0, :, width : 2 * width].half().cpu().numpy())
        finally:
            hook.remove()
        return {"keys": np.stack(keys), "cls": np.stack(tokens)}


def self_similarity(keys: NDArray[Any]) -> NDArray[np.float32]:
    """Return the cosine of every token's key with every other's, tokens x tokens, for one frame's keys."""
    unit = keys.astype(np.float32)
    unit /= np.maximum(np.linalg.norm(unit, axis=-1, keepdims=True), 1e-8)
    return np.asarray(unit @ unit.T, np.float32)


EXTRACTOR = DinoVitB8()
