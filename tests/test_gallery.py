"""The gallery of failures: which edits it picks, what its strips and its page say of them."""

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image

from bench.blobs import BlobStore
from bench.errors import BenchError, CaseFailed, UserError
from bench.media import write_mp4
from bench.testsets import read_testset
from bench.types import SCENARIOS
from methods.studies import gallery, strips
from methods.studies.runs import Where
from methods.studies.strips import Clip, around, write_strip
from methods.studies.study import OUT
from tests.fixtures import ENVIRONMENT, make_clip

DOCS = Path(__file__).parent.parent / OUT


def stored(method, case, score, sha256=None, seed=0, status="ok"):
    """One edit as `bench export` writes it."""
    scores = {name: {"value": score} for name in ("score", "accuracy", "preservation", "temporal")}
    return {
        **{"method": method, "method_key": "k", "case": case, "scenario": case.partition("-")[2], "seed": seed},
        **{"status": status, "reason": None if status == "ok" else "velocity is NaN", "edit_sha256": sha256},
        "scores": scores if score is not None else {},
    }


def explain(method, case, seed, where):
    """What `bench score explain --json` might say."""
    names = ("accuracy", (("edges", 5.0), ("colour", 20.0))), ("temporal", (("motion", 10.0), ("flicker", None)))
    return {
        "axes": [{"axis": axis, "terms": [{"metric": m, "lost": points} for m, points in ms]} for axis, ms in names]
    }


@pytest.fixture
def two_rows(toyset, tmp_path, monkeypatch):
    """A store with edits of two rows on the toy test set, and where it lies."""
    blobs = BlobStore(tmp_path / "home" / "blobs")
    clips = [blobs.add(lambda path, n=n: write_mp4(make_clip(0, n), path, crf=20)) for n in (1, 3)]
    cases = [case.id for case in read_testset(toyset).cases]
    edits = [stored("a", case, 10.0 + n, clips[0]) for n, case in enumerate(cases)]
    edits += [stored("b", case, 90.0, clips[1]) for case in cases[1:]]
    edits += [stored("b", cases[0], 0.0, status="failed"), stored("c", cases[0], 1.0)]
    head = {"testset": "toy", "version": "1.0", "testset_digest": "d", "signature": "toy:1"}
    monkeypatch.setattr(gallery.registry, "method", lambda name: name)
    monkeypatch.setattr(gallery, "run", lambda rows, folder, where: head | {"edits": edits})
    monkeypatch.setattr(gallery, "explained", explain)
    return Where("smoke", str(toyset), "cpu", "toy", home=tmp_path / "home")


def test_the_worst_and_the_best_edit_of_each_scenario_are_picked():
    scores = {"1-style": 30.0, "2-style": 10.0, "3-style": 20.0, "4-style": None, "5-add": 0.0, "6-remove": None}
    found = gallery.picked([stored("a", case, score) for case, score in scores.items()])
    assert found == [("style", "worst", "2-style"), ("style", "best", "1-style"), ("add", "worst", "5-add")]


def test_a_gallery_is_written_as_json_strips_and_a_table(two_rows, tmp_path, capsys):
    out = tmp_path / "out"
    path = gallery.make(["a", "b"], two_rows, out)
    found = json.loads(path.read_text())
    assert [(p["scenario"], p["pick"]) for p in found["picks"]] == [(s, "worst") for s in SCENARIOS]
    one = found["picks"][0]
    assert [(e["method"], e["score"]) for e in one["edits"]] == [("a", 10.0), ("b", 0.0)]
    assert one["edits"][0]["lost"][0] == {"axis": "accuracy", "metric": "colour", "points": 20.0}
    assert len(one["edits"][0]["lost"]) == 3, "a term without points is none that was lost"
    for pick in found["picks"]:
        assert (out / pick["picture"]).stat().st_size <= strips.LIMIT
        with Image.open(out / pick["picture"]) as image:
            assert image.width == strips.WIDTH
    page = (out / gallery.PAGE).read_text()
    assert gallery.table(found) in page
    assert f"| `{one['case']}` | 10.0 | 0.0 | accuracy `colour` 20.0, temporal `motion` 10.0 |" in page
    assert capsys.readouterr().err.count("does not say yet what is to be seen in clip") == 7
    (out / gallery.PAGE).write_text("By hand: " + " ".join(p["case"] for p in found["picks"]) + "\n" + page + "More.\n")
    (out / "gallery-style-best.jpg").write_text("of an earlier gallery")
    gallery.make(["a", "b"], two_rows, out)
    again = (out / gallery.PAGE).read_text()
    assert again.startswith("By hand: clip0-product") and again.endswith("More.\n")
    assert again.count(gallery.START) == 1 and capsys.readouterr().err == ""
    assert not (out / "gallery-style-best.jpg").exists()


def test_a_label_names_what_cost_most_or_why_there_is_no_edit():
    lost = [{"axis": "temporal", "metric": "motion", "points": 40.0}]
    edit = {"method": "a", "status": "ok", "score": 12.34, "accuracy": 0.5, "preservation": None, "temporal": 0.25}
    said = gallery.label(edit | {"lost": lost})
    assert said == "a: 12.3 points (accuracy 0.50, temporal 0.25); most lost: temporal motion 40.0"
    assert gallery.label(edit | {"status": "failed", "reason": "velocity is NaN"}) == "a: not made (velocity is NaN)"
    assert gallery.label(edit | {"score": None}) == "a: no score"


def test_a_strip_shows_frames_in_time_and_keeps_to_its_size(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (17, 256, 256, 3), np.uint8)
    grey = np.repeat(np.arange(17, dtype=np.uint8) * 15, 3 * 352 * 192).reshape(17, 192, 352, 3).transpose(0, 2, 1, 3)
    write_strip(tmp_path / "noise.jpg", ["noise", "word " * 200], [Clip("n", noise)] * 4)
    assert (tmp_path / "noise.jpg").stat().st_size <= strips.LIMIT
    write_strip(tmp_path / "tall.jpg", ["portrait"], [Clip("grey", grey), Clip("not made", None)])
    with Image.open(tmp_path / "tall.jpg") as image:
        line = np.asarray(image.convert("L"), int)[200]
    width = round(strips.TALLEST * 192 / 352) + strips.GAP
    assert [round(line[i * width + 50] / 60) for i in range(5)] == [0, 1, 2, 3, 4]


def test_a_strip_shows_the_edit_and_what_lies_around_it_in_the_proportions_of_the_clip():
    mask = np.zeros((3, 100, 200), bool)
    assert around(mask) == (slice(0, 100), slice(0, 200))
    mask[0, 90:95, 10:12] = True
    assert around(mask) == (slice(50, 100), slice(0, 100))
    mask[2, 95, 109] = True
    assert around(mask) == (slice(40, 100), slice(0, 120))
    mask[1, :, 150] = True
    assert around(mask) == (slice(0, 100), slice(0, 200))


def test_a_gallery_that_cannot_be_made_says_so_in_a_line(two_rows, tmp_path, capsys):
    with pytest.raises(BenchError, match="no edits of absent in the store"):
        gallery.make(["a", "absent"], two_rows, tmp_path / "out")
    (tmp_path / "home" / "blobs").rename(tmp_path / "elsewhere")
    with pytest.raises(CaseFailed, match="no such file"):
        gallery.make(["a"], two_rows, tmp_path / "out")
    (tmp_path / "out" / gallery.PAGE).write_text(f"By hand.\n{gallery.START}\n| of old |\n")
    with pytest.raises(UserError, match=r"limits.md: lacks the line '<!-- end of what was made -->'"):
        gallery.make(["a"], two_rows, tmp_path / "out")
    for split, testset in (("nowhere", two_rows.testset), ("smoke", "no-such-set")):
        with pytest.raises(typer.Exit) as stopped:
            gallery.main(["a"], split=split, testset=testset, out=tmp_path / "new", home=two_rows.home)
        said = capsys.readouterr().err
        assert stopped.value.exit_code == 2 and said.startswith("error: unknown ") and said.count("\n") == 1


def test_a_row_that_is_not_there_is_said_in_a_line(tmp_path, capsys):
    with pytest.raises(typer.Exit) as stopped:
        gallery.main(["ti2v-v3"], out=tmp_path, home=tmp_path)
    said = capsys.readouterr().err
    assert stopped.value.exit_code == 2 and said.count("\n") == 1
    assert said.startswith("error: unknown method 'ti2v-v3': did you mean ti2v-v2")


def test_a_gallery_asks_bench_itself(toy, toyset, tmp_path, monkeypatch):
    monkeypatch.setenv(
        "SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + ",protocols:small=tests.test_explain:small"
    )
    path = gallery.make(["blend"], Where("smoke", str(toyset), "cpu", "small", 1), tmp_path / "out")
    (pick,) = json.loads(path.read_text())["picks"]
    (edit,) = pick["edits"]
    assert edit["score"] + sum(term["points"] for term in edit["lost"]) == pytest.approx(100)


def test_the_page_of_limits_agrees_with_its_json():
    found, page = json.loads((DOCS / "gallery.json").read_text()), (DOCS / gallery.PAGE).read_text()
    assert gallery.table(found) in page, "run `python -m methods.studies.gallery` again"
    assert gallery.unsaid(found, page) == [], "look at these cases' strips and say what one sees there"
    for pick in found["picks"]:
        assert (DOCS / pick["picture"]).stat().st_size <= strips.LIMIT
        assert f"({pick['picture']})" in page.replace(gallery.table(found), "")
