"""Write the files of a test set: clips and masks, encoded in other processes while the renderer goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path

from bench.identity import file_digest
from bench.media.encode import write_mask, write_mp4
from bench.types import Asset, Frames, Mask, Video
from testset.measure import edit_mask


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """One file to be written below `folder`. What it holds is the first of these that is given:

    `mask` as it is, the edit mask from `frames` to `target`, or `frames` as a clip.
    """

    folder: Path
    path: str
    fps: Fraction
    crf: int
    preset: str
    frames: Frames | None = None
    target: Frames | None = None
    mask: Mask | None = None


def write(job: Job) -> Asset:
    """Write a job's file and return its record."""
    path = job.folder / job.path
    mask = job.mask
    if mask is None and job.target is not None:
        assert job.frames is not None
        mask = edit_mask(job.frames, job.target)
    if mask is not None:
        write_mask(mask, path, job.fps)
        shape = mask.shape
    else:
        assert job.frames is not None
        write_mp4(Video(job.frames, job.fps), path, crf=job.crf, pix_fmt="yuv444p", preset=job.preset)
        shape = job.frames.shape[:3]
    frames, height, width = shape
    digest = file_digest(path)
    return Asset(path=job.path, sha256=digest, width=width, height=height, frames=frames, fps=str(job.fps))


class Here(Executor):
    """Runs every job at once in this process."""

    def submit(self, fn, /, *args, **kwargs) -> Future:  # noqa: D102 - as concurrent.futures has it
        done: Future = Future()
        done.set_result(fn(*args, **kwargs))
        return done


@contextmanager
def writers(count: int | None) -> Iterator[Executor]:
    """Give an executor of `count` processes (default: one per core, at most 16); with 1, this process."""
    count = count or min(16, os.cpu_count() or 1)
    if count == 1:
        yield Here()
        return
    # A forked child of a process that holds a CUDA context is broken.
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:
        yield pool
