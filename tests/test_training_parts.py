"""The pieces that both training stages are made of: schedule, checkpoints, text, losses, figures, sheets."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from bench.errors import UserError
from bench.types import SCENARIOS
from methods.training import checkpoint, edit_eval, figures
from methods.training.clips import generator, held_out_pairs
from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.config import FlowConfig, Optimiser, VaeConfig, differences, read_config
from methods.training.flow_loss import flow_loss, mix, timesteps, training_times
from methods.training.learner import Learner
from methods.training.models import BUDGET_MIB, build_text_encoder, build_transformer, build_vae, mebibytes
from methods.training.sheets import LIMIT, write_sheet
from methods.training.text import restore_tokenizer, text_states, token_ids, tokenizer_state, train_tokenizer
from methods.training.vae_loss import edge_weight, laplacian, reconstruction_loss
from methods.wan.text import encode_text
from tests.moving_boxes import MovingBoxes

VAE = read_config(CONFIGS / "vae-tiny.yaml", VaeConfig)
FLOW = read_config(CONFIGS / "flow-tiny.yaml", FlowConfig)


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
