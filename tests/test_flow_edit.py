"""FlowEdit and FlowAlign: on Gaussian flows whose answer is known, then on a tiny random model."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from bench.errors import CaseFailed, UserError
from bench.types import EditMethod, EditRequest, MethodCard, Video
from methods import zoo
from methods.flow_edit import FlowAlign, FlowEdit, flow_align, flow_edit
from methods.sdedit import SDEdit
from methods.wan.schedules import grid_from, native_dpm, unshift_sigma
from tests.tiny_model import build

torch.set_num_threads(1)
rng = np.random.default_rng(0)

# Gaussian flows of one spread: the source, the target, and the data without a prompt.
SPREAD, SOURCE_MEAN, TARGET_MEAN, ANY_MEAN = 0.5, 0.5, -0.7, 0.1
MOVE = TARGET_MEAN - SOURCE_MEAN
X = np.linspace(-1, 2, 9)

CLIP = Video(rng.integers(0, 256, (9, 64, 96, 3), dtype=np.uint8))
REQUEST = EditRequest(
    case_id="case",
    source=CLIP,
    source_prompt="a red mug turns on the table",
    target_prompt="a blue mug turns on the table",
    instruction="make the mug blue",
    seed=0,
    first_frame=rng.integers(0, 256, (64, 96, 3), dtype=np.uint8),
)
UNEDITED = replace(REQUEST, target_prompt=REQUEST.source_prompt, first_frame=CLIP.frames[0])
BOTH = pytest.mark.parametrize("cls", [FlowEdit, FlowAlign])


def flow(mean):
    """Velocity of data N(mean, SPREAD^2), exactly."""

    def velocity(x, sigma):
        a = 1 - sigma
        return (sigma - a * SPREAD**2) / (a * a * SPREAD**2 + sigma**2) * (x - a * mean) - mean

    return velocity


def guided(mean, negative, scale):
    """The velocity guided from one mean's towards, and past, another's."""
    away, to = flow(negative), flow(mean)
    return lambda x, sigma: away(x, sigma) + scale * (to(x, sigma) - away(x, sigma))


def noise(seed=0):
    generator = np.random.default_rng(seed)
    return lambda: generator.standard_normal(X.shape)


def edited(sigmas, **options):
    return flow_edit(X, sigmas, flow(SOURCE_MEAN), flow(TARGET_MEAN), noise(), **options)


def share(sigma, spread=SPREAD):
    """The share of an edit that is made when it begins at sigma, in closed form."""
    return 1 - (1 - sigma) * spread / math.hypot((1 - sigma) * spread, sigma)


@pytest.mark.parametrize("steps", [1, 5, 50])
@pytest.mark.parametrize("n_avg", [1, 3])
def test_flowedit_moves_a_gaussian_to_the_target_exactly_whatever_the_steps(steps, n_avg):
    assert edited(native_dpm(steps, 5), n_avg=n_avg) == pytest.approx(X + MOVE, abs=1e-12)


def test_on_gaussians_the_noise_of_flowedit_cancels():
    for other in (1, 2):
        a, b = (flow_edit(X, native_dpm(20, 5), flow(SOURCE_MEAN), flow(TARGET_MEAN), noise(s)) for s in (0, other))
        assert a == pytest.approx(b, abs=1e-13)


def test_flowedit_with_guidance_goes_as_far_as_both_guided_means_lie_apart():
    v_src, v_tar = guided(SOURCE_MEAN, ANY_MEAN, 3.5), guided(TARGET_MEAN, ANY_MEAN, 13.5)
    moved = flow_edit(X, native_dpm(50, 5), v_src, v_tar, noise()) - X
    assert moved == pytest.approx(-12.2, abs=1e-10)


@pytest.mark.parametrize(("n_max", "measured"), [(33, 0.95296), (24, 0.90150)])
def test_a_partial_flowedit_makes_the_share_that_was_measured_and_tends_to_the_closed_form(n_max, measured):
    sigmas = native_dpm(50, 5)[50 - n_max :]
    made = (edited(sigmas) - X) / MOVE
    assert made == pytest.approx(measured, abs=1e-5)
    fine = (edited(grid_from(sigmas[0], 4000, 5)) - X) / MOVE
    assert fine == pytest.approx(share(sigmas[0]), abs=2e-4)


def test_n_max_steps_of_the_paper_are_as_many_steps_of_a_partial_strength():
    whole = native_dpm(50, 5)
    assert grid_from(whole[17], 33, 5) == pytest.approx(whole[17:], abs=1e-12)
    assert unshift_sigma(whole[17], 5) == pytest.approx(33 / 50)


def test_averaging_over_draws_steadies_a_flow_that_is_not_gaussian():
    def bent(x, sigma):
        return flow(TARGET_MEAN)(x, sigma) + np.sin(3 * x)

    def spread(n_avg):
        runs = [flow_edit(X, native_dpm(8, 5), flow(SOURCE_MEAN), bent, noise(s), n_avg) for s in range(24)]
        return np.std(runs, axis=0).mean()

    assert spread(16) < spread(1) / 2


def test_below_sigma_min_the_target_is_sampled_plainly():
    """Exact flows carry (x - a m) / sqrt(V) along, so the whole path has a closed form too."""
    asked = []

    def v_src(x, sigma):
        asked.append(sigma)
        return flow(SOURCE_MEAN)(x, sigma)

    sigmas, eps = native_dpm(4000, 5), noise(7)()
    edit = flow_edit(X, sigmas, v_src, flow(TARGET_MEAN), lambda: eps, sigma_min=0.4)
    switch = next(s for s in sigmas if s <= 0.4)
    assert min(asked) > 0.4 >= switch
    a = 1 - switch
    there = a * X + switch * eps + a * MOVE
    exact = TARGET_MEAN + (there - a * TARGET_MEAN) * SPREAD / math.hypot(a * SPREAD, switch)
    assert edit == pytest.approx(exact, abs=2e-3)
    assert np.abs(edit - (X + MOVE)).max() > 0.05, "the noise of the switch stays in the clip"


def test_flowalign_without_its_pull_goes_guidance_times_as_far_as_the_target():
    for scale in (1.0, 1.5, 13.5):
        v_p = guided(TARGET_MEAN, SOURCE_MEAN, scale)
        edit = flow_align(X, native_dpm(20, 5), flow(SOURCE_MEAN), v_p, noise(), zeta=0)
        assert edit == pytest.approx(X + scale * MOVE, abs=1e-10)


def test_the_pull_of_flowalign_is_what_the_recurrence_of_gaussians_says():
    """With d = z - x_src the velocities differ by K (d - a MOVE) - MOVE, the clean clips by d - sigma times that."""
    sigmas, zeta, d = native_dpm(20, 5), 0.05, 0.0
    for s, t in pairwise(sigmas):
        a = 1 - s
        dv = (s - a * SPREAD**2) / (a * a * SPREAD**2 + s * s) * (d - a * MOVE) - MOVE
        d = d + (t - s) * dv - zeta * (d - s * dv)
    edit = flow_align(X, sigmas, flow(SOURCE_MEAN), flow(TARGET_MEAN), noise(), zeta)
    assert edit == pytest.approx(X + d, abs=1e-12)


def test_the_pull_of_flowalign_is_per_step_so_more_steps_hold_the_source_closer():
    def made(steps, zeta):
        edit = flow_align(X, native_dpm(steps, 5), flow(SOURCE_MEAN), flow(TARGET_MEAN), noise(), zeta)
        return float(np.mean((edit - X) / MOVE))

    by_zeta = [made(20, zeta) for zeta in (0, 0.01, 0.05, 0.2)]
    assert by_zeta == sorted(by_zeta, reverse=True)
    assert made(80, 0.05) < made(20, 0.05) < made(5, 0.05)


def test_the_pull_of_the_shipped_row_takes_back_a_fifth_of_an_edit_that_guidance_does_not_scale():
    row = zoo()["flowalign"].card.parameters
    sigmas = grid_from(row["strength"], row["generation_steps"], 2.0)  # the shift of shopedit-mini
    edit = flow_align(X, sigmas, flow(SOURCE_MEAN), flow(TARGET_MEAN), noise(), row["zeta"])
    assert 0.75 < np.mean((edit - X) / MOVE) < 0.85


def test_equal_velocities_return_the_source_bit_for_bit():
    v, sigmas = flow(SOURCE_MEAN), native_dpm(9, 5)
    for zeta in (0, 0.3):
        assert np.array_equal(flow_align(X, sigmas, v, v, noise(), zeta), X)
    for n_avg in (1, 3):
        assert np.array_equal(flow_edit(X, sigmas, v, v, noise(), n_avg), X)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(build(tmp_path_factory.mktemp("model")))


@pytest.fixture
def make(model):
    def make(cls=FlowEdit, track="first-frame", **parameters):
        given = {"model": model, "generation_steps": 4, **parameters}
        method = cls(MethodCard(name="row", family="f", track=track, parameters=given))
        method.load("cpu")
        assert isinstance(method, EditMethod)
        return method

    return make


def latents(method, request=REQUEST):
    with torch.inference_mode():
        return method.latents(method.wan, request)


@BOTH
def test_an_edit_has_the_size_and_rate_of_its_source(make, cls):
    edit = make(cls).edit(REQUEST)
    assert edit.video.shape == CLIP.shape
    assert edit.video.fps == CLIP.fps
    assert edit.seconds > 0


@pytest.mark.parametrize(
    ("cls", "parameters", "nfe"),
    [
        (FlowEdit, {"guidance": 1.0}, 4 * 2),
        (FlowEdit, {"guidance": 2.0}, 4 * 3),
        (FlowEdit, {"guidance": 2.0, "guidance_source": 1.5}, 4 * 4),
        (FlowEdit, {"guidance": 2.0, "n_avg": 3}, 4 * 3 * 3),
        (FlowEdit, {"guidance": 2.0, "sigma_min": 1.0}, 4 * 2),
        (FlowAlign, {"guidance": 2.0}, 4 * 3),
        (FlowAlign, {"guidance": 1.0}, 4 * 2),
    ],
)
def test_nfe_follows_guidance_and_draws(make, cls, parameters, nfe):
    method = make(cls, **parameters)
    assert [method.edit(REQUEST).nfe for _ in range(2)] == [nfe, nfe]


@BOTH
def test_latent_frame_zero_is_the_edited_first_frame_bit_for_bit(make, cls):
    method = make(cls)
    assert torch.equal(latents(method)[:, :, :1], method.wan.encode(REQUEST.first_frame[None]))


@BOTH
def test_the_source_s_first_frame_may_stand_in_where_the_track_gives_none(make, cls):
    method = make(cls, first_frame="source", track="text")
    blind = replace(REQUEST, first_frame=None)
    assert torch.equal(latents(method, blind)[:, :, :1], method.wan.encode(CLIP.frames)[:, :, :1])


@pytest.mark.parametrize(
    ("cls", "parameters"),
    [
        (FlowEdit, {"guidance": 1.0}),
        (FlowEdit, {"guidance": 3.0, "guidance_source": 3.0, "n_avg": 2, "strength": 0.7}),
        (FlowAlign, {"guidance": 3.0, "zeta": 0.0}),
        (FlowAlign, {"guidance": 3.0, "zeta": 0.2}),
    ],
)
def test_equal_prompts_guidance_and_first_frames_return_the_source_bit_for_bit(make, cls, parameters):
    method = make(cls, first_frame="source", **parameters)
    assert torch.equal(latents(method, UNEDITED), method.wan.encode(CLIP.frames))


@BOTH
def test_the_source_s_own_first_frame_when_given_as_the_edited_one_is_no_edit(make, cls):
    """Its latent, encoded alone, may differ from the clip's by a rounding."""
    method = make(cls, guidance=1.0)
    assert torch.allclose(latents(method, UNEDITED), method.wan.encode(CLIP.frames), atol=2e-6)


@BOTH
def test_prompts_and_the_first_frame_each_make_an_edit_of_the_frames_after_it(make, cls):
    method = make(cls, guidance=4.0)
    source = method.wan.encode(CLIP.frames)
    for change in ({"target_prompt": "a steel chair"}, {"first_frame": REQUEST.first_frame}):
        moved = (latents(method, replace(UNEDITED, **change)) - source)[:, :, 1:].abs().max()
        assert moved > 1e-3, change
    edit = latents(method)
    assert not torch.equal(edit, latents(method, replace(REQUEST, source_prompt="a steel chair")))


@BOTH
def test_the_noise_follows_the_seed(make, cls):
    method = make(cls)
    edit = latents(method)
    assert torch.equal(edit, latents(method))
    assert not torch.equal(edit, latents(method, replace(REQUEST, seed=1)))


@BOTH
def test_less_strength_keeps_more_of_the_source(make, cls):
    changes = []
    for strength in (0.05, 0.4, 1.0):
        method = make(cls, strength=strength, guidance=4.0)
        changes.append(float((latents(method) - method.wan.encode(CLIP.frames))[:, :, 1:].abs().mean()))
    assert changes == sorted(changes)
    assert changes[0] < changes[2] / 2


def test_flowalign_guides_away_from_the_source_prompt(make):
    """Its target branch is FlowEdit's with the source prompt as the negative one, at no pull."""
    align = make(FlowAlign, guidance=3.0, zeta=0.0)
    twin = make(FlowEdit, guidance=3.0, negative_prompt=REQUEST.source_prompt)
    assert torch.equal(latents(align), latents(twin))


def test_flowedit_that_samples_plainly_all_the_way_is_sdedit(make):
    for strength in (0.5, 1.0):
        plain = make(FlowEdit, sigma_min=1.0, strength=strength, guidance=2.0)
        assert torch.equal(latents(plain), latents(make(SDEdit, strength=strength, guidance=2.0)))


@BOTH
@pytest.mark.parametrize("branch", ["source", "target"])
def test_a_bad_velocity_fails_the_case_and_names_branch_step_and_sigma(make, monkeypatch, cls, branch):
    method = make(cls, guidance=1.0)
    prompt = {"source": REQUEST.source_prompt, "target": REQUEST.target_prompt}[branch]
    text, forward, calls = method.wan.encode_text(prompt), method.wan._forward, []

    def broken(self, x, sigma, context, conditioned):
        calls.append(sigma)
        bad = len(calls) > 4 and torch.equal(context, text)  # two forwards a step
        return forward(x, sigma, context, conditioned) * (float("nan") if bad else 1)

    monkeypatch.setattr(type(method.wan), "_forward", broken)
    with pytest.raises(CaseFailed, match=f"{branch} branch: .*nan at step 3 of 4, sigma 0\\.\\d+"):
        method.edit(REQUEST)


@pytest.mark.parametrize(
    ("cls", "parameters", "message"),
    [
        (FlowEdit, {"n_avg": 0}, "n_avg = 0 .* >= 1"),
        (FlowEdit, {"guidance_source": 0.5}, "guidance_source = 0.5 .* >= 1"),
        (FlowEdit, {"sigma_min": 1.5}, "sigma_min = 1.5 .*\\[0, 1\\]"),
        (FlowEdit, {"generation_solver": "midpoint"}, "generation_solver = 'midpoint' .* euler"),
        (FlowAlign, {"zeta": -0.1}, "zeta = -0.1 .*\\[0, 1\\]"),
        (FlowAlign, {"negative_prompt": "blurry"}, "negative_prompt = 'blurry' .* source prompt"),
        (FlowAlign, {"guidance_source": 2.0}, "unknown parameter 'guidance_source'"),
    ],
)
def test_a_parameter_that_could_do_nothing_or_harm_is_refused(cls, parameters, message):
    with pytest.raises(UserError, match=message):
        cls(MethodCard(name="row", family="f", track="first-frame", parameters=parameters))


def test_the_solver_rows_differ_from_euler_s_in_their_solvers_alone():
    """So that what they score is owed to the solver."""
    rows = {name: dict(entry.card.parameters) for name, entry in zoo().items()}
    solvers = {
        "rf-solver": ("midpoint", "midpoint"),
        "fireflow": ("fireflow", "fireflow"),
        "uni-inv": ("uni-inv", "euler"),
    }
    for name, pair in solvers.items():
        row = rows[name]
        assert (row["inversion_solver"], row["generation_solver"]) == pair
        assert row | {"inversion_solver": "euler", "generation_solver": "euler"} == rows["ti2v-inversion"]
