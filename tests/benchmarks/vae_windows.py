"""What a window of a clip loses when the shipped autoencoder sees it alone, without the rest of its frame.

    python -m tests.benchmarks.vae_windows

Training on windows (methods/training/configs/vae-crops.yaml) rests on this being little: of all layers only the
attention at the bottleneck looks further than a convolution. Prints PSNR (dB) of the window's inside, coded with its
frame and alone, for every third square source clip of `dev`. About half a minute.
"""

from __future__ import annotations

import statistics

import torch
from diffusers import AutoencoderKLWan

from bench import registry
from bench.media.decode import read_video
from bench.testsets import select
from methods.training.command import SHIPPED
from methods.wan.vae import posterior, reconstruct, to_pixels

RIM = 16


@torch.no_grad()
def coded(vae: AutoencoderKLWan, pixels: torch.Tensor) -> torch.Tensor:
    return reconstruct(vae, posterior(vae, pixels)[0]).clamp(-1, 1)


def inside(made: torch.Tensor, wanted: torch.Tensor) -> float:
    error = (made - wanted)[..., RIM:-RIM, RIM:-RIM] / 2
    return float(-10 * torch.log10(error.square().mean()))


def main() -> None:
    vae = AutoencoderKLWan.from_pretrained(SHIPPED / "vae").eval()
    testset = registry.testset("shopedit-300")
    sources = {c.group: c.source for c in select(testset, "dev") if c.source.width == c.source.height == 256}
    lost = []
    for group in sorted(sources)[::3]:
        clip = read_video(testset.root / sources[group].path)
        pixels = to_pixels(torch.from_numpy(clip.frames)[None])
        window = (..., slice(64, 192), slice(64, 192))
        whole, alone = (
            inside(coded(vae, pixels)[window], pixels[window]),
            inside(coded(vae, pixels[window]), pixels[window]),
        )
        lost.append(whole - alone)
        print(f"{group}: {whole:.2f} with its frame, {alone:.2f} alone")
    print(f"lost alone: {statistics.fmean(lost):.2f} dB in the mean, {max(lost):.2f} at most, {len(lost)} clips")


if __name__ == "__main__":
    main()
