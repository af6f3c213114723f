"""TI2V-v2: all ideas together, by the preset that the instruction asks for."""

import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from bench import registry
from bench.errors import UserError
from bench.types import EditRequest, MethodCard, Video
from methods import zoo
from methods.blending import LatentBlending
from methods.injection import AttentionSharing, FeatureInjection
from methods.intent import scenario_of
from methods.inversion import TI2VInversion
from methods.ti2v_v2 import TI2VV2
from tests.tiny_model import build

torch.set_num_threads(1)
rng = np.random.default_rng(0)
REQUEST = EditRequest(
    case_id="case",
    source=Video(rng.integers(0, 256, (9, 64, 96, 3), dtype=np.uint8)),
    source_prompt="a red mug turns on the table",
    target_prompt="a blue chair turns on the table",
    instruction="Change the colour of the mug from red to blue.",
    seed=0,
    first_frame=rng.integers(0, 256, (64, 96, 3), dtype=np.uint8),
)
OFF = {"region": "none", "injection_layers": [], "sharing_layers": []}
INJECTION = {"injection_layers": [0], "injection_sites": ["output"], "injection_share": 0.5}
SHARING = {"sharing_layers": [1], "sharing_sites": ["query", "key"], "sharing_share": 0.5}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return str(build(tmp_path_factory.mktemp("model")))


@pytest.fixture
def latents(model):
    def latents(cls, request=REQUEST, **parameters):
        given = {"model": model, "inversion_steps": 4, "generation_steps": 4, "guidance": 1.0, **parameters}
        method = cls(MethodCard(name="row", family="f", track="first-frame", parameters=given))
        method.load("cpu")
        with torch.inference_mode():
            return method.latents(method.wan, request)

    return latents


def test_with_everything_off_it_is_ti2v_inversion(latents):
    assert torch.equal(latents(TI2VV2, **OFF), latents(TI2VInversion))


@pytest.mark.parametrize("features", ["stored", "beside"])
def test_with_one_idea_on_it_is_that_idea_s_row(latents, features):
    injection, sharing = {**INJECTION, "features": features}, {**SHARING, "features": features}
    alone = latents(FeatureInjection, region="none", **injection)
    assert torch.equal(latents(TI2VV2, **OFF | injection), alone)
    alone = latents(AttentionSharing, region="none", **sharing)
    assert torch.equal(latents(TI2VV2, **OFF | sharing), alone)
    blending = {"region": "found", "blend_until": 0.3}
    assert torch.equal(latents(TI2VV2, **OFF | blending), latents(LatentBlending, **blending))


def test_ideas_add_up(latents):
    edits = [OFF, OFF | INJECTION, OFF | SHARING, OFF | INJECTION | SHARING]
    edits += [edits[-1] | {"region": "found", "region_threshold": 0.9, "region_softness": 0.05, "feather": 0}]
    made = [latents(TI2VV2, **parameters) for parameters in edits]
    assert not any(torch.equal(a, b) for i, a in enumerate(made) for b in made[:i])


def test_the_preset_of_the_asked_scenario_counts_and_others_do_not(latents):
    presets = {"color": {"strength": 0.5, "generation_steps": 2}, "style": {"strength": 0.1}}
    asked = latents(TI2VV2, **OFF, presets=presets)
    assert torch.equal(asked, latents(TI2VV2, **OFF | {"strength": 0.5, "generation_steps": 2}))
    unknown = latents(TI2VV2, replace(REQUEST, instruction="Surprise me."), **OFF, presets=presets)
    assert torch.equal(unknown, latents(TI2VV2, **OFF))


def test_an_edit_does_not_change_the_row(model):
    given = {
        "model": model,
        "generation_steps": 2,
        "inversion_steps": 2,
        **OFF,
        "presets": {"color": {"strength": 0.5}},
    }
    method = TI2VV2(MethodCard(name="row", family="f", track="first-frame", parameters=given))
    method.load("cpu")
    before = method.parameters
    costs = [method.edit(REQUEST).nfe for _ in range(2)]
    assert method.parameters is before and costs == [2 + 2 * 2] * 2  # guidance is 2 by default


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ({"colour": {}}, "presets = .* is not allowed; wanted for any scenario .*\\(default {}\\)"),
        ({"color": {"strength": 0}}, "'row, preset color': strength = 0 .*\\(0, 1\\]"),
        ({"color": {"strenght": 0.5}}, "'row, preset color': unknown parameter 'strenght'"),
        ({"style": {"fit": "pad"}}, "preset 'style' sets fit; wanted it in the row itself"),
        ({"add": {"region": "mask"}}, "'row, preset add': track first-frame gives no mask"),
    ],
)
def test_a_preset_is_checked_when_the_row_is_made(presets, message):
    with pytest.raises(UserError, match=message) as error:
        TI2VV2(MethodCard(name="row", family="f", track="first-frame", parameters={"presets": presets}))
    assert "\n" not in str(error.value)


def test_a_layer_of_a_preset_that_the_model_does_not_have_is_refused(model):
    given = {"model": model, "presets": {"style": {"injection_layers": [7]}}}
    method = TI2VV2(MethodCard(name="row", family="f", track="first-frame", parameters=given))
    with pytest.raises(UserError, match="'row, preset style': layer 7 does not exist; wanted layers from 0 to 1"):
        method.load("cpu")


@pytest.mark.parametrize(
    ("instruction", "scenario"),
    [
        ("Change the background: show the ring in a cosy cafe at night.", "background"),
        ("Replace the background with a beach.", "background"),
        ("Turn the video into pop art style.", "style"),
        ("Change the colour of the lamp from red to yellow.", "color"),
        ("Recolor the bag in green.", "color"),
        ("Make the donut of ceramic instead of fabric.", "material"),
        ("Remove the gift box beside the wristwatch.", "remove"),
        ("Add a lemon beside the ring.", "add"),
        ("Replace the headphones with a green leather teddy bear.", "product"),
        ("Swap the mug for a vase.", "product"),
        ("Surprise me.", None),
        ("", None),
    ],
)
def test_the_scenario_is_read_from_the_words(instruction, scenario):
    assert scenario_of(instruction) == scenario


def test_every_instruction_of_the_development_split_is_understood():
    cases = registry.testset("shopedit-300").select("dev")
    wrong = [c.instruction.en for c in cases if scenario_of(c.instruction.en) != c.scenario]
    assert len(cases) >= 60 and wrong == []


def test_the_shipped_rows_differ_in_how_they_come_to_the_first_frame_alone():
    rows = {name: zoo()[name].card for name in ("ti2v-v2", "ti2v-v2-text")}
    first, text = rows["ti2v-v2"].parameters, rows["ti2v-v2-text"].parameters
    assert {name for name in first if first[name] != text[name]} == {"first_frame"}
    assert all(re.search("every improvement|two prompts alone", card.description) for card in rows.values())
