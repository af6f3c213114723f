"""A distilled student as a folder that rows and diffusers read."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError
from methods.training.checkpoint import SHARD_BYTES, Snapshot, read_model, read_snapshot
from methods.training.dmd.config import DmdConfig
from methods.wan.folder import SUMS, digest, format_sums, hash_file, resolve
from methods.wan.student import CARD, LORA, Student


def export(run: Path, out: Path, rank: int | None = None) -> Path:
    """Write the averaged student of a run (or of a kept checkpoint) to `out`, replacing what is there; return it.

    A run with adapters becomes a LoRA file under diffusers' names, its scale in the weights. Full weights become a
    `transformer` folder, or with `rank` the LoRA that comes closest: each linear layer's change cut to its largest
    singular values, all other changes left out. `student.json` says how it is sampled; SHA256SUMS pins every file.
    """
    snapshot = read_snapshot(run, "dmd")
    config = DmdConfig.model_validate(snapshot.config)
    weights = {name: tensor.float() for name, tensor in read_model(run).items()}
    draft = out.with_name(out.name + ".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    kept: float | None = None
    if config.lora:
        _write_lora(draft, scaled(weights, config.lora.alpha / config.lora.rank))
    elif rank:
        factors, kept = nearest(_teacher_weights(snapshot), weights, rank)
        _write_lora(draft, factors)
    else:
        _write_whole(draft, snapshot, weights)
    card = Student(
        kind="lora" if config.lora or rank else "full",
        sampler=config.sampler,
        sigmas=tuple(snapshot.extra["sigmas"][:-1]),
        base=snapshot.extra["teacher"],
        model=snapshot.extra["model"],
        guidance=config.guidance,
    )
    (draft / CARD).write_text(card.model_dump_json(indent=1) + "\n", encoding="utf-8")
    history = {name: getattr(snapshot, name) for name in ("step", "seconds", "config", "figures")}
    (draft / "training.json").write_text(json.dumps(history | {"kept_energy": kept}, indent=1) + "\n", encoding="utf-8")
    (draft / "README.md").write_text(_readme(card, snapshot, config, kept), encoding="utf-8")
    files = sorted(p for p in draft.rglob("*") if p.is_file())
    for file in files:
        file.chmod(0o644)
    sums = {f.relative_to(draft).as_posix(): hash_file(f) for f in files}
    (draft / SUMS).write_text(format_sums(sums), encoding="utf-8")
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return out


def scaled(weights: dict[str, Tensor], scale: float) -> dict[str, Tensor]:
    """Return adapters whose output needs no scale any more: it is in the second factor."""
    return {name: t * scale if name.endswith("lora_B.weight") else t for name, t in weights.items()}


def nearest(before: dict[str, Tensor], after: dict[str, Tensor], rank: int) -> tuple[dict[str, Tensor], float]:
    """Return the LoRA of a rank that comes closest to a change of weights, and the share of its energy that it keeps.

    The change of each linear layer is cut to its largest singular values; what is no matrix is left out, and counts as
    lost.
    """
    factors: dict[str, Tensor] = {}
    whole = kept = 0.0
    for name, old in before.items():
        change = after[name] - old
        whole += float(change.square().sum())
        if change.ndim != 2 or not name.endswith(".weight"):
            continue
        u, s, v = torch.linalg.svd(change, full_matrices=False)
        u, s, v = u[:, :rank], s[:rank], v[:rank]
        kept += float(s.square().sum())
        layer = name[: -len(".weight")]
        factors[f"{layer}.lora_A.weight"] = s.sqrt()[:, None] * v
        factors[f"{layer}.lora_B.weight"] = u * s.sqrt()
    return factors, kept / whole if whole else 1.0


def _write_lora(folder: Path, factors: dict[str, Tensor]) -> None:
    from safetensors.torch import save_file

    tensors = {f"transformer.{name}": t.to(torch.bfloat16).contiguous() for name, t in factors.items()}
    if (size := sum(t.nbytes for t in tensors.values())) > 2**32:
        raise UserError(f"the LoRA takes {size / 2**30:.1f} GiB: lower the rank")
    save_file(tensors, folder / LORA)


def _write_whole(folder: Path, snapshot: Snapshot, weights: dict[str, Tensor]) -> None:
    from diffusers import WanTransformer3DModel

    config = WanTransformer3DModel.load_config(resolve(snapshot.extra["model"]) / "transformer")
    transformer = WanTransformer3DModel.from_config(config)
    transformer.load_state_dict(weights)
    transformer.bfloat16().save_pretrained(folder / "transformer", max_shard_size=f"{SHARD_BYTES // 10**6}MB")


def _teacher_weights(snapshot: Snapshot) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    folder = resolve(snapshot.extra["model"])
    if digest(folder) != snapshot.extra["teacher"]:
        raise UserError(f"{folder} is not the teacher any more: a LoRA is the difference to it; restore the folder")
    files = sorted((folder / "transformer").glob("*.safetensors"))
    return {name: t.float() for file in files for name, t in load_file(file).items()}


def _readme(card: Student, snapshot: Snapshot, config: DmdConfig, kept: float | None) -> str:
    samples: dict[str, Any] = snapshot.figures.get("samples", {})
    columns = ("motion", "spread", "saturation", "detail", "psnr")
    rows = "\n".join(
        f"| {name} | " + " | ".join(f"{row[c]:.3f}" for c in columns) + " |" for name, row in samples.items()
    )
    cut = "" if kept is None else f"\n- Cut from full weights; it keeps {100 * kept:.1f} % of their change's energy."
    return f"""---
license: apache-2.0
base_model: {card.model}
---
# A {len(card.sigmas)}-step student of {card.model}

Distilled by `bench train dmd` (DMD2 in flow form, arXiv 2405.14867). Sampler `{card.sampler}`, sigmas
{", ".join(f"{s:.4f}" for s in card.sigmas)}, no guidance: {config.guidance:g} is built in.

- {snapshot.step} updates in {snapshot.seconds:.0f} s; config and figures in `training.json`.{cut}

| {config.held_out} fixed-seed samples | {" | ".join(columns)} |
| --- | {" | ".join("---" for _ in columns)} |
{rows}

`motion`, `spread` and `saturation` are ratios to the teacher at {config.teacher_steps} steps, `detail` (energy of the
Laplacian) and `psnr` are against the true clips where the first frame is given.
"""
