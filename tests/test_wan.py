"""The backbone on a tiny random model: conditioning, guidance, counting, loading, and parity with diffusers."""

import json
import logging
import re
import shutil
from itertools import count

import numpy as np
import pytest
import torch

from bench.errors import CaseFailed, UserError
from methods.wan.folder import SUMS, check_parts, digest, format_sums, hash_file, model_files, resolve
from methods.wan.load import load, load_vae
from methods.wan.solvers import SOLVERS, euler, unipc
from methods.wan.timesteps import TwoTimesteps
from methods.wan.vae import decode_video, encode_video
from methods.wan.velocity import HELD_CLIPS, carry
from tests.tiny_model import CHANNELS, build

torch.set_num_threads(1)
FRAMES = np.random.default_rng(0).integers(0, 256, (9, 64, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def wan(folder):
    return load(str(folder), "cpu")


@pytest.fixture(autouse=True)
def no_gradients(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with torch.inference_mode():
        yield


def noise(seed=0):
    return torch.randn(1, CHANNELS, 3, 4, 6, generator=torch.Generator().manual_seed(seed))


def test_the_first_latent_of_a_clip_is_that_of_its_first_frame_alone(wan):
    assert torch.allclose(wan.encode(FRAMES)[:, :, :1], wan.encode(FRAMES[:1]), atol=1e-5)


def test_a_clip_comes_back_at_its_own_size(wan):
    assert wan.decode(wan.encode(FRAMES)).shape == FRAMES.shape


def test_the_edits_of_a_clip_share_its_latents_and_other_clips_do_not(folder, monkeypatch):
    import methods.wan.velocity as velocity

    wan, calls = load(str(folder), "cpu"), []
    inner = velocity.encode_video
    monkeypatch.setattr(velocity, "encode_video", lambda vae, frames: calls.append(frames.shape) or inner(vae, frames))
    latents = wan.encode(FRAMES)
    assert wan.encode(FRAMES.copy()) is latents and len(calls) == 1
    assert torch.equal(latents, encode_video(wan.vae, torch.from_numpy(FRAMES)))
    altered = FRAMES.copy()
    altered[4, 30, 40] ^= 64
    assert not torch.equal(wan.encode(altered), latents) and len(calls) == 2
    for i in range(HELD_CLIPS):  # the first clip goes when as many others have come since
        wan.encode(FRAMES[: 4 * (i % 2) + 1, i : i + 32, :32])
    wan.encode(FRAMES)
    assert len(calls) == 3 + HELD_CLIPS


def test_the_layout_of_the_weights_on_a_cpu_is_a_matter_of_speed_alone(folder):
    from diffusers import AutoencoderKLWan

    ours, plain = load_vae(str(folder), "cpu"), AutoencoderKLWan.from_pretrained(folder / "vae").eval()
    kernel = ours.decoder.conv_in.weight
    assert kernel.is_contiguous(memory_format=torch.channels_last_3d) and not kernel.is_contiguous()
    latents = encode_video(plain, torch.from_numpy(FRAMES))
    assert torch.allclose(encode_video(ours, torch.from_numpy(FRAMES)), latents, atol=1e-5)
    frames = (decode_video(vae, latents).int() for vae in (ours, plain))
    assert int((next(frames) - next(frames)).abs().max()) <= 1


def test_the_model_only_ever_sees_the_clean_first_frame_at_timestep_zero(wan, monkeypatch):
    seen = []
    inner = wan.transformer.forward

    def spy(x, timestep, context, **kwargs):
        seen.append((x.clone(), timestep.clone()))
        return inner(x, timestep, context, **kwargs)

    monkeypatch.setattr(wan.transformer, "forward", spy)
    first = noise(1)[:, :, :1]
    wan.integrate(noise(2), [0.9, 0.5, 0.0], SOLVERS["midpoint"], wan.encode_text("a red mug"), first)
    assert len(seen) == 4
    for (x, timestep), sigma in zip(seen, (0.9, 0.7, 0.5, 0.25), strict=True):
        per_frame = timestep.reshape(3, -1)
        assert torch.equal(x[:, :, :1], first)
        assert per_frame[0].eq(0).all()
        assert torch.allclose(per_frame[1:], torch.tensor(1000 * sigma))


def test_the_state_of_frame_zero_changes_nothing_and_its_velocity_is_zero(wan):
    context, first, x = wan.encode_text("a red mug"), noise(1)[:, :, :1], noise(2)
    disturbed = torch.cat([noise(3)[:, :, :1], x[:, :, 1:]], dim=2)
    v = wan.velocity(x, 0.5, context, first)
    assert torch.equal(v, wan.velocity(disturbed, 0.5, context, first))
    assert v[:, :, :1].eq(0).all()
    assert v[:, :, 1:].abs().max() > 0


def test_frame_zero_of_a_generated_latent_is_the_given_one_bit_for_bit(wan):
    first = noise(1)[:, :, :1]
    for name in ("euler", "midpoint", "heun", "ab2", "fireflow", "unipc"):
        x = wan.integrate(noise(2), [0.9, 0.6, 0.3, 0.0], SOLVERS[name], wan.encode_text("a mug"), first)
        assert torch.equal(x[:, :, :1], first), name


def test_guidance_goes_from_the_negative_through_the_conditional_velocity(wan):
    context, negative, x = wan.encode_text("a red mug"), wan.encode_text(""), noise()
    v, u = wan.velocity(x, 0.5, context), wan.velocity(x, 0.5, negative)
    assert (v - u).abs().max() > 1e-4
    guided = wan.velocity(x, 0.5, context, guidance=3.0, negative=negative)
    assert torch.allclose(guided, u + 3 * (v - u), atol=1e-5)


def test_both_branches_in_one_forward_or_two_give_the_same(wan, monkeypatch):
    context, negative, first = wan.encode_text("a red mug"), wan.encode_text(""), noise(1)[:, :, :1]
    batched = wan.velocity(noise(), 0.5, context, first, 2.0, negative)
    monkeypatch.setattr("methods.wan.velocity.BATCHED_TOKENS", 0)
    assert torch.allclose(wan.velocity(noise(), 0.5, context, first, 2.0, negative), batched, atol=1e-6)


def test_forwards_are_counted_by_the_batch(wan, monkeypatch):
    context, negative = wan.encode_text("a red mug"), wan.encode_text("")
    for tokens in (0, 1024):
        monkeypatch.setattr("methods.wan.velocity.BATCHED_TOKENS", tokens)
        before = wan.nfe
        wan.velocity(noise(), 0.5, context)
        assert wan.nfe - before == 1
        wan.velocity(noise(), 0.5, context, guidance=2.0, negative=negative)
        assert wan.nfe - before == 3


def test_guidance_without_a_negative_is_an_error(wan):
    with pytest.raises(ValueError, match="negative"):
        wan.velocity(noise(), 0.5, wan.encode_text("a red mug"), guidance=2.0)


def test_two_timestep_rows_equal_one_row_per_token(wan, folder):
    context, first = wan.encode_text("a red mug"), noise(1)[:, :, :1]
    per_token = load(str(folder), "cpu")
    embedder = per_token.transformer.condition_embedder
    assert isinstance(embedder, TwoTimesteps)
    per_token.transformer.condition_embedder = embedder.embedder
    ours, theirs = (w.velocity(noise(), 0.7, context, first) for w in (wan, per_token))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_generation_equals_the_pipeline_of_diffusers(wan, folder):
    from diffusers import WanImageToVideoPipeline
    from PIL import Image

    pipeline = WanImageToVideoPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    context, negative = wan.encode_text("a red mug"), wan.encode_text("")
    theirs = pipeline(
        image=Image.fromarray(FRAMES[0]),
        prompt_embeds=context,
        negative_prompt_embeds=negative,
        height=64,
        width=96,
        num_frames=9,
        num_inference_steps=4,
        guidance_scale=2.0,
        latents=noise(),
        output_type="latent",
    ).frames
    first = wan.encode(FRAMES[:1])

    def velocity(x, sigma):
        return wan.velocity(x, int(1000 * sigma) / 1000, context, first, 2.0, negative)

    ours = unipc(noise(), [float(s) for s in pipeline.scheduler.sigmas], velocity)
    assert torch.allclose(ours[:, :, 1:], theirs[:, :, 1:], atol=1e-4)
    assert torch.allclose(first, theirs[:, :, :1], atol=1e-5)


def test_text_after_the_end_of_a_prompt_is_zero_and_white_space_means_nothing(wan):
    states = wan.encode_text("a red mug")  # three words and the end token
    assert states.shape == (1, 12, 16)
    assert states[0, :4].abs().sum(1).gt(0).all()
    assert states[0, 4:].eq(0).all()
    assert torch.equal(states, wan.encode_text("  a \n red  mug "))


def test_a_prompt_longer_than_the_model_takes_is_cut_with_a_warning(wan, caplog):
    with caplog.at_level(logging.WARNING):
        assert wan.encode_text("a red mug " * 9).shape == (1, 12, 16)
    assert "cut at 12 tokens" in caplog.text


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e6])
def test_a_bad_velocity_fails_the_case_and_names_leg_step_and_sigma(wan, monkeypatch, bad):
    inner, calls = wan.transformer.forward, []

    def break_at_third(*args, **kwargs):
        calls.append(1)
        (v,) = inner(*args, **kwargs)
        return (v + bad if len(calls) == 3 else v,)

    monkeypatch.setattr(wan.transformer, "forward", break_at_third)
    with pytest.raises(CaseFailed, match=r"generation: .* step 3 of 4, sigma 0\.5000"):
        wan.integrate(noise(), [1.0, 0.75, 0.5, 0.25, 0.0], euler, wan.encode_text("a mug"))
    calls.clear()
    with pytest.raises(CaseFailed, match=r"inversion: .* step 3 of 4, sigma 0\.5000"):
        wan.integrate(noise(), [0.0, 0.25, 0.5, 0.75, 1.0], euler, wan.encode_text("a mug"), leg="inversion")


STEPS = {  # the step of each evaluation over four steps
    "euler": [1, 2, 3, 4],
    "euler-lagged": [1, 2, 3, 4],
    "ab2": [1, 2, 3, 4],
    "midpoint": [1, 1, 2, 2, 3, 3, 4, 4],
    "heun": [1, 1, 2, 2, 3, 3, 4, 4],
    "fireflow": [1, 1, 2, 3, 4],
    "uni-inv": [1, 1, 2, 3, 4],
    "dpmpp-2m": [1, 2, 3, 4],
    "unipc": [1, 2, 3, 4],
}


@pytest.mark.parametrize("name", SOLVERS)
def test_a_bad_velocity_is_named_with_the_step_that_asked_for_it(name):
    down = [0.9, 0.7, 0.5, 0.3, 0.0]
    sigmas = down if name in ("dpmpp-2m", "unipc") else down[::-1]
    for bad, step in enumerate(STEPS[name]):
        calls = count()

        def breaks(x, sigma, bad=bad, calls=calls):
            return x * (float("nan") if next(calls) == bad else 0.1)

        with pytest.raises(CaseFailed) as error:
            carry(noise(), sigmas, SOLVERS[name], breaks, None, "leg")
        named, sigma = re.search(r"step (\d) of 4, sigma (\S+);", str(error.value)).groups()
        assert int(named) == step
        low, high = sorted(sigmas[step - 1 : step + 1])
        assert low - 1e-3 <= float(sigma) <= high, "the step's own sigmas"
    calls = count()
    carry(noise(), sigmas, SOLVERS[name], lambda x, sigma: x * 0.1 * (next(calls) >= 0), None, "leg")
    assert next(calls) == len(STEPS[name])


def test_the_shift_comes_from_the_models_own_scheduler(wan):
    assert wan.shift == 2.0
    assert wan.side_step == 32


def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.mark.parametrize(
    "part",
    [
        "transformer/config.json",
        "transformer/diffusion_pytorch_model.safetensors",
        "vae/config.json",
        "text_encoder/model.safetensors",
        "tokenizer/tokenizer_config.json",
        "scheduler/scheduler_config.json",
    ],
)
def test_a_folder_that_lacks_a_part_is_refused_by_the_parts_name(folder, tmp_path, part):
    broken = copy(folder, tmp_path)
    (broken / part).unlink()
    with pytest.raises(UserError, match=f"lacks its {part.split('/')[0]}"):
        load(str(broken), "cpu")


def test_sharded_weights_load_and_a_lost_shard_is_named(wan, folder, tmp_path):
    sharded = copy(folder, tmp_path)
    (sharded / "transformer" / "diffusion_pytorch_model.safetensors").unlink()
    wan_again = load(str(folder), "cpu")
    wan_again.transformer.condition_embedder = wan_again.transformer.condition_embedder.embedder
    wan_again.transformer.save_pretrained(sharded / "transformer", max_shard_size="40KB")
    index = next((sharded / "transformer").glob("*.index.json"))
    shards = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    assert len(shards) > 1
    context = wan.encode_text("a red mug")
    again = load(str(sharded), "cpu").velocity(noise(), 0.5, context)
    assert torch.equal(again, wan.velocity(noise(), 0.5, context))
    (sharded / "transformer" / shards[-1]).unlink()
    with pytest.raises(UserError, match=shards[-1]):
        check_parts(sharded)


def sums(folder):
    return {p.relative_to(folder).as_posix(): hash_file(p) for p in model_files(folder)}


def test_an_altered_weights_file_is_refused_with_both_hashes(folder, tmp_path):
    listed = copy(folder, tmp_path)
    (listed / SUMS).write_text(format_sums(sums(listed)))
    load_vae(str(listed), "cpu")
    name = "vae/diffusion_pytorch_model.safetensors"
    weights = listed / name
    expected = hash_file(weights)
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(UserError) as error:
        load_vae(str(listed), "cpu")
    assert all(part in str(error.value) for part in (name, expected, hash_file(weights)))
    weights.unlink()
    with pytest.raises(UserError, match="lacks its vae"):
        load_vae(str(listed), "cpu")


def test_the_digest_is_the_same_with_and_without_a_list_and_follows_the_weights(folder, tmp_path):
    changed = copy(folder, tmp_path)
    unlisted = digest(changed)
    assert unlisted == digest(folder)
    (changed / SUMS).write_text(format_sums(sums(changed)))
    assert digest(changed) == unlisted
    (changed / SUMS).unlink()
    config = changed / "scheduler" / "scheduler_config.json"
    config.write_text(config.read_text().replace("2.0", "3.0"))
    changed_digest = digest(changed)
    assert changed_digest != unlisted
    (changed / "README.md").write_text("no part of the model")
    assert digest(changed) == changed_digest


def test_a_damaged_digest_cache_is_made_again(folder, tmp_path):
    fresh = digest(folder)
    (memo,) = (tmp_path / "cache").rglob("*.json")
    memo.write_text(memo.read_text()[:20])
    assert digest(folder) == fresh
    assert json.loads(memo.read_text())


def test_a_model_that_is_nowhere_is_refused_with_what_to_do():
    with pytest.raises(UserError, match="unknown model 'shopedit-mimi'"):
        resolve("shopedit-mimi")
    with pytest.raises(UserError, match="hf download nobody/has-this-model"):
        resolve("nobody/has-this-model")


def test_a_folder_is_found_by_its_path(folder):
    assert resolve(str(folder)) == folder
