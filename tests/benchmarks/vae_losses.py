"""Which loss brings fine detail back? `python -m tests.benchmarks.vae_losses --work FOLDER [--only base,critic]`

The shipped autoencoder goes on for a few hundred steps on small windows, once under each loss, from the same weights on
the same windows in the same order; PSNR, SSIM and Laplacian energy on held-out windows beside. Minutes for each loss on
a CPU. `unsharp` trains nothing: it is what a fixed high-pass filter over the decoder's output buys and costs, which a
loss has to beat.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from methods.training.clips import RenderedScenes, scenes
from methods.training.clock import Clock
from methods.training.command import SHIPPED
from methods.training.config import VaeConfig
from methods.training.figures import detail_ratio, psnr, ssim
from methods.training.session import Session
from methods.training.unpack import unpack
from methods.training.vae_stage import VaeStage

FRAMES = 5
CRITIC = {
    "start": 0.0,
    "ramp": 0.2,
    "optimiser": {"batch": 1, "lr": 1e-3, "betas": (0.5, 0.99), "warmup": 10, "ema": 0.0, "precision": "fp32"},
}
LOSSES: dict[str, dict[str, dict]] = {
    "base": {},
    "laplacian": {"loss": {"laplacian": 0.5}},
    "texture": {"loss": {"texture": 0.5}},
    "sharp-1": {"loss": {"sharp": 1.0}},
    "sharp-4": {"loss": {"sharp": 4.0}},
    "critic-0.3": {"critic": CRITIC | {"strength": 0.3}},
    "critic-1": {"critic": CRITIC | {"strength": 1.0}},
    "critic-3": {"critic": CRITIC | {"strength": 3.0}},
}


def clips(work: Path) -> dict[str, Tensor]:
    """Return training clips of whole frames and held-out windows from their middle, rendered once."""
    path = work / "clips.safetensors"
    if not path.is_file():
        source = RenderedScenes("cpu")
        # Whole clips, of which the beginning is kept: a motion over fewer frames would be a faster one.
        train, held = (
            source.render(scenes(source, purpose, 0, start, count), 17, 256, 256)[:, :FRAMES]
            for purpose, start, count in (("vae", 100_000, 16), ("held-out clips", 0, 6))
        )
        made = {"train": train, "held": held[:, :, 64:192, 64:192]}
        save_file({name: clip.contiguous() for name, clip in made.items()}, path)
    return load_file(path)


def started(changes: dict, out: Path, work: Path, steps: int, lr: float) -> VaeStage:
    """Return a stage on the shipped weights, under the shipped config with changes, at a size for a CPU."""
    shipped = json.loads((SHIPPED / "training.json").read_text())["vae"]["config"]
    settings = {k: v for k, v in shipped.items() if k != "critic"} | {"frames": FRAMES, "crop": (64, 64)}
    settings["refresh_clips"] = 0
    settings["optimiser"] |= {"batch": 1, "lr": lr, "warmup": 10, "final_lr": 0.1, "ema": 0.98}
    settings["optimiser"] |= {"precision": "fp32", "compile": False}
    settings["pace"] |= {"log_every": max(1, steps // 4), "eval_seconds": 0.0, "save_seconds": 1e9}
    settings["loss"] |= changes.get("loss", {})
    settings |= {k: v for k, v in changes.items() if k != "loss"}
    run = work / "vae"
    if not run.is_dir():
        unpack(SHIPPED, work)
    session = Session(
        VaeConfig.model_validate(settings),
        RenderedScenes.__new__(RenderedScenes),
        out=out,
        clock=Clock(steps=steps),
        init=run,
    )
    return VaeStage(session)


def train(name: str, work: Path, steps: int, lr: float) -> None:
    """Print one line of figures every quarter of `steps`."""
    stage = started(LOSSES[name], work / name, work, steps, lr)
    session, known = stage.session, clips(work)
    stage.pool, stage.held_out, stage.pin = [known["train"]], known["held"], ""
    if name == "base":
        filtered(stage)

    def show() -> None:
        row = stage.figures(stage.learner.average["vae"])
        print(
            f"{name:<12} step {stage.learner.step:>4}  {row['psnr']:.3f} dB  SSIM {row['ssim']:.4f}  "
            f"energy {row['detail_ratio']:.3f}",
            flush=True,
        )

    show()
    stage._parts = session.compiled(stage._warm_up, stage._reconstruct, stage._blame)
    session.train(stage.learner, stage._loss, evaluate=show, save=lambda: None)


def costs(work: Path) -> None:
    """Print what one step on a window of 5x64x64 takes of a core, by what is trained."""
    window = torch.randint(0, 256, (1, FRAMES, 64, 64, 3), dtype=torch.uint8)
    rows = {}
    for name, changes in {"all": {}, "decoder": {"train": "decoder"}, "all, critic": {"critic": CRITIC}}.items():
        stage = started(changes, work / "costs", work, 1, 1e-4)
        stage.pool = [window]
        parts = (stage._reconstruct, stage._blame)
        times = []
        for _ in range(5):
            start = time.process_time()
            stage._step_loss(0, parts, float(stage.critic is not None), learn=True).backward()
            times.append(time.process_time() - start)
        rows[name] = min(times)
        print(f"{name:<12} {rows[name]:.2f} s a step, x{rows[name] / rows['all']:.2f}", flush=True)


def filtered(stage: VaeStage) -> None:
    """Print what sharpening the shipped decoder's output does, by strength of the filter."""
    made = stage._roundtrip(stage.learner.module["vae"], stage.held_out)
    planes = made.permute(0, 1, 4, 2, 3).flatten(0, 1).float()
    kernel = torch.tensor([[0.0, -1, 0], [-1, 4, -1], [0, -1, 0]]).expand(3, 1, 3, 3)
    high = F.conv2d(F.pad(planes, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    for strength in (0.0, 0.1, 0.2, 0.4, 0.8):
        sharp = (planes + strength * high).round().clamp(0, 255).to(torch.uint8)
        clip = sharp.unflatten(0, made.shape[:2]).permute(0, 1, 3, 4, 2)
        figures = [float(f(clip, stage.held_out).mean()) for f in (psnr, ssim, detail_ratio)]
        print("unsharp {:.1f}  {:.3f} dB  SSIM {:.4f}  energy {:.3f}".format(strength, *figures), flush=True)


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--work", type=Path, required=True)
    options.add_argument("--only", default=",".join(LOSSES))
    options.add_argument("--steps", type=int, default=240)
    options.add_argument("--costs", action="store_true", help="print what a step costs, and train nothing")
    options.add_argument("--lr", type=float, default=2e-4)
    given = options.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    if given.costs:
        costs(given.work)
        sys.exit()
    for each in given.only.split(","):
        train(each, given.work, given.steps, given.lr)
