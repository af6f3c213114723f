"""TI2V inversion and SDEdit on a tiny random model: what must hold whatever the weights are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import CaseFailed, UserError
from bench.types import EditMethod, EditRequest, MethodCard, Video
from methods.inversion import TI2VInversion
from methods.sdedit import SDEdit
from tests.tiny_model import build

torch.set_num_threads(1)
rng = np.random.default_rng(0)
SOURCE = Video(rng.integers(0, 256, (9, 64, 96, 3), dtype=np.uint8))
REQUEST = EditRequest(
    case_id="case",
    source=SOURCE,
    source_prompt="a red mug turns on the table",
    target_prompt="a blue mug turns on the table",
    instruction="make the mug blue",
    seed=0,
    first_frame=rng.integers(0, 256, (64, 96, 3), dtype=np.uint8),
)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(build(tmp_path_factory.mktemp("model")))


@pytest.fixture
def make(model):
    def make(cls=TI2VInversion, track="first-frame", **parameters):
        card = MethodCard(
            name="row", family="f", track=track, parameters={"model": model, "generation_steps": 4, **parameters}
        )
        method = cls(card)
        method.load("cpu")
        assert isinstance(method, EditMethod)
        return method

    return make


def latents(method, request=REQUEST):
    with torch.inference_mode():
        return method.latents(method.wan, request)


def test_an_edit_has_the_size_and_rate_of_its_source_and_says_what_it_cost(make):
    edit = make(inversion_steps=3).edit(REQUEST)
    assert edit.video.shape == SOURCE.shape
    assert edit.video.fps == SOURCE.fps
    assert edit.nfe == 3 * 1 + 4 * 2
    assert edit.seconds > 0
    assert edit.peak_memory > 10 * 2**20


def test_nfe_follows_solver_and_guidance(make):
    for parameters, nfe in (
        ({"inversion_steps": 4, "guidance": 1.0}, 4 + 4),
        ({"inversion_steps": 4, "inversion_solver": "midpoint", "generation_solver": "midpoint"}, 8 + 16),
        ({"inversion_steps": 4, "inversion_solver": "uni-inv"}, 5 + 8),
        ({"inversion_steps": 4, "guidance_inversion": 2.0}, 8 + 8),
        ({"inversion_steps": 4, "inversion_solver": "euler-lagged", "generation_solver": "unipc"}, 4 + 8),
    ):
        method = make(**parameters)
        assert method.edit(REQUEST).nfe == nfe, parameters
        assert method.edit(REQUEST).nfe == nfe, "the count starts anew with each edit"


def test_latent_frame_zero_is_the_edited_first_frame_bit_for_bit(make):
    for cls in (TI2VInversion, SDEdit):
        method = make(cls)
        first = method.wan.encode(REQUEST.first_frame[None])
        assert torch.equal(latents(method)[:, :, :1], first)


def test_the_source_s_first_frame_may_stand_in_where_the_track_gives_none(make):
    method = make(first_frame="source", track="text")
    blind = replace(REQUEST, first_frame=None)
    assert torch.equal(latents(method, blind)[:, :, :1], method.wan.encode(SOURCE.frames)[:, :, :1])


def test_an_unedited_clip_comes_back_and_midpoint_beats_euler_at_equal_cost(make):
    same = replace(REQUEST, target_prompt=REQUEST.source_prompt, first_frame=SOURCE.frames[0])
    errors = {}
    for solver, steps in (("euler", 16), ("midpoint", 8)):
        method = make(
            inversion_solver=solver,
            generation_solver=solver,
            inversion_steps=steps,
            generation_steps=steps,
            guidance=1.0,
        )
        source = method.wan.encode(SOURCE.frames)
        errors[solver] = float((latents(method, same) - source).abs().max() / source.abs().max())
    assert errors["midpoint"] < errors["euler"] / 3
    assert errors["midpoint"] < 0.02


def test_less_strength_keeps_more_of_the_source(make):
    for cls in (TI2VInversion, SDEdit):
        changes = []
        for strength in (0.05, 0.4, 1.0):
            method = make(cls, strength=strength, guidance=4.0)
            source = method.wan.encode(SOURCE.frames)
            changes.append(float((latents(method) - source)[:, :, 1:].abs().mean()))
        assert changes == sorted(changes), cls
        assert changes[0] < changes[2] / 2, cls


def test_inversion_needs_no_seed_and_sdedit_follows_its_own(make):
    other = replace(REQUEST, seed=1)
    inversion, sdedit = make(), make(SDEdit, strength=0.6)
    assert torch.equal(latents(inversion), latents(inversion, other))
    assert torch.equal(latents(sdedit), latents(sdedit))
    assert not torch.equal(latents(sdedit), latents(sdedit, other))


def test_each_prompt_steers_its_own_leg(make):
    method = make(guidance=4.0)
    edit = latents(method)
    assert not torch.equal(edit, latents(method, replace(REQUEST, target_prompt="a steel chair")))
    assert not torch.equal(edit, latents(method, replace(REQUEST, source_prompt="a steel chair")))


@pytest.mark.parametrize("shape", [(8, 64, 96), (9, 48, 96), (9, 64, 100)])
def test_a_clip_of_another_size_fails_with_what_was_wanted(make, shape):
    odd = replace(REQUEST, source=Video(np.zeros((*shape, 3), np.uint8)))
    with pytest.raises(CaseFailed, match="4n \\+ 1 frames and sides that are multiples of 32"):
        make().edit(odd)


def test_a_case_without_the_edited_first_frame_fails_with_what_to_do(make):
    with pytest.raises(CaseFailed, match="first_frame: source"):
        make().edit(replace(REQUEST, first_frame=None))


def test_an_edited_first_frame_of_another_size_fails_with_both_sizes(make):
    with pytest.raises(CaseFailed, match="32x64; wanted the source's 96x64"):
        make().edit(replace(REQUEST, first_frame=np.zeros((64, 32, 3), np.uint8)))


def test_a_text_row_that_wants_the_edited_first_frame_is_refused_when_made(model):
    card = MethodCard(name="row", family="f", track="text", parameters={"model": model})
    with pytest.raises(UserError, match="first_frame: source"):
        TI2VInversion(card)


@pytest.mark.filterwarnings("error")
def test_read_only_frames_do_and_are_left_as_they_were(make):
    frames = SOURCE.frames.copy()
    frames.flags.writeable = False
    method = make()
    edit = method.edit(replace(REQUEST, source=Video(frames)))
    assert np.array_equal(edit.video.frames, method.edit(REQUEST).video.frames)
    assert np.array_equal(frames, SOURCE.frames)
