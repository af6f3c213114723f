"""Known damages of a clip. What each must do to a metric is declared on the metric's card, and held by tests.

All are pure: the same clip, strength and seed give the same frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.types import Mask, Video


def identity(video: Video) -> Video:
    """Return the clip itself, copied."""
    return Video(video.frames.copy(), video.fps)


def frozen(video: Video) -> Video:
    """Return the first frame, repeated."""
    return Video(np.repeat(video.frames[:1], len(video.frames), axis=0), video.fps)


def shuffled(video: Video, seed: int = 0) -> Video:
    """Return the frames in another order; with three frames or more, no frame keeps its place."""
    count = len(video.frames)
    ring = np.random.default_rng(seed).permutation(count)
    order = np.empty(count, int)
    # Each frame takes the place of the next one on a random ring, so none stays where it was.
    order[ring] = np.roll(ring, -1)
    return Video(video.frames[order], video.fps)


def blur(video: Video, sigma: float = 2.5) -> Video:
    """Return every frame under a Gaussian of `sigma` pixels."""
    return Video(np.stack([cv2.GaussianBlur(f, (0, 0), sigma) for f in video.frames]), video.fps)


def noise(video: Video, sigma: float = 15.0, seed: int = 0) -> Video:
    """Return the clip plus Gaussian noise of `sigma` grey levels, new in every frame."""
    grain = np.random.default_rng(seed).normal(0, sigma, video.frames.shape)
    return _clip(video, video.frames + grain)


def jitter(video: Video, pixels: int = 4, seed: int = 0) -> Video:
    """Return every frame shifted by up to `pixels` either way, borders repeated; never two equal shifts in a row."""
    rng = np.random.default_rng(seed)
    height, width = video.shape[1:]
    last, moved = (0, 0), []
    for frame in video.frames:
        shift = last
        while shift == last:
            dx, dy = rng.integers(-pixels, pixels + 1, 2)
            shift = (int(dx), int(dy))
        last = shift
        move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
        moved.append(cv2.warpAffine(frame, move, (width, height), borderMode=cv2.BORDER_REPLICATE))
    return Video(np.stack(moved), video.fps)


def flicker(video: Video, gain: float = 0.12, seed: int = 0) -> Video:
    """Return every frame times 1 + gain or 1 - gain, the sign drawn per frame (never all the same)."""
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], len(video.frames))
    signs[1::2] = -signs[: len(signs[1::2]) * 2 : 2]
    return _clip(video, video.frames * (1 + gain * signs)[:, None, None, None])


def cast(video: Video, shift: tuple[float, float, float] = (24.0, -6.0, -24.0)) -> Video:
    """Return the clip with a constant added to red, green and blue."""
    return _clip(video, video.frames + np.asarray(shift))


def leak(video: Video, mask: Mask, strength: float = 0.35) -> Video:
    """Return the clip with everything outside the mask drawn towards its complement: an edit that spilled over."""
    pixels = video.frames.astype(np.float64)
    spilled = (1 - strength) * pixels + strength * (255 - pixels)
    return _clip(video, np.where(mask[..., None], pixels, spilled))


def blend(a: Video, b: Video, share: float = 0.5) -> Video:
    """Return `share` of b over a: a half-done edit where a is the source and b the target."""
    return _clip(a, (1 - share) * a.frames + share * b.frames)


def _clip(video: Video, pixels: NDArray[np.float64]) -> Video:
    return Video(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), video.fps)


DAMAGES: Mapping[str, Callable[[Video, Mask], Video]] = {
    "identity": lambda video, mask: identity(video),
    "frozen": lambda video, mask: frozen(video),
    "shuffled": lambda video, mask: shuffled(video),
    "blur": lambda video, mask: blur(video),
    "noise": lambda video, mask: noise(video),
    "jitter": lambda video, mask: jitter(video),
    "flicker": lambda video, mask: flicker(video),
    "cast": lambda video, mask: cast(video),
    "leak": leak,
}
"""The damages that cards declare reactions to, at the strengths that tests use."""
