"""What the board's pages are made of: rows, ranks, numbers, playable clips, files to download."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import leaderboard
from bench.home import Home
from bench.media import probe, read_video
from bench.store.access import open_reader
from bench.store.read import Result
from bench.types import MethodCard, MetricCard
from leaderboard import case_view, numbers, pick, query, ranking_table, source
from leaderboard.clips import ClipShelf
from leaderboard.text import EN
from tests.board_store import fill


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    return fill(tmp_path_factory.mktemp("board"), toyset)


@pytest.fixture
def home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(filled))
    return filled


@pytest.fixture
def results(home: Path) -> tuple[Result, ...]:
    reader = open_reader(Home(home), None)
    return reader.results(reader.boards()[0])


def test_the_elements_build_pages_without_markup_from_data() -> None:
    for script in (Path(leaderboard.__file__).parent / "components").glob("*.js"):
        text = script.read_text(encoding="utf-8")
        for forbidden in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "http://www.g",
        ):
            assert forbidden not in text, script.name
    for module in Path(leaderboard.__file__).parent.rglob("*.py"):
        assert "unsafe_allow_html" not in module.read_text(encoding="utf-8"), module.name


def test_browser_clips_keep_every_pixel_of_a_small_edit(results: tuple[Result, ...], home: Path) -> None:
    reader = open_reader(Home(home), None)
    shelf = ClipShelf(Home(home), reader.runs())
    result = next(r for r in results if r.method.name == "truth")
    clip = shelf.edit(result)
    assert clip.data
    path = home / "copy.mp4"
    path.write_bytes(clip.data)
    assert probe(path).pix_fmt == "yuv420p"
    shown = read_video(path).frames[:, ::2, ::2]
    stored = read_video(home / "blobs" / str(result.sha256)[:2] / str(result.sha256)).frames
    assert np.abs(shown.astype(int) - stored).mean() < 2.5
    assert shelf.edit(result).data == clip.data


def test_an_altered_test_set_file_is_not_shown_as_the_source(
    results: tuple[Result, ...], home: Path, toyset: Path, tmp_path: Path
) -> None:
    case = results[0].case.model_copy(update={"source": results[0].case.source.model_copy(update={"sha256": "0" * 64})})
    clip = ClipShelf(Home(tmp_path), open_reader(Home(home), None).runs()).asset(case, "source")
    assert clip.data is None
    assert "altered" in str(clip.reason)


def test_boards_of_other_protocols_have_other_addresses(home: Path) -> None:
    board = open_reader(Home(home), None).boards()[0]
    others = {
        source.board_id(b) for b in (board, replace(board, signature="toy:2"), replace(board, testset_digest="x"))
    }
    assert len(others) == 3


def test_rank_sets_tell_apart_only_what_a_paired_test_does(results: tuple[Result, ...]) -> None:
    ranked = {s.row.card.name: s.ranks for s in query.standings(results)}
    assert ranked["blend"] == ranked["fails-once"] == (1, 2)  # one failed case of seven decides nothing
    assert ranked["still"] == (1, 1)
    assert ranked["truth"] is ranked["masked"] is None


def test_the_downloaded_table_is_inert_in_a_spreadsheet(results: tuple[Result, ...]) -> None:
    standing = next(iter(query.standings(results, ("mae-target",))))
    evil = replace(standing, row=replace(standing.row, card=MethodCard(name="=HYPERLINK(1)", family="x")))
    (line,) = csv.DictReader(io.StringIO(ranking_table.to_csv([evil], ["mae-target"])))
    assert line["method"] == "'=HYPERLINK(1)"
    assert float(line["score"]) == pytest.approx(standing.intervals["score"].mean)
    assert float(line["mae-target_low"]) <= float(line["mae-target"])


def test_cases_without_a_value_come_last(results: tuple[Result, ...]) -> None:
    entries = query.worst_first(results, "fails-once", "mae-target")
    assert entries[-1].case.id == "clip0-background"
    assert entries[-1].value is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0, "0"),
        (0.99743, "0.997"),
        (31.62, "31.6"),
        (-0.5, "−0.500"),
        (12345.6, "12346"),
        (3e8, "3.00e+08"),
    ],
)
def test_numbers_show_the_digits_that_mean_something(value: float | None, text: str) -> None:
    assert numbers.significant(value) == text


def test_links_quote_what_names_hold() -> None:
    assert pick.link("cases", method="a&b=c", scenario="") == "cases?method=a%26b%3Dc"


def test_every_metric_family_has_a_heading() -> None:
    families = MetricCard.model_fields["family"].annotation.__args__
    assert set(families) == set(EN.families)
    assert case_view.lines([], {}, EN) == []
