"""What a training pair costs, by part, in processor seconds of one core, and its bytes.

    python -m tests.benchmarks.pair_cost [--pairs 7] [--device cpu]

Rendering, mask, augmentation and audit move to the GPU with `--device cuda`; encoding stays on the cores, and decides
how many of them a large build wants.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import fmean

import torch

from methods.training.pairs.audit import edit_mask, flags
from methods.training.pairs.augment import apply, apply_to_mask, rendered_frames
from methods.training.pairs.build import PairMaker
from methods.training.pairs.draw import draw
from methods.training.pairs.record import BuildSettings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    a = parser.parse_args()
    torch.set_num_threads(1)
    settings = BuildSettings(count=a.pairs)
    maker, spent, sizes = PairMaker(settings, a.device), defaultdict[str, list[float]](list), []

    @contextmanager
    def timed(part: str) -> Iterator[None]:
        start = time.process_time()
        yield
        spent[part].append(time.process_time() - start)

    for number in range(a.pairs):
        drawn = draw(settings.seed, number)
        change = drawn.augmentation
        frames = rendered_frames(settings.frames, change)
        with timed("render"):
            clips = maker._renderer.render([drawn.source, drawn.target], frames, settings.height, settings.width)
        with timed("mask"):
            mask = edit_mask(*clips)
        with timed("augment"):
            source, target = (apply(clip, change, settings.frames) for clip in clips)
            mask = apply_to_mask(mask, change, settings.frames)
        with timed("audit"):
            found = flags(source, target, mask)
        with timed("encode"):
            files = maker._files(drawn.record(found), source, target, mask)
        sizes.append(sum(map(len, files.values())))
    for part, seconds in spent.items():
        print(f"{part:8s} {fmean(seconds):.3f} s a pair ({min(seconds):.3f} to {max(seconds):.3f})")
    print(f"bytes    {fmean(sizes) / 1e6:.3f} MB a pair")


if __name__ == "__main__":
    main()
