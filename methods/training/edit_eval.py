"""Does the model edit? Held-out pairs whose answer is known, against what any editor must beat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from bench.types import SCENARIOS
from methods.training.figures import changed, psnr
from methods.wan.schedules import shifted_grid
from methods.wan.solvers import euler
from methods.wan.vae import decode_video, encode_video
from methods.wan.velocity import Backbone

BATCH = 16


@dataclass(frozen=True, slots=True, eq=False)
class EditSet:
    """Held-out pairs, rendered: clips uint8 [N, T, H, W, 3] on the device, plain captions, scenarios."""

    source: Tensor
    target: Tensor
    source_captions: list[str]
    target_captions: list[str]
    scenarios: list[str]
    pin: str


@torch.no_grad()
def edits(backbone: Backbone, pairs: EditSet, steps: int) -> dict[str, Tensor]:
    """Return clips [N, T, H, W, 3] by method: controls, generation from noise, and inversion.

    Every generated clip is given the target's first frame. Inversion walks the source's latents up to noise
    with the source's caption and first frame, then down with the target's (Euler, `steps` up and down).
    """
    made = [_edit_batch(backbone, pairs, slice(i, i + BATCH), steps) for i in range(0, len(pairs.source), BATCH)]
    clips = {name: torch.cat([batch[name] for batch in made]) for name in made[0]}
    frozen = pairs.target[:, :1].expand_as(pairs.target)
    return {"copy-source": pairs.source, "first-frame": frozen, **clips}


def report(pairs: EditSet, clips: dict[str, Tensor]) -> dict[str, Any]:
    """Return PSNR to the target in dB over frames 1 to the last: by method, whole and inside the edit.

    `inside` is where source and target differ by more than 8 levels; scenarios have their own means.
    """
    mask = changed(pairs.source, pairs.target)[:, 1:]
    rows: dict[str, Any] = {}
    for name, clip in clips.items():
        whole = psnr(clip[:, 1:], pairs.target[:, 1:]).tolist()
        inside = psnr(clip[:, 1:], pairs.target[:, 1:], mask).tolist()
        rows[name] = {"psnr": _mean(whole), "inside": _mean(inside), "scenarios": {}}
        for scenario in SCENARIOS:
            own = [i for i, s in enumerate(pairs.scenarios) if s == scenario]
            if own:
                rows[name]["scenarios"][scenario] = {
                    "psnr": _mean([whole[i] for i in own]),
                    "inside": _mean([inside[i] for i in own]),
                }
    return {"pairs": len(pairs.scenarios), "pin": pairs.pin, "methods": rows}


def table(found: dict[str, Any]) -> str:
    """Return the report as text: one line per method, `whole / inside` in dB per scenario."""
    lines = [f"PSNR to the target, dB, whole / inside the edit, {found['pairs']} held-out pairs"]
    lines.append(f"{'method':<14}" + "".join(f"{name:>14}" for name in ("all", *SCENARIOS)))
    for name, row in found["methods"].items():
        cells = [row, *(row["scenarios"].get(s) for s in SCENARIOS)]
        text = (f"{c['psnr']:.2f} / {c['inside']:.2f}" if c else "-" for c in cells)
        lines.append(f"{name:<14}" + "".join(f"{cell:>14}" for cell in text))
    return "\n".join(lines)


def sheet_blocks(pairs: EditSet, clips: dict[str, Tensor], per_scenario: int = 2) -> list[list[Tensor]]:
    """Return blocks of source, target and inversion at guidance 2, for so many pairs of each scenario."""
    blocks = []
    for scenario in SCENARIOS:
        own = [i for i, s in enumerate(pairs.scenarios) if s == scenario]
        blocks += [[pairs.source[i], pairs.target[i], clips["inversion-g2"][i]] for i in own[:per_scenario]]
    return blocks


@torch.no_grad()
def text_to_video(
    backbone: Backbone, captions: Sequence[str], shape: tuple[int, ...], steps: int, guidance: float
) -> Tensor:
    """Return clips [N, T, H, W, 3] from captions alone; `shape` is that of one clip's latents, [C, T', h, w]."""
    generator = torch.Generator(backbone.device).manual_seed(0)
    noise = torch.randn((len(captions), *shape), generator=generator, device=backbone.device)
    context, negative = _contexts(backbone, captions), backbone.encode_text("")
    grid = shifted_grid(steps, backbone.shift)
    latents = backbone.integrate(noise, grid, euler, context, None, guidance, negative)
    return torch.cat([decode_video(backbone.vae, z) for z in latents.split(BATCH)])


def _edit_batch(backbone: Backbone, pairs: EditSet, which: slice, steps: int) -> dict[str, Tensor]:
    part = EditSet(
        pairs.source[which],
        pairs.target[which],
        pairs.source_captions[which],
        pairs.target_captions[which],
        pairs.scenarios[which],
        pairs.pin,
    )
    source, target = (encode_video(backbone.vae, clips) for clips in (part.source, part.target))
    generator = torch.Generator(backbone.device).manual_seed(1 + which.start)
    noise = torch.randn(source.shape, generator=generator, device=backbone.device)
    latents = edited_latents(backbone, source, target, part, noise, steps, (1.0, 2.0))
    return {name: decode_video(backbone.vae, z) for name, z in ({"vae-target": target} | latents).items()}


def edited_latents(
    backbone: Backbone,
    source: Tensor,
    target: Tensor,
    pairs: EditSet,
    noise: Tensor,
    steps: int,
    guidances: Sequence[float] = (1.0,),
) -> dict[str, Tensor]:
    """Return latents [N, C, T', h, w] by method: `from-noise`, and `inversion-g<guidance>` for each guidance.

    `source` and `target` are the latents of the pairs' clips; of the target only latent frame 0 is used. Euler,
    `steps` of it up and as many down.
    """
    first_source, first_target = source[:, :, :1], target[:, :, :1]
    before, after = _contexts(backbone, pairs.source_captions), _contexts(backbone, pairs.target_captions)
    negative = backbone.encode_text("")
    down = shifted_grid(steps, backbone.shift)
    inverted = backbone.integrate(source, down[::-1], euler, before, first_source, leg="inversion")
    latents = {"from-noise": backbone.integrate(noise, down, euler, after, first_target)}
    for guidance in guidances:
        made = backbone.integrate(inverted, down, euler, after, first_target, guidance, negative)
        latents[f"inversion-g{guidance:g}"] = made
    return latents


def _contexts(backbone: Backbone, captions: Sequence[str]) -> Tensor:
    return torch.cat([backbone.encode_text(text) for text in captions])


def _mean(values: list[float]) -> float:
    """Return the mean of the finite values: an edit without changed pixels has no inside."""
    finite = [v for v in values if v == v]
    return fmean(finite) if finite else float("nan")
