"""The board: what its pages show of a store, what they refuse to mix, and what they never turn into markup."""

from __future__ import annotations

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import alembic.command
import pytest
from sqlalchemy import create_engine
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

import leaderboard
from bench.blobs import BlobStore
from bench.cli import app as bench_app
from bench.home import Home, open_home
from bench.meta import published
from bench.meta.published import Verdict
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader, open_store
from bench.store.db import HEAD, alembic_config
from bench.store.read import Result
from leaderboard import access, numbers
from leaderboard.text import EN, LANGUAGES
from tests import browser
from tests.board_store import fill, poison

APP = str(Path(leaderboard.__file__).with_name("app.py"))
CASES, METHOD, COMPARE, TESTSET = (f"app_pages/{name}.py" for name in ("cases", "method", "compare", "testset"))
PAGES = {name: None if name == "ranking" else f"app_pages/{name}.py" for name in browser.PAGES}
MARKED = {"markdown", "title", "header", "subheader", "caption", "button", "alert", "metric", "popover", "expander"}
"""Elements that read Markdown."""


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    return fill(tmp_path_factory.mktemp("board"), toyset)


@pytest.fixture
def home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(filled))
    monkeypatch.setattr(access, "mode", lambda: "local")
    return filled


@pytest.fixture(scope="module")
def poisoned(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return poison(filled, tmp_path_factory.mktemp("evil") / "home")


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
    assert [h.value for h in at.header][:4] == ["First-frame track", "Mask track", "Text track", "Controls"]
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


def test_quality_against_cost_has_a_line_and_a_mark_per_track(home: Path) -> None:
    (chart,) = elements(opened(), "chart")
    marks = {p["id"]: chart["marks"][p["mark"]] for p in chart["points"]}
    assert marks == {"blend": "First frame", "fails-once": "First frame", "still": "Text"}
    for line in chart["frontiers"]:
        assert len({marks[chart["points"][i]["id"]] for i in line}) == 1
    assert len(chart["frontiers"]) == 2


def test_methods_that_lack_cases_are_offered_after_those_that_do_not(home: Path) -> None:
    offered = opened(METHOD).selectbox(key="pick.method").options
    assert offered[3] == "masked"
    assert set(offered[:3]) == {"blend", "fails-once", "still"}


def test_failures_are_counted_and_score_nothing(home: Path) -> None:
    first = elements(opened(), "table")[0]
    assert cell(first, "fails-once", "Failed")["text"] == "1 / 7"
    scores = [float(cell(first, name, "Score")["text"]) for name in ("blend", "fails-once")]
    assert scores[1] < scores[0]


def test_a_method_that_lacks_cases_is_named_so_and_not_ranked(home: Path) -> None:
    mask = elements(opened(split="smoke"), "table")[1]
    assert cell(mask, "masked", "Method")["note"].startswith("3 of 7 cases")
    assert cell(mask, "masked", "Rank")["text"] == numbers.NONE


def test_every_metric_stands_beside_its_figure_on_trial(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = {"score": Verdict(0.951, 0.94, 0.96, 1800, True), "mae-target": Verdict(0.8, 0.75, 0.85, 900, False)}
    monkeypatch.setattr(published, "verdicts", lambda _: tried)
    heads = {c["label"]: c for c in elements(opened(columns="mae-target"), "table")[0]["columns"]}
    assert (heads["Score"]["note"], heads["MAE"]["note"]) == ("on trial: 95.1 %", "on trial: 80.0 %")
    assert "80.0 % [75.0, 85.0] of 900 pairs" in heads["MAE"]["help"]
    assert EN.ranking.no_weight in heads["MAE"]["help"] and EN.ranking.no_weight not in heads["Score"]["help"]
    tables = elements(opened(METHOD, method="blend"), "table")
    metrics = next(t for t in tables if EN.method.trial in [c["label"] for c in t["columns"]])
    said = {line["cells"][0]["note"]: line["cells"][3] for line in metrics["lines"] if line["cells"]}
    assert (said["mae-target"]["text"], said["mae-target"]["note"]) == ("80.0 %", EN.method.no_weight)
    assert (said["score"]["text"], said["score"]["note"]) == ("95.1 %", "")


def test_one_source_clip_gives_no_interval(home: Path) -> None:
    tables = elements(opened(scenario="style"), "table")
    assert cell(tables[0], "blend", "Score")["note"] == EN.ranking.one_clip


def test_an_address_restores_the_view_and_nonsense_in_it_is_ignored(home: Path) -> None:
    at = opened(scenario="color", columns="mae-target", split="no such split", board="zzz")
    assert [at.selectbox(key=f"pick.{name}").value for name in ("split", "scenario")] == ["smoke", "color"]
    assert "MAE" in [c["label"] for c in elements(at, "table")[0]["columns"]]
    assert at.query_params["scenario"] == "color"
    assert at.query_params["split"] == "smoke"


def test_a_page_that_ends_early_has_its_choices_in_the_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    monkeypatch.setenv("BENCH_RESULTS", "")
    at = opened()
    assert [h.value for h in at.header] == [EN.frame.missing_title]
    assert at.query_params["lang"] == "en"
    assert "address" not in at.session_state


def test_choices_follow_the_reader_to_the_other_page(home: Path) -> None:
    at = opened()
    at.selectbox(key="pick.scenario").set_value("material").run()
    at.switch_page(CASES).run()
    assert at.selectbox(key="pick.scenario").value == "material"


def test_a_row_leads_to_its_method_and_that_to_its_cases(home: Path) -> None:
    link = cell(elements(opened(scenario="color"), "table")[0], "fails-once", "Method")["href"]
    page, _, address = link.partition("?")
    assert page == "method"
    at = opened(METHOD, **dict(parse_qsl(address)))
    assert at.selectbox(key="pick.method").value == "fails-once"
    assert at.selectbox(key="pick.scenario").value == "color"
    worst = next(t for t in elements(at, "table") if t["caption"] == EN.method.worst)
    page, _, address = worst["lines"][0]["cells"][0]["href"].partition("?")
    assert page == "cases"
    at = opened(CASES, **dict(parse_qsl(address)))
    assert at.multiselect(key="pick.method").value == ["fails-once"]
    assert at.selectbox(key="pick.case").value == worst["lines"][0]["id"]


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
    for case, reason in (("clip0-product", None), ("clip3-remove", EN.cases.not_run)):
        (player,) = elements(opened(CASES, method=["blend", "masked"], case=case), "player")
        assert {t["label"]: t["reason"] for t in player["tiles"]}["masked"] == reason


def test_copies_are_shown_as_such_and_the_page_leads_to_them(
    home: Path, results: tuple[Result, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = Home(tmp_path)
    shutil.copytree(home / "journal", elsewhere.journals)
    open_store(elsewhere, None)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    result = next(r for r in results if r.method.name == "blend")
    at = opened(CASES, method="blend", case=result.case.id, split="dev")
    assert EN.cases.watch not in [b.label for b in at.button]
    elsewhere.copies.mkdir()
    shutil.copy(BlobStore(Home(home).blobs).path(str(result.sha256)), elsewhere.copies / f"{result.sha256}.mp4")
    at = opened(CASES, method="still", case=result.case.id, split="dev")
    assert EN.cases.copies not in [c.value for c in at.caption]
    next(b for b in at.button if b.label == EN.cases.watch).click().run()
    assert (at.selectbox(key="pick.split").value, at.multiselect(key="pick.method").value) == ("smoke", ["blend"])
    assert EN.cases.copies in [c.value for c in at.caption]
    (player,) = elements(at, "player")
    assert player["tiles"][2]["clip"]
    assert player["tiles"][2]["note"].endswith(f" · {EN.cases.copy}")


def test_an_empty_store_names_the_command_that_fills_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_reader(open_home(tmp_path), None)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    for page in (None, CASES):
        at = opened(page)
        assert at.header[0].value == EN.frame.empty_title
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
    assert at.header[0].value == EN.frame.missing_title
    assert str(folder) in at.text[0].value
    assert not list(tmp_path.rglob("*.db"))
    assert folder.exists() is there


def test_a_store_that_is_no_database_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bench.db").write_bytes(b"not a database" * 100)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    at = opened()
    assert at.header[0].value == EN.frame.broken_title
    assert "bench store rebuild" in at.text[0].value


def test_a_newer_store_names_the_command_that_updates_the_program(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(filled, tmp_path / "home")
    with closing(sqlite3.connect(tmp_path / "home" / "bench.db")) as db, db:
        db.execute("UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    at = opened()
    assert at.header[0].value == EN.frame.newer_title
    assert at.code[0].value == "pip install --upgrade shopedit-bench"


def test_an_older_store_is_brought_up_to_date_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'bench.db'}")
    alembic.command.upgrade(alembic_config(engine), "0001")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    assert opened().header[0].value == EN.frame.empty_title
    with closing(sqlite3.connect(tmp_path / "bench.db")) as db:
        assert db.execute("SELECT version_num FROM alembic_version").fetchone() == (HEAD,)


def test_a_store_that_another_program_holds_is_said(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(filled, tmp_path / "home")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("bench.store.db.BUSY_SECONDS", 0.1)
    with closing(sqlite3.connect(tmp_path / "home" / "bench.db")) as db:
        db.execute("PRAGMA locking_mode=EXCLUSIVE")
        db.execute("BEGIN EXCLUSIVE")
        at = opened()
    assert at.header[0].value == EN.frame.locked_title
    assert "another program holds it" in at.text[0].value
    assert opened().header[0].value == EN.ranking.track_heading["first-frame"]


def test_a_run_that_ends_while_the_board_is_open_is_seen(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(prepare(RunSpec(("blend",), "smoke", str(toyset), "toy", limit=1), open_home()))
    at = opened()
    assert [names(t) for t in elements(at, "table")] == [["blend"], ["truth", "copy"]]
    run(prepare(RunSpec(("still",), "smoke", str(toyset), "toy", limit=1), open_home()))
    assert [names(t) for t in elements(at.run(), "table")] == [["blend"], ["still"], ["truth", "copy"]]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_no_text_from_outside_is_given_to_anything_that_reads_markup(
    poisoned: Path, monkeypatch: pytest.MonkeyPatch, page: str, language: str
) -> None:
    """Names and prompts reach only the page's own elements (text nodes), code blocks and option lists (plain text)."""
    monkeypatch.setenv("BENCH_HOME", str(poisoned))
    at = opened(PAGES[page], lang=language)
    for element in at.main:
        if element.type in MARKED:
            assert "beacon" not in str(element.proto), element.type
        elif hasattr(element, "label"):
            assert "beacon" not in element.label
    shown = [data for name in ("table", "facts") for data in elements(at, name)]
    assert page in ("submit", "review", "vote", "votes") or any("beacon" in json.dumps(data) for data in shown)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens_in_both_languages(home: Path, page: str, language: str) -> None:
    at = opened(PAGES[page], lang=language)
    assert at.title[0].value == LANGUAGES[language].frame.pages[page]
    assert at.query_params["lang"] == language


def test_the_board_starts_without_torch() -> None:
    code = (
        "import sys\n"
        "for name in ('torch', 'diffusers', 'timm', 'transformers'): sys.modules[name] = None\n"
        "from streamlit.testing.v1 import AppTest\n"
        f"at = AppTest.from_file({APP!r}, default_timeout=60)\n"
        f"for page in {list(PAGES.values())}:\n"
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
