"""Shards of the WebDataset convention: a tar whose files share a key up to the first dot, pair after pair."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from bench.errors import UserError
from methods.training.pairs.record import KEYS

MEND = "build the pairs again into the same folder, it alone is made"


def write_shard(path: Path, pairs: Iterable[tuple[str, Mapping[str, bytes]]]) -> None:
    """Write pairs (key and content by extension) as a tar whose bytes depend on nothing else.

    It appears under its name when it is whole; whatever stops the writing leaves no half of it.
    """
    part = path.with_suffix(".part")
    try:
        with tarfile.open(part, "w", format=tarfile.USTAR_FORMAT) as tar:
            for key, files in pairs:
                for extension in KEYS:
                    entry = tarfile.TarInfo(f"{key}.{extension}")
                    entry.size = len(files[extension])
                    entry.mode = 0o644
                    tar.addfile(entry, io.BytesIO(files[extension]))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def read_shard(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Yield the pairs of a shard, in order; UserError naming shard and pair when it is cut short or lacks a file."""
    key, files = "", dict[str, bytes]()
    done = 0
    try:
        with tarfile.open(path, "r|") as tar:
            for entry in tar:
                name, _, extension = entry.name.partition(".")
                if name != key and files:
                    yield _whole(path, key, files)
                    done, files = done + 1, {}
                key = name
                stream = tar.extractfile(entry)
                files[extension] = stream.read() if stream else b""
                if len(files[extension]) != entry.size:
                    raise tarfile.ReadError("unexpected end of data")
    except FileNotFoundError:
        raise UserError(f"shard {path} is missing: {MEND}") from None
    except (tarfile.TarError, EOFError) as error:
        raise UserError(
            f"shard {path} is cut short or damaged after {done} whole pairs ({error}): delete it, and {MEND}"
        ) from None
    if files:
        yield _whole(path, key, files)


def _whole(path: Path, key: str, files: dict[str, bytes]) -> tuple[str, dict[str, bytes]]:
    if lacking := [extension for extension in KEYS if extension not in files]:
        raise UserError(f"shard {path}: pair {key} has no {lacking[0]}; wanted {', '.join(KEYS)}: build it again")
    return key, files
