"""Sections that look at rendered edits: the autoencoder, inversion and back, and editing with the first frame given."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from methods.training.edit_eval import EditSet, edited_latents
from methods.training.figures import changed, detail_ratio, psnr, ssim
from methods.training.report.held_out import pixels_digest
from methods.wan.schedules import shifted_grid
from methods.wan.solvers import euler, midpoint
from methods.wan.vae import decode_video, encode_video
from methods.wan.velocity import Backbone

EDIT_STEPS = 25
"""Up and down, Euler, guidance 1: the row `ti2v-inversion`."""
ROUND_TRIPS = {"euler": (euler, 10), "midpoint": (midpoint, 5)}
"""Solver and steps each way of 20 forwards."""

Rows = dict[str, list[dict[str, Any]]]
"""Section to one row per edit of the batch."""


@torch.no_grad()
def measure(
    backbone: Backbone, pairs: EditSet, numbers: list[int], sections: set[str]
) -> tuple[Rows, dict[str, Tensor]]:
    """Return the rows of a batch of edits, and its clips by method where `edits` is among the sections.

    `numbers` are the edits' places in the held-out set: noise is a function of them, not of the batch.
    """
    rows: Rows = {}
    target = encode_video(backbone.vae, pairs.target)
    made = decode_video(backbone.vae, target)
    if "vae" in sections:
        rows["vae"] = _autoencoder(made, pairs)
    clips: dict[str, Tensor] = {"vae-target": made}
    if "inversion" in sections:
        rows["inversion"] = _round_trips(backbone, target, made, pairs.target_captions)
    if "edits" in sections:
        noise = torch.stack([noise_of(number, tuple(target.shape[1:]), backbone.device) for number in numbers])
        source = encode_video(backbone.vae, pairs.source)
        found = edited_latents(backbone, source, target, pairs, noise, EDIT_STEPS)
        clips |= {
            "copy-source": pairs.source,
            "first-frame": pairs.target[:, :1].expand_as(pairs.target),
            "from-noise": decode_video(backbone.vae, found["from-noise"]),
            "ti2v-inversion": decode_video(backbone.vae, found["inversion-g1"]),
        }
        rows["edits"] = _edits(clips, pairs)
    return rows, clips


def noise_of(number: int, shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Return the noise of one edit: drawn on the CPU, so that every device starts from the same."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(number)).to(device)


def _autoencoder(made: Tensor, pairs: EditSet) -> list[dict[str, Any]]:
    figures = zip(
        psnr(made, pairs.target).tolist(),
        ssim(made, pairs.target).tolist(),
        detail_ratio(made, pairs.target).tolist(),
        strict=True,
    )
    spans = [slice(0, 1)] + [slice(i, i + 4) for i in range(1, made.shape[1], 4)]
    frames = torch.stack([psnr(made[:, span], pairs.target[:, span]) for span in spans], 1).tolist()
    return [
        {
            "psnr": p,
            "ssim": s,
            "detail_ratio": d,
            "latent_frames": frames[i],
            "pixels": pixels_digest(pairs.source[i], pairs.target[i]),
        }
        for i, (p, s, d) in enumerate(figures)
    ]


def _round_trips(backbone: Backbone, clean: Tensor, made: Tensor, captions: list[str]) -> list[dict[str, Any]]:
    """Walk up and down again with the same caption and first frame; PSNR to the autoencoder's round trip."""
    context = torch.cat([backbone.encode_text(text) for text in captions])
    first = clean[:, :, :1]
    found: dict[str, list[float]] = {}
    for name, (solver, steps) in ROUND_TRIPS.items():
        down = shifted_grid(steps, backbone.shift)
        noise = backbone.integrate(clean, down[::-1], solver, context, first, leg="inversion")
        again = backbone.integrate(noise, down, solver, context, first)
        found[name] = psnr(decode_video(backbone.vae, again), made).tolist()
    return [dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True)]


def _edits(clips: dict[str, Tensor], pairs: EditSet) -> list[dict[str, Any]]:
    """PSNR to the target over frames 1 to the last: whole, and inside, where source and target differ."""
    mask = changed(pairs.source, pairs.target)[:, 1:]
    rows: list[dict[str, Any]] = [{"scenario": scenario, "whole": {}, "inside": {}} for scenario in pairs.scenarios]
    for name, clip in clips.items():
        whole = psnr(clip[:, 1:], pairs.target[:, 1:]).tolist()
        inside = psnr(clip[:, 1:], pairs.target[:, 1:], mask).tolist()
        for row, a, b in zip(rows, whole, inside, strict=True):
            row["whole"][name] = a
            row["inside"][name] = b if b == b else None
    return rows
