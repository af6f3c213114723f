"""`bench train report`: rows of a journal, figures worked out from them, and a report of a tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from bench.errors import UserError
from bench.types import SCENARIOS
from methods.training.report import clips, words
from methods.training.report.held_out import PAIRS, HeldOut, pixels_digest
from methods.training.report.journal import Journal
from methods.training.report.run import run, sections
from methods.training.report.summary import summarise, table
from tests import tiny_model
from tests.moving_boxes import MovingBoxes


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model.build(tmp_path_factory.mktemp("model")))


def held() -> HeldOut:
    return HeldOut(MovingBoxes(), frames=5, size=(32, 32))


def test_a_journal_goes_on_where_it_was_torn_and_keeps_subjects_apart(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    first = Journal(path, "a")
    first.add("vae", 0, {"psnr": 30.0})
    with path.open("a") as file:
        file.write('{"subject": "a", "section": "vae", "it')  # killed while it wrote
    again = Journal(path, "a")
    assert again.has("vae", 0) and not again.has("vae", 1)
    again.add("vae", 1, {"psnr": 31.0})
    assert Journal(path, "a").rows("vae") == {0: {"psnr": 30.0}, 1: {"psnr": 31.0}}
    assert Journal(path, "b").rows("vae") == {}
    assert Journal(None, "a").rows("vae") == {}


def edit_row(scenario: str, ours: float, copy: float = 20.0) -> dict:
    values = {"vae-target": 30.0, "copy-source": copy, "first-frame": 22.0, "from-noise": 24.0, "ti2v-inversion": ours}
    return {"scenario": scenario, "whole": values, "inside": values}


def test_gains_are_paired_means_over_scenarios_with_their_intervals() -> None:
    journal = Journal(None, "a")
    for i in range(13):  # twelve colour edits and one product swap: the scenarios count alike
        journal.add("edits", i, edit_row("color" if i else "product", 27.0 + i % 3 if i else 25.0))
    claims = {claim["name"]: claim for claim in summarise(journal)["claims"]}
    over = claims["ti2v-inversion over copy-source, dB"]
    assert over["found"] == pytest.approx((8 + 5) / 2) and over["wanted"] == ">= 6" and over["holds"]
    assert over["low"] < over["found"] < over["high"]
    gap = claims["vae-target over ti2v-inversion, dB"]
    assert gap["found"] == pytest.approx(3.5) and not gap["holds"]
    assert claims["inside, color: over copy-source, dB"]["found"] == pytest.approx(8)
    assert claims["product swaps: over from-noise, dB"]["found"] == pytest.approx(1)
    text = table(summarise(journal))
    assert "27.75 / 27.75" not in text and "26.50 / 26.50" in text, "the macro-average, not the mean over edits"


def test_an_edit_without_changed_pixels_has_no_inside_and_counts_nowhere_there() -> None:
    journal = Journal(None, "a")
    row = edit_row("add", 25.0)
    journal.add("edits", 0, row | {"inside": dict.fromkeys(row["inside"])})
    journal.add("edits", 1, edit_row("add", 26.0))
    found = summarise(journal)["figures"]["edits"]["methods"]["ti2v-inversion"]["all"]
    assert found["whole"]["n"] == 2 and found["inside"]["n"] == 1 and found["inside"]["mean"] == 26.0


def text_row(before: dict, after: dict, swapped: str) -> dict:
    return {"scenario": "color", "swapped": swapped, "sides": [before, after]}


def test_a_swap_counts_when_the_new_value_is_read_and_was_not_read_before() -> None:
    journal = Journal(None, "a")
    changes = [("red", "blue"), ("blue", "blue"), ("red", "red"), ("green", "blue")]
    for i, (first, second) in enumerate(changes):
        journal.add("text", i, text_row({"color": ["red", first]}, {"color": ["blue", second]}, "color"))
    journal.add("text", 4, text_row({"material": ["wood", "wood"]}, {"material": ["metal", "metal"]}, "material"))
    found = summarise(journal, unreliable={"material"})
    swapped = found["figures"]["text"]["swapped"]
    assert swapped["color"]["mean"] == 0.5 and swapped["material"]["mean"] == 1.0
    assert swapped["all"]["mean"] == 0.5, "what the judge cannot read is no evidence"
    assert found["figures"]["text"]["right"]["color"]["mean"] == pytest.approx(5 / 8)
    assert found["figures"]["text"]["right"]["color"]["groups"] == 4, "both sides of an edit go together"


def test_noise_is_an_edits_own_whatever_the_batch(model: str) -> None:
    from methods.wan.load import load

    backbone = load(model, "cpu")
    one, _ = clips.measure(backbone, held().rendered([3]), [3], {"edits"})
    two, _ = clips.measure(backbone, held().rendered([2, 3]), [2, 3], {"edits"})
    for name, value in one["edits"][0]["whole"].items():
        assert two["edits"][1]["whole"][name] == pytest.approx(value, abs=0.1)
    assert words.generate(backbone, ("a", "b"), 1, (4, 2, 2, 2)).shape[0] == 2


def test_a_report_measures_every_section_once_and_writes_its_files(model: str, tmp_path: Path) -> None:
    said: list[str] = []
    options = {"device": "cpu", "out": tmp_path, "held_out": held(), "say": said.append}
    found = run(model, MovingBoxes(), pairs=3, samples=2, inversions=2, batch=2, **options)
    assert found["figures"]["vae"]["clips"] == 3 and found["figures"]["inversion"]["clips"] == 2
    assert found["figures"]["edits"]["pairs"] == 3 and found["figures"]["text"]["edits"] == 2
    assert not found["held_out"]["pinned"], "boxes are not the pinned scenes"
    assert found["figures"]["seconds"]["decode"]["least"] <= found["figures"]["seconds"]["decode"]["median"]
    assert json.loads((tmp_path / "report.json").read_text()) == found
    for sheet in ("edits.png", "text-to-video.png"):
        assert (tmp_path / sheet).stat().st_size > 1000
    rows = (tmp_path / "rows.jsonl").read_text()
    said.clear()
    assert run(model, MovingBoxes(), pairs=3, samples=2, inversions=2, **options) == found
    assert (tmp_path / "rows.jsonl").read_text() == rows and len(said) == 1, "nothing was measured again"
    more = run(model, MovingBoxes(), only="vae", pairs=4, **options)
    assert more["figures"]["vae"]["clips"] == 4


def test_the_held_out_set_covers_every_scenario_alike_and_knows_its_pixels() -> None:
    pairs = held().pairs
    assert len(pairs.scenarios) == PAIRS >= 96 and {pairs.scenarios.count(s) for s in SCENARIOS} == {14}
    assert pairs.pin == held().pairs.pin
    edits = held().rendered([0, 1])
    assert pixels_digest(edits.source) == pixels_digest(edits.source.clone()) != pixels_digest(edits.target)


def test_the_shipped_scenes_are_the_pinned_ones() -> None:
    from methods.training.clips import RenderedScenes
    from methods.training.report.held_out import PIN

    assert HeldOut(RenderedScenes.__new__(RenderedScenes)).pairs.pin == PIN


def test_mistakes_are_named_in_one_line() -> None:
    with pytest.raises(UserError, match="--only flow: no such section; wanted some of seconds,vae"):
        sections("vae,flow")
    with pytest.raises(UserError, match=f"--pairs 99: the held-out set has {PAIRS} edits"):
        run("shopedit-mini", MovingBoxes(), device="cpu", pairs=99)
    from methods.training.command import app

    result = CliRunner().invoke(app, ["report", "--only", "speed"])
    assert result.exit_code == 2 and "no such section" in result.output
