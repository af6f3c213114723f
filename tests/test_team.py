"""Training in several processes: equal weights, scenes of their own, and one that speaks and saves."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from methods.training import checkpoint
from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.config import VaeConfig, read_config
from methods.training.learner import Learner
from methods.training.session import Session
from methods.training.team import Team, alone
from methods.training.vae_stage import VaeStage
from tests.moving_boxes import MovingBoxes

ROOT = Path(__file__).parent.parent
VAE = read_config(CONFIGS / "vae-tiny.yaml", VaeConfig)


def second(average=lambda _: None) -> Team:
    return Team(1, 2, "cpu", average, lambda number: number)


def test_processes_beside_the_first_train_on_other_scenes_and_save_nothing(tmp_path: Path) -> None:
    said: list[str] = []
    for folder, team in (("one", alone("cpu")), ("two", second())):
        session = Session(VAE, MovingBoxes(), out=tmp_path / folder, clock=Clock(steps=2), team=team, say=said.append)
        stage = VaeStage(session)
        stage.run()
        if folder == "one":
            first, lines = stage.pool[0], len(said)
    assert not torch.equal(first, stage.pool[0]) and lines == len(said)
    assert session.snapshot.rendered == 16, "both processes' scenes are used up"
    assert not list((tmp_path / "two").rglob("*.safetensors"))
    assert (tmp_path / "two" / "processes" / "1" / "log.jsonl").is_file()
    assert list((tmp_path / "one").glob("model-*"))


def test_the_mean_of_two_processes_gradients_is_the_gradient_of_both_batches() -> None:
    def learner() -> Learner:
        torch.manual_seed(0)
        return Learner(torch.nn.Linear(4, 1), VAE.optimiser.model_copy(update={"clip": 1e9}))

    batches = [torch.randn(8, 4, generator=torch.Generator().manual_seed(i)) for i in range(2)]
    whole, half, other = learner(), learner(), learner()
    whole.update(whole.module(torch.cat(batches)).square().mean(), 0.5)
    other.module(batches[1]).square().mean().backward()
    theirs = [w.grad for w in other.module.parameters()]

    def average(mine) -> None:
        for a, b in zip(mine, theirs, strict=True):
            a.add_(b).div_(2)

    half.share = average
    half.update(half.module(batches[0]).square().mean(), 0.5)
    for name, weight in whole.weights(average=False).items():
        torch.testing.assert_close(weight, half.weights(average=False)[name])


@pytest.mark.slow
def test_two_processes_come_to_the_same_weights_in_every_stage_and_go_on_together(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d"]
    command += ["--rdzv_endpoint", "localhost:0", "-m", "tests.training_process", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    for name in ("vae", "flow", "text-image"):
        first, other = (load_file(tmp_path / f"{name}-rank-{rank}.safetensors") for rank in (0, 1))
        assert first.keys() == other.keys() and all(torch.equal(first[k], other[k]) for k in first), name
        events = [json.loads(line) for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        assert events[0]["processes"] == 2 and not [e for e in events if e["event"] == "failed"]
        assert not list((tmp_path / name / "processes").rglob("*.safetensors")), "only the first process saves"
    assert checkpoint.read_snapshot(tmp_path / "flow", "flow").step == 6
    (start_0, now_0), (start_1, now_1) = ((tmp_path / f"clock-{r}").read_text().split() for r in (0, 1))
    assert start_0 == start_1 == "0.0" and now_0 == now_1, "two clocks would stop at different steps"
    scenes = [int((tmp_path / f"scenes-{rank}").read_text()) for rank in (0, 1)]
    assert scenes[0] == scenes[1] == 16, "numbered across both"
