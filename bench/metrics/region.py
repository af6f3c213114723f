"""Where a metric looks: inside the edit mask, outside it, and what an edit must agree with there."""

from __future__ import annotations

import numpy as np

from bench.metrics import Sample
from bench.types import Mask, Video

OUTSIDE_SHARE = 0.10
"""An outside smaller than this share of the pixels says nothing about what was kept (style, most backgrounds)."""


def reference(sample: Sample) -> Video:
    """Return what the untouched part must look like: the target, or without one the source, which agree there."""
    return sample.source if sample.target is None else sample.target


def outside(sample: Sample) -> Mask | None:
    """Return T x H x W, True where nothing may change; None without a mask or with too little outside it."""
    if sample.mask is None:
        return None
    region = ~sample.mask
    return region if region.mean() >= OUTSIDE_SHARE else None


def spliced(sample: Sample) -> Video:
    """Return the edit with the reference's pixels inside the mask.

    For features whose receptive field reaches across the mask's border: what differs from the reference is then
    due to the outside alone. Needs a mask.
    """
    assert sample.mask is not None
    inside = sample.mask[..., None]
    return Video(np.where(inside, reference(sample).frames, sample.edit.frames), sample.edit.fps)
