"""Distillation at a tiny size on a CPU: from the first update to a student that a row can load."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from bench.errors import UserError
from methods.training import checkpoint
from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.dmd.config import DmdConfig, Guards
from methods.training.dmd.export import export, nearest
from methods.training.dmd.guards import Vitals, Watch, per_sigma, ratios, vitals
from methods.training.dmd.networks import Condition, LoraNetworks, build, field_of, swap, tree
from methods.training.dmd.stage import DmdStage
from methods.training.dmd.start import read, start
from methods.training.learner import Diverged
from methods.training.team import alone
from methods.wan.folder import digest as model_digest
from methods.wan.load import load
from methods.wan.student import apply, digest
from methods.wan.student import read as read_student
from tests import tiny_model
from tests.moving_boxes import MovingBoxes

TINY = read(CONFIGS / "dmd-tiny.yaml", None)
LORA = {"lora": {"rank": 4, "alpha": 8.0, "checkpointing": True}}
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.build(tmp_path_factory.mktemp("teacher"))


def config(**changes) -> DmdConfig:
    return DmdConfig.model_validate(TINY.model_dump() | changes)


def stage(model: Path, out: Path, steps: int, settings: DmdConfig = TINY, **more) -> DmdStage:
    clock = Clock(steps=steps, until=more.pop("until", 1.0))
    return start(settings, MovingBoxes(), alone("cpu"), clock, teacher=str(model), out=out, **more)


def events(folder: Path, name: str) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


@pytest.fixture(scope="module")
def run(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A distillation with a regression warm-up, in full weights; `before` and `after` hold the same eight losses."""
    out = tmp_path_factory.mktemp("run")
    settings = config(regression={"updates": 12, "bank": 8, "teacher_steps": 8}, guards={"grace": 1000})
    distilled = stage(model, out, 16, settings)
    start_figures = []
    first = distilled._first_updates

    def note_and_go() -> None:
        first()
        start_figures.append(losses(distilled))

    distilled._first_updates = note_and_go
    distilled.run()
    (out / "losses.json").write_text(json.dumps([*start_figures, losses(distilled)]))
    return out


@torch.no_grad()
def losses(distilled: DmdStage) -> dict[str, float]:
    """The critic's and the warm-up's loss, over the same draws whenever asked."""
    return {
        "critic": sum(float(distilled._critic_loss(900, i)) for i in range(8)),
        "regression": sum(float(distilled._regression_loss(900 + i)) for i in range(8)),
    }


@pytest.fixture(scope="module")
def lora_run(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("lora")
    stage(model, out, 4, config(**LORA)).run()
    return out


def some(count: int = 3) -> tuple[torch.Tensor, torch.Tensor, Condition]:
    random = torch.Generator().manual_seed(3)
    x = torch.randn(count, tiny_model.CHANNELS, 2, 2, 4, generator=random)
    first = torch.randn(count, tiny_model.CHANNELS, 1, 2, 4, generator=random)
    context = torch.randn(count, 12, 16, generator=random)
    return x, torch.rand(count, generator=random), Condition(first, torch.arange(count) % 2 == 0, context)


def test_the_critic_learns_the_students_samples_and_the_warm_up_the_teachers_ends(run: Path) -> None:
    before, after = json.loads((run / "losses.json").read_text())
    assert after["critic"] < 0.95 * before["critic"]
    assert after["regression"] < 0.5 * before["regression"]
    assert events(run, "failed") == []


def test_a_run_leaves_curves_sheets_kept_checkpoints_and_figures(run: Path) -> None:
    assert {p.name for p in run.glob("samples-*.png")} >= {"samples-000000.png", "samples-000016.png"}
    assert checkpoint.read_snapshot(run / "kept" / "000008", "dmd").step == 8
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = EventAccumulator(str(run / "tensorboard")).Reload()
    tags = set(board.Tags()["scalars"])
    assert tags >= {
        "train/loss",
        "train/norm",
        "dmd/critic_loss",
        "dmd/critic_norm",
        "dmd/score_ratio",
        "dmd/normaliser",
    }
    assert tags >= {"samples/motion", "samples/spread", "samples/saturation"}
    assert any(tag.startswith("critic/sigma-") for tag in tags)
    assert board.Tags()["images"] == ["samples"]
    figures = checkpoint.read_snapshot(run, "dmd").figures["samples"]
    assert set(figures) == {"teacher-8", "teacher-4", "student"}
    assert figures["teacher-8"]["motion"] == figures["teacher-8"]["spread"] == 1


def test_going_on_from_a_checkpoint_is_exact_to_the_bit(model: Path, tmp_path: Path) -> None:
    whole = stage(model, tmp_path / "whole", 8)
    whole.run()
    stage(model, tmp_path / "half", 4, until=0.5).run()
    rest = stage(model, tmp_path / "rest", 4, resume=tmp_path / "half")
    rest.run()
    for name in ("student", "critic"):
        one, other = getattr(whole, name).state(), getattr(rest, name).state()
        assert one.keys() == other.keys() and len(one) > 100
        assert all(torch.equal(one[k], other[k]) for k in one), name
    assert rest.student.step == 8 and rest.critic.step == 32


def test_another_config_or_teacher_on_resume_is_refused_in_one_line(run: Path, model: Path, tmp_path: Path) -> None:
    own = checkpoint.read_snapshot(run, "dmd").config
    with pytest.raises(UserError, match=r"another config \(.*steps: 4 -> 2") as error:
        stage(model, tmp_path / "a", 1, DmdConfig.model_validate(own | {"steps": 2}), resume=run)
    assert "\n" not in str(error.value)
    other = tiny_model.build(tmp_path / "other", seed=1)
    settings = DmdConfig.model_validate(own)
    with pytest.raises(UserError, match="distilled from another teacher"):
        stage(other, tmp_path / "b", 1, settings, resume=run)


def test_a_given_first_frame_is_neither_moved_nor_counted(model: Path) -> None:
    x, sigma, condition = some()
    field = field_of(load(str(model), "cpu").transformer, condition)
    v = field(x, sigma)
    assert v[::2, :, 0].abs().max() == 0 < v[1, :, 0].abs().max()
    moved = torch.cat([x[:, :, :1] + 5, x[:, :, 1:]], dim=2)
    assert torch.equal(field(moved, sigma)[::2], v[::2])
    assert condition.counted(x).flatten(1).tolist() == [[0, 1], [1, 1], [0, 1]]
    assert torch.equal(condition.pin(x)[0, :, 0], condition.first[0, :, 0])
    assert torch.equal(condition.pin(x)[1], x[1])


def test_student_and_critic_start_as_the_teacher_and_the_teacher_stays(model: Path) -> None:
    from methods.training.dmd.config import Lora

    for lora in (None, Lora(rank=4, alpha=4.0)):
        networks = build(load(str(model), "cpu").transformer, lora)
        x, sigma, condition = some()

        def velocity(role: str, networks=networks, x=x, sigma=sigma, condition=condition) -> torch.Tensor:
            return field_of(networks.use(role), condition)(x, sigma)

        before = velocity("teacher").detach()
        assert torch.equal(velocity("student"), before) and torch.equal(velocity("critic"), before)
        velocity("student").square().sum().backward()
        grads = [[w.grad is not None for w in getattr(networks, r).parameters()] for r in ("student", "critic")]
        assert any(grads[0]) and not any(grads[1])
        with torch.no_grad():
            for weight in networks.student.parameters():
                weight += 0.1
        assert not torch.equal(velocity("student"), before)
        assert torch.equal(velocity("teacher"), before) and torch.equal(velocity("critic"), before)


def test_a_graph_survives_the_switch_to_other_roles(model: Path) -> None:
    from methods.training.dmd.config import Lora

    networks = build(load(str(model), "cpu").transformer, Lora(rank=4, alpha=4.0))
    x, sigma, condition = some()
    loss = field_of(networks.use("student"), condition)(x, sigma).square().sum()
    with torch.no_grad():
        for role in ("critic", "teacher"):
            field_of(networks.use(role), condition)(x, sigma)
    networks.use("student")
    loss.backward()
    found = [w.grad for n, w in networks.student.named_parameters() if n.endswith("lora_B.weight")]
    assert found and all(g is not None and g.abs().max() > 0 for g in found)


def test_the_average_is_swapped_in_and_out_again() -> None:
    one, other = (tree({"a.b": torch.nn.Parameter(torch.full((2,), v))}) for v in (1.0, 2.0))
    swap(one, other)
    assert one.a.b.tolist() == [2, 2] and other.a.b.tolist() == [1, 1]


def test_adapters_and_a_gan_head_run_through_the_same_stage(lora_run: Path, model: Path, tmp_path: Path) -> None:
    names = checkpoint.read_model(lora_run)
    assert len(names) > 20 and all(".lora_A." in n or ".lora_B." in n for n in names)
    settings = config(gan={"blocks": [0, 1], "width": 8}, sampler="sde", guards={"grace": 1000})
    stage(model, tmp_path, 5, settings).run()
    last = events(tmp_path, "dmd")[-1]
    assert {"gan_real", "gan_fake", "critic_loss"} <= last.keys()
    assert checkpoint.read_snapshot(tmp_path, "dmd").extra["sampler"] == "sde"


def test_portrait_clips_are_distilled_beside_square_ones(model: Path, tmp_path: Path) -> None:
    settings = config(sizes=[[32, 32], [64, 32]], regression={"updates": 3, "bank": 4, "teacher_steps": 8})
    distilled = stage(model, tmp_path, 4, settings)
    distilled.run()
    assert [tuple(pool.latents.shape) for pool in distilled.pools] == [(8, 4, 1, 2, 2), (8, 4, 1, 4, 2)]
    assert [tuple(bank.end.shape[-2:]) for bank in distilled.banks] == [(2, 2), (4, 2)]
    assert [tuple(distilled._made(update, 0)[0].shape[-2:]) for update in (4, 5)] == [(2, 2), (4, 2)]
    assert not torch.equal(distilled.pools[0].context, distilled.pools[1].context), "each size has scenes of its own"


@pytest.mark.slow
def test_two_processes_come_to_the_same_weights_and_the_first_one_saves(model: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--rdzv_backend", "c10d"]
    command += ["--rdzv_endpoint", "localhost:0", "-m", "tests.dmd_process", str(model), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (load_file(tmp_path / f"rank-{r}-of-2.safetensors") for r in (0, 1))
    assert first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)
    (start_0, now_0), (start_1, now_1) = ((tmp_path / f"clock-{r}").read_text().split() for r in (0, 1))
    assert start_0 == start_1 == "0.0" and now_0 == now_1, "two clocks would stop at different updates"
    assert checkpoint.read_snapshot(tmp_path, "dmd").step == 3
    assert events(tmp_path, "start")[0]["processes"] == 2
    assert not list((tmp_path / "processes" / "1").glob("*.safetensors")), "only the first process saves"
    alone_run = stage(model, tmp_path / "alone", 3)
    alone_run.run()
    name, weight = next(iter(alone_run.student.weights(average=False).items()))
    assert not torch.equal(first[f"student.{name}"], weight), "the second process has data of its own"


def test_a_team_averages_gradients_before_the_step(model: Path, tmp_path: Path) -> None:
    plain, shared = (stage(model, tmp_path / n, 1) for n in "ab")
    shared.student.share = lambda grads: [g.mul_(0.0) for g in grads]
    for one in (plain, shared):
        loss = sum(w.square().sum() for w in one.student.module.parameters())
        one.student.update(loss, 0.0)
    before = dict(shared.networks.use("teacher").named_parameters())
    same = [
        torch.equal(w, before[n.replace("condition_embedder.", "condition_embedder.embedder.")])
        for n, w in shared.student.weights(average=False).items()
    ]
    assert all(same) and not torch.equal(
        next(iter(plain.student.weights(average=False).values())),
        next(iter(shared.student.weights(average=False).values())),
    )


def test_a_guard_stops_a_run_after_so_many_bad_looks_and_says_what_it_saw() -> None:
    watch = Watch(Guards(grace=10, patience=2))
    good = {"motion": 1.0, "spread": 1.0, "saturation": 1.0}
    watch.look(5, good | {"motion": 0.0})
    watch.look(10, good | {"motion": 0.1})
    watch.look(11, good)
    watch.look(12, good | {"motion": 0.1})
    with pytest.raises(Diverged, match=r"guard 'motion': 0\.1 of the teacher's at update 13, wanted 0\.5 to 2: the"):
        watch.look(13, good | {"motion": 0.1})
    other = Watch(Guards(grace=0, patience=1))
    with pytest.raises(Diverged, match="guard 'spread': nan"):
        other.look(1, good | {"spread": math.nan})


def test_the_vitals_see_frozen_clips_collapsed_channels_and_grey() -> None:
    random = torch.Generator().manual_seed(0)
    latents = torch.randn(4, 3, 5, 4, 4, generator=random)
    clips = torch.randint(0, 256, (4, 17, 8, 8, 3), generator=random, dtype=torch.uint8)
    healthy = vitals(latents, clips)
    frozen = vitals(latents[:, :, :1].expand_as(latents), clips)
    assert ratios(frozen, healthy)["motion"] == 0
    flat = latents.clone()
    flat[:, 1] *= 0.1
    assert ratios(vitals(flat, clips), healthy)["spread"] == pytest.approx(0.1, rel=1e-3)
    grey = clips.float().mean(-1, keepdim=True).expand_as(clips).to(torch.uint8)
    assert ratios(vitals(latents, grey), healthy)["saturation"] < 0.05
    assert ratios(healthy, healthy) == {"motion": 1, "spread": 1, "saturation": 1}
    assert isinstance(healthy, Vitals)
    found = per_sigma(torch.tensor([1.0, 3.0, 5.0]), torch.tensor([0.1, 0.2, 0.98]))
    assert found == {"sigma-0-0.25": 2.0, "sigma-0.75-1": 5.0}


def test_a_dying_run_ends_and_keeps_its_last_checkpoint(model: Path, tmp_path: Path) -> None:
    settings = config(guards={"every": 4, "grace": 0, "patience": 1, "motion": [1.9, 2.0]})
    dying = stage(model, tmp_path, 8, settings)
    dying.save()
    with pytest.raises(Diverged, match="guard 'motion'"):
        dying.run()
    assert checkpoint.read_snapshot(tmp_path, "dmd").step == 0


def velocity_of(folder: Path, model: Path) -> torch.Tensor:
    wan = load(str(model), "cpu")
    made = apply(read_student(folder), folder, wan.transformer, model_digest(model))
    x, sigma, condition = some()
    with torch.no_grad():
        return field_of(made, condition)(x, sigma)


def test_an_exported_student_makes_the_averaged_students_velocity(
    run: Path, lora_run: Path, model: Path, tmp_path
) -> None:
    x, sigma, condition = some()
    for source, name in ((run, "full"), (lora_run, "lora")):
        folder = export(source, tmp_path / name)
        settings = DmdConfig.model_validate(checkpoint.read_snapshot(source, "dmd").config)
        again = stage(model, tmp_path / f"{name}-again", 1, settings, resume=source, until=1.0)
        with torch.no_grad(), again.networks.averaged(again.student.average):
            wanted = again.field("student", condition)(x, sigma)
        teacher = field_of(load(str(model), "cpu").transformer, condition)(x, sigma).detach()
        found = velocity_of(folder, model)
        change = float((wanted - teacher).abs().max())
        assert float((found - wanted).abs().max()) < 0.1 * change, name
        card = read_student(folder)
        assert (card.kind, card.sampler, len(card.sigmas)) == (name, "ode", 4)
        assert "| student |" in (folder / "README.md").read_text()
        assert len(digest(folder)) == 64


def test_a_lora_export_means_the_same_to_diffusers(lora_run: Path, model: Path, tmp_path: Path) -> None:
    from diffusers import WanTransformer3DModel

    folder = export(lora_run, tmp_path / "lora")
    theirs = WanTransformer3DModel.from_pretrained(model / "transformer")
    theirs.load_lora_adapter(load_file(folder / "pytorch_lora_weights.safetensors"), prefix="transformer")
    x, sigma, condition = some()
    with torch.no_grad():
        found = field_of(theirs, condition)(x, sigma)
    assert torch.allclose(found, velocity_of(folder, model), atol=1e-4)


def test_full_weights_are_cut_to_the_nearest_lora(run: Path, model: Path, tmp_path: Path) -> None:
    random = torch.Generator().manual_seed(0)
    before = {"a.weight": torch.randn(6, 4, generator=random), "norm.bias": torch.zeros(3)}
    after = {"a.weight": torch.randn(6, 4, generator=random), "norm.bias": torch.zeros(3)}
    factors, kept = nearest(before, after, 4)
    change = factors["a.lora_B.weight"] @ factors["a.lora_A.weight"]
    assert torch.allclose(change, after["a.weight"] - before["a.weight"], atol=1e-5) and kept == pytest.approx(1)
    assert 0.2 < nearest(before, after, 1)[1] < nearest(before, after, 2)[1] < 1
    assert nearest(before, after | {"norm.bias": torch.full((3,), 9.0)}, 4)[1] < 0.5, "what is no matrix is lost"
    folder = export(run, tmp_path / "cut", rank=8)
    assert read_student(folder).kind == "lora"
    assert json.loads((folder / "training.json").read_text())["kept_energy"] > 0.5
    assert velocity_of(folder, model).shape == some()[0].shape


def test_the_5b_config_fits_the_published_shape() -> None:
    from diffusers import WanTransformer3DModel

    settings = read(CONFIGS / "dmd-wan-5b.yaml", 8)
    assert settings.steps == 8 and settings.lora is not None
    with torch.device("meta"):
        transformer = WanTransformer3DModel(
            num_attention_heads=24,
            attention_head_dim=128,
            in_channels=48,
            out_channels=48,
            ffn_dim=14336,
            num_layers=30,
        )
        networks = build(transformer, settings.lora)
    assert sum(p.numel() for p in transformer.parameters() if not p.requires_grad) == pytest.approx(5.0e9, rel=0.01)
    assert isinstance(networks, LoraNetworks)
    names = [n for n, _ in networks.student.named_parameters()]
    assert len(names) == 30 * (4 + 4 + 2) * 2
    trained = sum(w.numel() for w in networks.student.parameters())
    assert 200e6 < trained < 400e6


def test_wrong_settings_are_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "dmd.yaml"
    text = (CONFIGS / "dmd-tiny.yaml").read_text()
    for line, message in (
        ("frames: 6", r"frames must be 4n \+ 1"),
        ("regression: {teacher_steps: 9}", "teacher_steps must be a multiple of steps 4"),
        ("gan: {}\nlora: {}", "gan needs full weights"),
        ("score_range: [0.9, 0.1]", "score_range must be 0 < low < high < 1"),
        ("step: 4", "step: Extra inputs"),
    ):
        keys = {part.partition(":")[0] for part in line.splitlines()}
        rest = "\n".join(row for row in text.splitlines() if row.partition(":")[0] not in keys)
        path.write_text(f"{rest}\n{line}\n")
        with pytest.raises(UserError, match=message) as error:
            read(path, None)
        assert "\n" not in str(error.value)
    with pytest.raises(UserError, match=r"holds no state\.json"):
        export(tmp_path, tmp_path / "out")
