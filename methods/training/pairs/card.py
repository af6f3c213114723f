"""What a build holds: statistics for programs, a dataset card for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from methods.training.pairs.record import Manifest, PairRecord, ShardRecord

CARD = "README.md"


def statistics(shards: Sequence[ShardRecord]) -> dict[str, Any]:
    """Return counts over all pairs: scenarios, verticals, changes, attributes, augmentations, flags, draws, bytes."""
    pairs = [pair for shard in shards for pair in shard.pairs]
    return {
        "pairs": len(pairs),
        "bytes": sum(shard.bytes for shard in shards),
        "scenarios": _counts(pair.scenario for pair in pairs),
        "verticals": _counts(pair.vertical for pair in pairs),
        "flags": _counts(flag for pair in pairs for flag in pair.flags),
        "flagged": sum(bool(pair.flags) for pair in pairs),
        "drawn_anew": sum(pair.attempt for pair in pairs),
        "augmentations": _counts(name for pair in pairs for name in _augmented(pair)),
        "targets": {name: _counts(values) for name, values in _targets(pairs).items()},
    }


def write_card(out: Path, manifest: Manifest) -> None:
    """Write the dataset card, with a header that dataset hubs read."""
    s, found = manifest.settings, manifest.statistics
    rows = "\n".join(f"| {name} | {count} |" for name, count in found["scenarios"].items())
    augmented = ", ".join(f"{name} {count}" for name, count in found["augmentations"].items()) or "none"
    flagged = ", ".join(f"{name} {count}" for name, count in found["flags"].items()) or "none"
    text = f"""---
license: cc-by-4.0
task_categories: [text-to-video, video-to-video]
language: [en, zh]
tags: [video-editing, e-commerce, synthetic, webdataset]
size_categories: [{_size(found["pairs"])}]
configs: [{{config_name: default, data_files: "pairs-*.tar"}}]
---
# ShopEdit training pairs

{found["pairs"]} rendered source-target pairs of product clips, {s.width}x{s.height}, {s.frames} frames, {s.fps} fps,
in {len(manifest.shards)} WebDataset shards of together {found["bytes"] / 2**20:.1f} MiB. Seed {s.seed}; the same
settings give the same bytes. Scenes are training scenes: they share no seed, proportions or camera path with the test
set.

Each pair: `source.mp4`, `target.mp4`, `mask.mp4` (white where the edit may change pixels) and `json` (captions of both
sides and the instruction in English and Chinese, the attribute that changes, those that stay, augmentation, flags).

| scenario | pairs |
| --- | --- |
{rows}

- Augmentations, alike on both sides and the mask: {augmented}.
- Automatic audit: {found["drawn_anew"]} draws were thrown away, {found["flagged"]} pairs are still flagged ({flagged});
  flagged pairs are read only when they are accepted by eye (`bench pairs review`).
"""
    (out / CARD).write_text(text, encoding="utf-8")


def _augmented(pair: PairRecord) -> list[str]:
    a = pair.augmentation
    done = {
        "crop": a.crop is not None,
        "speed": a.slow is not None,
        "reverse": a.reverse,
        "colour": a.gain is not None or a.gamma != 1.0,
        "lighting": a.light is not None,
    }
    return [name for name, is_done in done.items() if is_done]


def _targets(pairs: Sequence[PairRecord]) -> dict[str, list[str]]:
    values: dict[str, list[str]] = {}
    for pair in pairs:
        values.setdefault(pair.change.name, []).append(pair.change.target)
    return dict(sorted(values.items()))


def _counts(values: Any) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))


def _size(pairs: int) -> str:
    for limit, name in ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K")):
        if pairs < limit:
            return name
    return "100K<n<1M"
