"""A trained VAE and a trained flow as one folder in diffusers' layout, small enough to be shipped."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

from methods.training.checkpoint import Snapshot, read_model, read_snapshot
from methods.training.config import FlowConfig, VaeConfig
from methods.training.models import (
    build_text_encoder,
    build_transformer,
    build_vae,
    check_budget,
    load_weights,
)
from methods.training.text import restore_tokenizer

SHARD = "15MB"
SUMS = "SHA256SUMS"


def export(vae: Path, flow: Path, out: Path) -> Path:
    """Write the model of two runs to `out`, replacing what is there; return it.

    bfloat16 weights in shards of at most 15 MB; `model_index.json` names diffusers' `WanPipeline`, so that
    `WanPipeline.from_pretrained(out)` and the benchmark's own loader both read it; `SHA256SUMS` pins every
    other file. UserError when a part is larger than what is shipped, or a run does not fit its config.
    """
    from diffusers import UniPCMultistepScheduler

    vae_run, flow_run = read_snapshot(vae, "vae"), read_snapshot(flow, "flow")
    vae_config = VaeConfig.model_validate(vae_run.config)
    config = FlowConfig.model_validate(flow_run.config)
    tokenizer = restore_tokenizer(flow_run.extra["tokenizer"], config.text)
    latents = vae_run.extra
    parts = {
        "vae": build_vae(vae_config.shape, latents["latents_mean"], latents["latents_std"]),
        "transformer": build_transformer(config.shape, vae_config.shape.z_dim, config.text.d_model),
        "text_encoder": build_text_encoder(config.text, len(tokenizer)),
    }
    check_budget(parts)
    weights = read_model(vae) | read_model(flow)
    draft = out.with_name(out.name + ".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    for name, part in parts.items():
        load_weights(part, weights, name)
        part.bfloat16().save_pretrained(draft / name, max_shard_size=SHARD, safe_serialization=True)
    tokenizer.save_pretrained(draft / "tokenizer")
    UniPCMultistepScheduler(
        prediction_type="flow_prediction",
        use_flow_sigmas=True,
        flow_shift=config.shift,
        num_train_timesteps=1000,
        solver_order=2,
    ).save_pretrained(draft / "scheduler")
    (draft / "model_index.json").write_text(json.dumps(_index(), indent=2) + "\n", encoding="utf-8")
    (draft / "README.md").write_text(_card(vae_run, flow_run), encoding="utf-8")
    (draft / "training.json").write_text(
        json.dumps({"vae": history(vae_run), "flow": history(flow_run)}, indent=1) + "\n", encoding="utf-8"
    )
    for file in draft.rglob("*"):
        if file.is_file():
            file.chmod(0o644)  # safetensors are written for the owner only
    write_sums(draft)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return out


def _index() -> dict[str, Any]:
    import diffusers

    return {
        "_class_name": "WanPipeline",
        "_diffusers_version": diffusers.__version__,
        "boundary_ratio": None,
        "expand_timesteps": True,
        "scheduler": ["diffusers", "UniPCMultistepScheduler"],
        "text_encoder": ["transformers", "UMT5EncoderModel"],
        "tokenizer": ["transformers", "PreTrainedTokenizerFast"],
        "transformer": ["diffusers", "WanTransformer3DModel"],
        "transformer_2": [None, None],
        "vae": ["diffusers", "AutoencoderKLWan"],
    }


def history(run: Snapshot) -> dict[str, Any]:
    """Return what `training.json` keeps of a run."""
    return {
        "step": run.step,
        "progress": run.progress,
        "train_seconds": run.seconds,
        "scenes_rendered": run.rendered,
        "config": run.config,
        "figures": run.figures,
    }


def write_sums(folder: Path) -> None:
    """Pin every file of a folder in its SHA256SUMS."""
    files = sorted(p for p in folder.rglob("*") if p.is_file())
    lines = [f"{sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}\n" for p in files]
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def _card(vae: Snapshot, flow: Snapshot) -> str:
    """Return the model card; figures are those that the runs measured."""
    reconstruction = vae.figures.get("vae", {})
    methods = flow.figures.get("edits", {}).get("methods", {})
    rows = "\n".join(f"| {k} | {v['psnr']:.2f} | {v['inside']:.2f} |" for k, v in methods.items())
    return f"""---
license: apache-2.0
library_name: diffusers
---
# shopedit-mini

A small text-and-image-to-video model of the Wan2.2-TI2V architecture, trained from scratch by `bench train` on
clips rendered by ShopEdit-Bench's own scene generator. It knows that generator's products, materials and settings
and nothing else; it exists so that editing methods can be compared on a CPU.

- Clips: {vae.config["frames"]} frames, {_sizes(flow)} pixels, 8 fps. Prompts in English and Chinese.
- VAE: {vae.step} steps in {vae.seconds:.0f} s; flow: {flow.step} steps in {flow.seconds:.0f} s, on one GPU.
- VAE on {vae.config["held_out"]} held-out clips: {_named(reconstruction)}.
- `training.json` holds configs and all figures.

| held-out edits ({flow.figures.get("edits", {}).get("pairs", 0)} pairs) | PSNR, dB | inside the edit |
| --- | --- | --- |
{rows}
"""


def _sizes(run: Snapshot) -> str:
    return ", ".join(f"{width}x{height}" for height, width in run.config["sizes"])


def _named(values: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.3f}" for name, value in values.items()) or "not measured"
