"""The board: what its pages show of a store, what they refuse to mix, and what they never turn into markup."""

from __future__ import annotations

import csv
import io
import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import leaderboard
from bench.cli import app as bench_app
from bench.home import Home, open_home
from bench.media import probe, read_video
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.store.read import Result
from bench.types import MethodCard, MetricCard
from leaderboard import case_view, numbers, pick, query, ranking_table, source
from leaderboard.clips import ClipShelf
from leaderboard.text import EN
from tests import browser, fixtures

APP = str(Path(leaderboard.__file__).with_name("app.py"))
CASES = "app_pages/cases.py"
BEACON = "![x](http://beacon.invalid/a.png) <img src=http://beacon.invalid/b.png onerror=alert(1)>"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Iterator[Path]:
    """A store in which `blend` and `fails-once` share a track, `still` has another, and `masked` lacks cases."""
    home = tmp_path_factory.mktemp("board")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fixtures.ENVIRONMENT.items():
            patch.setenv(name, value)
        methods = ("blend", "fails-once", "still")
        run(prepare(RunSpec(methods, "smoke", str(toyset), "toy"), open_home(home)))
        run(prepare(RunSpec(("masked",), "smoke", str(toyset), "toy", limit=3), open_home(home)))
    yield home


@pytest.fixture
def home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(filled))
    return filled


@pytest.fixture
def results(home: Path) -> tuple[Result, ...]:
    reader = open_reader(Home(home), None)
    return reader.results(reader.boards()[0])


def opened(page: str | None = None, **address: str | list[str]) -> AppTest:
    at = AppTest.from_file(APP, default_timeout=60)
    if page:
        at.switch_page(page)
    for name, value in address.items():
        at.query_params[name] = value
    at.run()
    assert not at.exception, at.exception
    return at


def elements(at: AppTest, name: str) -> list[dict[str, Any]]:
    """Return the data of the page's own elements of a name."""
    found = (e.proto for e in at.main if e.type == "bidi_component")
    return [json.loads(p.json) for p in found if p.component_name == f"shopedit_{name}"]


def names(table: dict[str, Any]) -> list[str]:
    return [line["cells"][0]["text"] for line in table["lines"]]


def cell(table: dict[str, Any], method: str, column: str) -> dict[str, Any]:
    at = [c["label"] for c in table["columns"]].index(column)
    return next(line for line in table["lines"] if line["id"] == method)["cells"][at]


def test_the_ranking_has_a_table_per_track_and_the_controls_apart(home: Path) -> None:
    at = opened()
    assert [h.value for h in at.subheader] == ["First-frame track", "Mask track", "Text track", "Controls"]
    first, mask, text, controls = elements(at, "table")
    assert names(first) == ["blend", "fails-once"]
    assert (names(mask), names(text)) == (["masked"], ["still"])
    assert names(controls) == ["truth", "copy"]
    assert cell(controls, "truth", "Score")["text"] == "100.0"


def test_every_score_comes_with_its_interval(home: Path) -> None:
    first = elements(opened(), "table")[0]
    score = cell(first, "blend", "Score")
    low, high = score["note"].split(" – ")
    assert float(low) <= float(score["text"]) <= float(high)
    assert 0 <= score["bar"]["low"] <= score["bar"]["mean"] <= score["bar"]["high"] <= 1
    assert "4 clips" in score["hint"]


def test_failures_are_counted_and_score_nothing(home: Path) -> None:
    first = elements(opened(), "table")[0]
    assert cell(first, "fails-once", "Failed")["text"] == "1 / 7"
    scores = [float(cell(first, name, "Score")["text"]) for name in ("blend", "fails-once")]
    assert scores[1] < scores[0]


def test_a_method_that_lacks_cases_is_named_so_and_not_ranked(home: Path) -> None:
    mask = elements(opened(split="smoke"), "table")[1]
    assert cell(mask, "masked", "Method")["note"] == "3 of 7 cases"
    assert cell(mask, "masked", "Rank")["text"] == numbers.NONE


def test_one_source_clip_gives_no_interval(home: Path) -> None:
    tables = elements(opened(scenario="style"), "table")
    assert cell(tables[0], "blend", "Score")["note"] == EN.one_clip


def test_an_address_restores_the_view_and_nonsense_in_it_is_ignored(home: Path) -> None:
    at = opened(scenario="color", columns="mae-target", split="no such split", board="zzz")
    assert [s.value for s in at.selectbox][1:] == ["smoke", "color"]
    assert "MAE" in [c["label"] for c in elements(at, "table")[0]["columns"]]
    assert at.query_params["scenario"] == "color"
    assert at.query_params["split"] == "smoke"


def test_choices_follow_the_reader_to_the_other_page(home: Path) -> None:
    at = opened()
    at.selectbox(key="pick.scenario").set_value("material").run()
    at.switch_page(CASES).run()
    assert at.selectbox(key="pick.scenario").value == "material"


def test_a_row_leads_to_its_cases(home: Path) -> None:
    link = cell(elements(opened(scenario="color"), "table")[0], "fails-once", "Method")["href"]
    page, _, address = link.partition("?")
    assert page == "cases"
    wanted = dict(part.split("=") for part in address.split("&"))
    at = opened(CASES, **wanted)
    assert at.multiselect(key="pick.method").value == ["fails-once"]
    assert at.selectbox(key="pick.scenario").value == "color"


def test_the_case_page_shows_source_target_and_edits_in_one_player(home: Path) -> None:
    at = opened(CASES, method=["blend", "truth"])
    (player,) = elements(at, "player")
    assert [t["label"] for t in player["tiles"]] == ["Source", "Target", "blend", "truth"]
    assert all(t["clip"] for t in player["tiles"])
    assert player["mask"]
    assert (player["frames"], player["fps"]) == (5, 8.0)
    (facts,) = elements(at, "facts")
    assert ["Make the square red.", "把方块变成红色。"] in [f["lines"] for f in facts["facts"]]


def test_cases_come_worst_first_and_the_buttons_walk_through_them(home: Path) -> None:
    at = opened(CASES, method="fails-once")
    box = at.selectbox(key="pick.case")
    values = [float(label.split(" · ")[0]) for label in box.options]
    assert values == sorted(values)
    assert box.value == "clip0-background"  # the one that fails
    at.button(key="go1").click().run()
    assert at.selectbox(key="pick.case").value == box.options[1].split(" · ")[1]
    assert at.button(key="go-1").disabled is False


def test_a_failed_edit_says_why_in_its_place(home: Path) -> None:
    (player,) = elements(opened(CASES, method="fails-once", case="clip0-background"), "player")
    edit = player["tiles"][2]
    assert edit["clip"] is None
    assert edit["reason"] == "No edit: velocity is NaN at step 3"


def test_unscored_values_say_why_and_anchors_are_shown(home: Path) -> None:
    (table,) = elements(opened(CASES, method=["fails-once", "blend"], case="clip0-background"), "table")
    line = next(x for x in table["lines"] if x["cells"] and x["cells"][0]["note"] == "mae-target")
    failed, made, anchors = line["cells"][1:]
    assert failed["note"] == "unscored: velocity is NaN at step 3"
    assert float(made["text"]) > 0
    assert anchors["text"].endswith("→ 0")


def test_a_method_without_a_result_for_the_case_says_so(home: Path) -> None:
    for case, reason in (("clip0-product", None), ("clip3-remove", EN.not_run)):
        (player,) = elements(opened(CASES, method=["blend", "masked"], case=case), "player")
        assert {t["label"]: t["reason"] for t in player["tiles"]}["masked"] == reason


def test_an_empty_store_names_the_command_that_fills_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_reader(open_home(tmp_path), None)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    for page in (None, CASES):
        at = opened(page)
        assert at.subheader[0].value == EN.empty_title
        assert at.code[0].value.startswith("bench run ")


@pytest.mark.parametrize("there", [True, False])
def test_a_missing_store_is_said_and_nothing_is_created(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    folder = tmp_path / "folder"
    if there:
        folder.mkdir()
    monkeypatch.setenv("BENCH_HOME", str(folder))
    at = opened()
    assert at.subheader[0].value == EN.missing_title
    assert str(folder) in at.text[0].value
    assert not list(tmp_path.rglob("*.db"))
    assert folder.exists() is there


def test_a_store_that_is_no_database_is_said_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench.db").write_bytes(b"not a database" * 100)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    at = opened()
    assert at.subheader[0].value == EN.broken_title
    assert "bench store rebuild" in at.text[0].value


def test_a_run_that_ends_while_the_board_is_open_is_seen(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(prepare(RunSpec(("blend",), "smoke", str(toyset), "toy", limit=1), open_home()))
    at = opened()
    assert [names(t) for t in elements(at, "table")] == [["blend"], ["truth", "copy"]]
    run(prepare(RunSpec(("still",), "smoke", str(toyset), "toy", limit=1), open_home()))
    assert [names(t) for t in elements(at.run(), "table")] == [["blend"], ["still"], ["truth", "copy"]]


def test_no_text_from_outside_is_given_to_anything_that_reads_markup(
    results: tuple[Result, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and prompts reach only the page's own elements (text nodes) and option lists (plain text)."""

    def poisoned(result: Result) -> Result:
        card = result.method.model_copy(update={"name": BEACON + result.method.name, "description": BEACON})
        words = {
            "source_prompt": BEACON,
            "keep": (BEACON,),
            "tags": (BEACON,),
            "split": BEACON,
            "subsets": (),
        }
        case = result.case.model_copy(update=words | {"id": BEACON + result.case.id})
        return replace(result, method=card, case=case, reason=result.reason and BEACON)

    bad = tuple(poisoned(r) for r in results)
    monkeypatch.setattr(source.Source, "results", lambda self, board: bad)
    monkeypatch.setattr(
        source.Source,
        "standings",
        lambda self, board, split, scenario, metrics: query.standings(bad, metrics),
    )
    for page in (None, CASES):
        at = opened(page)
        marked = {
            "markdown",
            "title",
            "header",
            "subheader",
            "caption",
            "button",
            "alert",
            "metric",
            "popover",
        }
        for element in at.main:
            if element.type in marked:
                assert "beacon" not in str(element.proto), element.type
            elif hasattr(element, "label"):
                assert "beacon" not in element.label
        assert any(BEACON in json.dumps(data, ensure_ascii=False) for data in elements(at, "table"))


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
    case = results[0].case.model_copy(
        update={"source": results[0].case.source.model_copy(update={"sha256": "0" * 64})}
    )
    clip = ClipShelf(Home(tmp_path), open_reader(Home(home), None).runs()).asset(case, "source")
    assert clip.data is None
    assert "altered" in str(clip.reason)


def test_boards_of_other_protocols_have_other_addresses(home: Path) -> None:
    board = open_reader(Home(home), None).boards()[0]
    others = {
        source.board_id(b)
        for b in (board, replace(board, signature="toy:2"), replace(board, testset_digest="x"))
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


def test_the_board_starts_without_torch() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'diffusers', 'timm', 'transformers'): sys.modules[name] = None\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({APP!r}, default_timeout=60)\n"
        "for page in (None, 'app_pages/cases.py'):\n"
        "    at = at.switch_page(page) if page else at\n"
        "    at.run()\n"
        "    assert not at.exception, at.exception\n"
        "assert not [m for m in sys.modules if m.startswith(('methods', 'bench.metrics'))]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_taken_port_is_one_line_and_exit_2(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(bench_app, ["board", "--port", port])
    assert done.exit_code == 2
    assert f"127.0.0.1:{port}" in done.output
    assert "--port" in done.output


def test_without_streamlit_the_command_names_the_extra(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leaderboard.command.find_spec", lambda name: None)
    done = CliRunner().invoke(bench_app, ["board"])
    assert done.exit_code == 2
    assert 'pip install "shopedit-bench[board]"' in done.output


in_a_browser = pytest.mark.skipif(
    browser.CHROMIUM is None, reason="needs chromium (Debian: apt install chromium)"
)


@pytest.mark.slow
@in_a_browser
def test_clips_stay_in_step_and_pages_fit_a_phone(home: Path) -> None:
    pytest.importorskip("playwright")
    with browser.board(home) as address, browser.chromium() as chromium:
        with browser.page(chromium) as tab:
            browser.visit(tab, f"{address}/?scenario=all")
            tab.locator("th a", has_text="blend").first.click()
            browser.find_player(tab)
            tab.wait_for_timeout(3000)
            at = browser.times(tab)
            assert max(at) - min(at) <= 0.040
            tab.locator(".player").focus()
            tab.keyboard.press(" ")
            tab.wait_for_timeout(300)
            before = tab.evaluate("board_player.state.frame")
            tab.keyboard.press("ArrowRight")
            tab.wait_for_timeout(500)
            after = tab.evaluate("board_player.state.frame")
            assert after == (before + 1) % fixtures.FRAMES
            assert len(set(browser.times(tab))) == 1
            assert tab.problems == []
            assert [r for r in tab.requests if not r.startswith((address, f"blob:{address}", "data:"))] == []
        for path in browser.PAGES.values():
            with browser.page(chromium, "phone") as tab:
                browser.visit(tab, f"{address}/{path}")
                assert browser.overflow(tab) == 0


@pytest.mark.slow
@in_a_browser
def test_names_that_are_markup_are_shown_as_text_and_fetch_nothing(home: Path, tmp_path: Path) -> None:
    pytest.importorskip("playwright")
    copy = tmp_path / "evil"
    shutil.copytree(home, copy)
    with closing(sqlite3.connect(copy / "bench.db")) as db, db:
        db.execute("UPDATE method SET name = ? || name", (BEACON,))
        db.execute("UPDATE method SET card = json_set(card, '$.name', name, '$.description', ?)", (BEACON,))
        words = ("source_prompt", "target_prompt", "vertical", "split", "instruction.en")
        for word in words:
            db.execute(f"UPDATE \"case\" SET record = json_set(record, '$.{word}', ?)", (BEACON,))
        db.execute("UPDATE testset SET name = ?", (BEACON,))
        db.execute("UPDATE edit SET reason = ? WHERE reason IS NOT NULL", (BEACON,))
    with browser.board(copy) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        for path in browser.PAGES.values():
            browser.visit(tab, f"{address}/{path}")
            for box in tab.locator("[data-testid=stSelectbox], [data-testid=stMultiSelect]").all():
                box.click()
                tab.wait_for_timeout(200)
                tab.keyboard.press("Escape")
            tab.locator("th, td").first.hover()
            tab.wait_for_timeout(500)
            assert tab.get_by_text(BEACON).count() > 0
        assert [r for r in tab.requests if "beacon" in r.split("?")[0]] == []
        assert tab.locator("img[src*=beacon]").count() == 0
