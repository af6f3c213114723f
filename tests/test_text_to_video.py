"""The study `text_to_video`: every setting on every scene once, and students less teachers at equal steps."""

import json

import pytest
import typer

from bench.errors import UserError
from bench.types import SCENARIOS
from methods.studies import inversion_error, text_to_video
from methods.training.report.held_out import HeldOut
from tests.moving_boxes import MovingBoxes
from tests.tiny_model import build


@pytest.fixture
def small(monkeypatch):
    """Three settings of the teacher, no students."""
    monkeypatch.setattr(text_to_video, "STEPS", (1, 2))
    monkeypatch.setattr(text_to_video, "FULL", 3)
    monkeypatch.setattr(text_to_video, "GUIDANCE", (1.5,))
    monkeypatch.setattr(text_to_video, "STUDENTS", ())


def test_every_setting_is_measured_once_whatever_the_batch(tmp_path, small):
    model, held = str(build(tmp_path / "model")), HeldOut(MovingBoxes(), frames=5, size=(32, 32))
    path = tmp_path / "cells.jsonl"
    cells = text_to_video.measure(model, "cpu", 4, 1, path, held)
    assert set(cells.records) == {"render", *(f"teacher, guidance 1.5/{n}" for n in (1, 2, 3))}
    assert cells.values("render", "detail") == cells.values("render", "motion") == [1.0] * 4
    assert cells.kernel_distance("render")["mean"] == pytest.approx(0, abs=1e-6)
    written = path.read_text()
    assert written.count("\n") == 16
    path.write_text("".join(written.splitlines(keepends=True)[:-1]))  # stopped before the last one
    again = text_to_video.measure(model, "cpu", 4, 2, path, held)
    assert again.values("teacher, guidance 1.5/3", "motion") == pytest.approx(
        cells.values("teacher, guidance 1.5/3", "motion"), abs=1e-4
    )
    document = text_to_video.summed(again)
    assert [row["steps"] for row in document["settings"]] == [1, 2, 3] and document["pairs"] == []


def test_students_are_compared_with_the_teacher_at_as_many_steps(tmp_path):
    scenes = len(SCENARIOS)

    def cell(of, scene):
        return {"attributes": of, "detail": of, "motion": of, "look": [of, float(scene), 1.0]}

    records = {"render": [cell(1.0, n) for n in range(scenes)]}
    for series, student, _, steps in text_to_video.settings():
        of = 0.01 * steps + (0.5 if student else 0.1)
        records[f"{series}/{steps}"] = [cell(of, n) for n in range(scenes)]
    document = text_to_video.summed(text_to_video.Cells(SCENARIOS, records))
    assert len(document["pairs"]) == 2 * 2 * 4
    assert all(pair["a"].split("/")[1] == pair["b"].split("/")[1] for pair in document["pairs"])
    differences = [pair["metrics"][m]["difference"]["mean"] for pair in document["pairs"] for m in ("detail", "motion")]
    assert differences == pytest.approx([0.4] * len(differences))
    path = tmp_path / "text-to-video.json"
    path.write_text(json.dumps(document))
    text_to_video.plot(path)
    assert sorted(p.name for p in tmp_path.glob("*.svg")) == [
        f"text-to-video-{name}.svg" for name in ("attributes", "detail", "kvd", "motion")
    ]


@pytest.mark.parametrize("study", [text_to_video, inversion_error])
def test_a_device_that_is_not_there_is_one_line(study, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(typer.Exit) as stopped:
        study.main(device="cuda:1", out=tmp_path)
    assert stopped.value.exit_code == 2
    assert capsys.readouterr().err.startswith("error: --device cuda:1: PyTorch sees no GPU here; use --device cpu")


def test_more_scenes_than_are_held_out_are_refused_before_anything_is_loaded(tmp_path, capsys):
    with pytest.raises(UserError, match="--scenes 99: the held-out set has 98; wanted 1 to 98"):
        text_to_video.measure("no-such-model", "cpu", 99, 1, tmp_path / "cells")
    with pytest.raises(typer.Exit) as stopped:
        text_to_video.main(scenes=99, out=tmp_path, work=tmp_path)
    assert stopped.value.exit_code == 2 and capsys.readouterr().err.startswith("error: --scenes 99")
