"""Files by content: `<root>/ab/ab12...`, named by the sha256 of their bytes, written whole or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import UserError
from bench.identity import file_digest


class BlobStore:
    """A folder of blobs. Any number of processes may add to it; the same content is stored once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, sha256: str) -> Path:
        """Return where the blob of that hash lies, or would lie."""
        return self.root / sha256[:2] / sha256

    def __contains__(self, sha256: str) -> bool:
        return self.path(sha256).is_file()

    def __iter__(self) -> Iterator[str]:
        return (p.name for p in sorted(self.root.glob("[0-9a-f][0-9a-f]/*")) if len(p.name) == 64)

    def add(self, write: Callable[[Path], None]) -> str:
        """Let `write` fill a new file, keep it under its hash and return the hash.

        The file is on the disk, name included, when this returns; a crash before leaves nothing under a
        hash's name. Raises `UserError` when the disk is full.
        """
        with self._part() as part:
            write(part)
            _sync(part)
            sha256 = file_digest(part)
            final = self.path(sha256)
            if not final.exists():
                final.parent.mkdir(parents=True, exist_ok=True)
                part.replace(final)
                _sync(final.parent)
        return sha256

    def add_bytes(self, data: bytes) -> str:
        """Keep `data` and return its hash."""
        return self.add(lambda path: _write(path, data))

    def damaged(self) -> Iterator[str]:
        """Yield the hash of every blob whose bytes no longer have it."""
        return (sha256 for sha256 in self if file_digest(self.path(sha256)) != sha256)

    @contextmanager
    def _part(self) -> Iterator[Path]:
        """Yield a fresh path on the same file system, gone afterwards whatever happens."""
        self.root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.root, prefix="part-", ignore_cleanup_errors=True) as folder:
            try:
                yield Path(folder) / "blob"
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise UserError(
                        f"no space left under {self.root}: free some, or use another --home, and run again"
                    ) from error
                raise


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _sync(path: Path) -> None:
    """Have the file (or the folder's list of names) on the disk, not in a cache that a power cut empties."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
