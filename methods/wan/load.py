"""Read a model folder into memory. (`methods.wan.folder` finds and checks folders without torch.)"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from methods.wan.folder import check_parts, digest, flow_shift, model_files, resolve, verify
from methods.wan.timesteps import TwoTimesteps
from methods.wan.velocity import Backbone

if TYPE_CHECKING:
    from diffusers import AutoencoderKLWan

__all__ = ["digest", "load", "load_vae"]

SMALL = 2**30
"""Bytes of weights below which a model computes in float32 on a GPU too."""


def load(model: str, device: str) -> Backbone:
    """Return the model by shipped name, path or hub id, in evaluation mode on `device`.

    The transformer and the text encoder compute in float32 on a CPU and for small models everywhere, so that
    device is provenance and not part of a result's identity; else in bfloat16. The VAE is float32. Raises
    UserError naming the part that is lacking or the file that is altered.
    """
    from diffusers import WanTransformer3DModel
    from transformers import AutoTokenizer, UMT5EncoderModel

    folder = resolve(model)
    check_parts(folder)
    verify(folder)
    small = sum(f.stat().st_size for f in model_files(folder)) < SMALL
    dtype = torch.float32 if small or device == "cpu" else torch.bfloat16
    with _without_progress_bars():
        transformer = WanTransformer3DModel.from_pretrained(folder / "transformer", dtype=dtype)
        text_encoder = UMT5EncoderModel.from_pretrained(folder / "text_encoder", dtype=dtype)
        tokenizer = AutoTokenizer.from_pretrained(folder / "tokenizer")
        vae = _read_vae(folder, device)
    transformer.condition_embedder = TwoTimesteps(transformer.condition_embedder)
    return Backbone(
        transformer=transformer.eval().requires_grad_(False).to(device),
        vae=vae,
        text_encoder=text_encoder.eval().requires_grad_(False).to(device),
        tokenizer=tokenizer,
        shift=flow_shift(folder),
        device=torch.device(device),
        dtype=dtype,
    )


def load_vae(model: str, device: str) -> AutoencoderKLWan:
    """Return the model's VAE alone, float32, in evaluation mode on `device`; errors as `load`."""
    folder = resolve(model)
    check_parts(folder, ("vae",))
    verify(folder)
    with _without_progress_bars():
        return _read_vae(folder, device)


def _read_vae(folder: Path, device: str) -> AutoencoderKLWan:
    from diffusers import AutoencoderKLWan

    vae = AutoencoderKLWan.from_pretrained(folder / "vae", dtype=torch.float32).eval().requires_grad_(False).to(device)
    if device == "cpu":
        # Convolutions and norms of few channels take a fifth to a third less time with the channels last: the weights'
        # layout is passed on from layer to layer.
        for module in vae.modules():
            if isinstance(module, torch.nn.Conv3d):
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
            elif isinstance(module, torch.nn.Conv2d):
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)
    return vae


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Keep the libraries' own bars off the screen: the command line draws the one that counts."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    both = (diffusers_logging, transformers_logging)
    shown = [library.is_progress_bar_enabled() for library in both]
    for library in both:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library, on in zip(both, shown, strict=True):
            if on:
                library.enable_progress_bar()
