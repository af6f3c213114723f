"""Look at a clip from start to end: what a container's header does not say, and what a test set must not take in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from bench.errors import CaseFailed
from bench.media.color import to_rgb
from bench.media.decode import MAX_FRAMES, fps_of, opened

_SMALL = 512 * 512
_HDR_TRANSFERS = {16: "PQ", 18: "HLG"}
"""Transfer functions (ITU-T H.273, table 3) that 8-bit RGB would show wrong."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What decoding every frame of a clip has shown."""

    width: int
    height: int
    """As stored; a rotated clip is shown with the two exchanged."""
    fps: Fraction
    times: tuple[float, ...]
    """Seconds from the first frame to each; even steps where the container gives none."""
    rotation: int
    """Degrees by which a player turns the frames, clockwise."""
    aspect: Fraction
    """Width of a pixel over its height."""
    interlaced: bool
    hdr: str | None
    """Name of the transfer function of a clip with high dynamic range."""

    @property
    def frames(self) -> int:
        """How many frames decode."""
        return len(self.times)


def inspect(
    path: Path, *, max_frames: int = MAX_FRAMES, watch: Callable[[int, av.VideoFrame], None] | None = None
) -> Inspection:
    """Decode every frame of a clip and return what was found; no pixel is converted or kept.

    `watch` is shown each frame with its index, for what else there is to learn from one decoding.

    Raises `CaseFailed` with the file's name and the reason: missing, not a clip, more than one video stream, a codec,
    size or length beyond the limits, a size that changes on the way, damaged or missing frames.
    """
    times: list[float | None] = []
    rotation, interlaced, hdr = 0, False, None
    with opened(path) as (container, stream):
        size = (stream.codec_context.width, stream.codec_context.height)
        if size[0] * size[1] > _SMALL:  # threads of their own cost small clips more than they give
            stream.thread_type = "AUTO"
        for frame in container.decode(stream):
            _check(path, frame, size, len(times), max_frames)
            rotation = rotation or -int(frame.rotation) % 360
            interlaced = interlaced or bool(frame.interlaced_frame)
            hdr = hdr or _HDR_TRANSFERS.get(int(frame.color_trc))
            if watch is not None:
                watch(len(times), frame)
            times.append(frame.time)
        fps, aspect, stated = fps_of(stream), Fraction(stream.sample_aspect_ratio or 1), int(stream.frames)
    if not times:
        raise CaseFailed(f"{path.name}: holds no frame that decodes")
    if len(times) < stated:
        raise CaseFailed(f"{path.name}: states {stated} frames and shows {len(times)}; it is cut off or hides the rest")
    if fps <= 0:
        raise CaseFailed(f"{path.name}: gives no frame rate")
    return Inspection(*size, fps, _from_first(times, fps), rotation, aspect, interlaced, hdr)


def _from_first(times: list[float | None], fps: Fraction) -> tuple[float, ...]:
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return tuple(index / float(fps) for index in range(len(times)))
    return tuple(time - known[0] for time in known)


def jitter(times: Sequence[float]) -> float:
    """Return how far a frame lies from its place on an even grid from the first time to the last, in grid steps."""
    if len(times) < 3:
        return 0.0
    step = (times[-1] - times[0]) / (len(times) - 1)
    if step <= 0:
        return float("inf")
    return max(abs(time - times[0] - step * index) for index, time in enumerate(times)) / step


def upright(path: Path, *, max_frames: int = MAX_FRAMES) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames, H x W x 3 RGB, turned as a player turns them. Raises as `inspect`."""
    with opened(path) as (container, stream):
        size = (stream.codec_context.width, stream.codec_context.height)
        for count, frame in enumerate(container.decode(stream)):
            _check(path, frame, size, count, max_frames)
            pixels = to_rgb(frame).to_ndarray()
            # The display matrix counts degrees counter-clockwise, as np.rot90 does.
            yield np.rot90(pixels, round(frame.rotation / 90) % 4)


def _check(path: Path, frame: Any, size: tuple[int, int], count: int, max_frames: int) -> None:
    if (frame.width, frame.height) != size:
        raise CaseFailed(f"{path.name}: frame {count} changes size to {frame.width}x{frame.height}")
    if frame.is_corrupt:
        raise CaseFailed(f"{path.name}: frame {count} is damaged")
    if count == max_frames:
        raise CaseFailed(f"{path.name}: more than {max_frames} frames")
