"""TI2V inversion and SDEdit on a tiny random model: what must hold whatever the weights are."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import CaseFailed, UserError
from bench.types import EditMethod, EditRequest, MethodCard, Video
from methods.inversion import TI2VInversion
from methods.sdedit import SDEdit
from methods.wan.padding import cut, padded
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


@pytest.mark.parametrize("shape", [(8, 64, 96), (9, 48, 96), (11, 50, 70), (1, 64, 64)])
def test_a_clip_of_any_size_may_be_padded_and_comes_back_at_its_own(make, shape):
    frames = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    odd = replace(REQUEST, source=Video(frames, SOURCE.fps), first_frame=frames[0])
    for cls in (TI2VInversion, SDEdit):
        edit = make(cls, fit="pad").edit(odd)
        assert edit.video.shape == shape and edit.video.fps == SOURCE.fps


def test_padding_repeats_the_edges_of_all_that_a_track_gives_and_cutting_undoes_it():
    mask = rng.integers(0, 2, (6, 40, 70)).astype(bool)
    frames = rng.integers(0, 256, (6, 40, 70, 3), dtype=np.uint8)
    grown = padded(replace(REQUEST, source=Video(frames), first_frame=frames[0], mask=mask), 32)
    assert grown.source.shape == grown.mask.shape == (9, 64, 96) and grown.first_frame.shape == (64, 96, 3)
    assert np.array_equal(cut(grown.source.frames, (6, 40, 70)), frames)
    assert np.array_equal(grown.source.frames[8, 63, 95], frames[5, 39, 69])
    assert np.array_equal(grown.first_frame, grown.source.frames[0])
    assert np.array_equal(grown.mask[8, :40, :70], mask[5])
    assert padded(REQUEST, 32) is REQUEST


def test_padding_leaves_a_clip_that_fits_as_it_is(make):
    edits = [make(fit=fit).edit(REQUEST).video.frames for fit in ("refuse", "pad")]
    assert np.array_equal(*edits)


def test_the_model_edits_the_first_frame_itself_where_the_track_gives_none(make):
    method = make(first_frame="edited", track="text", inversion_steps=3, guidance=1.0)
    blind = replace(REQUEST, first_frame=None)
    first = latents(method, blind)[:, :, :1]
    assert not torch.equal(first, method.wan.encode(SOURCE.frames)[:, :, :1])
    assert not torch.equal(first, latents(method, replace(blind, target_prompt="a steel chair"))[:, :, :1])
    assert torch.equal(first, latents(method, REQUEST)[:, :, :1]), "one that is given besides is not looked at"
    assert method.edit(blind).nfe == 4 * (1 + 2) + 3 + 4


def test_a_first_frame_edited_under_equal_prompts_is_the_source_s(make):
    same = replace(REQUEST, first_frame=None, target_prompt=REQUEST.source_prompt)
    method = make(first_frame="edited", track="text", first_frame_guidance=1.0)
    assert torch.equal(latents(method, same)[:, :, :1], method.wan.encode(SOURCE.frames)[:, :, :1])


def test_a_mask_bounds_the_edit_of_the_first_frame(make):
    mask = np.zeros((9, 64, 96), bool)
    mask[:, :16, :16] = True
    method = make(first_frame="edited", track="mask")
    first = latents(method, replace(REQUEST, first_frame=None, mask=mask))[:, :, :1]
    change = (first - method.wan.encode(SOURCE.frames)[:, :, :1]).abs().sum(dim=(0, 1, 2))
    assert change[0, 0] > 0 and change[3:].eq(0).all() and change[:, 3:].eq(0).all()


def test_a_case_without_the_edited_first_frame_fails_with_what_to_do(make):
    with pytest.raises(CaseFailed, match="first_frame: source"):
        make().edit(replace(REQUEST, first_frame=None))


def test_an_edited_first_frame_of_another_size_fails_with_both_sizes(make):
    with pytest.raises(CaseFailed, match="32x64; wanted the source's 96x64"):
        make().edit(replace(REQUEST, first_frame=np.zeros((64, 32, 3), np.uint8)))


@pytest.mark.parametrize("track", ["text", "mask"])
def test_a_row_that_wants_an_edited_first_frame_its_track_does_not_give_is_refused_when_made(model, track):
    card = MethodCard(name="row", family="f", track=track, parameters={"model": model})
    with pytest.raises(UserError, match=f"track {track} gives no edited first frame.*first_frame: source"):
        TI2VInversion(card)


@pytest.mark.filterwarnings("error")
def test_read_only_frames_do_and_are_left_as_they_were(make):
    frames = SOURCE.frames.copy()
    frames.flags.writeable = False
    method = make()
    edit = method.edit(replace(REQUEST, source=Video(frames)))
    assert np.array_equal(edit.video.frames, method.edit(REQUEST).video.frames)
    assert np.array_equal(frames, SOURCE.frames)
