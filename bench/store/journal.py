"""An append-only file per run: a record is a fact once its line is on the disk.

The database is written after the journal, so a crash in between loses nothing: the next command that opens
the store reads the lines the database has not seen. A line that a crash cut short was never a fact and is
passed over.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from bench import crash
from bench.errors import UserError
from bench.store.records import RECORD, AnyRecord

_log = logging.getLogger(__name__)


class Journal:
    """Writes one run's records. Only the process that drives the run may hold it."""

    def __init__(self, folder: Path, run: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{run}.jsonl"
        self._stream = self.path.open("xb", buffering=0)
        _sync_folder(folder)

    def append(self, record: AnyRecord) -> int:
        """Write a record and return the journal's length in bytes; it is on the disk when this returns."""
        line = record.model_dump_json(exclude_defaults=False).encode() + b"\n"
        if crash.armed("mid-journal"):
            self._put(line[: len(line) // 2])
        crash.here("mid-journal")
        self._put(line)
        return self._stream.tell()

    def _put(self, data: bytes) -> None:
        try:
            self._stream.write(data)
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise UserError(f"{self.path}: {error.strerror}; mend that and run the same command again") from error

    def close(self) -> None:
        """Close the file; nothing is left to write."""
        self._stream.close()


def read(path: Path, start: int = 0) -> Iterator[tuple[AnyRecord, int]]:
    """Yield the records from byte `start` on, each with the offset after it.

    Stops at a last line without its end. Raises `UserError` naming file and offset for a whole line that is
    no record.
    """
    with path.open("rb") as stream:
        stream.seek(start)
        for line in stream:
            if not line.endswith(b"\n"):
                _log.info("%s: the last line was cut short by a crash and is passed over", path)
                return
            offset = start + len(line)
            try:
                record = RECORD.validate_json(line)
            except ValidationError as error:
                raise UserError(
                    f"{path}: byte {start}: not a record ({error.errors()[0]['msg']}); restore it"
                ) from error
            yield record, offset
            start = offset


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
