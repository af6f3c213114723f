"""Have a foreign clip read in a confined process, and trust neither the clip nor what the process says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from bench.errors import UserError

SECONDS = 120
"""Wall time one clip may take."""
_MAX_ANSWER = 1 << 20
CHILD = Path(__file__).with_name("probe_child.py")
"""The program that is confined."""


class Facts(BaseModel):
    """What the process found; fields it did not come to are empty. `probe_child.examine` explains them."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    streams: list[str] = []
    codec: str = ""
    pix_fmt: str | None = None
    width: int = 0
    height: int = 0
    fps: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}(/[0-9]{1,12})?$")] = "0"
    stated: int = 0
    aspect: str = "1"
    decoded: int = 0
    packets: int = 0
    rotations: list[float] = []
    shapes: list[str] = []
    interlaced: bool = False
    times: list[float | None] = []
    stop: str = ""
    """The rule that made further reading pointless."""
    unreadable: str = ""
    """Why the clip does not decode."""
    memory: bool = False
    """Whether it wanted more memory than it may have."""
    peak_kib: int = 0
    """The most memory that reading it took."""

    @property
    def rate(self) -> Fraction:
        """Frames per second; 0 where the container gives none that is a number."""
        try:
            return Fraction(self.fps)
        except ZeroDivisionError:
            return Fraction(0)


class Ended:
    """The process ended without an answer."""

    def __init__(self, rule: Literal["clip-crash", "clip-time", "clip-memory"], how: str) -> None:
        self.rule = rule
        self.how = how


def probe(path: Path, frames: int, width: int, height: int, seconds: float = SECONDS) -> Facts | Ended:
    """Return the facts of the clip at `path`, or how reading it ended.

    At most `frames` + 1 frames are decoded, and only where the clip says that it is `width` x `height`.
    A link is not followed (OSError). Raises `UserError` on a system without the limits this needs.
    """
    if os.name != "posix":
        raise UserError("clips from outside are read under POSIX limits only: use Linux, macOS or WSL")
    clip = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        child = subprocess.Popen(
            [sys.executable, "-I", str(CHILD), str(frames), str(width), str(height)],
            stdin=clip,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
    finally:
        os.close(clip)
    late = threading.Event()

    def stop() -> None:
        late.set()
        child.kill()

    clock = threading.Timer(seconds, stop)
    clock.start()
    try:
        answer, code = _listen(child)
    finally:
        clock.cancel()
    if late.is_set():
        return Ended("clip-time", f"{seconds:g} s of wall time")
    return _judge(answer, code)


def _listen(child: subprocess.Popen[bytes]) -> tuple[bytes, int]:
    with child:
        assert child.stdout is not None
        answer = child.stdout.read(_MAX_ANSWER + 1)
        if len(answer) > _MAX_ANSWER:
            child.kill()
    return answer, child.returncode


def _judge(answer: bytes, code: int) -> Facts | Ended:
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return Ended("clip-time", f"signal {signal.Signals(-code).name}")
    if code:
        return Ended("clip-crash", signal.Signals(-code).name if code < 0 else f"exit code {code}")
    try:
        facts = Facts.model_validate_json(answer)
    except ValidationError:
        return Ended("clip-crash", "an answer that makes no sense")
    return Ended("clip-memory", "an allocation that was refused") if facts.memory else facts
