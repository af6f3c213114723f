"""A clip is looked at once: what one metric has extracted from it, the next one reads here."""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from bench.types import Video

Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")

DISK_MAX = 2**20
"""Bytes. Larger arrays stay in memory only: a clip's feature maps take 8 MB, and every edit would leave its own."""


class Extractor(Protocol):
    """Turns a clip into named arrays. `identity` changes whenever the arrays would."""

    @property
    def identity(self) -> str:
        """Name, version and weights of the extractor, safe as part of a file name."""
        ...

    def extract(self, video: Video) -> Arrays:
        """Return the clip's features; a pure function of the frames and the frame rate."""
        ...


class FeatureBank:
    """Features by content of the clip, in memory (least recently used go first) and, given a folder, on disk.

    Files are npz without objects, written beside and renamed, so that a killed process leaves no half file; workers
    may share a folder.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int = 192 * 2**20) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._held = 0
        self._arrays: OrderedDict[str, Arrays] = OrderedDict()
        self._values: OrderedDict[tuple[object, ...], object] = OrderedDict()
        self._valued = 0
        self._largest = 0
        self._digests: dict[int, tuple[weakref.ref[NDArray[np.uint8]], Fraction, str]] = {}

    def digest(self, video: Video) -> str:
        """Return sha256 (hex) of the clip's shape, frame rate and pixels."""
        frames, key = video.frames, id(video.frames)
        known = self._digests.get(key)
        # Frames are not kept alive for their digest, and a freed array's id may come back as another clip's.
        if known is not None and known[0]() is frames and known[1] == video.fps:
            return known[2]
        found = hashlib.sha256(f"{video.shape}{video.fps}".encode())
        found.update(np.ascontiguousarray(frames).data)
        self._digests[key] = (weakref.ref(frames, lambda _: self._digests.pop(key, None)), video.fps, found.hexdigest())
        return found.hexdigest()

    def get(self, video: Video, extractor: Extractor) -> Arrays:
        """Return what the extractor says of the clip."""
        return self.recall(f"{extractor.identity}-{self.digest(video)}", lambda: extractor.extract(video))

    def recall(self, key: str, compute: Callable[[], Arrays]) -> Arrays:
        """Return the arrays kept under `<what>-<content hash>`: from memory, from disk, or computed and kept."""
        if key in self._arrays:
            self._arrays.move_to_end(key)
            return self._arrays[key]
        arrays = self._read(key)
        if arrays is None:
            arrays = compute()
            if _nbytes(arrays) <= DISK_MAX:
                self._write(key, arrays)
        self._arrays[key] = arrays
        self._held += _nbytes(arrays)
        self._largest = max(self._largest, _nbytes(arrays))
        # The flow of one large clip must not push out the features that the next metric reads.
        while self._held > max(self._max_bytes, 2 * self._largest) and len(self._arrays) > 1:
            self._held -= _nbytes(self._arrays.popitem(last=False)[1])
        return arrays

    def memo(self, key: tuple[object, ...], compute: Callable[[], T]) -> T:
        """Return a small value kept in memory only, such as a map over a pair of clips that two metrics read."""
        if key not in self._values:
            self._values[key] = compute()
            self._valued += _size(self._values[key])
            while len(self._values) > 1 and (len(self._values) > 256 or self._valued > self._max_bytes):
                self._valued -= _size(self._values.popitem(last=False)[1])
        self._values.move_to_end(key)
        return self._values[key]  # type: ignore[return-value]

    def _read(self, key: str) -> Arrays | None:
        if self._folder is None or not (path := self._path(key)).exists():
            return None
        with np.load(path, allow_pickle=False) as stored:
            return dict(stored)

    def _write(self, key: str, arrays: Arrays) -> None:
        if self._folder is None:
            return
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        Path(name).replace(path)

    def _path(self, key: str) -> Path:
        assert self._folder is not None
        extractor, digest = key.rsplit("-", 1)
        return self._folder / extractor / digest[:2] / f"{digest}.npz"


def _size(value: object) -> int:
    """Return the bytes of all arrays in a value; numbers and texts weigh nothing."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    return sum(map(_size, value)) if isinstance(value, (tuple, list)) else 0


def _nbytes(arrays: Arrays) -> int:
    return sum(a.nbytes for a in arrays.values())
