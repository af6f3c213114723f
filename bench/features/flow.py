"""Optical flow without weights: dense inverse search, and where it can be trusted."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.features.bank import Arrays
from bench.types import Video


class DisFlow:
    """Extractor of `forward` (float16, T-1 x H x W x 2, pixels, frame t to t+1) and `seen` (bool, T-1 x H x W).

    `seen` is what `seen_along` says.
    """

    identity = f"dis-medium-v1-cv{cv2.__version__}"

    def extract(self, video: Video) -> Arrays:
        """Return the flow of every pair of neighbouring frames."""
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in video.frames]
        forward, seen = [], []
        for now, then in pairwise(grey):
            ahead, back = search.calc(now, then, None), search.calc(then, now, None)
            forward.append(ahead.astype(np.float16))
            seen.append(seen_along(ahead, back))
        return {"forward": np.stack(forward), "seen": np.stack(seen)}


def seen_along(ahead: NDArray[np.float32], back: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return where a flow can be trusted, H x W, given the flow back from the next frame.

    False where the pixel is hidden in the next frame or lies on a motion boundary, by the tests of Lai et al. 2018
    (arXiv:1808.00449, section 3.2) as given by Ruder et al. 2016.
    """
    returned = warp(back, ahead)
    length = _square(ahead)
    down, across = (np.asarray(g) for g in np.gradient(ahead, axis=(0, 1)))
    hidden = _square(ahead + returned) > 0.01 * (length + _square(returned)) + 0.5
    boundary = _square(down) + _square(across) > 0.01 * length + 0.002
    return np.asarray(~(hidden | boundary))


def _square(field: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return squared lengths of vectors, H x W x 2 to H x W; numpy's sum over so short an axis is five times slower."""
    squares: NDArray[np.float32] = field[..., 0] ** 2 + field[..., 1] ** 2
    return squares


def warp(picture: NDArray[np.float32], flow: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `picture` looked up at x + flow(x), bilinear, borders repeated; H x W x C."""
    height, width = flow.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(
        cv2.remap(picture, x + flow[..., 0], y + flow[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


EXTRACTOR = DisFlow()
