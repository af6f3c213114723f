"""Section `text`: clips from captions alone, both sides of an edit from the same noise, read by the judge."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from methods.training.report.clips import noise_of
from methods.training.report.judge import Judge
from methods.wan.schedules import shifted_grid
from methods.wan.solvers import euler
from methods.wan.vae import decode_video
from methods.wan.velocity import Backbone
from testset.scenes.vocabulary import SCENARIO_ATTRIBUTE

STEPS = 25
GUIDANCE = 3.0


@torch.no_grad()
def generate(backbone: Backbone, captions: tuple[str, ...], number: int, shape: tuple[int, ...]) -> Tensor:
    """Return a clip [T, H, W, 3] for each caption, all from the noise of edit `number`; shape is [C, T', h, w]."""
    noise = noise_of(number, shape, backbone.device).expand(len(captions), *shape)
    context = torch.cat([backbone.encode_text(text) for text in captions])
    grid = shifted_grid(STEPS, backbone.shift)
    latents = backbone.integrate(noise, grid, euler, context, None, GUIDANCE, backbone.encode_text(""))
    return decode_video(backbone.vae, latents)


def reading(judge: Judge, clips: Tensor, asked: tuple[Mapping[str, str], ...], scenario: str) -> dict[str, Any]:
    """Return what was asked of each side's clip and what was read, and the attribute that was swapped."""
    sides = [
        {name: [wanted[name], found] for name, found in judge.readings(clip, wanted).items()}
        for clip, wanted in zip(clips, asked, strict=True)
    ]
    return {"scenario": scenario, "swapped": SCENARIO_ATTRIBUTE[scenario], "sides": sides}
