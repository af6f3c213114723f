"""An exported model back into run folders, so that training can go on from what is shipped."""

from __future__ import annotations

import json
from pathlib import Path

from bench.errors import UserError
from methods.training import checkpoint
from methods.training.checkpoint import Snapshot

PARTS = {"vae": ("vae",), "flow": ("transformer", "text_encoder")}


def unpack(model: Path, out: Path) -> dict[str, Path]:
    """Write `out/vae` and `out/flow`, runs as `bench train` leaves them; return them by stage.

    They serve as --vae, as --init, and as --resume where the schedule is not at its end. UserError when the folder was
    not written by `bench train export`.
    """
    from safetensors.torch import load_file

    record = model / "training.json"
    if not record.is_file():
        raise UserError(f"{model} holds no training.json: wanted a folder that `bench train export` wrote")
    history = json.loads(record.read_text(encoding="utf-8"))
    vae = json.loads((model / "vae" / "config.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((model / "tokenizer" / "tokenizer.json").read_text(encoding="utf-8"))
    extra = {
        "vae": {"latents_mean": vae["latents_mean"], "latents_std": vae["latents_std"]},
        "flow": {"tokenizer": tokenizer | {"padding": None, "truncation": None}},
    }
    folders = {}
    for stage, parts in PARTS.items():
        past = history[stage]
        snapshot = Snapshot(
            stage,
            past["step"],
            past["progress"],
            past["train_seconds"],
            past["scenes_rendered"],
            past["config"],
            past["figures"],
            extra[stage],
        )
        weights = {
            f"{part}.{name}": tensor
            for part in parts
            for shard in sorted((model / part).glob("*.safetensors"))
            for name, tensor in load_file(shard).items()
        }
        folders[stage] = out / stage
        checkpoint.save(folders[stage], folders[stage], snapshot, weights)
    return folders
