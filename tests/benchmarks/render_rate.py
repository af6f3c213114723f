"""Clips a second of the renderer, seconds to its first clip, and how far another device's pictures are from the CPU's.

    python tests/benchmarks/render_rate.py [--device cuda] [--clips 256] [--batch 32] [--keep FILE] [--against FILE]

Training scenes at 256 x 256, 17 frames. `--keep` writes a clip of five frames a material; `--against` prints the PSNR
of this device's clips to those that another device kept, mean and least. Needs warp-lang and numpy alone.
"""

from __future__ import annotations

import argparse
import random
import time
from pathlib import Path

import numpy as np

from testset.render import Renderer
from testset.scenes import Scene, sample_training_scene


def scenes(count: int) -> list[Scene]:
    rng = random.Random(0)
    return [sample_training_scene(rng) for _ in range(count)]


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / max(((a.astype(float) - b) ** 2).mean(), 1e-9)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--clips", type=int, default=256)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--against", type=Path)
    args = parser.parse_args()
    start = time.perf_counter()
    renderer = Renderer(args.device)
    renderer.clip(scenes(1)[0])
    print(f"first clip after {time.perf_counter() - start:.1f} s (kernels compiled where the cache lacks them)")
    what = scenes(args.clips)
    renderer.trace(what[: args.batch], 17, 256, 256)
    start = time.perf_counter()
    for i in range(0, len(what), args.batch):
        renderer.trace(what[i : i + args.batch], 17, 256, 256)
    seconds = time.perf_counter() - start
    print(f"{len(what) / seconds:.1f} clips/s at 256x256x17, batches of {args.batch}, scene packing included")
    every = {s.item.material: s for s in scenes(256)}
    if args.keep:
        np.savez_compressed(args.keep, **{name: renderer.clip(s, 5).frames for name, s in every.items()})
    if args.against:
        kept = np.load(args.against)
        found = [psnr(kept[name], renderer.clip(s, 5).frames) for name, s in every.items()]
        print(f"against {args.against.name}: {np.mean(found):.1f} dB, least {min(found):.1f}")


if __name__ == "__main__":
    main()
