"""Pairs out of their shards: decoded for training, or as files for whoever shows or copies them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import CaseFailed, UserError
from bench.identity import file_digest
from bench.media import read_mask, read_video
from bench.types import Frames, Mask
from methods.training.pairs.build import read_manifest
from methods.training.pairs.decisions import read_hard, usable
from methods.training.pairs.record import PairRecord
from methods.training.pairs.shard import MEND, read_shard

if TYPE_CHECKING:
    from methods.training.dmd.conditions import Clips
    from methods.training.dmd.config import DmdConfig


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """One decoded pair."""

    record: PairRecord
    source: Frames
    target: Frames
    mask: Mask


def pair_files(folder: Path, keys: set[str] | None = None) -> Iterator[tuple[PairRecord, dict[str, bytes]]]:
    """Yield record and files of the pairs of a finished build, or of some keys; errors as `read_shard`."""
    for shard in read_manifest(folder).shards:
        records = {pair.key: pair for pair in shard.pairs}
        if keys is not None and not keys & records.keys():
            continue
        for key, files in read_shard(folder / shard.name):
            if key not in records:
                raise UserError(f"shard {folder / shard.name}: pair {key} is not in the manifest: build it again")
            if keys is None or key in keys:
                yield records[key], files


def read_pairs(folder: Path) -> Iterator[Pair]:
    """Yield the pairs that training reads (`decisions.usable`), decoded."""
    keys = set(usable(folder, read_manifest(folder)))
    for record, files in pair_files(folder, keys):
        yield decoded(record, files)


def decoded(record: PairRecord, files: dict[str, bytes]) -> Pair:
    """Return a pair's clips and mask; UserError naming the pair when a clip cannot be read or has another length."""
    with tempfile.TemporaryDirectory() as name:
        paths = {role: Path(name) / f"{role}.mp4" for role in ("source", "target", "mask")}
        for role, path in paths.items():
            path.write_bytes(files[f"{role}.mp4"])
        try:
            source, target = (read_video(paths[role]).frames for role in ("source", "target"))
            mask = read_mask(paths["mask"])
        except CaseFailed as error:
            raise UserError(f"pair {record.key}: {error}: build its shard again") from None
    if not source.shape == target.shape == (*mask.shape, 3):
        raise UserError(f"pair {record.key}: clips and mask differ in size: build its shard again")
    return Pair(record, source, target, mask)


def verify(folder: Path) -> int:
    """Check every shard against the manifest, decode every pair, and return how many there are."""
    manifest, count = read_manifest(folder), 0
    for shard in manifest.shards:
        path = folder / shard.name
        for key, files in read_shard(path):
            decoded(next(p for p in shard.pairs if p.key == key), files)
            count += 1
        if (found := file_digest(path)) != shard.sha256:
            raise UserError(
                f"shard {path} is altered: sha256 {found[:12]}, expected {shard.sha256[:12]}; delete it, and {MEND}"
            )
    return count


def conditions(folders: Sequence[Path], config: DmdConfig, hard: int = 3) -> list[Clips]:
    """Return targets with their captions for a distillation, one stream for each of its sizes, each from a folder.

    Hard examples come `hard` times. UserError when a size has no folder, or one with fewer frames than it needs.
    """
    needed = config.frames if config.gan else 1
    found = {(s.height, s.width): f for f in folders if (s := read_manifest(f).settings).frames >= needed}
    for size in config.sizes:
        if size not in found:
            have = ", ".join(f"{w}x{h}" for h, w in found) or "none"
            raise UserError(
                f"no pairs of {size[1]}x{size[0]} with {needed} frames or more (found: {have}): name a folder of that "
                "size with one more --pairs, or change the sizes in the config"
            )
    return [_targets(found[size], config, needed, hard) for size in config.sizes]


def _targets(folder: Path, config: DmdConfig, frames: int, hard: int) -> Clips:
    import torch

    from methods.training.dmd.conditions import batched

    repeats = read_hard(folder)

    def clips() -> Iterator[tuple[torch.Tensor, list[str]]]:
        for pair in read_pairs(folder):
            rng = random.Random(f"{config.seed}/{pair.record.key}")
            words = pair.record.target_caption
            texts = [words.zh if rng.random() < config.chinese else words.en for _ in range(config.captions)]
            for _ in range(hard if pair.record.key in repeats else 1):
                yield torch.from_numpy(pair.target[:frames]), texts

    return batched(clips(), config.render_batch)
