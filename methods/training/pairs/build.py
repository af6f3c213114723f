"""Build a folder of pairs, shard by shard, in several processes; what is whole already is not made again.

    OUT/pairs-000000.tar    WebDataset shard: KEY.source.mp4, KEY.target.mp4, KEY.mask.mp4, KEY.json
    OUT/pairs-000000.json   its pairs and its sha256; written after it
    OUT/build.json          the settings, written first
    OUT/manifest.json       settings, shards and statistics; written last, with README.md

A pair is a function of the seed and its number, so neither the number of processes nor a build that was killed on the
way changes a byte.
"""

from __future__ import annotations

import errno
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import BenchError, UserError
from methods.training.config import differences
from methods.training.pairs.record import BuildSettings, Manifest, PairRecord, ShardRecord

if TYPE_CHECKING:
    from torch import Tensor

    from methods.training.pairs.draw import Draw

SETTINGS = "build.json"
MANIFEST = "manifest.json"


def build(
    out: Path,
    settings: BuildSettings,
    *,
    device: str = "cpu",
    workers: int = 1,
    done: Callable[[int], None] = lambda _: None,
) -> Manifest:
    """Make the shards that `out` lacks and return the manifest; `done` is told how many pairs were finished.

    UserError when the folder holds a build with other settings, or the disk is full: the shards that are whole stay,
    and the same call goes on.
    """
    from methods.training.pairs.card import statistics, write_card

    _claim(out, settings)
    numbers = range(0, settings.count, settings.per_shard)
    whole: dict[int, ShardRecord] = {}
    for start in numbers:
        if (record := _finished(out, start)) is not None:
            whole[start] = record
            done(len(record.pairs))
    todo = [start for start in numbers if start not in whole]
    try:
        for start, record in _make(out, settings, todo, device, workers):
            whole[start] = record
            done(len(record.pairs))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise UserError(
            f"the disk of {error.filename or out} is full after {len(whole)} of {len(numbers)} shards: free some "
            "space, and the same command goes on from there"
        ) from None
    except BrokenProcessPool:
        raise BenchError(
            f"a process of the build was killed after {len(whole)} of {len(numbers)} shards (out of memory?): the same "
            "command goes on from there, with fewer --workers if need be"
        ) from None
    shards = tuple(whole[start] for start in numbers)
    manifest = Manifest(settings=settings, shards=shards, statistics=statistics(shards))
    write_card(out, manifest)
    _write(out / MANIFEST, manifest.model_dump_json(indent=1))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of a finished build; UserError when there is none, or it is not one."""
    from pydantic import ValidationError

    path = folder / MANIFEST
    if not path.is_file():
        raise UserError(f"{folder} holds no {MANIFEST}: finish it with `bench pairs build --out {folder}`")
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; build the pairs again") from None


class PairMaker:
    """Renders pairs on one device."""

    def __init__(self, settings: BuildSettings, device: str) -> None:
        from testset.render import Renderer

        self._settings = settings
        self._renderer = Renderer(device)

    def make(self, number: int) -> tuple[PairRecord, dict[str, bytes]]:
        """Return a pair's record and its files by extension.

        A pair that the audit flags is drawn anew, up to `attempts` times; the last is kept with its flags.
        """
        from methods.training.pairs.audit import flags
        from methods.training.pairs.draw import draw

        for attempt in range(self._settings.attempts):
            drawn = draw(self._settings.seed, number, attempt)
            source, target, mask = self.render(drawn)
            found = flags(source, target, mask)
            if not found:
                break
        record = drawn.record(found)
        return record, self._files(record, source, target, mask)

    def render(self, drawn: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """Return source and target, uint8 [T, H, W, 3], and the mask, bool [T, H, W], augmented."""
        from methods.training.pairs.audit import edit_mask
        from methods.training.pairs.augment import apply, apply_to_mask, rendered_frames

        s, a = self._settings, drawn.augmentation
        frames = rendered_frames(s.frames, a)
        clips = self._renderer.render([drawn.source, drawn.target], frames, s.height, s.width)
        mask = edit_mask(*clips)
        return (*(apply(clip, a, s.frames) for clip in clips), apply_to_mask(mask, a, s.frames))

    def _files(self, record: PairRecord, source: Tensor, target: Tensor, mask: Tensor) -> dict[str, bytes]:
        from bench.media import write_mask, write_mp4
        from bench.types import Video

        fps = Fraction(self._settings.fps)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for role, clip in (("source", source), ("target", target)):
                write_mp4(Video(clip.cpu().numpy(), fps), folder / f"{role}.mp4", crf=self._settings.crf)
            write_mask(mask.cpu().numpy(), folder / "mask.mp4", fps)
            files = {f"{role}.mp4": (folder / f"{role}.mp4").read_bytes() for role in ("source", "target", "mask")}
        return files | {"json": record.model_dump_json().encode()}


def make_shard(out: Path, settings: BuildSettings, start: int, device: str) -> ShardRecord:
    """Make one shard and its record; runs in a process of its own, which keeps its renderer for the next."""
    from bench.identity import file_digest
    from methods.training.pairs.shard import write_shard

    maker = _maker(settings, device)
    records: list[PairRecord] = []

    def pairs() -> Iterator[tuple[str, dict[str, bytes]]]:
        for number in range(start, min(start + settings.per_shard, settings.count)):
            record, files = maker.make(number)
            records.append(record)
            yield record.key, files

    path = _shard(out, start)
    write_shard(path, pairs())
    record = ShardRecord(name=path.name, bytes=path.stat().st_size, sha256=file_digest(path), pairs=tuple(records))
    _write(path.with_suffix(".json"), record.model_dump_json())
    return record


_kept: dict[str, PairMaker] = {}


def _maker(settings: BuildSettings, device: str) -> PairMaker:
    name = f"{device} {settings.model_dump_json()}"
    if name not in _kept:
        _kept.clear()
        _kept[name] = PairMaker(settings, device)
    return _kept[name]


def _make(
    out: Path, settings: BuildSettings, todo: list[int], device: str, workers: int
) -> Iterator[tuple[int, ShardRecord]]:
    """Yield shards as they are finished."""
    if workers == 1 or len(todo) < 2:
        for start in todo:
            yield start, make_shard(out, settings, start, device)
        return
    # Fresh processes: a CUDA context does not survive a fork.
    with ProcessPoolExecutor(min(workers, len(todo)), get_context("spawn"), _one_thread) as pool:
        jobs = {pool.submit(make_shard, out, settings, start, device): start for start in todo}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _one_thread() -> None:
    """Processes are the parallelism here: threads beside them would only get in each other's way."""
    import torch

    torch.set_num_threads(1)


def _claim(out: Path, settings: BuildSettings) -> None:
    out.mkdir(parents=True, exist_ok=True)
    path = out / SETTINGS
    if path.is_file():
        was = BuildSettings.model_validate_json(path.read_text(encoding="utf-8"))
        if changed := differences(was.model_dump(mode="json"), settings.model_dump(mode="json")):
            raise UserError(
                f"{out} holds pairs of another build ({'; '.join(changed)}): name another --out, or the same settings"
            )
    else:
        _write(path, settings.model_dump_json(indent=1))
    for rest in out.glob("*.part"):
        rest.unlink()


def _finished(out: Path, start: int) -> ShardRecord | None:
    """Return the record of a shard that is there and whole, or None."""
    from pydantic import ValidationError

    from bench.identity import file_digest

    path = _shard(out, start)
    try:
        record = ShardRecord.model_validate_json(path.with_suffix(".json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValidationError):
        return None  # not yet made, or killed before the record was: made (again)
    whole = path.is_file() and path.stat().st_size == record.bytes and file_digest(path) == record.sha256
    return record if whole else None


def _shard(out: Path, start: int) -> Path:
    return out / f"pairs-{start:06d}.tar"


def _write(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all."""
    draft = path.with_name(path.name + ".part")
    draft.write_text(text + "\n", encoding="utf-8")
    draft.replace(path)
