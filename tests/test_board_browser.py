"""The board in a real browser: clips in step, phones, and names that are markup."""

from __future__ import annotations

from pathlib import Path

import pytest

from leaderboard.text import EN
from tests import browser, fixtures
from tests.board_store import BEACON, fill, poison


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    return fill(tmp_path_factory.mktemp("board"), toyset)


@pytest.fixture
def home(filled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(filled))
    return filled


in_a_browser = pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium (Debian: apt install chromium)")


@pytest.mark.slow
@in_a_browser
def test_clips_stay_in_step_and_pages_fit_a_phone(home: Path) -> None:
    pytest.importorskip("playwright")
    with browser.board(home) as address, browser.chromium() as chromium:
        with browser.page(chromium) as tab:
            browser.visit(tab, f"{address}/?scenario=all")
            tab.locator("th a", has_text="blend").first.click()
            tab.get_by_role("button", name=EN.method.to_cases).click()
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
    copy = poison(home, tmp_path / "evil")
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
