"""Training of shopedit-mini: both stages at a tiny size on a CPU, from first step to exported folder."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.errors import UserError
from bench.types import SCENARIOS
from methods.training import checkpoint, edit_eval, figures
from methods.training.clips import generator, held_out_pairs
from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.config import FlowConfig, Optimiser, VaeConfig, differences, read_config
from methods.training.export import export
from methods.training.flow_loss import flow_loss, mix, timesteps, training_times
from methods.training.flow_stage import FlowStage, load_vae
from methods.training.learner import Diverged, Learner
from methods.training.models import BUDGET_MIB, build_text_encoder, build_transformer, build_vae, mebibytes
from methods.training.session import Session
from methods.training.sheets import LIMIT, write_sheet
from methods.training.text import restore_tokenizer, text_states, token_ids, tokenizer_state, train_tokenizer
from methods.training.vae_loss import edge_weight, laplacian, reconstruction_loss
from methods.training.vae_stage import VaeStage
from methods.wan.text import encode_text

COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (40, 70, 220), "yellow": (230, 210, 50)}
ZH = {"red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色"}


@dataclass(frozen=True)
class Box:
    colour: str
    ground: int
    left: int
    speed: int


class MovingBoxes:
    """A clip source without a renderer: a coloured box that slides over a grey ramp."""

    def scene(self, rng: random.Random) -> Box:
        return Box(rng.choice(list(COLOURS)), rng.randrange(40, 200), rng.randrange(0, 12), rng.randrange(1, 3))

    def caption(self, scene: Box, rng: random.Random | None = None, lang: str = "en") -> str:
        if lang == "zh":
            return f"一个{ZH[scene.colour]}的盒子在移动"
        lead = "" if rng is None else rng.choice(["", "a video of "])
        return f"{lead}a {scene.colour} box that moves"

    def edit(self, scene: Box, rng: random.Random, scenario: str) -> tuple[Box, Box, str]:
        other = rng.choice([c for c in COLOURS if c != scene.colour])
        return scene, replace(scene, colour=other), scenario

    def render(self, scenes: Sequence[Box], frames: int, height: int, width: int) -> torch.Tensor:
        ramp = torch.linspace(0, 40, width).expand(height, width)
        clips = torch.empty(len(scenes), frames, height, width, 3, dtype=torch.uint8)
        for clip, s in zip(clips, scenes, strict=True):
            for t, frame in enumerate(clip):
                frame[:] = (ramp + s.ground)[..., None].to(torch.uint8)
                left = s.left + s.speed * t
                frame[8:24, left : left + 12] = torch.tensor(COLOURS[s.colour], dtype=torch.uint8)
        return clips


VAE = read_config(CONFIGS / "vae-tiny.yaml", VaeConfig)
FLOW = read_config(CONFIGS / "flow-tiny.yaml", FlowConfig)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny tensors on a busy machine: threads would wait for each other fifty times as long as they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def session(config: VaeConfig | FlowConfig, out: Path, steps: int, **more) -> Session:
    until = more.pop("until", 1.0)
    clock = Clock(steps=steps, until=until)
    return Session(config, MovingBoxes(), out=out, clock=clock, device="cpu", **more)


def events(folder: Path, name: str) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    return [line for line in lines if line["event"] == name]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Both stages, trained for a few seconds: folders of the VAE run and of the flow run."""
    root = tmp_path_factory.mktemp("runs")
    VaeStage(session(VAE, root / "vae", 48)).run()
    FlowStage(session(FLOW, root / "flow", 48), root / "vae").run()
    return root / "vae", root / "flow"


def test_the_vae_stage_lowers_its_loss_and_reports_its_held_out_figures(runs: tuple[Path, Path]) -> None:
    losses = [e["loss"] for e in events(runs[0], "train")]
    assert losses[-1] < 0.7 * losses[0]
    found = checkpoint.read_snapshot(runs[0], "vae").figures
    assert found["psnr_average"] > 10 and found["step"] == 48
    assert set(found["vae"]) == {"psnr", "ssim", "detail_ratio", "drift"}
    assert events(runs[0], "failed") == []


def test_the_flow_stage_lowers_its_loss_and_edits_the_held_out_pairs(runs: tuple[Path, Path]) -> None:
    losses = [e["loss"] for e in events(runs[1], "train")]
    assert sum(losses[-3:]) < 0.8 * sum(losses[:3])
    found = checkpoint.read_snapshot(runs[1], "flow").figures
    methods = found["edits"]["methods"]
    assert list(methods)[:2] == ["copy-source", "first-frame"]
    assert {"vae-target", "from-noise", "inversion-g1", "inversion-g2"} < set(methods)
    assert set(methods["inversion-g2"]["scenarios"]) == set(SCENARIOS)
    assert methods["copy-source"]["inside"] < methods["copy-source"]["psnr"]
    assert events(runs[1], "failed") == []


def test_sheets_and_curves_are_left_beside_the_figures(runs: tuple[Path, Path]) -> None:
    for sheet in (runs[0] / "reconstructions.png", runs[1] / "edits.png", runs[1] / "text-to-video.png"):
        assert 1000 < sheet.stat().st_size <= LIMIT
    assert list((runs[0] / "tensorboard").iterdir())


def test_going_on_from_a_checkpoint_restores_weights_moments_and_schedule_exactly(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    half = FlowStage(session(FLOW, tmp_path / "half", 4, until=0.25), runs[0])
    half.run()
    before = half.learner.state()
    again = FlowStage(session(FLOW, tmp_path / "rest", 12, resume=tmp_path / "half"), runs[0])
    assert again.learner.step == 4 and again.session.snapshot.progress == 0.25
    after = again.learner.state()
    assert before.keys() == after.keys() and all(torch.equal(before[k], after[k]) for k in before)
    assert any(name.startswith("exp_avg_sq.") for name in after)
    again.run()
    rates = [e["lr"] for e in events(tmp_path / "rest", "train")]
    whole = FlowStage(session(FLOW, tmp_path / "whole", 16), runs[0])
    whole.run()
    assert rates == [e["lr"] for e in events(tmp_path / "whole", "train")][1:]
    assert checkpoint.read_snapshot(tmp_path / "rest", "flow").step == 16
    assert again.session.snapshot.rendered > half.session.snapshot.rendered


def test_going_on_without_the_large_state_starts_from_the_averaged_weights(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    light = tmp_path / "light"
    light.mkdir()
    for file in runs[1].iterdir():
        if file.is_file() and not file.name.startswith("resume-"):
            (light / file.name).write_bytes(file.read_bytes())
    record = json.loads((light / "state.json").read_text())
    record["progress"] = 0.5
    (light / "state.json").write_text(json.dumps(record))
    stage = FlowStage(session(FLOW, tmp_path / "out", 4, resume=light), runs[0])
    saved = checkpoint.read_model(light)
    for name, weight in stage.learner.weights(average=False).items():
        assert torch.equal(weight, saved[name].float())
    assert stage.learner.step == 48
    peak = FLOW.optimiser.lr
    assert stage.learner.rate(0.5) < 0.3 * peak  # a new warm-up


def test_a_portrait_size_is_trained_beside_the_square_one(tmp_path: Path) -> None:
    two = {"sizes": ((32, 32), (64, 32))}
    vae = VaeStage(session(VAE.model_copy(update=two), tmp_path / "vae", 4))
    vae.run()
    assert [tuple(p.shape[2:4]) for p in vae.pool] == [(32, 32), (64, 32)]
    flow = FlowStage(session(FLOW.model_copy(update=two), tmp_path / "flow", 4), tmp_path / "vae")
    flow.run()
    assert events(tmp_path / "flow", "data")[0]["clips"] == [4, 4] and flow.learner.step == 4
    assert events(tmp_path / "flow", "failed") == []


def test_another_config_on_resume_is_refused_in_one_line(runs: tuple[Path, Path], tmp_path: Path) -> None:
    other = FLOW.model_copy(update={"shift": 3.0})
    with pytest.raises(UserError, match=r"another config \(shift: 2\.0 -> 3\.0\)") as error:
        session(other, tmp_path, 1, resume=runs[1])
    assert "\n" not in str(error.value)
    with pytest.raises(UserError, match="holds a run of stage 'vae'"):
        session(FLOW, tmp_path, 1, resume=runs[0])


def test_an_altered_or_missing_shard_is_refused_by_name(runs: tuple[Path, Path], tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in runs[0].glob("*.*"):
        (copy / file.name).write_bytes(file.read_bytes())
    shard = next(copy.glob("model-*.safetensors"))
    tensors = load_file(shard)
    name = next(iter(tensors))
    save_file(tensors | {name: tensors[name] + 1}, shard)
    with pytest.raises(UserError, match=rf"{shard.name} is altered: sha256 \w+, expected \w+"):
        load_vae(copy, torch.device("cpu"))
    shard.unlink()
    with pytest.raises(UserError, match=f"{shard.name} is missing"):
        load_vae(copy, torch.device("cpu"))


def test_a_save_that_fails_half_way_leaves_the_last_checkpoint_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot = checkpoint.Snapshot("vae", 1, 0.1, 1.0, 0, {})
    checkpoint.save(tmp_path, tmp_path, snapshot, {"w": torch.ones(3)}, {"w": torch.ones(3)})
    monkeypatch.setattr(checkpoint.json, "dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        checkpoint.save(tmp_path, tmp_path, replace(snapshot, step=2), {"w": torch.zeros(3)})
    monkeypatch.undo()
    assert checkpoint.read_snapshot(tmp_path, "vae").step == 1
    assert torch.equal(checkpoint.read_model(tmp_path)["w"], torch.ones(3, dtype=torch.bfloat16))


def test_shards_stay_below_their_limit_and_hold_every_weight(tmp_path: Path) -> None:
    weights = {f"w{i}": torch.full((2_000_000,), float(i)) for i in range(10)}
    checkpoint.save(tmp_path, tmp_path, checkpoint.Snapshot("flow", 0, 0, 0, 0, {}), weights)
    shards = list(tmp_path.glob("model-*.safetensors"))
    assert len(shards) == 4 and all(s.stat().st_size <= checkpoint.SHARD_BYTES for s in shards)
    assert {k: float(v[0]) for k, v in checkpoint.read_model(tmp_path).items()} == {
        f"w{i}": float(i) for i in range(10)
    }


def test_the_export_loads_with_diffusers_and_makes_the_trained_velocity(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    from diffusers import WanPipeline

    from methods.wan.load import load

    folder = export(*runs, tmp_path / "model")
    pipeline = WanPipeline.from_pretrained(folder, torch_dtype=torch.float32)
    assert pipeline.config.expand_timesteps
    assert pipeline.scheduler.config.flow_shift == FLOW.shift
    weights = checkpoint.read_model(runs[1])
    assert torch.equal(pipeline.transformer.proj_out.weight, weights["transformer.proj_out.weight"].float())
    statistics = checkpoint.read_snapshot(runs[0], "vae").extra["latents_std"]
    assert pipeline.vae.config.latents_std == statistics
    ours = load(str(folder), "cpu")
    assert ours.shift == FLOW.shift
    assert ours.encode_text("a red box that moves").shape == (1, FLOW.text.max_tokens, 32)
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    assert len(sums) == sum(f.is_file() for f in folder.rglob("*")) - 1
    assert "| inversion-g2 |" in (folder / "README.md").read_text()


def test_export_refuses_parts_that_are_too_large_to_ship(
    runs: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BUDGET_MIB, "transformer", 0.01)
    with pytest.raises(UserError, match=r"transformer takes \d\.\d\d MiB in bfloat16"):
        export(*runs, tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_the_shipped_configs_fit_the_weight_budget() -> None:
    vae, flow = read_config(CONFIGS / "vae.yaml", VaeConfig), read_config(CONFIGS / "flow.yaml", FlowConfig)
    assert mebibytes(build_vae(vae.shape)) <= BUDGET_MIB["vae"]
    assert mebibytes(build_text_encoder(flow.text, flow.text.vocabulary)) <= BUDGET_MIB["text_encoder"]
    with torch.device("meta"):
        transformer = build_transformer(flow.shape, vae.shape.z_dim, flow.text.d_model)
    assert mebibytes(transformer) <= BUDGET_MIB["transformer"]


def test_a_wrong_field_in_a_config_is_named_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "vae.yaml"
    path.write_text("stage: vae\nframes: 16\noptimiser: {batch: 8, lr: 1.0e-3}\n")
    with pytest.raises(UserError, match=r"frames must be 4n \+ 1"):
        read_config(path, VaeConfig)
    path.write_text("stage: vae\nframe: 17\noptimiser: {batch: 8, lr: 1.0e-3}\n")
    with pytest.raises(UserError, match="frame: Extra inputs are not permitted"):
        read_config(path, VaeConfig)
    assert differences({"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}) == ["a.b: 1 -> 3"]


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_checkpoint(tmp_path: Path) -> None:
    stage = VaeStage(session(VAE, tmp_path / "run", 8))
    stage.pool = [MovingBoxes().render([Box("red", 90, 1, 1)] * 4, 5, 32, 32)]
    stage.save()
    wild = session(VAE, tmp_path / "run", 8)
    with pytest.raises(Diverged, match="loss nan at step 4: the last checkpoint"):
        wild.train(
            stage.learner,
            lambda: sum(p.sum() for p in stage.learner.module.parameters()) * float("nan"),
            evaluate=lambda: None,
            save=stage.save,
        )
    assert checkpoint.read_snapshot(tmp_path / "run", "vae").step == 0
    with pytest.raises(Diverged, match="weights are not finite"):
        stage.learner.check_finite()


def test_an_evaluation_that_fails_is_recorded_and_does_not_end_the_training(tmp_path: Path) -> None:
    config = VAE.model_copy(update={"pace": VAE.pace.model_copy(update={"eval_seconds": 0.0})})
    stage = VaeStage(session(config, tmp_path, 8))
    stage.figures = lambda vae: 1 / 0
    stage.run()
    failures = events(tmp_path, "failed")
    assert len(failures) == 3 and all("ZeroDivisionError" in f["error"] for f in failures)
    assert checkpoint.read_snapshot(tmp_path, "vae").step == 8


def test_a_schedule_in_minutes_spreads_over_what_the_setup_left() -> None:
    now = [0.0]
    clock = Clock(minutes=1.0, until=0.5, reserve=10.0, now=lambda: now[0])
    now[0] = 30.0  # setup
    clock.begin(0.1, step=7)
    assert clock.progress(7) == pytest.approx(0.1)
    now[0] = 40.0
    assert clock.progress(99) == pytest.approx(0.3) and not clock.over(99)
    now[0] = 50.0
    assert clock.progress(200) == pytest.approx(0.5) and clock.over(200)
    with pytest.raises(UserError, match="nothing is left"):
        clock.begin(0.5, step=200)
    now[0] = 55.0
    with pytest.raises(UserError, match="setup took 55 s and left no time"):
        clock.begin(0.2, step=200)
    with pytest.raises(UserError, match="--minutes or --steps"):
        Clock()


def test_the_learning_rate_warms_up_and_falls_along_a_cosine() -> None:
    learner = Learner(torch.nn.Linear(2, 2), Optimiser(batch=1, lr=1.0, warmup=10, final_lr=0.0))
    assert learner.rate(0.0) == pytest.approx(0.1)
    learner.step = 50
    assert [learner.rate(p) for p in (0.0, 0.5, 1.0)] == pytest.approx([1.0, 0.5, 0.0])


def test_a_given_first_frame_stays_clean_at_timestep_zero_and_is_not_in_the_loss() -> None:
    torch.manual_seed(0)
    clean, noise = torch.randn(2, 3, 2, 4, 4), torch.randn(2, 3, 2, 4, 4)
    t, given = torch.tensor([0.25, 0.5]), torch.tensor([True, False])
    x = mix(clean, noise, t, given)
    assert torch.equal(x[0, :, 0], clean[0, :, 0])
    torch.testing.assert_close(x[0, :, 1], 0.75 * clean[0, :, 1] + 0.25 * noise[0, :, 1])
    torch.testing.assert_close(x[1], 0.5 * clean[1] + 0.5 * noise[1])
    steps = timesteps(t, given, frames=2, tokens=8)
    assert steps[0].tolist() == [0.0] * 4 + [250.0] * 4 and steps[1].tolist() == [500.0] * 8

    class Exact(torch.nn.Module):
        def __init__(self, wrong: float) -> None:
            super().__init__()
            self.wrong = wrong

        def forward(self, x, timestep, context, return_dict):
            out = noise - clean
            out[0, :, 0] += self.wrong
            return (out,)

    assert float(flow_loss(Exact(9.0), clean, noise, t, given, torch.zeros(2, 1, 1))) == pytest.approx(0)
    unknown = torch.tensor([False, False])
    assert float(flow_loss(Exact(9.0), clean, noise, t, unknown, torch.zeros(2, 1, 1))) == pytest.approx(81 / 4)


def test_training_times_lie_inside_the_unit_interval_and_lean_to_noise_with_the_shift() -> None:
    draw = lambda shift, uniform: training_times(  # noqa: E731
        20000, shift, 1.2, uniform, torch.Generator().manual_seed(0)
    )
    assert draw(2.0, 0.2).min() > 0 and draw(2.0, 0.2).max() < 1
    assert draw(1.0, 0.0).mean() == pytest.approx(0.5, abs=0.01)
    assert draw(2.0, 0.0).median() == pytest.approx(2 / 3, abs=0.01)
    assert draw(2.0, 1.0).mean() == pytest.approx(0.5, abs=0.01)


def test_the_tokenizer_reads_both_languages_and_survives_its_json_form() -> None:
    tokenizer = train_tokenizer(MovingBoxes(), FLOW.text)
    again = restore_tokenizer(json.loads(json.dumps(tokenizer_state(tokenizer))), FLOW.text)
    for text in ("A red box that moves", "一个蓝色的盒子在移动"):
        ids = again(text).input_ids
        assert ids == tokenizer(text).input_ids and ids[-1] == again.eos_token_id
        assert again.unk_token_id not in ids
    assert len(again("红色的盒子").input_ids) == 6  # a token per character, and the end
    assert len(again("a red box").input_ids) == 4
    assert again("鲸").input_ids[0] == again.unk_token_id
    assert again("a blue box").input_ids != again("a green box").input_ids
    _, mask, cut = token_ids(again, ["a red box", "red " * 80])
    assert cut == 1 and mask.sum(dim=1).tolist()[1] == FLOW.text.max_tokens


def test_batched_text_states_are_those_that_the_methods_read() -> None:
    torch.manual_seed(0)
    tokenizer = train_tokenizer(MovingBoxes(), FLOW.text)
    encoder = build_text_encoder(FLOW.text, len(tokenizer)).eval()
    captions = ["a red box that moves", "", "一个蓝色的盒子在移动"]
    ids, mask, _ = token_ids(tokenizer, captions)
    with torch.no_grad():
        batched = text_states(encoder, ids, mask)
        single = torch.cat([encode_text(tokenizer, encoder, c) for c in captions])
    torch.testing.assert_close(batched, single, atol=1e-5, rtol=0)
    assert batched[1, 1:].abs().max() == 0 and batched[0, 0].abs().max() > 0


def test_held_out_pairs_are_fixed_by_their_pin_and_cover_the_scenarios() -> None:
    pairs = held_out_pairs(MovingBoxes(), 14)
    assert pairs.pin == held_out_pairs(MovingBoxes(), 14).pin
    assert pairs.scenarios == list(SCENARIOS) * 2
    assert pairs.pin != held_out_pairs(MovingBoxes(), 13).pin
    draws = {generator(purpose, 0).random() for purpose in ("vae", "flow", "captions", "held-out edits")}
    assert len(draws) == 4


def test_the_loss_blames_blur_drift_and_misplaced_detail() -> None:
    torch.manual_seed(0)
    original = torch.rand(1, 3, 5, 32, 32) * 2 - 1
    config = VAE.loss
    assert float(reconstruction_loss(original, original, config)) == 0
    blur = torch.nn.functional.avg_pool3d(original, (1, 3, 3), stride=1, padding=(0, 1, 1))
    drifted = original + torch.linspace(0, 0.2, 5).view(1, 1, 5, 1, 1)
    for worse in (blur, drifted):
        assert float(reconstruction_loss(original, worse, config)) > 0.05
    without = config.model_copy(update={"texture": 0.0})
    extra = float(reconstruction_loss(original, blur, config) - reconstruction_loss(original, blur, without))
    lost = (laplacian(original).abs().mean() - laplacian(blur).abs().mean()) * config.texture
    assert extra >= 0.9 * float(lost)
    edges = torch.zeros(1, 3, 1, 16, 16)
    edges[..., 8:] = 1.0
    weight = edge_weight(edges, 2.0)[0, 0, 0]
    assert weight[8, 8] == pytest.approx(3 * float(weight[8, 0])) and float(weight.mean()) == pytest.approx(1)


def test_figures_agree_with_their_definitions() -> None:
    from skimage.metrics import structural_similarity

    a = torch.randint(0, 256, (2, 5, 24, 24, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    b = (a.float() * 0.9 + 10).round().to(torch.uint8)
    mse = (a[1].double() - b[1].double()).square().mean()
    assert float(figures.psnr(a, b)[1]) == pytest.approx(10 * math.log10(255**2 / mse), abs=1e-4)
    assert float(figures.psnr(a, a)[0]) == pytest.approx(80)
    mask = torch.zeros(2, 5, 24, 24, dtype=torch.bool)
    mask[:, :, :4] = True
    part = figures.psnr(a[:, :, :4], b[:, :, :4])
    torch.testing.assert_close(figures.psnr(a, b, mask), part, atol=1e-4, rtol=0)
    options = {"channel_axis": -1, "data_range": 255, "gaussian_weights": True, "use_sample_covariance": False}
    reference = [structural_similarity(x.numpy(), y.numpy(), **options) for x, y in zip(a[0], b[0], strict=True)]
    assert float(figures.ssim(a, b)[0]) == pytest.approx(sum(reference) / 5, abs=2e-3)
    assert float(figures.detail_ratio(b, a)[0]) == pytest.approx(0.81, abs=0.01)
    late = a.clone()
    late[:, -1] = b[:, -1]
    assert float(figures.drift(late, a)[0]) < 0


def test_the_table_has_a_line_per_method_and_a_column_per_scenario() -> None:
    clips = torch.zeros(2, 3, 8, 8, 3, dtype=torch.uint8)
    target = clips.clone()
    target[0, :, :4] = 100
    pairs = edit_eval.EditSet(clips, target, ["", ""], ["", ""], ["color", "add"], "pin")
    found = edit_eval.report(pairs, {"copy-source": clips, "ground-truth": target})
    row = found["methods"]["copy-source"]
    assert row["scenarios"]["color"]["inside"] == pytest.approx(20 * math.log10(2.55), abs=1e-3)
    assert math.isnan(row["scenarios"]["add"]["inside"]) and row["inside"] == pytest.approx(8.131, abs=1e-2)
    lines = edit_eval.table(found).splitlines()
    assert len(lines) == 4 and lines[3].startswith("ground-truth") and "80.00 / 80.00" in lines[3]


def test_a_sheet_is_scaled_down_until_it_fits(tmp_path: Path) -> None:
    noise = torch.randint(0, 256, (5, 256, 256, 3), dtype=torch.uint8)
    write_sheet(tmp_path / "sheet.png", [[noise, noise]] * 4)
    assert LIMIT / 8 < (tmp_path / "sheet.png").stat().st_size <= LIMIT


def test_the_commands_name_what_is_missing_in_one_line(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from methods.training.command import app

    invoke = CliRunner().invoke
    result = invoke(app, ["vae", "--out", str(tmp_path)])
    assert result.exit_code == 2 and "needs --minutes or --steps" in result.output
    result = invoke(app, ["export", "--vae", str(tmp_path), "--flow", str(tmp_path), "--out", "x"])
    assert result.exit_code == 2 and "no training run in" in result.output.replace("\n", " ")
