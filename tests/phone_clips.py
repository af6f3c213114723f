"""Clips as phones, editors and accidents make them, written for real: turned, uneven, odd, interlaced, damaged ..."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bench.media import write_mask, write_mp4
from bench.types import Frames, Video

WIDTH, HEIGHT, FRAMES = 48, 32, 6


def frames(width: int = WIDTH, height: int = HEIGHT, count: int = FRAMES, seed: int = 0) -> Frames:
    """A bright square that moves right over a dark gradient, its corner marking which way is up."""
    yy, xx = np.mgrid[:height, :width]
    ground = np.stack([yy * 2, xx * 2, (xx + yy + 17 * seed) % 90], -1).astype(np.uint8)
    clip = np.repeat(ground[None], count, axis=0)
    for t in range(count):
        clip[t, 2:10, 2 + 2 * t : 10 + 2 * t] = (230, 220, 40)
    return clip


def plain(path: Path, seed: int = 0, fps: int | Fraction = 8, **size: int) -> Path:
    """A clip without any fault."""
    write_mp4(Video(frames(seed=seed, **size), Fraction(fps)), path, crf=6, pix_fmt="yuv444p")
    return path


def mask(path: Path, white: bool = True, **size: int) -> Path:
    """A mask of the square's place, or an empty one."""
    where = frames(**size)[..., 0] > 200
    write_mask(where if white else np.zeros_like(where), path)
    return path


def turned(path: Path) -> Path:
    """Stored lying, shown standing: the container says `turn by a quarter, clockwise`, as phones do."""
    plain(path)
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, HEIGHT << 16, 0, 1 << 30)
    path.write_bytes(data)
    return path


def uneven(path: Path, times: tuple[int, ...] = (0, 1, 2, 5, 6, 9)) -> Path:
    """Frames at these times, in eighths of a second: a variable rate."""
    return _encode(path, list(times))


def interlaced(path: Path) -> Path:
    """Two fields a frame."""
    return _encode(path, list(range(FRAMES)), options={"x264-params": "interlaced=1"})


def hdr(path: Path) -> Path:
    """Tagged as HLG, as phones record high dynamic range."""
    return _encode(path, list(range(FRAMES)), color_trc=18)


def wide_pixels(path: Path) -> Path:
    """Pixels twice as wide as high."""
    return _encode(path, list(range(FRAMES)), sample_aspect_ratio=Fraction(2))


def cut_off(path: Path) -> Path:
    """The file ends after three of its frames; its index, at the front, tells of six."""
    plain(path)
    with av.open(str(path)) as clip:
        ends = [packet.pos + packet.size for packet in clip.demux(video=0) if packet.size]
    path.write_bytes(path.read_bytes()[: ends[2]])
    return path


def torn(path: Path) -> Path:
    """The file ends in the middle of a frame."""
    plain(path, width=256, height=256)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    return path


def _encode(path: Path, times: list[int], options: dict[str, str] | None = None, **context: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=8, options={"crf": "6", "bf": "0", **(options or {})})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 8)
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        for time, picture in zip(times, frames(), strict=True):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = time, Fraction(1, 8)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    return path
