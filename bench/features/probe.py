"""The attribute probe: which value of a closed vocabulary does a clip show?

Each value's phrasings are embedded and averaged; a frame's probabilities are a softmax over the values. Product, colour
and material are read from a close-up of the product, everything else from the whole frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.features.text_image import Vectors, embed_close_ups, embed_frames, embed_texts, load
from bench.types import Mask, Video

CLOSE_UP = ("product", "color", "material")
"""Attributes of the product itself."""

Phrasings = Mapping[str, tuple[str, ...]]
"""Value to its phrasings."""


def probabilities(
    bank: FeatureBank, video: Video, attribute: str, values: Phrasings, region: Mask | None = None
) -> NDArray[np.float64]:
    """Return per looked-at frame the probability of every value, n x values; each row sums to 1.

    `region` (T x H x W) is where the product is; without it, and for attributes that are not the product's, the whole
    frame is read.
    """
    close = region is not None and attribute in CLOSE_UP
    vectors = embed_close_ups(bank, video, region) if close and region is not None else embed_frames(bank, video)
    logits = load().scale * (vectors @ _classifier(tuple(values.values())).T).astype(np.float64)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(weights / weights.sum(1, keepdims=True))


def read(bank: FeatureBank, video: Video, attribute: str, values: Phrasings, region: Mask | None = None) -> str:
    """Return the value with the largest mean probability over the clip."""
    mean = probabilities(bank, video, attribute, values, region).mean(0)
    return list(values)[int(mean.argmax())]


@cache
def _classifier(phrasings: tuple[tuple[str, ...], ...]) -> Vectors:
    """Return unit vectors, values x D: the mean over each value's phrasings."""
    means = np.stack([embed_texts(texts).mean(0) for texts in phrasings])
    return np.asarray(means / np.linalg.norm(means, axis=1, keepdims=True), np.float32)
