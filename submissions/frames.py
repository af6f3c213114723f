"""Decode a submitted clip without decoding it here: a confined process hands its frames over as plain RGB.

They are the frames that `bench.media.read_video` gives, bit for bit.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from fractions import Fraction
from io import BufferedReader
from pathlib import Path
from typing import cast

import numpy as np

from bench.errors import CaseFailed
from bench.media import color
from bench.types import Asset, Frames, Video
from submissions.probe import CHILD, SECONDS


def read_foreign(path: Path, source: Asset) -> Video:
    """Return a clip that was probed before, as uint8 RGB of the source's length, size and rate.

    Raises `CaseFailed` where the process does not give that many frames of that size. A link is not followed (OSError).
    """
    shape = (source.frames, source.height, source.width, 3)
    wanted = map(str, (source.frames, source.width, source.height))
    command = [sys.executable, "-I", str(CHILD), *wanted, color.__file__]
    clip = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        child = subprocess.Popen(
            command,
            stdin=clip,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(clip)
    clock = threading.Timer(SECONDS, child.kill)
    clock.start()
    try:
        with child:
            frames: Frames = np.empty(shape, np.uint8)
            got = _fill(cast(BufferedReader, child.stdout), frames.reshape(-1).data)
            child.kill()
    finally:
        clock.cancel()
    if got < frames.nbytes:
        raise CaseFailed(f"{path.name}: decodes to {got} bytes, wanted {frames.nbytes} of {'x'.join(map(str, shape))}")
    return Video(frames, Fraction(source.fps))


def _fill(stream: BufferedReader, buffer: memoryview) -> int:
    """Read into the buffer until it is full or the stream ends; return how many bytes came."""
    got = 0
    while got < len(buffer) and (count := stream.readinto(buffer[got:])):
        got += count
    return got
