"""Augmentations that source, target and mask go through alike, so that a pair stays exact."""

from __future__ import annotations

import random

import torch
import torch.nn.functional as F
from torch import Tensor

from methods.training.pairs.record import Augmentation

REVERSED = {
    "the camera orbits left": "the camera orbits right",
    "the camera orbits right": "the camera orbits left",
    "the camera pushes in": "the camera pulls back",
    "the camera pulls back": "the camera pushes in",
    "the camera pans across": "the camera pans across",
    "a hand-held camera follows": "a hand-held camera follows",
    "the product turns on a turntable": "the product turns on a turntable",
}
"""What a motion is called when time runs backwards; one that is not here is never reversed."""


def draw(rng: random.Random, motion: str) -> Augmentation:
    """Return a random augmentation; about one pair in five is left as it was rendered."""
    side = rng.uniform(0.8, 0.98)
    crop = (rng.uniform(0, 1 - side), rng.uniform(0, 1 - side), side)
    gain = tuple(rng.uniform(0.94, 1.06) for _ in range(3))
    light = (rng.uniform(-0.12, 0.12), rng.uniform(-0.12, 0.12), rng.uniform(-0.08, 0.08))
    chosen = {
        "crop": crop if rng.random() < 0.3 else None,
        "slow": rng.random() if rng.random() < 0.2 else None,
        "reverse": rng.random() < 0.25 and motion in REVERSED,
        "gain": gain if rng.random() < 0.3 else None,
        "gamma": rng.uniform(0.9, 1.1) if rng.random() < 0.3 else 1.0,
        "light": light if rng.random() < 0.3 else None,
    }
    return Augmentation.model_validate(chosen)


def rendered_frames(frames: int, augmentation: Augmentation) -> int:
    """Return how many frames must be rendered of a clip: twice as many steps at half speed."""
    return frames if augmentation.slow is None else 2 * frames - 1


def apply(clip: Tensor, augmentation: Augmentation, frames: int) -> Tensor:
    """Return a rendered clip, uint8 [T', H, W, 3], augmented: uint8 [frames, H, W, 3]."""
    a = augmentation
    moved = _in_time_and_space(clip.permute(0, 3, 1, 2).float() / 255, a, frames)
    if a.gain is not None:
        moved = moved * torch.tensor(a.gain, device=clip.device).view(1, 3, 1, 1)
    if a.light is not None:
        moved = moved * _lighting(moved, a.light)
    if a.gamma != 1.0:
        moved = moved.clamp(0, 1) ** a.gamma
    return (moved.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def apply_to_mask(mask: Tensor, augmentation: Augmentation, frames: int) -> Tensor:
    """Return a mask, bool [T', H, W], where the clip's pixels went: a pixel touched at all is in."""
    return _in_time_and_space(mask[:, None].float(), augmentation, frames)[:, 0] > 0.01


def _in_time_and_space(clip: Tensor, a: Augmentation, frames: int) -> Tensor:
    if a.slow is not None:
        start = round(a.slow * (len(clip) - frames))
        clip = clip[start : start + frames]
    if a.reverse:
        clip = clip.flip(0)
    if a.crop is None:
        return clip
    height, width = clip.shape[-2:]
    left, top, side = a.crop
    rows = slice(round(top * height), round((top + side) * height))
    columns = slice(round(left * width), round((left + side) * width))
    return F.interpolate(clip[..., rows, columns], (height, width), mode="bilinear", align_corners=False)


def _lighting(clip: Tensor, light: tuple[float, float, float]) -> Tensor:
    """Return a factor per frame and pixel: brighter to one side, and changing over the clip."""
    across, down, drift = light
    frames, _, height, width = clip.shape
    x, y, t = (torch.linspace(-1, 1, n, device=clip.device) for n in (width, height, frames))
    return 1 + across * x + down * y[:, None] + drift * t.view(-1, 1, 1, 1)
