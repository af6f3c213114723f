"""OpenAI's CLIP ViT-B/32 through open_clip: embeddings of frames, of their edited region, and of prompts."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.errors import UserError
from bench.features import device
from bench.features.bank import Arrays, FeatureBank
from bench.types import Mask, Video

STRIDE = 4
MARGIN = 0.1
"""The region's box grows by this share of its longer side, so that a crop shows some of what is around."""


@cache
def _network(path: str, where: str) -> Any:
    from open_clip.openai import load_openai_model

    # The quick-GELU architecture is built from the state itself: another activation would give other features.
    return load_openai_model(path, precision="fp32", device=where).eval().requires_grad_(False)


@cache
def transform() -> Any:
    """Return open_clip's own preprocessing for this model: PIL image to 3 x 224 x 224."""
    from open_clip import image_transform
    from open_clip.constants import OPENAI_DATASET_MEAN, OPENAI_DATASET_STD

    return image_transform(224, is_train=False, mean=OPENAI_DATASET_MEAN, std=OPENAI_DATASET_STD)


class ClipB32:
    """Extractor of `embeddings` (float32, n x 512, unit length) of every fourth frame."""

    identity = f"clip-b32-v1-40d365715913-every{STRIDE}"

    def extract(self, video: Video) -> Arrays:
        """Return the embeddings of whole frames. Raises MissingWeights."""
        return {"embeddings": images(list(video.frames[::STRIDE]))}


def images(pictures: list[NDArray[np.uint8]]) -> NDArray[np.float32]:
    """Return unit embeddings of pictures (H x W x 3 each), n x 512. Raises MissingWeights."""
    import torch
    from PIL import Image

    network = _network(str(weights.find("clip-vit-b32")), device.current())
    with torch.inference_mode():
        pixels = torch.stack([transform()(Image.fromarray(p)) for p in pictures]).to(device.current())
        return np.asarray(torch.nn.functional.normalize(network.encode_image(pixels).float(), dim=-1).cpu().numpy())


def text(bank: FeatureBank, prompt: str) -> NDArray[np.float32]:
    """Return the unit embedding of a prompt, 512. Raises MissingWeights, and UserError above 77 tokens."""

    def compute() -> NDArray[np.float32]:
        import torch
        from open_clip import SimpleTokenizer

        network = _network(str(weights.find("clip-vit-b32")), device.current())
        tokenizer = SimpleTokenizer()
        if (count := len(tokenizer.encode(prompt)) + 2) > tokenizer.context_length:
            # Cutting the prompt silently would score another prompt.
            raise UserError(f"prompt has {count} tokens, CLIP reads {tokenizer.context_length}; shorten it: {prompt!r}")
        with torch.inference_mode():
            found = network.encode_text(tokenizer([prompt]).to(device.current())).float()
            return np.asarray(torch.nn.functional.normalize(found, dim=-1).cpu().numpy()[0])

    return bank.memo(("clip-b32-text", prompt), compute)


def box(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """Return rows and columns of a frame's region, grown by the margin; None where it is empty."""
    if not mask.any():
        return None
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    grown = round(MARGIN * max(np.ptp(rows) + 1, np.ptp(columns) + 1))
    top, left = max(rows[0] - grown, 0), max(columns[0] - grown, 0)
    return slice(top, rows[-1] + 1 + grown), slice(left, columns[-1] + 1 + grown)


def crops(bank: FeatureBank, video: Video, mask: Mask) -> NDArray[np.float32]:
    """Return unit embeddings of the boxes around the region in looked-at frames that have any, n x 512."""
    key = ("clip-b32-crops", bank.digest(video), hash(np.packbits(mask).tobytes()))
    found = ((f, box(m)) for f, m in zip(video.frames[::STRIDE], mask[::STRIDE], strict=True))
    pictures = [np.ascontiguousarray(frame[place]) for frame, place in found if place is not None]
    return bank.memo(key, lambda: images(pictures) if pictures else np.zeros((0, 512), np.float32))


EXTRACTOR = ClipB32()
