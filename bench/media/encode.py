"""Encode clips so that the same frames give the same bytes, on any number of cores.

One thread, no dates, no random ids, and no macroblock tree: with it x264 gives different bytes from run to
run on small frames. No B-frames either, so that players seek to exact frames.

Measured on 17 frames of 256x256 real footage: libx264rgb at qp 0 (`veryfast`) takes 0.99 MB, 0.10 s to
write and 0.10 s to read; ffv1 takes 1.43 MB, 0.09 s and 0.06 s. A mask takes 3.0 kB with H.264, 6.6 kB with
ffv1. So both are H.264, and clips keep MP4's exact time base (Matroska rounds to milliseconds).
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.codec.context import Flags

from bench.media.color import BT709, to_yuv
from bench.types import Frames, Mask, Video

PixFmt = Literal["yuv420p", "yuv444p"]


def _write(
    frames: Iterable[av.VideoFrame],
    path: Path,
    codec: str,
    pix_fmt: str,
    size: tuple[int, int],
    fps: Fraction,
    options: dict[str, str],
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        container_options = {"fflags": "+bitexact", "movflags": "+faststart"}
        with av.open(str(part), "w", format="mp4", options=container_options) as container:
            stream = container.add_stream(codec, rate=fps, options=options)
            stream.width, stream.height = size
            stream.pix_fmt = pix_fmt
            context = stream.codec_context
            context.thread_count = 1
            context.flags |= Flags.bitexact
            if pix_fmt.startswith("yuv"):
                context.colorspace = context.color_primaries = context.color_trc = BT709
                context.color_range = av.video.reformatter.ColorRange.MPEG
            for index, frame in enumerate(frames):
                frame.pts, frame.time_base = index, 1 / fps
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _rgb(frames: Frames) -> Iterable[av.VideoFrame]:
    return (av.VideoFrame.from_ndarray(np.ascontiguousarray(f), format="rgb24") for f in frames)


def write_lossless(video: Video, path: Path) -> None:
    """Write a clip that `read_video` gives back bit for bit: how edits are stored (H.264 in RGB, qp 0)."""
    _, height, width = video.shape
    options = {"qp": "0", "preset": "veryfast"}
    _write(_rgb(video.frames), path, "libx264rgb", "rgb24", (width, height), video.fps, options)


def write_mp4(
    video: Video,
    path: Path,
    crf: int = 12,
    pix_fmt: PixFmt = "yuv420p",
    preset: str = "medium",
) -> None:
    """Write a clip as tagged BT.709 H.264: what browsers play (`yuv420p`), what test sets ship (`yuv444p`).

    `crf` is x264's, 0 (largest) to 51. Sizes must be even for `yuv420p`; ValueError otherwise.
    """
    _, height, width = video.shape
    if pix_fmt == "yuv420p" and (height % 2 or width % 2):
        raise ValueError(f"yuv420p needs even sizes, found {width}x{height}; use yuv444p")
    frames = (to_yuv(frame, pix_fmt) for frame in _rgb(video.frames))
    options = {"crf": str(crf), "preset": preset, "bf": "0", "x264-params": "mbtree=0"}
    _write(frames, path, "libx264", pix_fmt, (width, height), video.fps, options)


def write_mask(mask: Mask, path: Path, fps: Fraction = Fraction(8)) -> None:
    """Write T x H x W booleans without loss (H.264 in grey, qp 0: a few kB)."""
    _, height, width = mask.shape
    frames = (av.VideoFrame.from_ndarray(f.astype(np.uint8) * 255, format="gray") for f in mask)
    _write(frames, path, "libx264", "gray", (width, height), fps, {"qp": "0", "preset": "medium"})
