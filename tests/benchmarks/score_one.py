"""Seconds to score one 17-frame 256 x 256 edit with all of lite-1, and where they go.

    python tests/benchmarks/score_one.py [--threads 2]

Prints the first edit of a case (everything computed) and later edits of the same case (source, target, flow, tracks
and anchors are in the bank), best of three, then each metric of a later edit alone. Processor time is printed beside
wall time because it does not depend on what else the machine does.
Synthetic clips of moving texture: the cost does not depend on what is shown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from itertools import count

import cv2
import numpy as np

from bench import protocol
from bench.features.bank import FeatureBank
from bench.metrics import Sample
from bench.metrics.damage import noise
from bench.types import Asset, EditCase, Instruction, Video


def clip(seed: int, size: int = 256, frames: int = 17) -> Video:
    rng = np.random.default_rng(seed)
    big = cv2.GaussianBlur(rng.integers(0, 256, (size + 64, size + 64, 3)).astype(np.uint8), (0, 0), 3)
    big = cv2.normalize(big, None, 0, 255, cv2.NORM_MINMAX)
    return Video(np.stack([big[2 * t : 2 * t + size, t : t + size] for t in range(frames)]))


def best(run: Callable[[Sample], object], samples: Iterator[Sample], repeats: int = 3) -> tuple[float, float]:
    """Return wall and processor seconds, the best of each; making the sample is not counted."""
    taken = []
    for _ in range(repeats):
        sample = next(samples)
        start = time.perf_counter(), time.process_time()
        run(sample)
        taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return min(wall for wall, _ in taken), min(cpu for _, cpu in taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    import torch

    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    asset = Asset(path="-", sha256="-", width=256, height=256, frames=17)
    case = EditCase(
        id="case", group="clip", scenario="color", vertical="home", source=asset, split="dev",
        source_prompt="", target_prompt="", instruction=Instruction(en="", zh=""),
    )  # fmt: skip
    source, other = clip(1), clip(2)
    mask = np.zeros(source.shape, bool)
    mask[:, 64:192, 64:192] = True
    target = Video(np.where(mask[..., None], 255 - source.frames, source.frames))
    lite = protocol.load("lite-1")

    def samples(bank: FeatureBank | None) -> Iterator[Sample]:
        for seed in count():
            edit = noise(target, 3, seed=seed)
            yield Sample(case, source, edit, target, mask, other=other, features=bank or FeatureBank())

    lite.score_edit(next(samples(None)))  # the network is read once per process
    bank = FeatureBank()
    shared = samples(bank)
    lite.score_edit(next(shared))
    print(f"{threads} threads; wall | processor seconds")
    print("  first edit of a case       {:.2f} | {:.2f}".format(*best(lite.score_edit, samples(None))))
    print("  later edits of the case    {:.2f} | {:.2f}".format(*best(lite.score_edit, shared)))
    for metric in lite.metrics:
        print("    {:24s} {:.3f} | {:.3f}".format(metric.card.name, *best(metric.score, shared, 2)))


if __name__ == "__main__":
    main()
