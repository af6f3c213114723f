"""Patch colours: a clip on a coarse grid in CIELAB, where codec noise has averaged out and colour has not."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.features.bank import FeatureBank
from bench.types import Mask, Video

PATCHES = 64
"""About this many patches along the short side: 4 x 4 pixels of a 256 x 256 clip."""

Patches = NDArray[np.float32]


def lab_patches(bank: FeatureBank, video: Video) -> Patches:
    """Return the CIELAB colour (D65) of each patch's mean sRGB, T x h x w x 3, L in [0, 100]."""
    from skimage.color import rgb2lab

    def compute() -> Patches:
        means = np.stack([_shrink(f.astype(np.float32) / 255) for f in video.frames])
        return np.asarray(rgb2lab(means), np.float32)

    return bank.memo(("lab-patches", bank.digest(video)), compute)


def patch_weights(region: Mask) -> Patches:
    """Return how much of each patch lies in the region (T x H x W), T x h x w in [0, 1]."""
    return np.stack([_shrink(f.astype(np.float32)) for f in region])


def _shrink(array: Patches) -> Patches:
    height, width = array.shape[:2]
    step = max(1, round(min(height, width) / PATCHES))
    size = (max(1, width // step), max(1, height // step))
    return np.asarray(cv2.resize(array, size, interpolation=cv2.INTER_AREA), np.float32)
