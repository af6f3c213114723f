"""One process of a distillation, started by torchrun from tests/test_dmd_training.py."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.dmd.start import read, start
from methods.training.team import join
from tests.moving_boxes import MovingBoxes


def main(model: str, out: Path) -> None:
    torch.set_num_threads(1)
    with join("cpu") as team:
        agreed = team.clock(Clock(minutes=1.0, started=100.0 * team.rank))
        config = read(CONFIGS / "dmd-tiny.yaml", None)
        stage = start(config, MovingBoxes(), team, Clock(steps=3), teacher=model, out=out)
        stage.run()
        weights = {f"student.{k}": v for k, v in stage.student.weights(average=False).items()}
        weights |= {f"critic.{k}": v for k, v in stage.critic.weights(average=False).items()}
        save_file(
            {k: v.detach().clone() for k, v in weights.items()}, out / f"rank-{team.rank}-of-{team.size}.safetensors"
        )
        (out / f"clock-{team.rank}").write_text(f"{agreed.started} {agreed.now()}")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
