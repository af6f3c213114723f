"""Read a zip that nobody trusts: plan from its headers first, unpack only a plan without problems.

`zipfile` alone is not enough: it renames `../../x` to `x`, writes a link as a file, keeps the last of two
entries of one name, and extracts hundreds of entries that share one local header. So the archive is first
held to what an honest packer writes (one list of files at the very end, every byte used once, both
descriptions of a file alike), and is refused as a whole where it differs.
"""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from submissions.names import path_problems
from submissions.rules import Problem, breach, mib

MAX_ARCHIVE = 3 * 2**30
MAX_FILES = 2048
MAX_FILE = 128 * 2**20
MAX_TOTAL = 3 * 2**30
MAX_RATIO = 50
"""Unpacked to packed bytes. Clips do not shrink; a megabyte of zeros reaches 1029."""

_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTORS = (0, 12, 16)
"""Bytes a writer of streams may put after a file's data."""
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_STREAMED = 0x8
_ZIP64, _UNICODE_PATH = 0x0001, 0x7075
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_NESTED = (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar", ".zst", ".jar")
_UNREADABLE = (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, OverflowError, EOFError)
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Plan:
    """What an archive would unpack to, or why it will not be."""

    path: Path
    sizes: dict[str, int]
    """Unpacked bytes of every file by its path; as far as the archive could be read."""
    problems: tuple[Problem, ...]


def plan(path: Path) -> Plan:
    """Return what unpacking `path` would write, and every rule it breaks; nothing is decompressed.

    Memory is bounded by `MAX_FILES`, whatever the archive claims. OSError where the file cannot be read.
    """
    size = path.stat().st_size
    if size > MAX_ARCHIVE:
        return Plan(path, {}, (breach(path.name, "size-archive", mib(size), mib(MAX_ARCHIVE)),))
    with path.open("rb") as stream:
        refused = tuple(_frame_problems(stream, path.name, size))
        if refused:
            return Plan(path, {}, refused)
        try:
            with zipfile.ZipFile(stream) as archive:
                entries = archive.infolist()
                start = archive.start_dir
        except _UNREADABLE as error:
            return Plan(path, {}, (breach(path.name, "zip-damaged", error, "a readable list of files"),))
        problems = [
            *path_problems(e.orig_filename for e in entries),
            *(p for entry in entries for p in _entry_problems(entry)),
            *_span_problems(stream, path.name, entries, start),
        ]
    sizes = {e.orig_filename: e.file_size for e in entries if not e.orig_filename.endswith("/")}
    total = sum(e.file_size for e in entries)
    if total > MAX_TOTAL:
        problems.append(breach(path.name, "size-total", mib(total), mib(MAX_TOTAL)))
    return Plan(path, sizes, tuple(problems))


def _frame_problems(stream: BinaryIO, name: str, size: int) -> Iterator[Problem]:
    """Yield what is wrong with the archive's own frame, before its list of files is read."""
    if stream.read(4) not in (b"PK\x03\x04", b"PK\x05\x06"):
        stream.seek(0)
        yield breach(name, "zip-format", f"starts with {stream.read(8)!r}", "a zip archive")
        return
    if size < _END.size:
        yield breach(name, "zip-damaged", f"{size} bytes", f"at least {_END.size} bytes")
        return
    stream.seek(size - _END.size)
    magic, disk, first_disk, here, count, length, offset, comment = _END.unpack(stream.read(_END.size))
    if magic != b"PK\x05\x06" or comment:
        yield breach(name, "zip-extra-bytes", "something after the list of files", "nothing after it")
        return
    if 0xFFFF in (disk, first_disk, here, count) or 0xFFFFFFFF in (length, offset):
        yield breach(name, "zip64", "a zip64 end record", "a plain zip")
    elif disk or first_disk or here != count:
        yield breach(name, "zip-damaged", "a part of a split archive", "one whole archive")
    elif count > MAX_FILES or length > MAX_FILES * 1024:
        yield breach(name, "count-files", f"{count} entries in {length} bytes", f"{MAX_FILES} entries")
    elif offset + length != size - _END.size:
        found = f"list of files at {offset} + {length}, its end at {size - _END.size}"
        yield breach(name, "zip-extra-bytes", found, "nothing before, between or after")


def _entry_problems(entry: zipfile.ZipInfo) -> Iterator[Problem]:
    name, kind = entry.orig_filename, stat.S_IFMT(entry.external_attr >> 16)
    if stat.S_ISLNK(kind):
        yield breach(name, "path-link", "a symbolic link", "a regular file")
    elif kind not in (0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG):
        yield breach(name, "path-special", f"file type {kind:#o}", "a regular file or a folder")
    if entry.flag_bits & _ENCRYPTED:
        yield breach(name, "zip-encrypted", "encrypted", "no password")
    if entry.compress_type not in _METHODS:
        yield breach(name, "zip-method", f"compression method {entry.compress_type}", "stored or deflate")
    yield from _extra_problems(name, entry.extra)
    largest = 0 if name.endswith("/") else MAX_FILE
    if entry.file_size > largest or entry.compress_size > largest + 4096:
        yield breach(name, "size-file", mib(max(entry.file_size, entry.compress_size)), mib(largest))
    if entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        yield breach(name, "zip-ratio", f"{entry.file_size / max(entry.compress_size, 1):.0f}:1", f"{MAX_RATIO}:1")
    if entry.compress_type == zipfile.ZIP_STORED and entry.file_size != entry.compress_size:
        yield breach(name, "zip-header", f"stored {entry.compress_size} bytes as {entry.file_size}", "one size")
    if name.casefold().endswith(_NESTED):
        yield breach(name, "zip-nested", "an archive in the archive", "clips and submission.yaml")


def _extra_problems(name: str, extra: bytes) -> Iterator[Problem]:
    """Yield the extra fields that give the entry other sizes, or another name for some readers."""
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        if kind == _ZIP64:
            yield breach(name, "zip64", "a zip64 field", "plain sizes")
        elif kind == _UNICODE_PATH:
            yield breach(name, "zip-header", "a second name in an extra field", "one name")
        extra = extra[4 + length :]


def _span_problems(stream: BinaryIO, archive: str, entries: list[zipfile.ZipInfo], end: int) -> Iterator[Problem]:
    """Yield local headers that tell another story than the list, and bytes used twice or by nobody."""
    spans: list[tuple[int, int, zipfile.ZipInfo]] = []
    for entry in entries:
        stream.seek(entry.header_offset)
        raw = stream.read(_LOCAL.size)
        if len(raw) < _LOCAL.size or not raw.startswith(b"PK\x03\x04") or entry.header_offset >= end:
            yield breach(entry.orig_filename, "zip-header", f"no local header at {entry.header_offset}", "one")
            continue
        _, _, flags, method, _, _, crc, packed, unpacked, name_length, extra_length = _LOCAL.unpack(raw)
        name = stream.read(name_length)
        listed = entry.orig_filename.encode("utf-8" if entry.flag_bits & 0x800 else "cp437", "replace")
        own = (name, flags, method)
        if own != (listed, entry.flag_bits, entry.compress_type) or not (
            flags & _STREAMED or (crc, packed, unpacked) == (entry.CRC, entry.compress_size, entry.file_size)
        ):
            found = f"{name.decode('utf-8', 'replace')}, method {method}, {packed} bytes for {unpacked}"
            wanted = f"{entry.orig_filename}, method {entry.compress_type}, {entry.compress_size} for {entry.file_size}"
            yield breach(entry.orig_filename, "zip-header", found, wanted)
        yield from _extra_problems(entry.orig_filename, stream.read(extra_length))
        data = entry.header_offset + _LOCAL.size + name_length + extra_length
        spans.append((entry.header_offset, data + entry.compress_size, entry))
    spans.sort(key=lambda span: span[:2])
    if spans and spans[0][0] != 0:
        yield breach(archive, "zip-extra-bytes", f"{spans[0][0]} bytes before the first file", "none")
    starts = [start for start, _, _ in spans[1:]] + [end]
    for (_, stop, entry), following in zip(spans, starts, strict=False):
        gap = following - stop
        if gap < 0:
            yield breach(entry.orig_filename, "zip-overlap", f"{-gap} bytes shared with what follows", "none")
        elif gap not in (_DESCRIPTORS if entry.flag_bits & _STREAMED else (0,)):
            yield breach(entry.orig_filename, "zip-extra-bytes", f"{gap} bytes after its data", "none")


def unpack(planned: Plan, folder: Path) -> tuple[Problem, ...]:
    """Write the files of a plan without problems into a fresh folder, and return what went wrong.

    Every file is created new (never through a link), readable by its owner alone, and never longer than the
    archive says. ValueError for a plan with problems. Where a file's bytes are not those that were packed,
    the problem is returned and the caller throws the folder away.
    """
    if planned.problems:
        raise ValueError(f"{planned.path}: a refused archive is not unpacked")
    problems: list[Problem] = []
    with zipfile.ZipFile(planned.path) as archive:
        for entry in archive.infolist():
            if entry.orig_filename.endswith("/"):
                continue
            target = folder.joinpath(*entry.orig_filename.split("/"))
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                _write(archive, entry, target)
            except (*_UNREADABLE, zlib.error) as error:
                problems.append(breach(entry.orig_filename, "zip-checksum", error, f"checksum {entry.CRC:08x}"))
    return tuple(problems)


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    with archive.open(entry) as packed, os.fdopen(os.open(target, flags, 0o600), "wb") as unpacked:
        left = entry.file_size
        while block := packed.read(_BLOCK):
            left -= len(block)
            if left < 0:
                raise zipfile.BadZipFile(f"more than the {entry.file_size} bytes it claims")
            unpacked.write(block)
        if left:
            raise zipfile.BadZipFile(f"{entry.file_size - left} bytes, {entry.file_size} claimed")


def pack(folder: Path, names: list[str], out: Path) -> None:
    """Write files of a folder into a stored zip; the same files give the same bytes.

    `out` appears whole or not at all, in place of a file of that name.
    """
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED, allowZip64=False) as archive:
            for name in sorted(names):
                entry = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
                entry.external_attr = (stat.S_IFREG | 0o644) << 16
                entry.create_system = 3
                archive.writestr(entry, folder.joinpath(*name.split("/")).read_bytes())
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
