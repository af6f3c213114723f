"""A trained text-image model as a folder that `open_clip.create_model("local-dir:...")` reads."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from torch import bfloat16

from methods.training.checkpoint import Snapshot, read_model, read_snapshot, save
from methods.training.config import TextImageConfig
from methods.training.export import history, write_sums
from methods.training.models import check_budget
from methods.training.text import restore_tokenizer
from methods.training.text_image_model import MEAN, STD, build_text_image, model_config

WEIGHTS = "open_clip_model.safetensors"
CONFIG = "open_clip_config.json"


def export(run: Path, out: Path) -> Path:
    """Write the model of a run to `out`, replacing what is there; return it.

    `open_clip_config.json`, bfloat16 weights, the tokenizer, `prompts.json` with the phrasings it was trained to tell
    apart, a card, the training's figures, and `SHA256SUMS`. UserError when it is larger than what is shipped.
    """
    from safetensors.torch import save_file

    snapshot = read_snapshot(run, "text-image")
    config = TextImageConfig.model_validate(snapshot.config)
    tokenizer = restore_tokenizer(snapshot.extra["tokenizer"], config.shape)
    model = build_text_image(config.shape, len(tokenizer))
    check_budget({"shopclip": model})
    weights = read_model(run)
    model.load_state_dict(weights)  # raises where run and config disagree
    draft = out.with_name(out.name + ".tmp")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    save_file({name: t.to(bfloat16).contiguous() for name, t in weights.items()}, draft / WEIGHTS)
    tokenizer.save_pretrained(draft)
    _write_json(draft / CONFIG, _config(config, len(tokenizer)))
    _write_json(draft / "prompts.json", snapshot.extra["prompts"])
    _write_json(draft / "training.json", history(snapshot))
    (draft / "README.md").write_text(_card(snapshot, config), encoding="utf-8")
    for file in draft.iterdir():
        file.chmod(0o644)  # safetensors are written for the owner only
    write_sums(draft)
    shutil.rmtree(out, ignore_errors=True)
    draft.rename(out)
    return out


def unpack(model: Path, out: Path) -> dict[str, Path]:
    """Write `out/text-image`, a run for --init, from a folder that `export` wrote; return it by stage."""
    from safetensors.torch import load_file

    past = json.loads((model / "training.json").read_text(encoding="utf-8"))
    tokenizer = json.loads((model / "tokenizer.json").read_text(encoding="utf-8"))
    prompts = json.loads((model / "prompts.json").read_text(encoding="utf-8"))
    snapshot = Snapshot(
        "text-image",
        past["step"],
        past["progress"],
        past["train_seconds"],
        past["scenes_rendered"],
        past["config"],
        past["figures"],
        {"tokenizer": tokenizer | {"padding": None, "truncation": None}, "prompts": prompts},
    )
    folder = out / "text-image"
    save(folder, folder, snapshot, load_file(model / WEIGHTS))
    return {"text-image": folder}


def _config(config: TextImageConfig, vocabulary: int) -> dict[str, Any]:
    """Return open_clip's config; its own transform then makes the views that the model was trained on."""
    return {
        "model_cfg": model_config(config.shape, vocabulary),
        "preprocess_cfg": {
            "size": [config.shape.image_size] * 2,
            "mode": "RGB",
            "mean": list(MEAN),
            "std": list(STD),
            "interpolation": "bicubic",
            "resize_mode": "squash",
        },
    }


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _card(run: Snapshot, config: TextImageConfig) -> str:
    figures = run.figures["attributes"]
    rows = "\n".join(
        f"| {name} | {row['asked']} | {row['accuracy']:.4f} | {row['balanced']:.4f} | {_confusions(row)} |"
        for name, row in figures.items()
    )
    edits = ", ".join(f"{name} {share:.3f}" for name, share in run.figures["edits"].items())
    return f"""---
license: apache-2.0
library_name: open_clip
---
# shopclip

A small text-image model, trained from scratch by `bench train text-image` on pictures rendered by ShopEdit-Bench's own
scene generator, with open_clip's sigmoid loss on captions and a cross-entropy on short prompts of each attribute.

**It knows only this domain**: the generator's products, colours, materials, settings, styles and props, in English and
Chinese. On photographs, on other things or on other words its answers mean nothing. It is used by the metrics and the
attribute probe of the `lite` protocol, and **is never used to train or tune an editing method**: a method tuned on its
judge would be judged by nobody.

Load it with `open_clip.create_model_from_pretrained("local-dir:<this folder>")` and
`open_clip.get_tokenizer("local-dir:<this folder>")`. It takes a whole frame, or a square about the product.

- {run.step} steps in {run.seconds:.0f} s on one GPU; {config.shape.image_size}x{config.shape.image_size} pixels.
- Figures below: {config.held_out} held-out scenes, {config.held_out_frames} frames each, no prompt tuned on them.
  Balanced accuracy is the mean over values. Colour, material and setting are asked of scenes without a style.

| attribute | scenes | accuracy | balanced | most frequent confusions (truth, answer, times) |
| --- | --- | --- | --- | --- |
{rows}

Both sides of {config.held_out_pairs} held-out edits closer to their own caption than to the other side's: {edits}.
"""


def _confusions(row: dict[str, Any]) -> str:
    return "; ".join(f"{a} > {b} {n}" for a, b, n in row["confusions"][:5]) or "none"
