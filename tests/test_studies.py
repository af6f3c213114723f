"""Studies: variants become rows, `bench` runs them as a process, and what comes back is summed up."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import count

import pytest
import typer
import yaml

from bench.errors import BenchError, UserError
from bench.types import SCENARIOS
from methods import zoo
from methods.rows import read_row, read_rows
from methods.studies import (
    ablation,
    adopt,
    agreement,
    borrowing,
    cost_curve,
    few_step_front,
    few_step_start,
    guidance_sweep,
    inversion_error,
    plots,
    presets,
    strength_curve,
)
from methods.studies.plots import differences, lines, save
from methods.studies.runs import Where
from methods.studies.study import EDITS, Study, points
from methods.studies.summary import by_method, pairs, summary
from methods.studies.variants import Variant, swept, write_rows
from tests.tiny_model import build

STUDIES = [
    module.STUDY
    for module in (
        ablation,
        borrowing,
        cost_curve,
        few_step_front,
        few_step_start,
        guidance_sweep,
        presets,
        strength_curve,
    )
]
EVERY_STUDY = pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)


def edit(method, case, score, scenario="color", group=None, status="ok", seconds=2.0):
    """One edit as `bench export` writes it."""
    scores = {name: {"value": score} for name in few_step_front.STUDY.metrics}
    cost = {"nfe": 8, "seconds": seconds, "peak_memory": 10} if status == "ok" else {"nfe": None, "seconds": None}
    names = {"method": method, "method_key": f"key-{method}", "case": case, "group": group or case}
    return {**names, "scenario": scenario, "status": status, "scores": scores, **cost}


def exported(study):
    """What an export might say of a study: seven cases a variant, scores that rise along the list."""
    rank = count()
    edits = [
        edit(v.name, f"case-{i}", 10 + r + i, scenario, seconds=1.0 + r)
        for v, r in zip(study.variants, rank, strict=False)
        for i, scenario in enumerate(SCENARIOS)
    ]
    return {"testset": "t", "version": "1", "testset_digest": "d", "signature": "s", "edits": edits}


@EVERY_STUDY
def test_every_variant_of_a_study_is_a_row_that_can_be_read(study, tmp_path):
    write_rows(tmp_path, study.variants)
    rows = read_rows(tmp_path)
    assert set(rows) == {v.name for v in study.variants if v.changes}
    assert len({v.name for v in study.variants}) == len(study.variants)
    for variant in study.variants:
        for name, value in variant.changes.items():
            found = rows[variant.name].card.parameters[name]
            assert found == (list(value) if isinstance(value, tuple) else value)


@EVERY_STUDY
def test_every_study_makes_a_document_and_its_plots(study, tmp_path):
    document = study.document(exported(study), Where("dev", "shopedit-300", "cpu"))
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [row["name"] for row in document["variants"]] == [v.name for v in study.variants]
    for suffix, chart in study.draw(document).items():
        save(chart, tmp_path / f"plot{suffix}.svg")
    assert all(path.read_text().startswith("<svg") for path in tmp_path.iterdir())


def test_rows_of_an_earlier_version_of_a_study_are_taken_away(tmp_path):
    write_rows(tmp_path, swept("s", "sdedit", "strength", (0.5, 0.25)))
    write_rows(tmp_path, swept("s", "sdedit", "strength", (0.5,)))
    assert [path.stem for path in tmp_path.iterdir()] == ["s-sdedit-0p5"]


def test_a_variant_out_of_range_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"strength = 2.0 .*\(0, 1\]"):
        write_rows(tmp_path, swept("s", "sdedit", "strength", (2.0,)))


def test_a_summary_averages_over_scenarios_and_counts_failures():
    edits = [
        edit("m", "a", 10),
        edit("m", "b", 20),
        edit("m", "c", 60, "style"),
        edit("m", "d", 0, "style", status="failed"),
    ]
    row = summary(Variant("m", "m", "m", 1), edits)
    assert row["metrics"]["score"]["mean"] == pytest.approx((15 + 30) / 2)
    assert row["scenarios"]["color"]["mean"] == 15 and row["scenarios"]["style"]["mean"] == 30
    assert (row["edits"], row["failed"], row["nfe"], row["seconds"]) == (4, 1, 8, 2)


def test_a_metric_without_values_is_none_and_left_out_of_plots():
    edits = [edit("m", "a", 10) | {"scores": {"score": {"unscored": "needs a target"}}}]
    row = summary(Variant("m", "m", "m", 1), edits)
    assert row["metrics"]["score"] is None
    assert points({"variants": [row]}) == []


def test_pairs_are_of_the_same_cases_and_corrected_for_their_number():
    a = [edit("a", f"{i}", 20 + i) for i in range(8)]
    b = [edit("b", f"{i}", 10 + i) for i in range(1, 9)]
    c = [edit("c", f"{i}", 20 + i) for i in range(8)]
    better, same = pairs(by_method(a + b + c), [("a", "b"), ("a", "c")], ("score", "temporal", "lacking"))
    assert better["mean"] == better["low"] == better["high"] == 10 and better["n"] == 7
    assert better["p_holm"] == pytest.approx(2 * better["p"]) and better["scenarios"]["color"]["mean"] == 10
    assert same["mean"] == 0 and same["p"] == 1
    assert better["metrics"].keys() == {"temporal"} and better["metrics"]["temporal"]["low"] == 10


def test_the_time_of_equal_score_lies_between_the_settings_around_it():
    def row(series, steps, seconds, score):
        metrics = {"score": {"mean": score}}
        return {"series": series, "x": steps, "seconds": seconds, "nfe": 2 * steps, "metrics": metrics}

    base = [row(cost_curve.BASE, n, s, v) for n, s, v in ((4, 1.0, 10), (8, 2.0, 20), (16, 4.0, 30))]
    ours = [row(cost_curve.OURS, n, 1.5, score) for n, score in ((4, 25), (8, 40), (16, 5))]
    document = cost_curve.equal_score([*base, *ours])
    assert document["base_best"] == {"steps": 16, "score": 30, "nfe": 32}
    found = document["equal_score"]
    assert [one["equal"] for one in found] == [3.0, None, 1.0]
    assert [one["saved"] for one in found] == [pytest.approx(0.5), None, pytest.approx(-0.5)]


def test_a_part_that_is_taken_out_is_out_of_every_preset_and_one_alone_keeps_its_own():
    changes = {v.name: v.changes for v in ablation.variants()}
    out = changes["ablation-re-schedule-out"]
    assert out["strength"] == 1.0
    assert not any("strength" in preset for preset in out["presets"].values())
    alone = changes["ablation-re-schedule-alone"]
    own = zoo()["ti2v-v2"].card.parameters["presets"]
    assert alone["presets"] == {s: {"strength": p["strength"]} for s, p in own.items() if "strength" in p}
    carried = changes["ablation-propagation-alone"]["presets"]
    assert carried == {s: p for s, preset in own.items() if (p := {k: v for k, v in preset.items() if "prop" in k})}
    assert alone["injection_layers"] == alone["sharing_layers"] == [] and alone["blend_until"] == 1.0
    assert changes["ablation-none"]["presets"] == {}


def test_each_scenario_takes_the_settings_that_are_best_there_and_a_row_takes_them_over(tmp_path):
    document = presets.STUDY.document(exported(presets.STUDY), Where("dev", "shopedit-300", "cpu"))
    ahead = {
        "style": {"presets-edit": -2, "presets-source-paste-strength-08": -1},
        "color": {presets.ROW: -2},
        "add": {"presets-source-paste-steps-25": -2},
        "product": {"presets-source-paste-strength-08": -1},
        "background": {"presets-edit": -0.2},
    }
    for pair in document["pairs"]:
        for scenario, found in pair["scenarios"].items():
            mean = ahead.get(scenario, {}).get(pair["b"], 1)
            found |= {"mean": mean, "high": mean / 2}
            if scenario == "material":
                found |= {"mean": -9, "high": 0.1}
    document["chosen"] = presets.chosen(document)
    assert document["chosen"] == {"style": {"propagate": "edit", "paste": False}, "product": {"strength": 0.8}}, (
        "neither the row's own presets nor steps are one, nor what is not surely ahead, nor what is by too little"
    )
    study = tmp_path / "presets.json"
    study.write_text(json.dumps(document))
    rows = [tmp_path / f"{name}.yaml" for name in adopt.PRESET]
    for row in rows:
        row.write_text((adopt.ZOO / row.name).read_text())
    adopt.main(study, tmp_path)
    for row in rows:
        assert read_row(row).card.parameters == zoo()[row.stem].card.parameters | {"presets": document["chosen"]}


def test_the_rows_that_borrow_take_over_the_settings_that_score_best(tmp_path):
    document = borrowing.STUDY.document(exported(borrowing.STUDY), Where("dev", "shopedit-300", "cpu"))
    ahead = {"borrowing-feature-injection-all-long": 99, "attention-sharing": 98}
    for row in document["variants"]:
        row["metrics"]["score"]["mean"] = ahead.get(row["name"], 1)
    chosen = borrowing.chosen(document["variants"])
    assert chosen == {"feature-injection": {"injection_layers": list(range(8)), "injection_share": 1.0}}
    study, row = tmp_path / "borrowing.json", tmp_path / "feature-injection.yaml"
    study.write_text(json.dumps({"chosen_rows": chosen}))
    row.write_text((adopt.ZOO / row.name).read_text())
    adopt.main(study, tmp_path)
    assert read_row(row).card.parameters == zoo()[row.stem].card.parameters | chosen[row.stem]
    assert row.read_text().count("#") == (adopt.ZOO / row.name).read_text().count("#")


@pytest.mark.parametrize(
    "wrong",
    ["{", "[]", '{"study": "presets"}', '{"chosen": {"style": {"strength": 7}}}', '{"chosen_rows": {"none": {}}}'],
)
def test_a_row_stays_as_it_is_where_a_study_cannot_be_adopted(tmp_path, wrong, capsys):
    study = tmp_path / "presets.json"
    study.write_text(wrong)
    rows = [tmp_path / f"{name}.yaml" for name in adopt.PRESET]
    for row in rows:
        row.write_text((adopt.ZOO / row.name).read_text())
    with pytest.raises(typer.Exit) as stopped:
        adopt.main(study, tmp_path)
    assert stopped.value.exit_code == 2 and capsys.readouterr().err.startswith("error: ")
    assert all(row.read_text() == (adopt.ZOO / row.name).read_text() for row in rows)
    assert sorted(tmp_path.iterdir()) == sorted([study, *rows])


def test_a_study_is_drawn_from_its_json_and_says_what_drawing_needs(tmp_path, monkeypatch):
    study = cost_curve.STUDY
    with pytest.raises(UserError, match="no such study; run it without --draw-only first"):
        study.plot(tmp_path)
    document = study.document(exported(study), Where("dev", "shopedit-300", "cpu"))
    (tmp_path / "cost-curve.json").write_text(json.dumps(document))
    study.plot(tmp_path)
    assert sorted(path.name for path in tmp_path.glob("*.svg")) == ["cost-curve-seconds.svg", "cost-curve-steps.svg"]
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(UserError, match="plots need altair: the study's JSON is written"):
        plots.altair()


def test_a_plot_draws_what_it_is_given():
    chart = lines([{"x": 1, "mean": 2, "low": 1, "high": 3, "series": "s"}], "steps", "score", log=True).to_dict()
    assert chart["layer"][0]["encoding"]["x"]["scale"]["type"] == "log"
    chart = differences([{"label": "a", "group": "all", "mean": 1, "low": 0, "high": 2}], "points").to_dict()
    assert chart["columns"] == 4


def test_a_student_is_studied_with_every_start_and_part(tmp_path):
    own = {v.x: v for v in few_step_start.variants() if v.series == "dmd4"}
    assert {f"teacher-inversion-{n}" for n in few_step_start.TEACHER_STEPS} < own.keys()
    assert own["v2"].changes == {"student": "dmd4"}
    sharing = own["v2-sharing"].changes
    assert sharing["injection_layers"] == [] and "sharing_layers" not in sharing and sharing["blend_until"] == 1.0
    write_rows(tmp_path / "variants", own.values())
    assert len(read_rows(tmp_path / "variants")) == len(own)


def test_a_few_step_row_is_told_what_it_keeps_of_the_full_teacher():
    def row(name, score, temporal, seconds, nfe):
        metrics = {"score": {"mean": score}, "temporal": {"mean": temporal}}
        return {"name": name, "metrics": metrics, "seconds": seconds, "nfe": nfe}

    full, few = row(few_step_front.FULL, 40, 0.8, 12.0, 75), row("teacher-4", 30, 0.75, 3.0, 8)
    (found,) = few_step_front.kept([full, few])["kept"]
    assert found.pop("temporal_points") == pytest.approx(-5)
    assert found == {"name": "teacher-4", "score": 0.75, "seconds": 0.25, "nfe": 8 / 75}
    assert few_step_front.kept([few]) == {"kept": []}


@pytest.fixture
def tiny(tmp_path, toyset, monkeypatch):
    """A study of two settings of a tiny model on the toy test set, and where to run it."""
    monkeypatch.setenv("SHOPEDIT_PLUGINS", "protocols:toy=tests.fixtures:protocol")
    model = str(build(tmp_path / "model"))
    row = {"model": model, "fit": "pad", "generation_steps": 1}
    variants = tuple(swept("tiny", "sdedit", "strength", (0.3, 0.9), **row))
    study = Study("tiny", "?", variants, lambda document: {"": lines(points(document), "s", "score")}, variants[0].name)
    return study, Where("dev", str(toyset), "cpu", "toy", 2, tmp_path / "home"), tmp_path


def test_a_study_runs_bench_and_leaves_json_and_plots(tiny, capfd):
    study, where, folder = tiny
    path = study.make(where, folder / "out")
    document = json.loads(path.read_text())
    assert [row["edits"] for row in document["variants"]] == [2, 2]
    assert all(row["nfe"] == 2 and row["seconds"] > 0 for row in document["variants"])
    assert document["partial"] and document["pairs"][0]["b"] == study.variants[1].name
    assert (folder / "out" / "tiny.svg").is_file()
    assert "4 jobs done now" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["strength_curve", "--limit", "1"], "wanted --out FOLDER"),
        (["strength_curve", "--series", "sdedit"], "wanted --out FOLDER"),
        (["strength_curve", "--split", "dev"], "wanted --out FOLDER"),
        (["inversion_error", "--limit", "1"], "wanted --out FOLDER"),
        (["gallery", "--limit", "1"], "wanted --out FOLDER"),
        (
            ["strength_curve", "--series", "sdedi"],
            "--series sdedi: strength-curve has no such; wanted one of ti2v-",
        ),
    ],
)
def test_a_part_of_a_study_does_not_take_the_place_of_the_whole(arguments, wanted, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", f"methods.studies.{arguments[0]}", *arguments[1:]],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(adopt.ZOO.parent.parent)},
    )
    assert done.returncode == 2 and wanted in done.stderr and done.stderr.count("\n") == 1
    assert not any(tmp_path.iterdir())


def test_scores_of_another_machine_are_compared_case_by_case(tmp_path, monkeypatch):
    study = strength_curve.STUDY
    here, first = exported(study), study.variants[0].name
    path = tmp_path / f"strength-curve{EDITS}"
    path.write_text(study.edits(here, Where("dev", "shopedit-300", "cuda")))
    asked = []
    here["edits"] = [e for e in here["edits"] if e["method"] == first]
    monkeypatch.setattr(agreement, "run", lambda *arguments: asked.append(arguments) or here)
    found = agreement.compared(path, None, "mini", None)
    assert asked == [([first], tmp_path / "rows" / "strength-curve", Where("mini", "shopedit-300", "cpu"))]
    assert found["agree"] and found["worst"] == 0 and (found["cases"], found["row"]) == (len(SCENARIOS), first)
    here["edits"][3] = edit(first, "case-3", 13.2, SCENARIOS[3])
    found = agreement.compared(path, first, "mini", None)
    assert not found["agree"] and found["worst"] == pytest.approx(0.2) and found["worst_case"] == "case-3"
    with pytest.raises(UserError, match=r"no edits of 'nothing'; wanted one of strength-ti2v-inversion-0p3"):
        agreement.compared(path, "nothing", "mini", None)
    here["edits"].append(edit(first, "case-9", 1))
    with pytest.raises(UserError, match="has no score of case-9; wanted a study of a split that holds 'mini'"):
        agreement.compared(path, first, "mini", None)
    here["signature"] = "another"
    with pytest.raises(UserError, match="signature is s, here another; run the study again"):
        agreement.compared(path, first, "mini", None)
    path.write_text("{}")
    with pytest.raises(UserError, match="not the edits of a study"):
        agreement.compared(path, first, "mini", None)


@pytest.mark.slow
def test_what_a_study_scored_is_made_again_in_another_store(tiny):
    study, where, folder = tiny
    study = replace(study, variants=study.variants[:1])
    study.make(replace(where, limit=None, split="smoke"), folder / "out")
    found = agreement.compared(folder / "out" / f"tiny{EDITS}", None, "smoke", folder / "other-home")
    assert found["agree"] and (found["cases"], found["worst"]) == (7, 0)


@pytest.mark.slow
def test_a_study_goes_on_where_it_was_stopped(tiny, capfd):
    study, where, folder = tiny
    first = replace(study, variants=study.variants[:1]).make(where, folder / "out")
    assert "2 jobs done now" in capfd.readouterr().err
    document = json.loads(study.make(where, folder / "out").read_text())
    assert "2 jobs done now, 2 before" in capfd.readouterr().err
    again = json.loads(study.make(where, folder / "out").read_text())
    assert "0 jobs done now, 4 before" in capfd.readouterr().err
    assert again == document and first.is_file()


def test_a_run_that_bench_refuses_is_an_error_of_one_line(tiny):
    study, where, folder = tiny
    nowhere = Where("nowhere", where.testset, "cpu", "toy", 2, where.home)
    with pytest.raises(BenchError, match="exit code 2"):
        study.make(nowhere, folder / "out")


def test_the_inversion_error_is_measured_once_a_cell_and_falls_with_steps(tmp_path, toyset, monkeypatch):
    model = str(build(tmp_path / "model"))
    monkeypatch.setattr(inversion_error, "STEPS", (1, 8))
    monkeypatch.setattr(
        inversion_error, "SOLVERS", {"euler": ("euler", "euler"), "published": ("euler-lagged", "unipc")}
    )
    cells = tmp_path / "cells.jsonl"
    records = inversion_error.measure("dev", str(toyset), "cpu", 2, cells, model)
    table = inversion_error.summed(records)
    assert {(row["series"], row["nfe"], row["clips"]) for row in table} == {
        (series, nfe, 2) for series in ("euler", "published") for nfe in (2, 16)
    }
    by_setting = {(row["series"], row["steps"]): row["mean"] for row in table}
    assert by_setting["euler", 8] > by_setting["euler", 1]
    (ahead,) = (row["over_euler"] for row in table if row["series"] == "published" and row["steps"] == 8)
    assert ahead["nfe"] == 16 and ahead["low"] <= ahead["mean"] <= ahead["high"]
    assert ahead["mean"] == pytest.approx(by_setting["published", 8] - by_setting["euler", 8])
    written = cells.read_text()
    assert written.count("psnr") == 8
    cells.write_text(written[:-20])  # killed in the last line
    again = inversion_error.measure("dev", str(toyset), "cpu", 2, cells, model)
    assert sorted(map(str, again)) == sorted(map(str, records))
    assert cells.read_text().count("psnr") == 9


def test_a_split_that_is_not_there_is_named(tmp_path, toyset):
    with pytest.raises(BenchError, match="no split 'nowhere'; wanted one of dev, smoke"):
        inversion_error.measure("nowhere", str(toyset), "cpu", None, tmp_path / "cells", "shopedit-mini")


def test_the_settings_of_the_inversion_error_are_rows_that_can_be_made():
    settings = list(inversion_error.rows())
    assert len(settings) == len(inversion_error.SOLVERS) * len(inversion_error.STEPS)
    for _, steps, parameters in settings:
        method = inversion_error._method(parameters, "shopedit-mini")
        assert method.parameters.generation_steps == steps
    assert yaml.safe_dump(settings[0][2])
