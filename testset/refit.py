"""Make clips of one size, rate and length out of whatever a camera gave: only where the user asks for it.

Frames are turned as a player turns them, scaled to cover the wanted size and cropped about the middle. Every clip of
a case is treated alike, so that masks and targets still fit their source.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.errors import CaseFailed, UserError
from bench.media import write_mask, write_mp4
from bench.media.inspect import Inspection, upright
from bench.types import Frames, Video

CRF = 12


@dataclass(frozen=True, slots=True)
class Refit:
    """What shall become of every clip; None leaves that property as it is."""

    size: tuple[int, int] | None = None
    """Width, height; both even."""
    fps: Fraction | None = None
    frames: int | None = None
    """The first so many, after the change of rate."""

    def __bool__(self) -> bool:
        return any(v is not None for v in (self.size, self.fps, self.frames))

    def size_of(self, clip: Inspection) -> tuple[int, int]:
        """Return the width and height that the clip will have."""
        turned = clip.rotation % 180 == 90
        return self.size or ((clip.height, clip.width) if turned else (clip.width, clip.height))


AS_IT_IS = Refit()


def picks(clip: Inspection, refit: Refit) -> list[int]:
    """Return which frames of a clip are shown, by index.

    At a new rate, each moment shows the frame that a player would have on screen then. Raises `CaseFailed` where the
    clip is too short.
    """
    chosen = list(range(clip.frames))
    if refit.fps is not None:
        length = clip.times[-1] + 1 / float(clip.fps)
        moments = np.arange(max(1, int(length * refit.fps + 1e-6))) / float(refit.fps)
        chosen = (np.searchsorted(clip.times, moments + 1e-4, side="right") - 1).tolist()
    if refit.frames is not None:
        if len(chosen) < refit.frames:
            raise CaseFailed(f"gives {len(chosen)} frames, wanted {refit.frames}; ask for fewer or take the row out")
        chosen = chosen[: refit.frames]
    return chosen


def shown(path: Path, clip: Inspection, refit: Refit) -> Frames:
    """Return every frame upright, scaled and cropped, T x H x W x 3."""
    width, height = refit.size_of(clip)
    return np.stack([cover(pixels, width, height, clip.aspect) for pixels in upright(path)])


def cover(pixels: NDArray[np.uint8], width: int, height: int, aspect: Fraction = Fraction(1)) -> NDArray[np.uint8]:
    """Return a picture scaled to cover width x height and cropped about the middle; `aspect` is its pixels'."""
    rows, columns = pixels.shape[:2]
    if (columns, rows) == (width, height) and aspect == 1:
        return np.ascontiguousarray(pixels)
    scale = max(width / (columns * float(aspect)), height / rows)
    size = (max(width, round(columns * float(aspect) * scale)), max(height, round(rows * scale)))
    smaller = size[0] < columns or size[1] < rows
    scaled = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    return np.ascontiguousarray(scaled[top : top + height, left : left + width])


def write_refitted(frames: Frames, path: Path, fps: Fraction, mask: bool) -> None:
    """Write a clip as test sets ship it, or a mask, True where a pixel is half white or more."""
    if mask:
        write_mask(frames.mean(-1) > 127, path, fps)
    else:
        write_mp4(Video(frames, fps), path, crf=CRF, pix_fmt="yuv444p")


def read_refit(size: str | None, fps: str | None, frames: int | None) -> Refit:
    """Return what the texts ask for. Raises `UserError` for a size that is not two even numbers, or no rate."""
    found = None
    if size is not None:
        width, _, height = size.partition("x")
        if (
            not (width.isdecimal() and height.isdecimal())
            or int(width) % 2
            or int(height) % 2
            or "0" in (width, height)
        ):
            raise UserError(f"--size {size}: wanted WIDTHxHEIGHT, both even, e.g. 256x256")
        found = (int(width), int(height))
    try:
        rate = None if fps is None else Fraction(fps)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if rate is not None and not 1 <= rate <= 240:
        raise UserError(f"--fps {fps}: wanted a number from 1 to 240, e.g. 8 or 30000/1001")
    return Refit(found, rate, frames)
