"""Clips as voters see them: all encoded alike, under names that say nothing.

Same encoder and settings, no metadata, sizes padded to whole blocks, and a name that is a keyed hash: neither the
file's name, its tags nor a look-up of its hash tells which method made it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from bench.blobs import BlobStore
from bench.home import Home
from bench.media import read_video, write_mp4
from bench.types import Video
from bench.votes.studies import Study

CRF = 14
BLOCK = 64 * 1024
"""Bytes. A file's size is a whole number of these."""


def secret(home: Home) -> bytes:
    """Return the state folder's key for names of clips and voters, made at the first call; 32 bytes."""
    path = home.root / "votes.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return bytes.fromhex(path.read_text())
    with os.fdopen(handle, "w") as stream:
        stream.write(secrets.token_hex(32))
    return bytes.fromhex(path.read_text())


def keyed(home: Home, text: str) -> str:
    """Return the keyed hash (hex) of a text: the same for the same text, telling nothing of it."""
    return hmac.new(secret(home), text.encode(), hashlib.sha256).hexdigest()


def blind_clip(home: Home, sha256: str) -> Path:
    """Return the neutral copy of a stored clip, made if need be. Raises `CaseFailed` where the clip is lost."""
    path = home.cache / "blind" / f"{keyed(home, sha256)[:32]}.mp4"
    if not path.exists():
        video = read_video(BlobStore(home.blobs).path(sha256))
        part = path.with_name(f"{path.stem}-{os.getpid()}-{secrets.token_hex(4)}.mp4")
        try:
            write_mp4(_even(video), part, CRF)
            _pad(part)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    return path


def _even(video: Video) -> Video:
    """Repeat the last row or column of a clip of odd size: browsers play yuv420p only."""
    _, height, width = video.shape
    if height % 2 == 0 and width % 2 == 0:
        return video
    import numpy as np

    return Video(np.pad(video.frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge"), video.fps)


def _pad(path: Path) -> None:
    """Append an empty box of MP4 (`free`), so that sizes differ by whole blocks only."""
    size = path.stat().st_size
    length = -(size + 8) % BLOCK + 8
    with path.open("ab") as stream:
        stream.write(length.to_bytes(4, "big") + b"free" + bytes(length - 8))


def prepare(home: Home, study: Study) -> int:
    """Make the neutral copies of all clips of a study, so that no voter waits, and return how many there are."""
    shown = {sha for case in study.cases for sha in (case.source, *case.clips.values(), *case.catches.values())}
    for sha256 in sorted(shown):
        blind_clip(home, sha256)
    return len(shown)
