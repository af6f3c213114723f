"""Archives that must be refused, each with the rule it breaks; made byte by byte where no packer would."""

from __future__ import annotations

import bz2
import stat
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from submissions.archive import MAX_FILE, MAX_FILES

LOCAL, LISTED, END = struct.Struct("<4s5H3L2H"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
STORED, DEFLATED, BZIP2 = 0, 8, 12


@dataclass(frozen=True)
class Entry:
    """One file of an archive. What is None follows from the data; `local` replaces fields in its own header."""

    name: bytes
    data: bytes = b"x"
    method: int = STORED
    flags: int = 0
    mode: int = stat.S_IFREG | 0o644
    extra: bytes = b""
    crc: int | None = None
    packed: int | None = None
    unpacked: int | None = None
    offset: int | None = None
    body: bytes | None = None
    local: dict[str, object] = field(default_factory=dict)


def archive(*entries: Entry, before: bytes = b"", between: bytes = b"", after: bytes = b"", **end: int) -> bytes:
    """Return a zip of the entries; `end` replaces fields of its last record."""
    out, listed = before, b""
    for entry in entries:
        body = entry.body if entry.body is not None else _pack(entry)
        crc = zlib.crc32(entry.data) if entry.crc is None else entry.crc
        packed = len(body) if entry.packed is None else entry.packed
        unpacked = len(entry.data) if entry.unpacked is None else entry.unpacked
        offset = len(out) if entry.offset is None else entry.offset
        name, extra = entry.name, entry.extra
        listed += LISTED.pack(
            *(b"PK\x01\x02", 0x0314, 20, entry.flags, entry.method, 0, 0x21, crc, packed, unpacked),
            *(len(name), len(extra), 0, 0, 0, entry.mode << 16, offset),
        )
        listed += name + extra
        if entry.offset is None:
            own = {"name": name, "flags": entry.flags, "method": entry.method, "crc": crc}
            own |= {"packed": packed, "unpacked": unpacked} | entry.local
            sizes = (own["crc"], own["packed"], own["unpacked"], len(own["name"]), 0)
            out += LOCAL.pack(b"PK\x03\x04", 20, own["flags"], own["method"], 0, 0x21, *sizes) + own["name"]
            out += body + between
    last = {"disk": 0, "first": 0, "here": len(entries), "count": len(entries)}
    last |= {"length": len(listed), "offset": len(out), "comment": 0} | end
    return out + listed + END.pack(b"PK\x05\x06", *last.values()) + after


def _pack(entry: Entry) -> bytes:
    if entry.method == DEFLATED:
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return packer.compress(entry.data) + packer.flush()
    return bz2.compress(entry.data) if entry.method == BZIP2 else entry.data


CLIP = Entry(b"videos/a.mp4", b"not a clip, but nobody comes to look" * 3)
ZEROS = Entry(b"videos/a.mp4", bytes(2**20), DEFLATED)
INNER = archive(CLIP)
ZIP64_END = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 60, 60)
ZIP64_PLACE = struct.pack("<4sLQL", b"PK\x06\x07", 0, 0, 1)


def _named(name: bytes, **fields: object) -> Callable[[], bytes]:
    return lambda: archive(Entry(name, **fields))


def _patched(**fields: object) -> Callable[[], bytes]:
    return lambda: archive(replace(CLIP, **fields))


def _shared_header() -> bytes:
    return archive(CLIP, *(replace(CLIP, name=b"videos/%d.mp4" % n, offset=0) for n in range(30)))


def _quoted() -> bytes:
    """A file whose data holds the whole next file, which is listed as well."""
    inner = Entry(b"videos/b.mp4", b"y" * 50)
    local = LOCAL.pack(b"PK\x03\x04", 20, 0, 0, 0, 0x21, zlib.crc32(inner.data), 50, 50, len(inner.name), 0)
    outer = Entry(b"videos/a.mp4", local + inner.name + inner.data)
    return archive(outer, replace(inner, offset=LOCAL.size + len(outer.name)))


def _broken_deflate() -> bytes:
    return archive(Entry(b"videos/a.mp4", b"z" * 40, DEFLATED, body=b"\xff" * 20))


HOSTILE_ZIPS: dict[str, tuple[Callable[[], bytes], str]] = {
    "parent": (_named(b"../../evil.txt"), "path-parent"),
    "parent inside": (_named(b"videos/../../evil.txt"), "path-parent"),
    "parent with backslashes": (_named(rb"..\..\evil.txt"), "path-parent"),
    "absolute": (_named(b"/etc/evil"), "path-absolute"),
    "drive": (_named(b"C:/evil.mp4"), "path-absolute"),
    "network share": (_named(rb"\\host\share\evil.mp4"), "path-absolute"),
    "backslash": (_named(rb"videos\a.mp4"), "path-characters"),
    "hidden file": (_named(b"videos/.a.mp4"), "path-characters"),
    "nul byte": (_named(b"videos/a.mp4\0.txt"), "path-characters"),
    "right to left": (_named("videos/4pm.\u202ea.mp4".encode(), flags=0x800), "path-characters"),
    "terminal escape": (_named(b"videos/\x1b[2Ja.mp4"), "path-characters"),
    "empty name": (_named(b""), "path-characters"),
    "name that is no UTF-8": (_named(b"videos/\xff\xfe.mp4", flags=0x800), "zip-damaged"),
    "deep": (_named(b"videos/a/b/c/d.mp4"), "path-depth"),
    "long": (_named(b"videos/" + b"a" * 4000 + b".mp4"), "path-length"),
    "device name": (_named(b"videos/NUL.mp4"), "path-reserved"),
    "dot at the end": (_named(b"videos/a.mp4."), "path-reserved"),
    "duplicate": (lambda: archive(CLIP, replace(CLIP, data=b"other")), "path-twice"),
    "case twin": (lambda: archive(CLIP, replace(CLIP, name=b"videos/A.MP4")), "path-twice"),
    "composed twin": (
        lambda: archive(CLIP, replace(CLIP, name="videos/\uff41.mp4".encode(), flags=0x800)),
        "path-twice",
    ),
    "file as folder": (lambda: archive(Entry(b"videos"), CLIP), "path-file-as-folder"),
    "symbolic link": (_named(b"videos/a.mp4", data=b"/etc/passwd", mode=stat.S_IFLNK | 0o777), "path-link"),
    "pipe": (_named(b"videos/a.mp4", mode=stat.S_IFIFO | 0o644), "path-special"),
    "device": (_named(b"videos/a.mp4", mode=stat.S_IFCHR | 0o644), "path-special"),
    "folder that is a file": (_named(b"videos/", data=b"", mode=stat.S_IFREG | 0o644), "path-special"),
    "folder with data": (_named(b"videos/", mode=stat.S_IFDIR | 0o755), "size-file"),
    "bomb of zeros": (lambda: archive(ZEROS), "zip-ratio"),
    "large by claim": (_patched(unpacked=MAX_FILE + 1), "size-file"),
    "large in total": (
        lambda: archive(*(Entry(b"videos/%d.mp4" % n, unpacked=MAX_FILE) for n in range(40))),
        "size-total",
    ),
    "too many": (lambda: archive(*(Entry(b"videos/%d.mp4" % n) for n in range(MAX_FILES + 1))), "count-files"),
    "one header for all": (_shared_header, "zip-overlap"),
    "quoted": (_quoted, "zip-overlap"),
    "listed twice at one place": (lambda: archive(CLIP, replace(CLIP, offset=0)), "zip-overlap"),
    "encrypted": (_patched(flags=0x1), "zip-encrypted"),
    "strongly encrypted": (_patched(flags=0x41), "zip-encrypted"),
    "masked headers": (_patched(flags=0x2000), "zip-encrypted"),
    "bzip2": (_patched(method=BZIP2), "zip-method"),
    "unknown method": (_patched(method=99), "zip-method"),
    "zip64 field": (_patched(extra=struct.pack("<2HQ", 1, 8, 0)), "zip64"),
    "zip64 end": (
        lambda: INNER[:-22] + ZIP64_END + ZIP64_PLACE + END.pack(b"PK\x05\x06", 0, 0, 1, 1, 2**32 - 1, 2**32 - 1, 0),
        "zip64",
    ),
    "second name": (_patched(extra=struct.pack("<2H", 0x7075, 6) + b"\x01abcde"), "zip-header"),
    "other local name": (_patched(local={"name": b"videos/z.mp4"}), "zip-header"),
    "other local size": (_patched(local={"packed": 5}), "zip-header"),
    "other local method": (_patched(local={"method": DEFLATED}), "zip-header"),
    "stored at another size": (_patched(unpacked=7), "zip-header"),
    "no local header": (lambda: archive(CLIP, Entry(b"videos/b.mp4", offset=5)), "zip-header"),
    "local header past the end": (lambda: archive(CLIP, Entry(b"videos/b.mp4", offset=2**31)), "zip-header"),
    "bytes before": (lambda: archive(CLIP, before=b"#!/bin/sh\n"), "zip-format"),
    "an archive before": (lambda: archive(CLIP, before=INNER), "zip-extra-bytes"),
    "bytes between": (lambda: archive(CLIP, Entry(b"videos/b.mp4"), between=b"hidden"), "zip-extra-bytes"),
    "bytes after": (lambda: archive(CLIP, after=b"hidden"), "zip-extra-bytes"),
    "comment": (lambda: archive(CLIP, after=b"hi", comment=2), "zip-extra-bytes"),
    "list at another place": (lambda: archive(CLIP, offset=10), "zip-extra-bytes"),
    "part of a split archive": (lambda: archive(CLIP, disk=1), "zip-damaged"),
    "list that ends early": (lambda: archive(CLIP, here=2, count=2)[:-22] + archive(CLIP)[-22:-4], "zip-extra-bytes"),
    "garbage for a list": (
        lambda: INNER[:4] + b"\0" * 50 + END.pack(b"PK\x05\x06", 0, 0, 1, 1, 50, 4, 0),
        "zip-damaged",
    ),
    "cut off": (lambda: archive(CLIP)[:-30], "zip-extra-bytes"),
    "too short": (lambda: b"PK\x03\x04", "zip-damaged"),
    "tar": (lambda: b"videos/a.mp4".ljust(257, b"\0") + b"ustar\0" + bytes(300), "zip-format"),
    "7z": (lambda: b"7z\xbc\xaf\x27\x1c" + bytes(40), "zip-format"),
    "empty": (lambda: b"", "zip-format"),
    "inner archive": (lambda: archive(Entry(b"videos.zip", INNER)), "zip-nested"),
    "inner archive named as a clip": (
        lambda: archive(Entry(b"videos/clip0-product.mp4", INNER), MANIFEST),
        "zip-nested",
    ),
    "wrong checksum": (_patched(crc=1), "zip-checksum"),
    "shorter than it is": (
        lambda: archive(Entry(b"videos/a.mp4", b"z" * 90, DEFLATED, unpacked=40)),
        "zip-checksum",
    ),
    "longer than it is": (lambda: archive(Entry(b"videos/a.mp4", b"z" * 90, DEFLATED, unpacked=99)), "zip-checksum"),
    "broken deflate": (_broken_deflate, "zip-checksum"),
}

MANIFEST_TEXT = b"""\
format: 1
method: {name: my-editor, version: 1.0, track: text}
testset: {name: toy, version: 1.0, split: smoke}
team: A team
contact: someone@example.org
paper: https://example.org/paper
code:
licence: CC-BY-4.0
model: Wan2.2-TI2V-5B
hardware: 1x H100 80GB
seconds_per_edit: 12.5
"""
MANIFEST = Entry(b"submission.yaml", MANIFEST_TEXT)
