"""shopclip, the text-image model of `lite-1`: pictures and words of this domain as unit vectors of one space.

Trained by `bench train text-image`, shipped in `bench/features/shopclip` and loaded through open_clip, whose own
transform prepares every picture. It knows the renderer's products and words only, it judges editing methods, and it
is never used to train or tune one: nothing in `methods` imports this module, and a contract holds that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.features import device
from bench.features.bank import Arrays, FeatureBank
from bench.identity import file_digest
from bench.types import Frames, Mask, Video

FOLDER = Path(__file__).parent / "shopclip"
PINS = {
    "open_clip_config.json": "c7569e678377991ab3a321799fe7231a5c63d6c1e41473040cbc6d870dc12749",
    "open_clip_model.safetensors": "2405d882bfb0c76bcdee4df69ef7eea9e9761a45940e1412715d78026c332751",
    "training.json": "b8b795b44ad1c90d0ab7e256a9d0dce84fabcb1a14a2e0fb699779323ef85520",
    "tokenizer.json": "f977bfe8a5a999b110e0dda5ac3c521dec08c46f66f60d8ec70b39cf8190b7b1",
}
"""sha256 of every file that scores depend on."""
WEIGHTS = PINS["open_clip_model.safetensors"]
STRIDE = 2
"""Every second frame is looked at, as by the other backbone."""
MARGIN = 1.25
"""Side of a close-up, in longer sides of the box about its region: as in training."""
SMALLEST = 0.003
"""A region on a smaller share of the frame is no close-up; the whole frame stands in for it, as in training."""
BATCH = 32
LEAST = 0.97
"""Held-out zero-shot accuracy below which an attribute is not asked for."""

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class TextImage:
    """A loaded model."""

    model: Any
    transform: Any
    tokenizer: Any
    where: str
    """The device."""

    @property
    def scale(self) -> float:
        """What cosines are multiplied by before a softmax over phrasings."""
        return float(self.model.logit_scale.exp())

    @property
    def longest(self) -> int:
        """Tokens that are read of a text."""
        return int(self.tokenizer.context_length)

    def tokens(self, text: str) -> int:
        """Return how many tokens a text has."""
        return len(self.tokenizer.tokenizer(text).input_ids)

    def pictures(self, pictures: Sequence[NDArray[np.uint8]]) -> Vectors:
        """Return unit vectors N x D of pictures, each uint8 H x W x 3 of any size."""
        import torch
        from PIL import Image

        found = []
        with torch.inference_mode():
            for start in range(0, len(pictures), BATCH):
                part = [self.transform(Image.fromarray(p)) for p in pictures[start : start + BATCH]]
                vectors = self.model.encode_image(torch.stack(part).to(self.where), normalize=True)
                found.append(vectors.float().cpu().numpy())
        return np.concatenate(found)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors N x D of texts, English or Chinese; what follows the `longest` token is not read."""
        import torch

        with torch.inference_mode():
            vectors = self.model.encode_text(self.tokenizer(list(texts)).to(self.where), normalize=True)
        return np.asarray(vectors.float().cpu().numpy(), np.float32)


def check() -> None:
    """Raise UserError unless the model's files are there and are the pinned ones."""
    for name, wanted in PINS.items():
        path = FOLDER / name
        if not path.is_file():
            raise UserError(f"{path}: missing; run `pip install --force-reinstall shopedit-bench`")
        if (found := file_digest(path)) != wanted:
            raise UserError(
                f"{path} has sha256 {found[:12]}, wanted {wanted[:12]}: "
                "run `pip install --force-reinstall shopedit-bench`"
            )


@cache
def accuracies() -> dict[str, float]:
    """Return the share of held-out scenes in which each attribute was read right, as the training measured it."""
    figures = json.loads((FOLDER / "training.json").read_text(encoding="utf-8"))["figures"]["attributes"]
    return {name: float(row["accuracy"]) for name, row in figures.items()}


def unreliable() -> dict[str, float]:
    """Return the attributes that are not read well enough to be judged by, with their accuracies."""
    return {name: share for name, share in accuracies().items() if share < LEAST}


def load() -> TextImage:
    """Return the shipped model on the device that is in use. Raises UserError where a file is not the pinned one."""
    return _load(device.current())


@cache
def _load(where: str) -> TextImage:
    from open_clip import create_model_from_pretrained, get_tokenizer

    check()
    name = f"local-dir:{FOLDER}"
    model, transform = create_model_from_pretrained(name, device=where)
    return TextImage(model.eval().requires_grad_(False), transform, get_tokenizer(name), where)


def embed_frames(bank: FeatureBank, video: Video) -> Vectors:
    """Return unit vectors n x D of every second frame."""
    return np.asarray(bank.get(video, EXTRACTOR)["vectors"], np.float32)


def embed_close_ups(bank: FeatureBank, video: Video, region: Mask) -> Vectors:
    """Return unit vectors n x D of squares about a region (T x H x W) in every second frame."""
    content = hashlib.sha256(bank.digest(video).encode() + np.packbits(region).tobytes()).hexdigest()

    def compute() -> Arrays:
        pairs = zip(video.frames[::STRIDE], region[::STRIDE], strict=True)
        return {"vectors": load().pictures([close_up(frame, where) for frame, where in pairs])}

    return np.asarray(bank.recall(f"{EXTRACTOR.identity}-close-{content}", compute)["vectors"], np.float32)


@cache
def embed_texts(texts: tuple[str, ...]) -> Vectors:
    """Return unit vectors N x D of texts."""
    return load().texts(texts)


def close_up(frame: Frames, region: Mask) -> Frames:
    """Return the square about a region (H x W) of a frame, edges repeated outside; the frame where it is too small."""
    if region.mean() < SMALLEST:
        return frame
    spans = [np.flatnonzero(region.any(axis)) for axis in (1, 0)]
    side = MARGIN * max(s[-1] + 1 - s[0] for s in spans)
    picks = []
    for span, length in zip(spans, region.shape, strict=True):
        first = round((span[0] + span[-1] + 1 - side) / 2)
        picks.append(np.clip(np.arange(first, first + round(side)), 0, length - 1))
    return np.asarray(frame[np.ix_(*picks)], np.uint8)


class ShopClip:
    """Extractor of whole frames: `vectors`, float32 n x D, n counting every second frame from the first."""

    @property
    def identity(self) -> str:
        """The weights, and how frames are chosen."""
        return f"shopclip-v1-{WEIGHTS[:12]}-every{STRIDE}"

    def extract(self, video: Video) -> Arrays:
        """Return the frames' vectors."""
        return {"vectors": load().pictures(list(video.frames[::STRIDE]))}


EXTRACTOR = ShopClip()
