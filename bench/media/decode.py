"""Decode clips frame by frame, exactly, or say why not.

Only the file that was named is ever opened: without the two white lists FFmpeg takes a playlist named
`x.mp4` for what it is and reads the files or addresses it lists.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from bench.errors import CaseFailed
from bench.media.color import to_rgb
from bench.types import Frames, Mask, Video

CODECS = frozenset({"h264", "hevc", "vp8", "vp9", "av1", "libdav1d", "libaom-av1", "ffv1", "mpeg4", "mjpeg", "prores"})
MAX_PIXELS = 4096 * 4096
MAX_FRAMES = 4096
_CONTAINERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi"


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What a container says of its clip, before anything is decoded."""

    width: int
    height: int
    frames: int
    """As the container counts them; 0 where it does not say."""
    fps: Fraction
    codec: str
    pix_fmt: str


@contextmanager
def opened(path: Path) -> Iterator[tuple[av.container.InputContainer, Any]]:
    """Open a clip under the white lists and the pixel limit; a failure is a `CaseFailed` naming the file.

    Yields the container and its one video stream.
    """
    if not path.is_file():
        raise CaseFailed(f"{path.name}: no such file")
    options = {
        "protocol_whitelist": "file",
        "format_whitelist": _CONTAINERS,
        "max_pixels": str(MAX_PIXELS),
    }
    try:
        with av.open(str(path.resolve()), options=options) as container:
            streams = container.streams.video
            if len(streams) != 1:
                raise CaseFailed(f"{path.name}: found {len(streams)} video streams, wanted one")
            stream = streams[0]
            codec = stream.codec_context
            if codec.name not in CODECS:
                raise CaseFailed(f"{path.name}: codec {codec.name} is not read here; re-encode as H.264")
            if codec.width <= 0 or codec.height <= 0:
                raise CaseFailed(f"{path.name}: the container gives no frame size")
            codec.options = {"max_pixels": str(MAX_PIXELS)}
            yield container, stream
    except (av.FFmpegError, ValueError, OSError) as error:
        raise CaseFailed(f"{path.name}: cannot be decoded ({error})") from error


def fps_of(stream: Any) -> Fraction:
    """Return a stream's mean frame rate, 0 where nothing gives one."""
    return Fraction(stream.average_rate or stream.guessed_rate or stream.base_rate or 0)


def probe(path: Path) -> ClipFacts:
    """Return what the container says, without decoding; raises `CaseFailed` as `read_video` does."""
    with opened(path) as (_, stream):
        codec = stream.codec_context
        return ClipFacts(
            codec.width,
            codec.height,
            int(stream.frames),
            fps_of(stream),
            codec.name,
            codec.pix_fmt or "unknown",
        )


def _decoded(path: Path, pix_fmt: str, max_frames: int) -> tuple[Frames, Fraction]:
    frames: list[Frames] = []
    with opened(path) as (container, stream):
        size = (stream.codec_context.width, stream.codec_context.height)
        for frame in container.decode(stream):
            if (frame.width, frame.height) != size:
                raise CaseFailed(f"{path.name}: frame {len(frames)} changes size to {frame.width}x{frame.height}")
            if frame.rotation:
                raise CaseFailed(f"{path.name}: stored rotated by {frame.rotation} degrees; re-encode it upright")
            if len(frames) == max_frames:
                raise CaseFailed(f"{path.name}: more than {max_frames} frames")
            frames.append((to_rgb(frame) if pix_fmt == "rgb24" else frame.reformat(format=pix_fmt)).to_ndarray())
        fps = fps_of(stream)
    if not frames:
        raise CaseFailed(f"{path.name}: holds no frame that decodes")
    if fps <= 0:
        raise CaseFailed(f"{path.name}: gives no frame rate")
    return np.stack(frames), fps


def read_video(path: Path, *, max_frames: int = MAX_FRAMES) -> Video:
    """Decode every frame of a clip to full-range RGB, in presentation order.

    RGB codecs come back bit for bit; YUV is converted by its own matrix and range (`bench.media.color`).
    Raises `CaseFailed` with the file's name and the reason: missing, not a clip, more than one stream, a
    codec, size or length beyond the limits, a size that changes on the way, rotation by metadata.
    """
    return Video(*_decoded(path, "rgb24", max_frames))


def read_mask(path: Path, *, max_frames: int = MAX_FRAMES) -> Mask:
    """Decode a clip written by `write_mask`: bool, T x H x W. Raises `CaseFailed` as `read_video` does."""
    frames, _ = _decoded(path, "gray", max_frames)
    return frames > 127
