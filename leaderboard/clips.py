"""Clips a browser plays, made once from what is stored and kept by content.

Edits are stored in RGB and test sets ship 4:4:4, which browsers refuse. Small clips are doubled with hard pixels
before they become 4:2:0: every pixel of the original then keeps a chroma sample of its own, so nothing blurs.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np

from bench import registry
from bench.blobs import BlobStore
from bench.errors import BenchError
from bench.home import Home
from bench.identity import file_digest
from bench.media import read_mask, read_video, write_mp4
from bench.store.read import Result, Run
from bench.types import Asset, EditCase, Frames, Video

_RECIPE = "v1"
"""Part of the cached name: raise it when the encoding changes."""
_SMALL = 512
"""Shorter sides below this are doubled."""
_CRF = 10
_log = logging.getLogger(__name__)
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip for the player, or why there is none."""

    data: bytes | None
    """MP4, H.264 in yuv420p."""
    reason: str | None = None
    copy: bool = False
    """Whether it is a lossy copy of an edit that was made elsewhere."""


@dataclass(frozen=True, slots=True)
class ClipShelf:
    """Finds and prepares the clips of one board."""

    home: Home
    runs: tuple[Run, ...]
    """Of the board: they say where its test set was read from."""
    copies: tuple[Path, ...] = ()
    """Folders with copies of edits that were made elsewhere (`Home.copies`), for edits that are not here."""

    def edit(self, result: Result) -> Clip:
        """Return a stored edit, else a copy of it, or why there is none (the method's own failure included)."""
        if result.sha256 is None:
            return Clip(None, result.reason or "no clip was stored")
        blobs = BlobStore(self.home.blobs)
        if result.sha256 in blobs or self._cached(result.sha256).is_file():
            return self._prepare(result.sha256, blobs.path(result.sha256))
        for folder in self.copies:
            if (path := folder / f"{result.sha256}.mp4").is_file():
                return replace(self._prepare(f"{result.sha256}-copy", path), copy=True)
        again = f"bench run --method {result.method.name} --split {result.case.split}"
        return Clip(None, f"the clip is not in this state folder; {again} makes it")

    def asset(self, case: EditCase, role: str) -> Clip:
        """Return a case's `source`, `target` or `mask`, checked against its sha256."""
        asset: Asset | None = getattr(case, role)
        if asset is None:
            return Clip(None, f"the case has no {role}")
        if self._cached(asset.sha256).is_file():
            return Clip(self._cached(asset.sha256).read_bytes())
        found = None
        for root in self._roots():
            path = root / asset.path
            if path.is_file():
                found = path
                if file_digest(path) == asset.sha256:
                    return self._prepare(asset.sha256, path, mask=role == "mask", fps=Fraction(asset.fps))
        if found is None:
            return Clip(None, f"{asset.path} of the test set is missing")
        return Clip(None, f"{asset.path} has been altered since the run")

    def _roots(self) -> Iterable[Path]:
        """Yield the folders of the test sets that the runs named, newest first, those that still load."""
        for name in dict.fromkeys(str(run.spec.get("testset", "")) for run in self.runs):
            try:
                yield registry.testset(name).root
            except (BenchError, ImportError) as error:
                _log.info("test set '%s' is left out: %s", name, error)

    def _cached(self, name: str) -> Path:
        return self.home.cache / "board" / f"{name}-{_RECIPE}.mp4"

    def _prepare(self, name: str, path: Path, mask: bool = False, fps: Fraction = Fraction(8)) -> Clip:
        cached = self._cached(name)
        try:
            with _lock:  # two visitors of one case must not write the same file
                if not cached.is_file():
                    video = _white(path, fps) if mask else read_video(path)
                    write_mp4(_playable(video), cached, crf=_CRF, preset="veryfast")
                else:
                    os.utime(cached)  # so that the oldest files are those not looked at
        except BenchError as error:
            return Clip(None, str(error))
        return Clip(cached.read_bytes())


def _white(path: Path, fps: Fraction) -> Video:
    mask = read_mask(path)
    return Video(np.repeat((mask * np.uint8(255))[..., None], 3, axis=-1), fps)


def _playable(video: Video) -> Video:
    """Return the clip doubled where it is small or odd-sized, as yuv420p needs even sizes."""
    _, height, width = video.shape
    if min(height, width) >= _SMALL and height % 2 == 0 and width % 2 == 0:
        return video
    doubled: Frames = video.frames.repeat(2, axis=1).repeat(2, axis=2)
    return Video(doubled, video.fps)
