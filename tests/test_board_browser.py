"""The board in a real browser: a whole visit, clips in step, phones, and names that are markup."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.testsets import read_testset
from bench.votes import studies
from leaderboard.text import EN, ZH
from tests import board_people, browser, fixtures
from tests.board_store import BEACON, fill, poison

COUNT_ALL = board_people.RULES.model_copy(update={"least_caught": 0, "pass_share": 0.0})
"""The visitor clicks without looking, so known answers come out wrong; the votes count all the same."""
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium (Debian: apt install chromium)"),
]
pytest.importorskip("playwright")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    return fill(tmp_path_factory.mktemp("board"), toyset)


def cells(tab: Any, table: int = 0) -> list[str]:
    """Return the first cell of each row of a table."""
    return tab.locator("table").nth(table).locator("tbody th .text").all_inner_texts()


def choose(tab: Any, label: str, option: str) -> None:
    """Choose an option of a select box."""
    tab.locator("[data-testid=stSelectbox]", has=tab.get_by_text(label, exact=True)).locator("input").first.click()
    tab.get_by_role("option", name=option).click()
    browser.settle(tab)


def test_a_visit_from_the_ranking_to_the_votes(filled: Path, toyset: Path, tmp_path: Path) -> None:
    """Filter, open a method and a case, step, compare, upload, review, accept, vote 20 pairs, see the ratings."""
    home = tmp_path / "home"
    shutil.copytree(filled, home)
    upload = board_people.packed(board_people.results(tmp_path / "mine", toyset), tmp_path / "mine.zip")
    with browser.board(home) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        browser.visit(tab, address)
        choose(tab, EN.frame.scenario, "Colour")
        assert "scenario=color" in tab.url
        tab.get_by_role("button", name=EN.frame.link).click()
        link = tab.locator("[data-testid=stCode] code").first.inner_text()
        with browser.page(chromium) as other:
            browser.visit(other, link)
            assert "scenario=color" in other.url
            assert cells(other) == cells(tab)

        browser.visit(tab, f"{address}/?scenario=all&lang=zh")
        tab.locator("th a", has_text="blend").first.click()
        tab.get_by_role("heading", name=ZH.frame.pages["method"], exact=True).wait_for()
        tab.get_by_role("button", name=ZH.method.to_cases).click()
        browser.find_player(tab)
        tab.wait_for_function("board_player.state.playing")
        tab.locator(".player").focus()
        tab.keyboard.press(" ")
        tab.wait_for_function("!board_player.state.playing")
        tab.wait_for_timeout(300)
        before = tab.evaluate("board_player.state.frame")
        tab.keyboard.press("ArrowRight")
        tab.wait_for_timeout(500)
        assert tab.evaluate("board_player.state.frame") == (before + 1) % fixtures.FRAMES
        assert len(set(browser.times(tab))) == 1

        browser.visit(tab, f"{address}/compare?lang=en&a=blend&b=fails-once")
        tab.get_by_role("heading", name=EN.compare.gaps).wait_for()
        tab.locator("th a").first.click()
        browser.find_player(tab)
        assert "method=blend&method=fails-once" in tab.url

        submit_and_accept(tab, address, upload, home)
        open_study(home, toyset)
        vote(tab, address, 20)
        browser.visit(tab, f"{address}/votes")
        rated = cells(tab)
        assert {"blend", "still"} <= set(rated)
        assert tab.problems == []
        assert [r for r in tab.requests if not r.startswith((address, f"blob:{address}", "data:"))] == []


def submit_and_accept(tab: Any, address: str, upload: Path, home: Path) -> None:
    browser.visit(tab, f"{address}/submit?lang=en")
    tab.locator("input[type=file]").set_input_files(str(upload))
    tab.get_by_text(upload.name).wait_for()
    tab.get_by_role("button", name=EN.submit.button).click()
    tab.get_by_text("is scored by bench submit work").wait_for()
    work = [sys.executable, "-m", "bench.cli", "submit", "work", "--protocol", "toy", "--home", str(home)]
    plugins = os.environ | fixtures.ENVIRONMENT
    done = subprocess.run(work, capture_output=True, text=True, check=False, env=plugins)
    assert "1 scored" in done.stdout, done.stdout + done.stderr
    browser.visit(tab, f"{address}/review?lang=en")
    browser.find_player(tab)
    tab.get_by_role("button", name=EN.review.accept).click()
    tab.get_by_text("is accepted and on the board").wait_for()
    browser.visit(tab, f"{address}/?split=smoke")
    assert tab.get_by_text("my-editor-by-a-team").first.is_visible()


def open_study(home: Path, toyset: Path) -> None:
    place = open_home(home)
    reader = open_reader(place, None)
    board = reader.boards()[0]
    studies.open_study(reader.engine, place, read_testset(toyset), "look", board, "smoke", rules=COUNT_ALL)


def vote(tab: Any, address: str, count: int) -> None:
    browser.visit(tab, f"{address}/vote?lang=en")
    for number in range(count):
        tab.get_by_text(EN.vote.number.format(n=number), exact=True).wait_for()
        browser.settle(tab)
        page = tab.content()
        assert not any(name in page for name in ("fails-once", "masked", "my-editor"))
        for radio in tab.locator("[data-testid=stRadio]").all():
            radio.get_by_text(EN.vote.choices["left" if number % 3 else "right"], exact=True).click()
        tab.wait_for_timeout(700)  # as long as the clips, which is the least
        tab.get_by_role("button", name=EN.vote.cast).click()
    tab.get_by_text(EN.vote.number.format(n=count), exact=True).wait_for()


def test_clips_are_in_step_after_ten_seconds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixtures, "FRAMES", 96)
    for name, value in fixtures.ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    fixtures.make_testset(tmp_path / "set", edits=1)
    home = tmp_path / "home"
    run(prepare(RunSpec(("still",), "smoke", str(tmp_path / "set"), "toy"), open_home(home)))
    with browser.board(home) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        browser.visit(tab, f"{address}/cases?method=still&method=truth")
        tab.wait_for_function("board_player.state.playing && board_player.state.videos[0].currentTime > 10", polling=20)
        apart = []
        for _ in range(5):
            at = browser.times(tab)
            apart.append(max(at) - min(at))
            tab.wait_for_timeout(60)
        print(f"apart after 10 s: {max(apart) * 1000:.1f} ms at most")
        assert max(apart) <= 0.040


def test_pages_fit_a_phone_in_both_languages(filled: Path) -> None:
    with browser.board(filled) as address, browser.chromium() as chromium:
        for path in browser.PAGES.values():
            for language in ("en", "zh"):
                with browser.page(chromium, "phone") as tab:
                    browser.visit(tab, f"{address}/{path}?lang={language}")
                    assert browser.overflow(tab) == 0, path


def test_names_that_are_markup_are_shown_as_text_and_fetch_nothing(filled: Path, toyset: Path, tmp_path: Path) -> None:
    joined = tmp_path / "joined"
    shutil.copytree(filled, joined)
    board_people.join(joined, toyset, tmp_path / "work")
    copy = poison(joined, tmp_path / "evil")
    with browser.board(copy) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        alerts: list[str] = []
        tab.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
        for name, path in browser.PAGES.items():
            browser.visit(tab, f"{address}/{path}?lang=en")
            for box in tab.locator("[data-testid=stSelectbox], [data-testid=stMultiSelect]").all():
                box.click()
                tab.wait_for_timeout(200)
                tab.keyboard.press("Escape")
            if tab.locator("th, td").count():
                tab.locator("th, td").first.hover()
            tab.wait_for_timeout(300)
            for press in tab.locator("[data-testid=stPopover] button, [data-testid=stExpander] summary").all():
                press.click()
                tab.wait_for_timeout(200)
                tab.keyboard.press("Escape")
            assert tab.get_by_text(BEACON[:80]).count() > 0, name
            assert tab.locator("img[src*=beacon], a[href^='javascript:' i]").count() == 0, name
        assert alerts == []
        assert [r for r in tab.requests if not r.startswith((address, f"blob:{address}", "data:"))] == []
