"""Whoever cannot see well, use a mouse or bear motion can use the board: axe-core's rules, keyboard, reduced motion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests import board_people, browser
from tests.board_store import fill

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser.CHROMIUM is None, reason="needs chromium (Debian: apt install chromium)"),
]
pytest.importorskip("playwright")
axe = pytest.importorskip("axe_playwright_python.base", reason="needs axe-playwright-python, which carries axe-core")

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
STREAMLITS = ("stSidebarNav", "stFileUploader", "stDeployButton", "stMainMenu")
"""Parts of the page that are Streamlit's own markup, which the board cannot change."""


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    home = fill(tmp_path_factory.mktemp("board"), toyset)
    return board_people.join(home, toyset, tmp_path_factory.mktemp("work"))


def faults(tab: Any) -> list[str]:
    """Return what axe-core finds wrong, one line per rule and place."""
    tab.evaluate(axe.AXE_FILE_PATH.read_text())
    found = tab.evaluate("rules => axe.run(document, rules)", RULES)
    return [
        f"{fault['id']}: {node['html'][:160]}"
        for fault in found["violations"]
        for node in fault["nodes"]
        if not any(part in node["html"] or part in ancestors(tab, node) for part in STREAMLITS)
    ]


def ancestors(tab: Any, node: dict[str, Any]) -> str:
    """Return the names of what an element lies in; empty for one inside the board's own elements."""
    if len(node["target"]) != 1 or not isinstance(node["target"][0], str):
        return ""
    names = "e => { const n = []; for (; e; e = e.parentElement) n.push(e.dataset.testid); return n.join(' ') }"
    return str(tab.locator(node["target"][0]).first.evaluate(names))


@pytest.mark.parametrize(
    ("size", "scheme"), [("wide", "light"), ("wide", "dark"), ("phone", "light"), ("phone", "dark")]
)
def test_pages_keep_the_rules_of_accessible_pages(joined: Path, size: str, scheme: str) -> None:
    found = {}
    with browser.board(joined) as address, browser.chromium() as chromium, browser.page(chromium, size, scheme) as tab:
        for name, path in browser.PAGES.items():
            browser.visit(tab, f"{address}/{path}?lang=en")
            found[name] = faults(tab)
    assert found == {name: [] for name in browser.PAGES}


def test_the_document_says_its_language_and_the_tab_its_page(joined: Path) -> None:
    with browser.board(joined) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        for language, title in (("en", "Votes · ShopEdit-Bench"), ("zh", "投票结果 · ShopEdit-Bench")):
            browser.visit(tab, f"{address}/votes?lang={language}")
            tab.wait_for_function(f"document.documentElement.lang === '{language}'")
            tab.wait_for_function(f"document.title === '{title}'")
        assert [r for r in tab.requests if not r.startswith((address, f"blob:{address}", "data:"))] == []


def test_a_reader_with_a_keyboard_alone_sees_what_has_the_focus_and_what_a_heading_means(joined: Path) -> None:
    with browser.board(joined) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        browser.visit(tab, f"{address}/?lang=en")
        heading = tab.locator("thead button", has_text="Score").first
        heading.focus()
        tab.keyboard.press("Tab")
        tab.keyboard.press("Shift+Tab")
        assert heading.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"
        assert "macro-averaged" in tab.locator("[role=tooltip]:visible").inner_text()
        tab.keyboard.press("Escape")
        assert tab.locator("[role=tooltip]:visible").count() == 0
        tab.keyboard.press("Enter")
        assert tab.locator("thead [aria-sort=descending]").count() == 1


def test_nothing_moves_by_itself_for_whoever_asks_for_less_motion(joined: Path) -> None:
    with browser.board(joined) as address, browser.chromium() as chromium, browser.page(chromium) as tab:
        tab.emulate_media(reduced_motion="reduce")
        tab.goto(f"{address}/cases?lang=en")
        browser.find_player(tab)
        tab.wait_for_function("board_player.state.videos.every(v => v.readyState >= 2)")
        tab.wait_for_timeout(1500)
        assert tab.evaluate("board_player.state.playing") is False
        tab.locator(".player").focus()
        tab.keyboard.press(" ")
        tab.wait_for_function("board_player.state.playing")
