"""What other shapes of the autoencoder would weigh and cost: `python -m tests.benchmarks.vae_shapes [--rounds 3]`.

Untrained weights of each shape, in turn with the shipped shape's: MiB in bfloat16, and encode and decode of one
17x256x256 clip as ratios to the shipped shape's, by the time that the cores spent (other programs only add waiting).
Minutes on a CPU.
"""

from __future__ import annotations

import argparse
import time
from statistics import median

import torch

from methods.training.config import VaeShape
from methods.training.models import BUDGET_MIB, build_vae, mebibytes
from methods.wan.vae import decode_video, encode_video

SHIPPED = VaeShape(base_dim=24, decoder_base_dim=24, z_dim=44)
SHAPES = {
    "shipped": SHIPPED,
    "z 32": SHIPPED.model_copy(update={"z_dim": 32}),
    "z 64": SHIPPED.model_copy(update={"z_dim": 64}),
    "decoder 28": SHIPPED.model_copy(update={"decoder_base_dim": 28}),
    "decoder 28, encoder 20": SHIPPED.model_copy(update={"decoder_base_dim": 28, "base_dim": 20}),
    "decoder 32, encoder 16": SHIPPED.model_copy(update={"decoder_base_dim": 32, "base_dim": 16}),
    "decoder 32, 1-2-2-2": SHIPPED.model_copy(update={"decoder_base_dim": 32, "dim_mult": (1, 2, 2, 2)}),
    "decoder 40, 1-2-2-2": SHIPPED.model_copy(update={"decoder_base_dim": 40, "dim_mult": (1, 2, 2, 2)}),
    "two blocks, both 16": SHIPPED.model_copy(update={"num_res_blocks": 2, "decoder_base_dim": 16, "base_dim": 16}),
    "two blocks, both 20": SHIPPED.model_copy(update={"num_res_blocks": 2, "decoder_base_dim": 20, "base_dim": 20}),
}


@torch.no_grad()
def seconds(shape: VaeShape, frames: int, side: int) -> tuple[float, float]:
    torch.manual_seed(0)
    vae = build_vae(shape).eval()
    clip = torch.randint(0, 256, (1, frames, side, side, 3), dtype=torch.uint8)
    start = time.process_time()
    latents = encode_video(vae, clip)
    middle = time.process_time()
    decode_video(vae, latents)
    return middle - start, time.process_time() - middle


def main(rounds: int, frames: int, side: int) -> None:
    torch.set_num_threads(1)
    found: dict[str, list[tuple[float, float]]] = {}
    for _ in range(rounds):
        for name, shape in SHAPES.items():
            found.setdefault(name, []).append(seconds(shape, frames, side))
    base = [median(column) for column in zip(*found["shipped"], strict=True)]
    print(f"shipped: {base[0]:.2f} s to encode, {base[1]:.2f} s to decode, one core, {frames}x{side}x{side}")
    for name, rows in found.items():
        size = mebibytes(build_vae(SHAPES[name]))
        encode, decode = (median(column) / b for column, b in zip(zip(*rows, strict=True), base, strict=True))
        fits = "" if size <= BUDGET_MIB["vae"] else "  too large to ship"
        print(f"{name:<24}{size:6.2f} MiB  encode x{encode:.2f}  decode x{decode:.2f}{fits}")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--frames", type=int, default=17)
    options.add_argument("--side", type=int, default=256)
    main(**vars(options.parse_args()))
