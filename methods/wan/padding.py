"""Clips of any size, made to fit the model by repeating their last frame and their right and bottom edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bench.types import EditRequest, Frames, Video


def fits(shape: tuple[int, int, int], step: int) -> bool:
    """Tell whether a clip of (frames, height, width) goes through the model as it is: 4n + 1, multiples of step."""
    return shape == fitted(shape, step)


def fitted(shape: tuple[int, int, int], step: int) -> tuple[int, int, int]:
    """Return the smallest (frames, height, width) that the model takes and the clip goes into."""
    frames, height, width = shape
    return frames + -(frames - 1) % 4, height + -height % step, width + -width % step


def padded(request: EditRequest, step: int) -> EditRequest:
    """Return the request with source, first frame and mask grown to `fitted`, edges repeated."""
    shape = request.source.shape
    to = fitted(shape, step)
    if to == shape:
        return request
    grow = [(0, b - a) for a, b in zip(shape, to, strict=True)]
    first, mask = request.first_frame, request.mask
    return replace(
        request,
        source=Video(np.pad(request.source.frames, [*grow, (0, 0)], mode="edge"), request.source.fps),
        first_frame=None if first is None else np.pad(first, [*grow[1:], (0, 0)], mode="edge"),
        mask=None if mask is None else np.pad(mask, grow, mode="edge"),
    )


def cut(frames: Frames, shape: tuple[int, int, int]) -> Frames:
    """Undo the padding: return the first frames, rows and columns that make up `shape`."""
    length, height, width = shape
    return np.ascontiguousarray(frames[:length, :height, :width])
