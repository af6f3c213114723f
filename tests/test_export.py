"""What leaves the store: the same bytes for the same results, inert in a spreadsheet, legible in a README."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.export import FORMULA, _cell, to_csv, to_json, to_markdown
from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.store.read import Board, Reader, Result
from bench.summary import by_scenario, rows


@pytest.fixture
def reader(toy: Path, toyset: Path) -> Reader:
    run(prepare(RunSpec(("blend", "fails-once"), "smoke", str(toyset), "toy"), open_home()))
    return open_reader(open_home(), None)


@pytest.fixture
def board(reader: Reader) -> Board:
    return reader.boards()[0]


@pytest.fixture
def results(reader: Reader, board: Board) -> tuple[Result, ...]:
    return reader.results(board)


def test_json_holds_every_edit_with_its_scores_and_provenance(reader, board, results) -> None:
    document = json.loads(to_json(board, results, reader.metrics()))
    assert document["signature"] == "toy:000000000001"
    assert len(document["edits"]) == 28
    first = document["edits"][0]
    assert first["seconds"] is not None
    assert first["scores"]["mae-target"]["anchors"]
    assert {e["status"] for e in document["edits"]} == {"ok", "failed"}


def test_the_canonical_form_leaves_out_what_was_measured_or_noted(reader, board, results) -> None:
    document = json.loads(to_json(board, results, reader.metrics(), canonical=True))
    noted = {"seconds", "peak_memory", "notes", "run", "device", "finished"}
    assert not [e for e in document["edits"] if noted & set(e) or "seconds" in e["scores"]]
    assert all(e["nfe"] == 4 for e in document["edits"] if e["status"] == "ok")


def test_csv_has_a_line_per_edit_and_an_empty_cell_where_there_is_no_value(results) -> None:
    table = list(csv.DictReader(io.StringIO(to_csv(results))))
    assert len(table) == 28
    failed = next(line for line in table if line["status"] == "failed")
    assert (failed["mae-target"], float(failed["score"])) == ("", 0.0)
    assert failed["reason"] == "velocity is NaN at step 3"


@given(st.text())
def test_no_text_is_a_formula_to_a_spreadsheet(text: str) -> None:
    assert not _cell(text).startswith(FORMULA)
    assert _cell(text).endswith(text)


def test_numbers_stay_numbers() -> None:
    assert _cell(-1.5) == -1.5


def test_markdown_keeps_controls_apart_below(results) -> None:
    text = to_markdown(rows(results), [])
    methods, controls = text.split("**Controls (not ranked)**")
    assert "| blend | first-frame |" in methods
    assert "truth" not in methods
    assert "| truth | text | 100.0 | 100.0-100.0 |" in controls


def test_a_failed_edit_counts_zero_in_its_row(results) -> None:
    by_name = {row.card.name: row for row in rows(results)}
    whole, broken = by_name["blend"], by_name["fails-once"]
    assert (whole.failed, broken.failed, broken.edits) == (0, 1, 7)
    values = [r.scores["score"].value for r in results if r.method.name == "blend"]
    assert whole.score.mean == pytest.approx(sum(values) / 7)  # one edit per scenario
    lost = next(r for r in results if r.method.name == "blend" and r.case.id == "clip0-background")
    assert broken.score.mean == pytest.approx(whole.score.mean - lost.scores["score"].value / 7)


def test_rows_are_methods_by_score_then_controls(results) -> None:
    assert [row.card.name for row in rows(results)] == ["blend", "fails-once", "truth", "copy"]


def test_a_row_can_be_split_by_scenario(results) -> None:
    truth = [r for r in results if r.method.name == "truth"]
    assert by_scenario(truth) == dict.fromkeys(
        ("product", "background", "color", "material", "style", "add", "remove"), 100.0
    )
