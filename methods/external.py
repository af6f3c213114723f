"""Any program as a method: it is given a folder per case and leaves a clip, and is never imported.

A script or a container is started once per case; a server is sent the folder as a zip and answers with the clip.
docs/external.md has the contract and worked examples.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import numpy as np
from pydantic import Field

from bench.errors import CaseFailed, UserError
from bench.media import read_png, read_video, write_lossless, write_mask, write_png
from bench.types import Edit, EditRequest, MethodCard, Video
from methods.http_call import call
from methods.parameters import Parameters
from methods.rows import Adapter
from methods.wan.folder import hash_file

SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".avi")
PLACES = ("{case}", "{out}", "{device}")
MAX_CLIP = 2**30
"""Bytes of a clip that is taken in."""
_LOG_TAIL = 4000


class ExternalParameters(Parameters):
    """How the program is reached. All of it is part of the row's identity."""

    names_needs: ClassVar[bool] = True

    command: list[str] = Field(
        [], description="program and arguments; {case}, {out} and {device} are filled in; or none, with a url"
    )
    url: str = Field("", description="http(s) address that takes a case and answers with a clip; or none")
    source: Literal["clip", "frames"] = Field(
        "clip", description="'clip' for source.mp4 (lossless H.264 in RGB) or 'frames' for PNG files"
    )
    timeout: float = Field(600.0, gt=0, le=86400, description="seconds a case may take, from 0 to 86400")
    pins: dict[str, str] = Field(
        {}, description="sha256 by path of files that must be as they were: the program, its weights"
    )


class External(Adapter):
    """A program outside this one, run on one case at a time; UserError where there is none to run."""

    Parameters: ClassVar[type[Parameters]] = ExternalParameters
    parameters: ExternalParameters

    def __init__(self, card: MethodCard) -> None:
        self.card = card
        p = self.parameters = ExternalParameters.read(card.name, card.parameters)
        if bool(p.command) == bool(p.url):
            raise UserError(f"method '{card.name}': wanted a command or a url, found {'both' if p.url else 'neither'}")
        if p.command and shutil.which(p.command[0]) is None:
            raise UserError(f"method '{card.name}': no program '{p.command[0]}'; install it, or give its whole path")
        if p.url and (urlsplit(p.url).scheme not in ("http", "https") or not urlsplit(p.url).hostname):
            raise UserError(f"method '{card.name}': url is '{p.url}', wanted http://... or https://...")

    def load(self, device: str) -> None:
        """Check that what is pinned is as it was; UserError naming what is missing or was altered."""
        for path, wanted in self.parameters.pins.items():
            _check_pin(self.card.name, Path(path), wanted)
        self._device = device

    def edit(self, request: EditRequest) -> Edit:
        """Return the program's clip. `seconds` is its whole time on the case, its start included; NFE is unknown.

        CaseFailed where it takes too long, ends with an error or leaves no clip that can be read.
        """
        with tempfile.TemporaryDirectory(prefix="external-") as place:
            case, out = Path(place) / "case", Path(place) / "out"
            write_case(request, self.card, self.parameters.source, self._device, case)
            out.mkdir()
            start = time.perf_counter()
            if self.parameters.url:
                self._ask(case, out)
            else:
                self._start(case, out)
            seconds = time.perf_counter() - start
            video = read_edit(out)
        return Edit(Video(video.frames, request.source.fps), seconds, nfe=None)

    def _start(self, case: Path, out: Path) -> None:
        """Run the command to its end; a program that is too slow is ended with all that it started."""
        filled = dict(zip(PLACES, (str(case), str(out), self._device), strict=True))
        command = [_fill(part, filled) for part in self.parameters.command]
        timeout = self.parameters.timeout
        with tempfile.TemporaryFile() as log:
            try:
                program = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            except OSError as error:
                raise CaseFailed(f"{command[0]} cannot be started: {error.strerror or error}") from error
            try:
                status = program.wait(timeout)
            except subprocess.TimeoutExpired:
                raise CaseFailed(f"took longer than {timeout:g} s and was ended{_last_line(log)}") from None
            finally:
                _end(program)
            if status:
                how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
                raise CaseFailed(f"{Path(command[0]).name} {how}{_last_line(log)}")

    def _ask(self, case: Path, out: Path) -> None:
        """Send the case as a zip and keep the clip that comes back."""
        answer = call(self.parameters.url, zipped(case), "application/zip", self.parameters.timeout, MAX_CLIP)
        (out / "edit.mp4").write_bytes(answer)


def write_case(request: EditRequest, card: MethodCard, source: str, device: str, folder: Path) -> None:
    """Write what the method's track gives it: case.json, the source, and first_frame.png or mask.mp4."""
    folder.mkdir(parents=True)
    frames, height, width = request.source.shape
    words: dict[str, Any] = {
        "id": request.case_id,
        "track": card.track,
        "source_prompt": request.source_prompt,
        "target_prompt": request.target_prompt,
        "instruction": request.instruction,
        "seed": request.seed,
        "frames": frames,
        "width": width,
        "height": height,
        "fps": str(request.source.fps),
        "device": device,
    }
    (folder / "case.json").write_text(json.dumps(words, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if source == "clip":
        write_lossless(request.source, folder / "source.mp4")
    else:
        for index, frame in enumerate(request.source.frames):
            write_png(frame, folder / "source" / f"{index:05d}.png")
    if request.first_frame is not None:
        write_png(request.first_frame, folder / "first_frame.png")
    if request.mask is not None:
        write_mask(request.mask, folder / "mask.mp4", request.source.fps)


def read_edit(out: Path) -> Video:
    """Return the clip a program left: `edit.mp4` (or another suffix), or `edit/*.png` in the order of their names.

    Raises CaseFailed where there is none, more than one, or one that does not decode. Links are not followed.
    """
    clips = [path for path in out.glob("edit.*") if path.suffix.lower() in SUFFIXES and not path.is_symlink()]
    pictures = sorted(path for path in (out / "edit").glob("*.png") if not path.is_symlink())
    if len(clips) + bool(pictures) != 1:
        found = ", ".join(sorted(path.name for path in out.iterdir())) or "nothing"
        raise CaseFailed(f"left {found[:200]}; wanted one edit.mp4 (or {', '.join(SUFFIXES[1:])}), or edit/*.png")
    if clips:
        if clips[0].stat().st_size > MAX_CLIP:
            raise CaseFailed(f"{clips[0].name} has {clips[0].stat().st_size} bytes, wanted at most {MAX_CLIP}")
        return read_video(clips[0])
    frames = [read_png(path) for path in pictures]
    if sizes := {f"{f.shape[1]}x{f.shape[0]}" for f in frames} - {f"{frames[0].shape[1]}x{frames[0].shape[0]}"}:
        raise CaseFailed(f"edit/*.png have more than one size: {', '.join(sorted(sizes))} beside the first's")
    return Video(np.stack(frames))


def zipped(folder: Path) -> bytes:
    """Return a folder's files as a zip, stored: clips and pictures are compressed already."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return data.getvalue()


def _fill(part: str, filled: dict[str, str]) -> str:
    for place, value in filled.items():
        part = part.replace(place, value)
    return part


def _end(program: subprocess.Popen[bytes]) -> None:
    """End the program and whatever it has started."""
    with _gone():
        os.killpg(program.pid, signal.SIGKILL)
    program.wait()


@contextmanager
def _gone() -> Iterator[None]:
    try:
        yield
    except ProcessLookupError:
        return  # all have ended by themselves


def _last_line(log: Any) -> str:
    log.seek(0, os.SEEK_END)
    log.seek(max(0, log.tell() - _LOG_TAIL))
    lines = log.read().decode("utf-8", errors="replace").strip().splitlines()
    return f": {lines[-1].strip()[:300]}" if lines else ""


def _check_pin(row: str, path: Path, wanted: str) -> None:
    if not path.is_file():
        raise UserError(f"method '{row}': pinned file {path} is missing")
    if (found := hash_file(path)) != wanted:
        raise UserError(
            f"method '{row}': {path} has sha256 {found}, its pin says {wanted}; where the change is meant, "
            "mend the pin and raise the row's version"
        )
