"""In which channels of the latents do edits go wrong? `python -m tests.benchmarks.channel_errors [--edits 2]`

For held-out edits by `ti2v-inversion`: each channel's effect on the pixels, its error, and their product, which is the
error of the pixels to first order; and what the edit's PSNR would be if the channels that matter most were right. The
option `channel_power` of a flow config rests on this.
"""

from __future__ import annotations

import argparse

import torch

from methods.training.channels import pixel_effect
from methods.training.clips import RenderedScenes
from methods.training.edit_eval import edited_latents
from methods.training.figures import psnr
from methods.training.report.clips import EDIT_STEPS
from methods.training.report.held_out import HeldOut
from methods.wan.load import load
from methods.wan.vae import decode_video, encode_video

MOST = (1, 3, 6, 12)


@torch.no_grad()
def main(model: str, edits: int, device: str) -> None:
    wan, held = load(model, device), HeldOut(RenderedScenes(device))
    errors, clips = [], []
    for number in range(1, 1 + edits):  # the first is a product swap, whose other sides nothing tells
        pairs = held.rendered([number])
        source, target = (encode_video(wan.vae, clip) for clip in (pairs.source, pairs.target))
        made = edited_latents(wan, source, target, pairs, torch.zeros_like(target), EDIT_STEPS)["inversion-g1"]
        errors.append((made - target).square().mean(dim=(0, 2, 3, 4)))
        clips.append((pairs, target, made))
    effect = pixel_effect(wan.vae, clips[0][1][:, :, :2])
    error = torch.stack(errors).mean(0)
    share = (effect * error) / (effect * error).sum()
    order = share.argsort(descending=True)
    for count in MOST:
        top = order[:count]
        print(
            f"{count:>2} of {len(effect)} channels: {float(share[top].sum()):.0%} of the pixels' error, "
            f"{float(effect[top].sum() / effect.sum()):.0%} of the effect, "
            f"{float(error[top].sum() / error.sum()):.0%} of the latents' error, which the loss sees"
        )
    for pairs, target, made in clips:
        rows = []
        for count in (0, *MOST[1:3], len(effect)):
            right = made.clone()
            right[:, order[:count]] = target[:, order[:count]]
            clip = decode_video(wan.vae, right)
            rows.append(f"{float(psnr(clip[:, 1:], pairs.target[:, 1:])):.2f} dB with {count} right")
        print(f"{pairs.scenarios[0]}: {', '.join(rows)}", flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--model", default="shopedit-mini")
    options.add_argument("--edits", type=int, default=2)
    options.add_argument("--device", default="cpu")
    main(**vars(options.parse_args()))
