"""What a rendered edit measures, and whether that makes it a case: exact mask, motion, contrast, agreement outside."""

from __future__ import annotations

import cv2
import numpy as np

from bench.types import Frames, Mask

MIN_FLOW = 0.5
"""Median motion of the target's product, pixels a frame: a frozen clip must always be wrong."""
MIN_CHANGE = 5.0
"""Mean absolute difference of source and target inside the mask, in 8-bit steps."""
MIN_AREA = 0.008
"""Share of the pixels that the edit must touch."""
MIN_OUTSIDE_DB = 50.0
"""PSNR of source and target outside the mask of a local edit, before encoding."""
MIN_CONTRAST = 10.0
"""Median step in colour across the target product's outline, in 8-bit steps: less, and it cannot be made out."""


def edit_mask(source: Frames, target: Frames) -> Mask:
    """Return T x H x W, True where the edit changed a pixel (shadow and reflection included), two pixels wider.

    The renderer has no noise: outside the product's influence source and target are equal to the last bit.
    """
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    wide = [
        cv2.dilate((cv2.absdiff(a, b).max(-1) > 1).view(np.uint8), kernel) for a, b in zip(source, target, strict=True)
    ]
    return np.stack(wide).astype(bool)


def flow_of(frames: Frames, where: Mask) -> float:
    """Return the median length of optical flow (DIS) on `where`, pixels a frame, over pairs of frames."""
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in frames]
    lengths = []
    for t in range(0, len(grey) - 1, 2):
        flow = dis.calc(grey[t], grey[t + 1], None)
        lengths.append(np.hypot(flow[..., 0], flow[..., 1])[where[t]])
    found = np.concatenate(lengths)
    return float(np.median(found)) if found.size else 0.0


def outside_psnr(source: Frames, target: Frames, mask: Mask) -> float:
    """Return the PSNR of source and target over pixels outside the mask, in dB, at most 99."""
    error = (source.astype(np.float64) - target.astype(np.float64))[~mask]
    mse = float((error**2).mean()) if error.size else 0.0
    return 99.0 if mse < 1e-4 else float(10 * np.log10(255.0**2 / mse))


def contrast_of(frames: Frames, product: Mask) -> float:
    """Return the median step in colour (largest channel, 8-bit steps) across the product's outline in three frames.

    On each side of the outline it is the mean of the few pixels on that side alone.
    """
    steps = []
    for t in sorted({0, len(frames) // 2, len(frames) - 1}):
        inside = product[t].astype(np.float32)
        outline = cv2.morphologyEx(product[t].astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
        image = frames[t].astype(np.float32)
        sides = []
        for side in (inside, 1.0 - inside):
            weight = cv2.GaussianBlur(side, (0, 0), 2.0)
            blurred = cv2.GaussianBlur(image * side[..., None], (0, 0), 2.0)
            sides.append((blurred / np.maximum(weight, 1e-3)[..., None])[outline])
        steps.append(np.abs(sides[0] - sides[1]).max(-1))
    found = np.concatenate(steps)
    return float(np.median(found)) if found.size else 0.0


def faults(source: Frames, target: Frames, mask: Mask, product: Mask) -> list[str]:
    """Return why a rendered edit cannot be a case (empty when it can)."""
    found = []
    if mask.mean() < MIN_AREA:
        found.append(f"touches {100 * mask.mean():.2f} % of the pixels, wanted {100 * MIN_AREA} %")
    else:
        change = np.abs(source.astype(np.int16) - target.astype(np.int16))[mask].mean()
        if change < MIN_CHANGE:
            found.append(f"changes its pixels by {change:.1f} steps, wanted {MIN_CHANGE}")
    outside = outside_psnr(source, target, mask)
    if outside < MIN_OUTSIDE_DB:
        found.append(f"differs outside the mask ({outside:.1f} dB, wanted {MIN_OUTSIDE_DB})")
    flow = flow_of(target, product)
    if flow < MIN_FLOW:
        found.append(f"product moves {flow:.2f} px a frame, wanted {MIN_FLOW}")
    contrast = contrast_of(target, product)
    if contrast < MIN_CONTRAST:
        found.append(f"product stands out by {contrast:.1f} steps, wanted {MIN_CONTRAST}")
    return found
