"""Whether a submitted clip is the one that its case asks for: one H.264, HEVC, VP9 or AV1 stream in MP4, as
many frames as the source, of its size, at its rate, each shown as long as the others.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from bench.types import EditCase
from submissions.probe import Ended, Facts, probe
from submissions.probe_child import ADDRESS_SPACE, CPU_SECONDS
from submissions.rules import Problem, breach, mib

PIXEL_FORMATS = (
    *("yuv420p", "yuv422p", "yuv444p", "yuvj420p", "yuvj422p", "yuvj444p"),
    *("yuv420p10le", "yuv422p10le", "yuv444p10le", "gbrp"),
)
RATE_TOLERANCE = Fraction(1, 2000)
"""Relative. 24 and 24000/1001 differ by 1/1000 and are told apart."""
_MAGIC = {b"PK\x03\x04": "a zip archive", b"\x1aE\xdf\xa3": "Matroska or WebM", b"RIFF": "AVI or another RIFF file"}


def clip_problems(path: Path, name: str, case: EditCase) -> tuple[list[Problem], int]:
    """Return every rule the clip at `path` breaks, and the memory reading it took (KiB, 0 where unknown).

    `name` is its path inside the submission. The clip itself is opened by a confined process alone.
    """
    with path.open("rb") as stream:
        start = stream.read(12)
    if start[4:8] != b"ftyp":
        kind = _MAGIC.get(start[:4], f"a file that starts with {start!r}" if start else "an empty file")
        rule = "zip-nested" if start.startswith(b"PK\x03\x04") else "clip-container"
        return [breach(name, rule, kind, "MP4")], 0
    want = case.source
    found = probe(path, want.frames, want.width, want.height)
    if isinstance(found, Ended):
        limits = {
            "clip-crash": "a clip that reads to its end",
            "clip-time": f"{CPU_SECONDS} s",
            "clip-memory": mib(ADDRESS_SPACE),
        }
        return [breach(name, found.rule, found.how, limits[found.rule])], 0
    return list(_problems(name, found, case)), found.peak_kib


def _problems(name: str, facts: Facts, case: EditCase) -> Iterator[Problem]:
    if facts.unreadable:
        yield breach(name, "clip-unreadable", facts.unreadable, "a clip that decodes")
        return
    if facts.streams != ["video"]:
        yield breach(name, "clip-streams", ", ".join(facts.streams) or "none", "one video stream")
        return
    yield from _container_problems(name, facts, case)
    if not facts.stop or facts.stop == "clip-frames":
        yield from _frame_problems(name, facts, case)


def _container_problems(name: str, facts: Facts, case: EditCase) -> Iterator[Problem]:
    if facts.codec not in ("h264", "hevc", "vp9", "av1"):
        yield breach(name, "clip-codec", facts.codec, "h264, hevc, vp9 or av1")
        return
    if facts.pix_fmt not in PIXEL_FORMATS:
        yield breach(name, "clip-pixel-format", facts.pix_fmt, ", ".join(PIXEL_FORMATS))
    if (facts.width, facts.height) != (case.source.width, case.source.height):
        size = f"{case.source.width}x{case.source.height}"
        yield breach(name, "clip-width-height", f"{facts.width}x{facts.height}", size)
    if facts.aspect not in ("1", "0"):  # 0: not said, so square
        yield breach(name, "clip-aspect", f"pixels of {facts.aspect}", "square pixels")
    rate = Fraction(case.source.fps)
    if abs(facts.rate - rate) > rate * RATE_TOLERANCE:
        yield breach(name, "clip-fps", f"{facts.fps} fps", f"{case.source.fps} fps")


def _frame_problems(name: str, facts: Facts, case: EditCase) -> Iterator[Problem]:
    want = case.source.frames
    if facts.decoded != want or facts.stop:
        more = f"more than {want}" if facts.stop or facts.decoded > want else str(facts.decoded)
        stated = f" ({facts.stated} by the container)" if facts.stated not in (0, facts.decoded) else ""
        yield breach(name, "clip-frames", f"{more} frames{stated}", f"{want} frames")
    if facts.packets != facts.decoded and not facts.stop:
        yield breach(name, "clip-hidden", f"{facts.packets} stored, {facts.decoded} shown", "all stored are shown")
    if len(facts.shapes) > 1:
        yield breach(name, "clip-changes", ", then ".join(facts.shapes), "one size and format")
    if any(facts.rotations):
        yield breach(name, "clip-rotated", f"{facts.rotations[0]:g} degrees", "0 degrees")
    if facts.interlaced:
        yield breach(name, "clip-interlaced", "interlaced frames", "progressive frames")
    yield from _timing_problems(name, facts)


def _timing_problems(name: str, facts: Facts) -> Iterator[Problem]:
    """Yield what players would show unevenly; containers round times to a millisecond or finer."""
    times = [time for time in facts.times if time is not None]
    if len(times) < len(facts.times):
        yield breach(name, "clip-timing", "a frame without a time", "a time for every frame")
        return
    steps = [after - before for before, after in pairwise(times)]
    if not steps:
        return
    usual = (times[-1] - times[0]) / len(steps)
    slack = max(0.002, 0.02 * usual)
    worst = max(steps, key=lambda step: abs(step - usual))
    if abs(worst - usual) > slack:
        yield breach(name, "clip-timing", f"frames last {usual:.4f} s, one {worst:.4f} s", "one duration")
    if abs(times[0]) > slack:
        yield breach(name, "clip-timing", f"starts at {times[0]:.3f} s", "starts at 0 s")
