"""One process of a training in several, started by torchrun from tests/test_team.py."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.config import FlowConfig, TextImageConfig, VaeConfig, read_config
from methods.training.flow_stage import FlowStage
from methods.training.session import Session
from methods.training.team import Team, join
from methods.training.text_image_stage import TextImageStage
from methods.training.vae_stage import VaeStage
from tests.moving_boxes import MovingBoxes


def main(out: Path) -> None:
    torch.set_num_threads(1)
    with join("cpu") as team:
        agreed = team.clock(Clock(minutes=1.0, started=100.0 * team.rank))
        (out / f"clock-{team.rank}").write_text(f"{agreed.started} {agreed.now()}")

        def session(kind: type, name: str, folder: str, **more) -> Session:
            clock = Clock(steps=3, until=more.pop("until", 1.0))
            config = read_config(CONFIGS / f"{name}-tiny.yaml", kind)
            return Session(config, MovingBoxes(), out=out / folder, clock=clock, team=team, **more)

        vae = VaeStage(session(VaeConfig, "vae", "vae"))
        vae.run()
        keep(vae.learner, "vae", team, out)
        half = FlowStage(session(FlowConfig, "flow", "half", until=0.5), out / "vae")
        half.run()
        meet(team)
        whole = FlowStage(session(FlowConfig, "flow", "flow", resume=out / "half"), out / "vae")
        whole.run()
        keep(whole.learner, "flow", team, out)
        clip = TextImageStage(session(TextImageConfig, "text-image", "text-image"))
        clip.run()
        keep(clip.learner, "text-image", team, out)
        (out / f"scenes-{team.rank}").write_text(str(vae.session.snapshot.rendered))


def meet(team: Team) -> None:
    """Wait for the first process to have saved."""
    team.agree(0.0)


def keep(learner, name: str, team: Team, out: Path) -> None:
    weights = {k: v.detach().clone() for k, v in learner.weights(average=False).items()}
    save_file(weights, out / f"{name}-rank-{team.rank}.safetensors")
    meet(team)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
