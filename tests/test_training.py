"""Training of shopedit-mini: both stages at a tiny size on a CPU, from first step to exported folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.errors import UserError
from bench.types import SCENARIOS
from methods.training import checkpoint
from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.config import FlowConfig, VaeConfig, read_config
from methods.training.export import export
from methods.training.flow_stage import FlowStage, load_vae
from methods.training.learner import Diverged
from methods.training.models import BUDGET_MIB
from methods.training.session import Session
from methods.training.sheets import LIMIT
from methods.training.text import widened
from methods.training.vae_stage import VaeStage
from tests.moving_boxes import Box, MovingBoxes

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
    assert {"i2v-0.5", "t2v-0.5", "seen-i2v-0.5"} < set(found["flow_loss"])
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


def test_a_flow_that_goes_on_reads_the_latents_it_kept_beside_its_large_state(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    folders = {"state": tmp_path / "state"}
    FlowStage(session(FLOW, tmp_path / "a", 4, until=0.5, **folders), runs[0]).run()
    on = FlowStage(session(FLOW, tmp_path / "a", 4, resume=tmp_path / "a", **folders), runs[0])
    on.run()
    assert len(events(tmp_path / "a", "data")) == 1
    other = FLOW.model_copy(update={"chinese": 1.0})
    FlowStage(session(other, tmp_path / "b", 2, **folders), runs[0]).run()
    assert len(events(tmp_path / "b", "data")) == 1


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


def test_a_vae_goes_on_from_another_runs_weights_on_crops(runs: tuple[Path, Path], tmp_path: Path) -> None:
    crops = VaeConfig.model_validate(VAE.model_dump() | {"crop": (32, 32), "sizes": ((64, 64),), "pool": 4})
    VaeStage(session(crops, tmp_path, 4, init=runs[0])).run()
    assert events(tmp_path, "initialised")[0]["fresh"] == []
    assert events(tmp_path, "train")[0]["loss"] < 1.5 * events(runs[0], "train")[-1]["loss"]


def test_a_decoder_goes_on_alone_and_leaves_the_latents_and_their_statistics(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    config = VaeConfig.model_validate(VAE.model_dump() | {"train": "decoder"})
    stage = VaeStage(session(config, tmp_path, 4, init=runs[0]))
    stage.run()
    before, after = checkpoint.read_model(runs[0]), checkpoint.read_model(tmp_path)
    moved = {name.split(".")[1] for name in before if not torch.equal(before[name], after[name])}
    assert moved == {"decoder", "post_quant_conv"}
    extra = [checkpoint.read_snapshot(folder, "vae").extra for folder in (runs[0], tmp_path)]
    assert extra[0]["latents_mean"] == extra[1]["latents_mean"] and extra[0]["latents_std"] == extra[1]["latents_std"]
    with pytest.raises(UserError, match="name it with --init or --resume"):
        VaeStage(session(config, tmp_path / "none", 1))


def test_channels_weigh_by_their_effect_on_the_pixels_and_keep_their_weights(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    weighted = FLOW.model_copy(update={"channel_power": 0.5})
    half = FlowStage(session(weighted, tmp_path / "half", 4, until=0.5), runs[0])
    half.run()
    effect = torch.tensor(checkpoint.read_snapshot(tmp_path / "half", "flow").extra["channel_effect"])
    assert half.channels.mean() == pytest.approx(1) and half.channels.flatten().argmax() == effect.argmax()
    assert half.channels.max() / half.channels.min() == pytest.approx(float((effect.max() / effect.min()) ** 0.5), 1e-4)
    rest = FlowStage(session(weighted, tmp_path / "rest", 4, resume=tmp_path / "half"), runs[0])
    rest.run()
    assert torch.equal(rest.channels, half.channels)


def test_another_schedule_of_the_same_data_reads_the_latents_that_were_kept(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    folders = {"state": tmp_path / "state"}
    FlowStage(session(FLOW, tmp_path / "a", 2, **folders), runs[0]).run()
    FlowStage(session(FLOW.model_copy(update={"shift": 3.0}), tmp_path / "b", 2, **folders), runs[0]).run()
    assert not events(tmp_path / "b", "data")


def test_an_earlier_run_whose_config_lacks_new_fields_goes_on(runs: tuple[Path, Path], tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for file in runs[1].glob("*.*"):
        (old / file.name).write_bytes(file.read_bytes())
    record = json.loads((old / "state.json").read_text()) | {"progress": 0.5}
    del record["config"]["channel_power"]
    (old / "state.json").write_text(json.dumps(record))
    assert FlowStage(session(FLOW, tmp_path / "on", 1, resume=old), runs[0]).learner.step == 48


def test_a_crop_larger_than_the_clips_is_refused() -> None:
    with pytest.raises(ValueError, match="larger than one of the sizes"):
        VaeConfig.model_validate(VAE.model_dump() | {"crop": (64, 64)})


def test_a_flow_goes_on_with_words_its_tokenizer_did_not_know(runs: tuple[Path, Path], tmp_path: Path) -> None:
    begun = FlowStage(session(FLOW, tmp_path, 2, init=runs[1]), runs[0])
    old = checkpoint.read_snapshot(runs[1], "flow").extra["tokenizer"]
    known = len(begun.tokenizer)

    class Labelled(MovingBoxes):
        def caption(self, scene, rng=None, lang="en") -> str:
            return super().caption(scene, rng, lang) + " 印着猫"

    new = widened(old, Labelled())
    assert len(new["model"]["vocab"]) == known + len({*"印着猫"} - old["model"]["vocab"].keys()) > known
    table = begun.learner.module["text_encoder"].shared.weight
    larger = {"text_encoder.shared.weight": torch.cat([table.detach() + 1, table[:3].detach()])}
    assert "text_encoder.shared.weight" not in begun.learner.begin_from(larger)
    assert torch.equal(begun.learner.module["text_encoder"].shared.weight, larger["text_encoder.shared.weight"][:known])


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


def test_a_damaged_state_is_refused_by_name(runs: tuple[Path, Path], tmp_path: Path) -> None:
    text = (runs[0] / "state.json").read_text()
    (tmp_path / "state.json").write_text(text[: len(text) // 2])
    with pytest.raises(UserError, match=r"state\.json is damaged"):
        checkpoint.read_snapshot(tmp_path, "vae")
    (tmp_path / "state.json").write_text(text.replace('"rendered"', '"frames_rendered"'))
    with pytest.raises(UserError, match="is of another version"):
        checkpoint.read_snapshot(tmp_path, "vae")


def test_captions_longer_than_the_model_reads_are_refused_before_anything_is_rendered(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    short = FLOW.model_copy(update={"text": FLOW.text.model_copy(update={"max_tokens": 6})})
    with pytest.raises(UserError, match=r"max_tokens is 6 and captions have up to 11 tokens .* raise it to 11"):
        FlowStage(session(short, tmp_path, 2), runs[0])


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("sizes: [[256, 250]]", r"sizes.0.1: Input should be a multiple of 32"),
        ("frames: 16", r"frames must be 4n \+ 1"),
        ("crop: [48, 48]", r"crop.0: Input should be a multiple of 32"),
    ],
)
def test_a_size_that_the_vae_cannot_take_is_refused_when_the_config_is_read(
    line: str, wrong: str, tmp_path: Path
) -> None:
    path = tmp_path / "vae.yaml"
    path.write_text(f"optimiser: {{batch: 1, lr: 0.001}}\n{line}\n")
    with pytest.raises(UserError, match=wrong):
        read_config(path, VaeConfig)


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


def test_blocks_that_do_not_compile_come_back_as_they_were(tmp_path: Path) -> None:
    config = FLOW.model_copy(update={"optimiser": FLOW.optimiser.model_copy(update={"compile": "blocks"})})
    blocks, calls = [torch.nn.Identity(), torch.nn.Identity()], []

    def warm_up(step) -> None:
        calls.append([block._compiled_call_impl is not None for block in blocks])
        if len(calls) == 1:
            raise RuntimeError("no compiler here")

    def step() -> None: ...

    assert session(config, tmp_path, 1).compiled(warm_up, step, blocks=blocks) == (step,)
    assert calls == [[True, True], [False, False]] and "no compiler" in events(tmp_path, "failed")[0]["error"]


def test_the_commands_name_what_is_missing_in_one_line(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from methods.training.command import app

    invoke = CliRunner().invoke
    result = invoke(app, ["vae", "--out", str(tmp_path)])
    assert result.exit_code == 2 and "needs --minutes or --steps" in result.output
    result = invoke(app, ["export", "--vae", str(tmp_path), "--flow", str(tmp_path), "--out", "x"])
    assert result.exit_code == 2 and "no training run in" in result.output.replace("\n", " ")
