"""Feature injection, attention sharing and latent blending as rows, on a tiny random model."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from bench.errors import CaseFailed, UserError
from bench.types import EditMethod, EditRequest, MethodCard, Video
from methods.blending import LatentBlending
from methods.injection import AttentionSharing, FeatureInjection
from methods.inversion import TI2VInversion
from methods.parameters import Parameters
from methods.rows import read_row
from methods.wan.trace import Trace
from tests.tiny_model import build

torch.set_num_threads(1)
rng = np.random.default_rng(0)
CLIP = Video(rng.integers(0, 256, (9, 64, 96, 3), dtype=np.uint8))
MASK = np.zeros((9, 64, 96), bool)
MASK[:, :32, :32] = True
REQUEST = EditRequest(
    case_id="case",
    source=CLIP,
    source_prompt="a red mug turns on the table",
    target_prompt="a blue chair turns on the table",
    instruction="make the mug a blue chair",
    seed=0,
    first_frame=rng.integers(0, 256, (64, 96, 3), dtype=np.uint8),
)
MASKED = replace(REQUEST, first_frame=None, mask=MASK)
UNEDITED = replace(REQUEST, target_prompt=REQUEST.source_prompt, first_frame=CLIP.frames[0])
INJECTION = {"injection_layers": [0, 1], "injection_sites": ["block"], "injection_share": 0.5, "region": "none"}
SHARING = {"sharing_layers": [0, 1], "sharing_sites": ["key", "value"], "sharing_share": 0.5, "region": "none"}
BORROWING = [(FeatureInjection, INJECTION), (AttentionSharing, SHARING)]
ALL = [*BORROWING, (LatentBlending, {"region": "found"})]


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(build(tmp_path_factory.mktemp("model")))


@pytest.fixture
def make(model):
    def make(cls, track="first-frame", **parameters):
        given = {"model": model, "inversion_steps": 4, "generation_steps": 4, "guidance": 1.0, **parameters}
        method = cls(MethodCard(name="row", family="f", track=track, parameters=given))
        method.load("cpu")
        assert isinstance(method, EditMethod)
        return method

    return make


def latents(method, request=REQUEST):
    with torch.inference_mode():
        return method.latents(method.wan, request)


def distance(a, b):
    return float((a - b)[:, :, 1:].square().mean().sqrt())


@pytest.mark.parametrize(("cls", "parameters"), ALL)
def test_an_edit_has_the_size_of_its_source_and_latent_frame_zero_is_the_edited_one(make, cls, parameters):
    method = make(cls, **parameters)
    edit = method.edit(REQUEST)
    assert edit.video.shape == CLIP.shape and edit.seconds > 0
    assert torch.equal(latents(method)[:, :, :1], method.wan.encode(REQUEST.first_frame[None]))


@pytest.mark.parametrize(
    ("cls", "parameters", "nfe"),
    [
        (FeatureInjection, INJECTION, 4 + 4),
        (FeatureInjection, INJECTION | {"region": "found", "region_draws": 3}, 4 + 4 + 2 * 3),
        (FeatureInjection, INJECTION | {"features": "beside"}, 4 + 4 + 2),
        (AttentionSharing, SHARING | {"features": "beside", "sharing_share": 1.0, "guidance": 2.0}, 4 + 8 + 4),
        (LatentBlending, {"region": "found", "blend_until": 0.0}, 4 + 4 + 2),
        (LatentBlending, {"region": "none"}, 4 + 4),
    ],
)
def test_nfe_counts_what_is_computed_beside_and_what_finds_the_region(make, cls, parameters, nfe):
    method = make(cls, **parameters)
    assert [method.edit(REQUEST).nfe for _ in range(2)] == [nfe, nfe]


@pytest.mark.parametrize("features", ["stored", "beside"])
def test_the_outputs_of_blocks_draw_the_edit_to_the_source(make, features):
    free = latents(make(TI2VInversion))
    source = make(TI2VInversion).wan.encode(CLIP.frames)
    near = latents(make(FeatureInjection, features=features, **INJECTION | {"injection_share": 1.0}))
    assert distance(near, source) < distance(free, source)


@pytest.mark.parametrize(("cls", "parameters"), BORROWING)
def test_without_layers_a_borrowing_row_is_ti2v_inversion_bit_for_bit(make, cls, parameters):
    layers = next(name for name in parameters if name.endswith("_layers"))
    assert torch.equal(latents(make(cls, **parameters | {layers: []})), latents(make(TI2VInversion)))


def test_the_query_to_the_prompt_is_an_option_of_its_own(make):
    edits = [latents(make(AttentionSharing, **SHARING | {"sharing_sites": [s]})) for s in ("query", "cross-query")]
    assert not torch.equal(*edits)


def test_stored_features_cover_the_noisiest_step_whatever_the_steps_of_both_legs(make):
    for up, down in ((1, 8), (8, 1), (3, 5)):
        method = make(FeatureInjection, **INJECTION | {"inversion_steps": up, "generation_steps": down})
        assert torch.isfinite(latents(method)).all()


@pytest.mark.parametrize("solver", ["midpoint", "fireflow", "uni-inv"])
def test_features_are_stored_by_every_solver_of_the_inversion(make, solver):
    down = "euler" if solver == "uni-inv" else solver
    method = make(FeatureInjection, inversion_solver=solver, generation_solver=down, **INJECTION)
    assert not torch.equal(latents(method), latents(make(TI2VInversion, inversion_solver=solver)))


def test_the_tokens_of_a_region_keep_their_own_features(make):
    """Nothing is borrowed where the region is all of the clip."""
    everything = replace(MASKED, mask=np.ones_like(MASK))
    parameters = {"first_frame": "source", "track": "mask"}
    plain = latents(make(TI2VInversion, **parameters), everything)
    row = make(FeatureInjection, **INJECTION | {"region": "mask"}, **parameters)
    assert torch.equal(latents(row, everything), plain)
    assert not torch.equal(latents(row, MASKED), plain)


@pytest.mark.parametrize("path", ["inverted", "noised"])
def test_outside_the_region_a_clip_blended_to_the_end_is_the_source_bit_for_bit(make, path):
    method = make(
        LatentBlending, "mask", region="mask", feather=0, first_frame="source", blend_until=0.0, blend_path=path
    )
    edit, source = latents(method, MASKED), method.wan.encode(CLIP.frames)
    assert torch.equal(edit[..., 2:, :], source[..., 2:, :])
    assert torch.equal(edit[..., 2:], source[..., 2:])
    assert not torch.equal(edit[:, :, 1:, :2, :2], source[:, :, 1:, :2, :2])


def test_blending_that_is_never_held_is_ti2v_inversion_and_holding_longer_keeps_more(make):
    plain = latents(make(TI2VInversion))
    source = make(TI2VInversion).wan.encode(CLIP.frames)
    row = {"region": "found", "region_threshold": 0.6}
    assert torch.equal(latents(make(LatentBlending, blend_until=1.0, **row)), plain)
    kept = [distance(latents(make(LatentBlending, blend_until=until, **row)), source) for until in (1.0, 0.5, 0.0)]
    assert kept[0] > kept[1] > kept[2]


@pytest.mark.parametrize(("cls", "parameters"), ALL)
def test_less_strength_keeps_more_of_the_source(make, cls, parameters):
    source = make(TI2VInversion).wan.encode(CLIP.frames)
    changes = [distance(latents(make(cls, strength=s, guidance=4.0, **parameters)), source) for s in (0.05, 1.0)]
    assert changes[0] < changes[1] / 2


def test_an_unedited_clip_comes_back_through_every_idea(make):
    source = make(TI2VInversion).wan.encode(CLIP.frames)
    steps = {"inversion_steps": 8, "generation_steps": 8}
    solvers = {"inversion_solver": "midpoint", "generation_solver": "midpoint"}
    for cls, parameters in ALL:
        assert distance(latents(make(cls, **steps | solvers | parameters), UNEDITED), source) < 0.02, cls


def test_a_velocity_that_breaks_names_leg_step_and_sigma(make, monkeypatch):
    method, calls, breaks = make(LatentBlending, region="found", blend_until=0.5, generation_steps=6), [], {}
    forward = method.wan._forward

    def broken(self, x, sigma, context, conditioned):
        calls.append(sigma)
        return forward(x, sigma, context, conditioned) * (float("nan") if len(calls) == breaks["at"] else 1)

    monkeypatch.setattr(type(method.wan), "_forward", broken)
    for bad, words in (
        (1, r"region, target branch: .*nan at sigma 0\.7000"),
        (2 + 2, r"inversion: .*nan at step 2 of 4, sigma 0\.\d+"),
        (2 + 4 + 2, r"generation, held: .*nan at step 2 of \d, sigma 0\.\d+"),
        (2 + 4 + 6, r"generation, free: .*nan at step \d of \d, sigma 0\.\d+"),
    ):
        calls.clear()
        breaks["at"] = bad
        with pytest.raises(CaseFailed, match=words):
            method.edit(REQUEST)


@pytest.mark.parametrize(
    ("cls", "parameters", "message"),
    [
        (FeatureInjection, {"injection_amount": 0.0}, "injection_amount = 0.0 .*\\(0, 1\\]"),
        (FeatureInjection, {"injection_share": 1.2}, "injection_share = 1.2 .*\\(0, 1\\]"),
        (FeatureInjection, {"injection_sites": ["value"]}, "injection_sites = .*block .* output"),
        (FeatureInjection, {"injection_sites": []}, "injection_sites = .*; injection_layers: \\[\\] borrows nothing"),
        (AttentionSharing, {"sharing_sites": []}, "sharing_sites = .*; sharing_layers: \\[\\] borrows nothing"),
        (FeatureInjection, {"injection_layers": [0.5]}, "injection_layers = .*list of the model's layers"),
        (FeatureInjection, {"guidance_inversion": 2.0}, "guidance_inversion = 2.0 .*wanted 1"),
        (FeatureInjection, {"region": "everywhere"}, "region = 'everywhere' .*none .*found .*mask"),
        (AttentionSharing, {"sharing_sites": ["block"]}, "sharing_sites = .*query, key, value and cross-query"),
        (LatentBlending, {"feather": -1}, "feather = -1 .* >= 0"),
        (LatentBlending, {"blend_until": 1.5}, "blend_until = 1.5 .*\\[0, 1\\]"),
        (LatentBlending, {"region_sigma": 1.0}, "region_sigma = 1.0 .*\\(0, 1\\)"),
    ],
)
def test_a_parameter_out_of_range_is_refused_in_one_line(cls, parameters, message):
    with pytest.raises(UserError, match=message) as error:
        cls(MethodCard(name="row", family="f", track="first-frame", parameters=parameters))
    assert "\n" not in str(error.value)


def test_a_row_that_wants_a_mask_is_refused_off_the_mask_track():
    card = MethodCard(name="row", family="f", track="first-frame", parameters={"region": "mask"})
    with pytest.raises(UserError, match=r"track first-frame gives no mask.*region: found"):
        LatentBlending(card)


def test_an_empty_mask_fails_the_case(make):
    method = make(LatentBlending, "mask", region="mask", first_frame="source")
    with pytest.raises(CaseFailed, match="mask is empty"):
        method.edit(replace(MASKED, mask=np.zeros_like(MASK)))


@pytest.mark.parametrize("layers", [[0, 2], [-1]])
def test_a_layer_that_the_model_does_not_have_is_refused_when_the_row_is_read(model, tmp_path, layers):
    path = tmp_path / "row.yaml"
    path.write_text(
        "name: row\nclass: methods.injection:FeatureInjection\nfamily: f\ntrack: first-frame\n"
        f"parameters: {{model: '{model}', injection_layers: {layers}}}\n"
    )
    with pytest.raises(UserError, match=rf"layer {layers[-1]} does not exist; wanted layers from 0 to 1"):
        read_row(path)


def test_a_trace_gives_back_its_states_and_lies_between_them_elsewhere():
    trace = Trace()
    for sigma in (0.5, 0.0, 1.0):
        trace.add(sigma, torch.tensor(10 * sigma))
    assert [float(trace.at(s)) for s in (0.0, 0.25, 0.5, 0.9, 1.0, 2.0)] == pytest.approx([0, 2.5, 5, 9, 10, 10])
    assert trace.at(0.5) is trace.at(0.5)


def test_a_parameter_set_without_a_model_has_nothing_to_check():
    assert Parameters().check_model("row") is None
