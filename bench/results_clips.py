"""Copies of edits to watch, beside the files of results.

    <folder>/<test set>-<version>/<protocol>-<signature>/clips/<name of a method's file>/
        clips.json   which edit each clip is a copy of, a clip a line
        <case>.mp4   H.264 in yuv444p, lossy

An edit is stored without loss, and scored from that. A copy is asked for by the sha256 of its edit and has another one
itself, so it must never lie among a state folder's blobs, from which edits are scored: it is kept in `Home.copies`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bench.blobs import BlobStore
from bench.errors import CaseFailed, UserError
from bench.identity import file_digest
from bench.media import read_video, write_mp4
from bench.media.inspect import inspect
from bench.results import CLIPS, BoardFile, Hash, MethodFile, NotResults, Part, parsed, put, read_row
from bench.types import Asset

LIST = "clips.json"
LIMIT = 15 * 2**20
"""Bytes of all clips of a folder of results."""
CRF = 18
"""x264's. On 14 edits of 17 frames, 256x256 and 192x352: 60 kB and 43.8 dB (40.5 the lowest); 16 takes 80 kB."""
_MEND = "restore it, or write it anew with `bench results write --clips`"


class ClipLine(Part):
    """One clip."""

    edit: Hash
    """sha256 of the edit that it is a copy of: `EditLine.clip` of the method's file."""
    sha256: Hash
    """Of the copy."""


class ClipList(Part):
    """The clips of one method's file."""

    format: Literal[1] = 1
    clips: dict[str, ClipLine]
    """By case id."""


@dataclass(frozen=True, slots=True)
class Copies:
    """The clips that lie in a folder of results."""

    clips: Mapping[str, Path]
    """By the sha256 of the edit."""
    faults: tuple[str, ...]
    """One line per clip that is left out; one more where all are too large together."""


def write(path: Path, blobs: BlobStore) -> Path:
    """Write copies of the edits of a method's file in place of those that were there, and return their list.

    Raises `UserError` where an edit is not among the blobs.
    """
    _, file = read_row(path)
    name, place = file.method.name, path.parent / CLIPS / path.stem
    lines: dict[str, ClipLine] = {}
    for case, edit in file.edits.items():
        if edit.clip is None:
            continue
        try:
            video = read_video(blobs.path(edit.clip))
        except CaseFailed as error:
            again = f"bench run --method {name} --split {file.split}"
            raise UserError(f"{name}, {case}: this state folder has no such edit ({error}); {again} makes it") from None
        copy = place / f"{case}.mp4"
        write_mp4(video, copy, CRF, "yuv444p", "veryslow")
        lines[case] = ClipLine(edit=edit.clip, sha256=file_digest(copy))
    for old in place.glob("*.mp4"):
        if old.stem not in lines:
            old.unlink()
    return put(place / LIST, ClipList(clips=lines))


def read(folder: Path, *, decode: bool = False) -> Copies:
    """Return the clips of a folder of results; what is damaged or a copy of nothing there is left out and named.

    `decode` looks at every frame too (20 ms a clip), to tell whether a clip has the length and size of its edit.
    """
    clips: dict[str, Path] = {}
    faults: list[str] = []
    size = 0
    for place in sorted(p for p in folder.rglob(f"{CLIPS}/*") if p.is_dir()):
        path = place.parent.parent / f"{place.name}.json"
        if not path.is_file():
            faults.append(f"{place}: copies of no edits: {path.name} is not there; restore it, or delete the folder")
            continue
        try:
            board, file = read_row(path)
        except NotResults:
            continue  # `results.read` has its line
        try:
            listed = _listed(place / LIST)
        except NotResults as error:
            faults.append(str(error))
            continue
        for clip, reason in _judged(place, listed, board, file, decode):
            if reason is None:
                clips[listed[clip.stem].edit] = clip
            else:
                faults.append(f"{clip}: {reason}")
        size += sum(clip.stat().st_size for clip in place.glob("*.mp4"))
    if size > LIMIT:
        found, most = (f"{n / 2**20:.1f} MiB" for n in (size, LIMIT))
        faults.append(f"{folder}: its clips are {found}, and at most {most} ship; delete those of a row")
    return Copies(clips, tuple(faults))


def _listed(path: Path) -> dict[str, ClipLine]:
    if not path.is_file():
        raise NotResults(f"{path}: missing; without it nobody knows what the clips beside it are copies of; {_MEND}")
    return parsed(path, ClipList).clips


def _judged(
    place: Path, listed: Mapping[str, ClipLine], board: BoardFile, file: MethodFile, decode: bool
) -> Iterator[tuple[Path, str | None]]:
    """Yield every clip that lies in the folder or is listed, with what is wrong with it."""
    sources = {case.id: case.source for case in board.cases}
    found = {path.name for path in place.iterdir() if path.name != LIST and not path.name.startswith(".")}
    for name in sorted(found | {f"{case}.mp4" for case in listed}):
        clip = place / name
        line, edit = listed.get(clip.stem), file.edits.get(clip.stem)
        if line is None or clip.suffix != ".mp4":
            yield clip, f"not in {LIST}; delete it"
        elif edit is None or edit.clip != line.edit:
            yield clip, f"a copy of no edit of {place.name}.json; write it anew with `bench results write --clips`"
        elif name not in found:
            yield clip, f"missing; {_MEND}"
        elif file_digest(clip) != line.sha256:
            yield clip, f"damaged: {LIST} has another hash of it; {_MEND}"
        else:
            yield clip, _shape(clip, sources[clip.stem]) if decode else None


def _shape(clip: Path, source: Asset) -> str | None:
    """Return what is wrong with what a clip shows."""
    try:
        seen = inspect(clip)
    except CaseFailed as error:
        return f"{error}; {_MEND}"
    found, wanted = ((c.frames, c.width, c.height) for c in (seen, source))
    if found == wanted:
        return None
    return f"{_size(*found)}, where its edit is {_size(*wanted)}; {_MEND}"


def _size(frames: int, width: int, height: int) -> str:
    return f"{frames} frames of {width}x{height}"


def put_copies(copies: Copies, folder: Path) -> int:
    """Copy the clips to `Home.copies`, named by their edits, and return how many were new or others than before."""
    folder.mkdir(parents=True, exist_ok=True)
    new = 0
    for sha256, clip in copies.clips.items():
        copy = folder / f"{sha256}.mp4"
        if not copy.is_file() or file_digest(copy) != file_digest(clip):
            part = folder / f".{sha256}.{os.getpid()}.part"
            shutil.copyfile(clip, part)
            part.replace(copy)
            new += 1
    return new
