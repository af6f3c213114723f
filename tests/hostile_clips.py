"""Clips that must be refused for the toy test set (48x32, 5 frames, 8 fps), each with the rule it breaks."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from bench.media import write_lossless, write_mp4
from tests.fixtures import FRAMES, HEIGHT, WIDTH, make_clip

Maker = Callable[[Path], None]
TICKS = 8000
"""Clock ticks per second of the clips made here; a frame lasts 1000."""


def good(path: Path) -> None:
    """Write a clip that is accepted."""
    write_mp4(make_clip(0, 1), path)


def clip(
    path: Path,
    *,
    frames: int = FRAMES,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    times: Iterable[int] | None = None,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    format: str = "mp4",
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    beside: Callable[[av.container.OutputContainer], None] = lambda _: None,
) -> None:
    """Encode noise, one argument away from what is asked for; `beside` adds a further stream."""
    rng = np.random.default_rng(0)
    ticks = list(times or range(0, frames * 1000, 1000))
    with av.open(str(path), "w", format=format) as out:
        stream = out.add_stream(
            codec, rate=8, options={"preset": "ultrafast", "bf": "0"} if options is None else options
        )
        stream.width, stream.height = size
        stream.pix_fmt = pix_fmt
        stream.time_base = stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.thread_count = 1
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        beside(out)
        small = rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        for n in range(frames):
            frame = av.VideoFrame.from_ndarray(np.roll(small, n, 1), format="rgb24")
            frame = frame.reformat(*size, format=pix_fmt)
            frame.pts, frame.time_base = ticks[n], Fraction(1, TICKS)
            out.mux(stream.encode(frame))
        out.mux(stream.encode())


def _bytes(data: bytes | str) -> Maker:
    return lambda path: (path.write_bytes(data.encode() if isinstance(data, str) else data), None)[1]


def _with(**changes: object) -> Maker:
    return lambda path: clip(path, **changes)  # type: ignore[arg-type]


def _patched(change: Callable[[bytearray], bytes | bytearray]) -> Maker:
    """Write an accepted clip with its bytes changed."""

    def make(path: Path) -> None:
        good(path)
        path.write_bytes(change(bytearray(path.read_bytes())))

    return make


def _rotate(data: bytearray) -> bytearray:
    place = data.index(b"tkhd") + 4 + 40
    data[place : place + 36] = struct.pack(">9i", 0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)
    return data


def _hide_frames(data: bytearray) -> bytearray:
    """Let the edit list begin at the third frame and last for three."""
    place = data.index(b"elst") + 4
    duration, media_time = struct.unpack_from(">Ii", data, place + 8)
    struct.pack_into(">Ii", data, place + 8, duration * 3 // 5, media_time + 2 * _frame_ticks(data))
    return data


def _frame_ticks(data: bytearray) -> int:
    place = data.index(b"mdhd") + 4
    timescale: int = struct.unpack_from(">I", data, place + 12)[0]
    return timescale // 8


def _damage(data: bytearray) -> bytearray:
    place = data.index(b"mdat") + 4
    data[place + 900 : place + 1200] = bytes(300)
    return data


def _second_video(out: av.container.OutputContainer) -> None:
    stream = out.add_stream("libx264", rate=8)
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
    frame.pts = 0
    out.mux([*stream.encode(frame), *stream.encode()])


def _sound(out: av.container.OutputContainer) -> None:
    stream = out.add_stream("aac", rate=48000, layout="mono")
    frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
    frame.sample_rate, frame.pts = 48000, 0
    out.mux([*stream.encode(frame), *stream.encode()])


def _changing_size(second: tuple[int, int]) -> Maker:
    """Two H.264 streams of different sizes one after the other, as one."""

    def make(path: Path) -> None:
        raw = b""
        for size, frames in (((WIDTH, HEIGHT), 3), (second, 2)):
            part = path.with_suffix(".h264")
            clip(part, size=size, frames=frames, format="h264")
            raw += part.read_bytes()
            part.unlink()
        with av.open(io.BytesIO(raw), format="h264") as source, av.open(str(path), "w", format="mp4") as out:
            stream = out.add_stream_from_template(source.streams.video[0])
            for n, packet in enumerate(p for p in source.demux(video=0) if p.size):
                packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 8), n, n
                out.mux(packet)

    return make


def _huge_picture(path: Path) -> None:
    """A PNG of 12000x12000 grey pixels, 144 MB unpacked, as the only frame."""
    side = 12000
    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    header = struct.pack(">2I5B", side, side, 8, 0, 0, 0, 0)
    picture = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b"")):
        picture += struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    with av.open(str(path), "w", format="mov") as out:
        stream = out.add_stream("png", rate=8)
        stream.width, stream.height, stream.pix_fmt = side, side, "gray"
        packet = av.Packet(picture)
        packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 8), 0, 0
        packet.is_keyframe = True
        out.mux(packet)


def _huge(path: Path) -> None:
    clip(path, size=(4096, 4096), frames=1, options={"preset": "ultrafast", "qp": "51", "bf": "0"})


def _huge_by_surprise(path: Path) -> None:
    _huge(path)
    data = bytearray(path.read_bytes())
    struct.pack_into(">2H", data, data.index(b"avc1", data.index(b"stsd")) + 28, WIDTH, HEIGHT)
    path.write_bytes(data)


def _sparse(path: Path) -> None:
    good(path)
    with path.open("ab") as stream:
        stream.truncate(100 * 2**20)


HOSTILE_CLIPS: dict[str, tuple[Maker, str]] = {
    "empty": (_bytes(b""), "clip-container"),
    "playlist of files": (_bytes("ffconcat version 1.0\nfile sibling.mp4\n"), "clip-container"),
    "playlist of addresses": (_bytes("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n"), "clip-container"),
    "page": (_bytes("<html><script>alert(1)</script></html>"), "clip-container"),
    "picture": (_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40)), "clip-container"),
    "pickle": (_bytes(b"\x80\x04cos\nsystem\n(S'true'\ntR."), "clip-container"),
    "matroska": (_with(format="matroska"), "clip-container"),
    "avi": (_with(format="avi", codec="mpeg4", options={}), "clip-container"),
    "raw stream": (_with(format="h264"), "clip-container"),
    "noise behind a good start": (
        _bytes(b"\0\0\0\x18ftypisom" + np.random.default_rng(1).bytes(4000)),
        "clip-unreadable",
    ),
    "playlist behind a good start": (
        _bytes(b"\0\0\0\x14ftypisom\0\0\0\0isom\nffconcat version 1.0\n"),
        "clip-unreadable",
    ),
    "cut off": (_patched(lambda data: data[: len(data) * 3 // 5]), "clip-unreadable"),
    "no index": (_patched(lambda data: data.replace(b"moov", b"uuid")), "clip-unreadable"),
    "damaged frames": (_patched(_damage), "clip-unreadable"),
    "two video streams": (_with(beside=_second_video), "clip-streams"),
    "sound": (_with(beside=_sound), "clip-streams"),
    "mpeg4": (_with(codec="mpeg4", options={}), "clip-codec"),
    "motion jpeg": (_with(codec="mjpeg", pix_fmt="yuvj420p", options={}), "clip-codec"),
    "png in mov": (_with(codec="png", pix_fmt="rgb24", format="mov", options={}), "clip-codec"),
    "grey": (
        # Its encoder cannot take the toy size.
        _with(codec="libx265", pix_fmt="gray", size=(128, 128), options={"x265-params": "log-level=none"}),
        "clip-pixel-format",
    ),
    "too large by two": (_with(size=(WIDTH + 2, HEIGHT)), "clip-width-height"),
    "turned": (_with(size=(HEIGHT, WIDTH)), "clip-width-height"),
    "resolution bomb": (_huge, "clip-width-height"),
    "resolution bomb of another size by its container": (_huge_by_surprise, "clip-width-height"),
    "resolution bomb of one picture": (_huge_picture, "clip-codec"),
    "frames that grow": (_changing_size((1024, 1024)), "clip-unreadable"),
    "one frame short": (_with(frames=FRAMES - 1), "clip-frames"),
    "one frame long": (_with(frames=FRAMES + 1), "clip-frames"),
    "length bomb": (_with(frames=3000), "clip-frames"),
    "twice as fast": (_with(times=range(0, 2500, 500)), "clip-fps"),
    "as films were": (
        _with(times=[round(n * 1001) for n in range(FRAMES)]),
        "clip-fps",
    ),
    "uneven": (_with(times=[0, 500, 2000, 2500, 4000]), "clip-timing"),
    "hidden frames": (_patched(_hide_frames), "clip-hidden"),
    "size that changes": (_changing_size((WIDTH - 16, HEIGHT)), "clip-changes"),
    "rotated": (_patched(_rotate), "clip-rotated"),
    "oblong pixels": (_with(aspect=Fraction(2)), "clip-aspect"),
    "interlaced": (
        _with(options={"preset": "ultrafast", "bf": "0", "x264-params": "interlaced=1"}),
        "clip-interlaced",
    ),
}

ACCEPTED_CLIPS: dict[str, Maker] = {
    "the project's own encoding": good,
    "plain x264": _with(),
    "with B-frames": _with(options={"preset": "medium", "bf": "3"}),
    "yuv444p": lambda path: write_mp4(make_clip(0, 1), path, pix_fmt="yuv444p"),
    "vp9": _with(codec="libvpx-vp9", options={"cpu-used": "8"}),
    "bytes after the end": _sparse,
    "lossless": lambda path: write_lossless(make_clip(0, 1), path),
}
