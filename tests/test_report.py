"""Sheets and gaps from stored results: readers see names, judges do not, figures are paired."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from bench.cli import app
from bench.errors import UserError
from bench.home import open_home
from bench.plan import RunSpec
from bench.report.sheet import read_labels
from bench.report.truth import gap, later_frames, scenario_means
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.types import Score

RUNNER = CliRunner()


@pytest.fixture
def stored(toy: Path, toyset: Path) -> Path:
    run(prepare(RunSpec(("blend",), "smoke", str(toyset), "toy"), open_home()))
    return toyset


def test_a_sheet_has_a_row_for_every_case(stored: Path, tmp_path: Path) -> None:
    out = tmp_path / "sheet.jpg"
    result = RUNNER.invoke(
        app, ["report", "sheet", "--method", "blend", "--split", "smoke", "--testset", str(stored), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    assert Image.open(out).height > 7 * 104


def test_a_set_without_targets_has_sheets_without_them_and_no_gaps_to_the_truth(
    toy: Path, toyset: Path, tmp_path: Path
) -> None:
    bare = Path(shutil.copytree(toyset, tmp_path / "bare"))
    cases = [json.loads(line) for line in (bare / "cases.jsonl").read_text().splitlines()]
    (bare / "cases.jsonl").write_text("".join(json.dumps(case | {"target": None}) + "\n" for case in cases))
    run(prepare(RunSpec(("still",), "smoke", str(bare), "toy"), open_home()))
    flags = ["--method", "still", "--split", "smoke", "--testset", str(bare)]
    out = tmp_path / "sheet.jpg"
    assert RUNNER.invoke(app, ["report", "sheet", *flags, "--out", str(out)]).exit_code == 0
    assert Image.open(out).width == 2 * 5 * round(104 * 48 / 32) + 6
    result = RUNNER.invoke(app, ["report", "truth", *flags])
    assert result.exit_code == 2
    assert "toy has no target clips on smoke: gaps to the truth need a set with ground truth" in result.stderr


def test_blind_pages_hold_every_clip_once_in_an_order_that_does_not_tell(stored: Path, tmp_path: Path) -> None:
    arguments = ["report", "blind", "--method", "blend", "--split", "smoke", "--testset", str(stored), "--out"]
    assert RUNNER.invoke(app, [*arguments, str(tmp_path / "a")]).exit_code == 0
    key = json.loads((tmp_path / "a" / "key.json").read_text())
    assert Counter(t["kind"] for t in key) == {"edit": 7, "target": 7, "source": 7}
    assert [t["number"] for t in key] == list(range(1, 22))
    assert [t["kind"] for t in key] != sorted(t["kind"] for t in key)
    assert len(list((tmp_path / "a").glob("blind-*.jpg"))) == 2


def test_labels_are_counted_by_kind_and_gaps_in_them_refused(tmp_path: Path) -> None:
    kinds = ["edit", "target", "source", "edit"]
    key = tmp_path / "key.json"
    key.write_text(json.dumps([{"number": i, "case": "c", "kind": k} for i, k in enumerate(kinds, 1)]))
    labels = tmp_path / "labels.csv"
    labels.write_text("number,there\n1,yes\n2,yes\n3,no\n4,no\n")
    assert read_labels(labels, key) == {"edit": (1, 2), "target": (1, 1), "source": (0, 1)}
    labels.write_text("number,there\n1,yes\n2,maybe\n")
    with pytest.raises(UserError, match="'maybe', wanted yes or no"):
        read_labels(labels, key)
    labels.write_text("number,there\n1,yes\n")
    with pytest.raises(UserError, match="no answer for 3 trials, first 2"):
        read_labels(labels, key)


def test_a_method_without_results_is_named_with_the_command_that_makes_them(stored: Path) -> None:
    result = RUNNER.invoke(app, ["report", "truth", "--method", "nosuch", "--split", "smoke", "--testset", str(stored)])
    assert result.exit_code == 2
    assert "bench run --method nosuch" in result.output


def test_the_given_first_frame_does_not_count(stored: Path, toyset: Path) -> None:
    reader = open_reader(open_home(), None)
    result = reader.results(reader.boards()[0])[0]
    result = replace(result, scores={"psnr": Score(34.0, series=(60.0, 20.0, 22.0))})
    assert later_frames(result, "psnr") == 21.0
    assert later_frames(result, "no-such-metric") is None


def test_a_gap_is_paired_and_its_interval_follows_the_source_clips() -> None:
    mine = {f"c{i}": ("color", f"g{i // 2}", 20.0 + i) for i in range(8)}
    theirs = {k: (s, g, v - 3.0) for k, (s, g, v) in mine.items()}
    found = gap(mine, theirs, "other")
    assert (found.mean, found.low, found.high, found.n) == (3.0, 3.0, 3.0, 8)
    assert scenario_means(mine) == {"all": 23.5, "color": 23.5}
