"""The registry's rows: one YAML file each, read without torch, refused in one line when wrong."""

import importlib
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from bench import registry
from bench.errors import UserError
from methods import zoo
from methods.inversion import Inversion
from methods.rows import read_row, read_rows
from methods.wan.adapter import Generation, WanMethod
from methods.wan.solvers import SOLVERS
from tests.tiny_model import build

ROWS = {
    "attention-sharing",
    "copy-source",
    "feature-injection",
    "fireflow",
    "first-frame",
    "flowalign",
    "flowedit",
    "ground-truth",
    "latent-blending",
    "latent-blending-mask",
    "rf-solver",
    "sdedit",
    "sdedit-text",
    "ti2v-inversion",
    "ti2v-inversion-published",
    "ti2v-v2",
    "ti2v-v2-text",
    "uni-inv",
    "vae-source",
    "vae-target",
    "wrong-edit",
}
ROW = """
name: row
class: methods.inversion:TI2VInversion
family: inversion
track: first-frame
parameters: {%s}
"""


def write(folder, text, name="row"):
    path = folder / f"{name}.yaml"
    path.write_text(text)
    return path


def make(entry):
    module, _, name = entry.target.partition(":")
    return getattr(importlib.import_module(module), name)(entry.card)


def test_the_shipped_rows_are_all_there_under_their_own_names():
    rows = zoo()
    assert set(rows) >= ROWS
    assert all(name == row.card.name for name, row in rows.items())


def test_every_shipped_row_can_be_made_and_keeps_its_card():
    for entry in zoo().values():
        assert make(entry).card == entry.card


def test_a_cards_parameters_are_complete_so_that_defaults_are_part_of_its_identity():
    for entry in zoo().values():
        assert set(entry.card.parameters) == set(type(make(entry).parameters).model_fields)


def test_only_the_controls_that_show_the_answer_are_oracles():
    oracles = {name for name, row in zoo().items() if row.card.oracle}
    assert oracles == {"ground-truth", "vae-target", "wrong-edit"}
    assert all(row.card.control for name, row in zoo().items() if name in oracles)
    assert not zoo()["ti2v-inversion"].card.control


def test_a_row_that_needs_the_edited_first_frame_is_in_the_track_that_gives_it():
    for entry in zoo().values():
        method = make(entry)
        if isinstance(method, WanMethod) and method.parameters.first_frame == "target":
            assert entry.card.track == "first-frame"


def test_a_row_says_which_words_it_needs():
    needs = {name: row.card.needs for name, row in zoo().items()}
    assert needs["ti2v-inversion"] == needs["flowedit"] == needs["ti2v-v2"] == ("source_prompt",)
    assert needs["sdedit"] == needs["copy-source"] == ()
    assert needs["latent-blending-mask"] == ("source_prompt",)


def test_what_a_row_needs_follows_its_parameters():
    def needs(name, **changes):
        return registry.variant(zoo()[name], changes).card.needs

    for row in ("sdedit", "sdedit-text"):
        assert needs(row, first_frame="edited") == ("source_prompt",), "FlowEdit makes the first frame"
        assert needs(row, first_frame="source") == ()
    assert needs("teacher-4", start="flowedit") == ("source_prompt",)
    assert needs("teacher-4", start="renoise") == ()
    assert needs("teacher-4", start="renoise", first_frame="edited") == ("source_prompt",)


@pytest.mark.parametrize(
    ("row", "changes", "shown"),
    [
        ("propagated-frame", {"propagate_slack": 2}, 2.0),
        ("vae-source", {"model": "elsewhere"}, "elsewhere"),
        ("tint", {"timeout": 90}, 90.0),
    ],
)
def test_rows_without_a_backbone_take_other_parameters_too(monkeypatch, row, changes, shown):
    monkeypatch.setenv("SHOPEDIT_ROWS", str(Path(__file__).parents[1] / "docs" / "external" / "rows"))
    entry = zoo()[row]
    card = registry.variant(entry, changes).card
    (name,) = changes
    assert card.parameters == {**entry.card.parameters, name: shown}
    assert card.name.startswith(f"{row}-") and card.control == entry.card.control
    with pytest.raises(UserError, match=f"method '{row}': unknown parameter 'strength'; allowed: "):
        registry.variant(entry, {"strength": 0.5})


def test_a_row_without_parameters_says_that_none_are_allowed():
    with pytest.raises(UserError, match="method 'copy-source': unknown parameter 'strength'; allowed: none"):
        registry.variant(zoo()["copy-source"], {"strength": 0.5})


def test_reading_the_zoo_imports_no_torch():
    code = "import sys, methods; methods.zoo(); print([m for m in ('torch', 'diffusers') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("generaton_steps: 3", "unknown parameter 'generaton_steps'; allowed: .*generation_steps"),
        ("generation_steps: 0", "generation_steps = 0 .* >= 1"),
        ("inversion_steps: 2.5", "inversion_steps = 2.5 .* whole number"),
        ("guidance: 0.5", "guidance = 0.5 .* >= 1"),
        ("guidance: .nan", "guidance = nan .* >= 1"),
        ("guidance: .inf", "guidance = inf .* >= 1"),
        ("strength: 0", "strength = 0 .*\\(0, 1\\]"),
        ("strength: 1.2", "strength = 1.2 .*\\(0, 1\\]"),
        ("inversion_solver: rk4", "inversion_solver = 'rk4' .* one of euler, euler-lagged"),
        ("inversion_solver: unipc", "inversion_solver = 'unipc' .* one of euler, euler-lagged"),
        ("generation_solver: euler-lagged", "generation_solver = 'euler-lagged' .* unipc"),
        ("first_frame: middle", "first_frame = 'middle' .* target .* source .* or edited"),
        ("first_frame_guidance: 0.9", "first_frame_guidance = 0.9 .* >= 1"),
        ("fit: crop", "fit = 'crop' .* refuse .* or pad"),
        ("shift: 0", "shift = 0 .* in \\[0.01, 100\\], or null"),
        ("shift: 1e18", "shift = 1e\\+18 .* in \\[0.01, 100\\], or null"),
        ("shift_inversion: 101", "shift_inversion = 101 .* in \\[0.01, 100\\] for the inversion"),
    ],
)
def test_a_wrong_parameter_is_refused_in_one_line_with_what_is_allowed(tmp_path, parameters, message):
    with pytest.raises(UserError, match=message) as error:
        read_row(write(tmp_path, ROW % parameters))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: row\nfamily: f\n", "found no `class: package.module:Class`"),
        ("- a list\n", "found no `class"),
        ("name: [\n", "not YAML"),
        ((ROW % "").replace("name: row", "name: other"), "name is 'other'; wanted 'row'"),
        ((ROW % "").replace("track: first-frame", "track: video"), "track: .* found 'video'"),
        ((ROW % "") + "colour: red\n", "colour: Extra inputs are not permitted"),
        ((ROW % "") + "weights: abc\n", "weights are read from the model's folder"),
        ((ROW % "") + "needs: [source_prompt]\n", "needs follow from the parameters; remove the field"),
        ((ROW % "").replace("methods.inversion:TI2VInversion", "methods.inversion:Nothing"), "Nothing cannot"),
        ((ROW % "").replace("methods.inversion:TI2VInversion", "methods.nowhere:Nothing"), "nowhere"),
        ((ROW % "").replace("methods.inversion:TI2VInversion", "nonsense"), "wanted package.module:Class"),
    ],
)
def test_a_malformed_row_is_refused_with_file_and_field(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(UserError, match=message) as error:
        read_row(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_another_folder_of_rows_needs_nothing_but_yaml(tmp_path):
    write(tmp_path, ROW % "guidance: 3.0")
    write(tmp_path, (ROW % "").replace("name: row", "name: row-b"), "row-b")
    rows = read_rows(tmp_path)
    assert list(rows) == ["row", "row-b"]
    assert rows["row"].card.parameters["guidance"] == 3.0


def test_a_number_needs_no_point_before_its_exponent(tmp_path):
    assert read_row(write(tmp_path, ROW % "strength: 1e-3")).card.parameters["strength"] == 0.001


def test_the_weights_of_a_row_are_the_digest_of_its_model(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    models = [build(tmp_path / str(seed), seed) for seed in (0, 1)]
    cards = [read_row(write(tmp_path, ROW % f"model: '{model}'")).card for model in models]
    assert cards[0].weights is not None
    assert cards[0].weights != cards[1].weights
    absent = read_row(write(tmp_path, ROW % "model: not-yet-trained")).card
    assert absent.weights is None


def test_the_solvers_that_rows_may_name_are_those_that_exist():
    assert set(get_args(Inversion)) | set(get_args(Generation)) == set(SOLVERS)
