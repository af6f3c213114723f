"""Read one foreign clip and say what it is; run as `python -I probe_child.py FRAMES WIDTH HEIGHT < CLIP`. With a fourth
argument, the path of `bench.media.color`, hand its frames over instead.

The process that runs this knows nothing worth stealing and may do nothing but read: no environment, no
database, no writing, no network where the system lets it give that up, little memory and little time. It
imports nothing of ours, so that starting it takes 0.1 s. The clip is stdin, already open, so that no path is
ever opened here; its wanted frames, width and height are the arguments; what was found goes to stdout as one
JSON object. FFmpeg is held by white lists as well, because by default it takes a text file named `x.mp4`
for a playlist and reads the files it lists.
"""

from __future__ import annotations

import json
import sys
from typing import Any, BinaryIO

ADDRESS_SPACE = 512 * 2**20
"""Bytes. Decoding 1280x704 needs 140 MiB of addresses and 48 MiB of memory; the pixel limits below are the
guard for memory, this is the wall behind them.
"""
CPU_SECONDS = 60
OPEN_FILES = 64
OPEN_PIXELS = 4 * 2**20
"""Largest frame that is looked at to learn its size."""
OPTIONS = {
    "protocol_whitelist": "none",
    "format_whitelist": "mov,mp4,m4a,3gp,3g2,mj2",
    "max_pixels": str(OPEN_PIXELS),
}
_NEW_USER_AND_NETWORK = 0x10000000 | 0x40000000


def confine() -> None:
    """Give up what reading a clip does not need, for good."""
    import ctypes
    import resource

    limits = {
        resource.RLIMIT_CPU: CPU_SECONDS,  # told by a signal; ended for good a second later
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if sys.platform == "linux":  # macOS knows no limit on addresses
        limits[resource.RLIMIT_AS] = ADDRESS_SPACE
        # Containers often forbid this; the protocol white list is what keeps FFmpeg off the network.
        ctypes.CDLL(None).unshare(_NEW_USER_AND_NETWORK)
    for limit, value in limits.items():
        resource.setrlimit(limit, (value, value + (limit == resource.RLIMIT_CPU)))


def examine(clip: BinaryIO, frames: int, width: int, height: int) -> dict[str, Any]:
    """Return the clip's facts; `stop` names the rule that made further reading pointless.

    Facts: `streams` (their types), `codec`, `pix_fmt`, `width`, `height`, `fps` (a fraction as text),
    `stated` (frames the container claims, 0 for none), `aspect`, `decoded` (frames seen, at most one more
    than wanted), `packets`, `rotations`, `shapes`, `interlaced`, `times` (seconds).
    """
    import av

    facts: dict[str, Any] = {}
    with av.open(clip, options=OPTIONS) as container:
        facts["streams"] = [stream.type for stream in container.streams]
        if facts["streams"] != ["video"]:
            return facts | {"stop": "clip-streams"}
        stream = container.streams.video[0]
        context = stream.codec_context
        facts |= {
            "codec": context.codec.canonical_name,
            "pix_fmt": context.pix_fmt,
            "width": context.width,
            "height": context.height,
            "fps": str(stream.average_rate or 0),
            "stated": stream.frames,
            "aspect": str(stream.sample_aspect_ratio or 1),
        }
        if facts["codec"] not in ("h264", "hevc", "vp9", "av1"):
            return facts | {"stop": "clip-codec"}
        if (context.width, context.height) != (width, height):
            return facts | {"stop": "clip-width-height"}
        _limit(context, width, height)
        facts |= {"decoded": 0, "packets": 0, "rotations": [], "shapes": [], "interlaced": False, "times": []}
        for packet in container.demux(stream):
            facts["packets"] += packet.size > 0
            for frame in packet.decode():
                _note(facts, frame)
            if max(facts["packets"] - 64, facts["decoded"]) > frames:  # 64: more than any codec holds back
                return facts | {"stop": "clip-frames"}
    return facts


def _limit(context: Any, width: int, height: int) -> None:
    # Codecs decode whole blocks of up to 64 pixels; without this limit a frame may grow on the way. Without
    # `explode` damaged frames are made up.
    context.options = {"max_pixels": str((width + 64) * (height + 64)), "err_detect": "explode"}
    context.thread_count = 1


def hand_over(clip: BinaryIO, frames: int, width: int, height: int, color: str, out: BinaryIO) -> None:
    """Write a clip's frames as plain RGB, 8 bits, frame after frame, at most `frames` of them.

    `color` is the path of `bench.media.color`, which needs PyAV alone: one conversion for all clips.
    """
    from importlib.util import module_from_spec, spec_from_file_location

    import av

    spec = spec_from_file_location("color", color)
    assert spec and spec.loader
    conversion = module_from_spec(spec)
    spec.loader.exec_module(conversion)
    with av.open(clip, options=OPTIONS) as container:
        _limit(container.streams.video[0].codec_context, width, height)
        for index, frame in enumerate(container.decode(video=0)):
            if index == frames or (frame.width, frame.height) != (width, height):
                break
            plane = conversion.to_rgb(frame).planes[0]
            data, step = memoryview(plane), plane.line_size
            out.writelines(data[start : start + 3 * width] for start in range(0, step * height, step))


def _note(facts: dict[str, Any], frame: Any) -> None:
    facts["decoded"] += 1
    if frame.is_corrupt:
        facts["unreadable"] = f"frame {facts['decoded']} is damaged"
    facts["interlaced"] |= bool(frame.interlaced_frame)
    facts["times"].append(None if frame.pts is None else float(frame.pts * frame.time_base))
    shape = f"{frame.width}x{frame.height} {frame.format.name}"
    for key, value in (("shapes", shape), ("rotations", frame.rotation)):
        if value not in facts[key]:
            facts[key].append(value)


def main() -> None:
    """Answer one job; a clip that cannot be read is an answer too (`unreadable`)."""
    frames, width, height = map(int, sys.argv[1:4])
    confine()
    import av  # only now: the library itself is confined too

    if sys.argv[4:]:
        hand_over(sys.stdin.buffer, frames, width, height, sys.argv[4], sys.stdout.buffer)
        return
    try:
        found = examine(sys.stdin.buffer, frames, width, height)
    except MemoryError:
        found = {"memory": True}
    except (av.FFmpegError, OSError, ValueError) as error:
        found = {"unreadable": str(error).partition(": ")[0]}  # what follows is the path
    sys.stdout.write(json.dumps(found | {"peak_kib": _peak()}, allow_nan=False))


def _peak() -> int:
    """Return the most memory held, in KiB. On Linux not `ru_maxrss`, which starts at the parent's own peak."""
    if sys.platform == "linux":
        with open("/proc/self/status") as status:  # noqa: PTH123 (pathlib would be one more import)
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()
