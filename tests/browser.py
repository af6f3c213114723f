"""The board in a real browser: screenshots of every page, wide and narrow, in both languages, light and dark.

`python -m tests.browser OUT --home FOLDER` starts `bench board` on a free port, opens every page in Debian's
Chromium, writes PNG files to OUT and reports what no picture shows: errors in the console, a page wider than its
window.
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SIZES = {"wide": (1440, 1000), "phone": (390, 844)}
PAGES = {
    "ranking": "",
    "method": "method",
    "cases": "cases",
    "compare": "compare",
    "testset": "testset",
    "submit": "submit",
    "vote": "vote",
    "votes": "votes",
    "review": "review",
    "about": "about",
}
DRAWN = """[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
    .every(e => e.shadowRoot?.querySelector('.board-table, .player, .chart, .radar, dl'))"""
"""Whether every element of the board's own is drawn: their scripts may run after the server has said all."""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@contextmanager
def board(home: Path) -> Iterator[str]:
    """Run `bench board` on a state folder; yields its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "bench.cli", "board", "--home", str(home), "--port", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ.copy())
    board.process = server.pid  # type: ignore[attr-defined]
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"{address}/_stcore/health", timeout=1):
                    break
            except OSError:
                if server.poll() is not None:
                    raise RuntimeError(f"bench board ended with {server.returncode}") from None
                time.sleep(0.25)
        yield address
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def chromium() -> Iterator[Any]:
    """Start Chromium without the network; yields Playwright's browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page(browser: Any, size: str = "wide", scheme: str = "light") -> Iterator[Any]:
    """Open an empty tab; what goes wrong in it is collected in `tab.problems`."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    tab = context.new_page()
    tab.set_default_timeout(60_000)
    tab.problems = []
    tab.requests = []
    tab.on("pageerror", lambda error: tab.problems.append(str(error)))
    tab.on("console", lambda m: tab.problems.append(m.text) if m.type == "error" and not _probe(m) else None)
    tab.on("request", lambda r: tab.requests.append(r.url))
    try:
        yield tab
    finally:
        context.close()


def _probe(message: Any) -> bool:
    """Streamlit looks for its server under the page's own path first, and the browser reports that as an error."""
    return "/_stcore/" in message.location.get("url", "")


def visit(tab: Any, address: str) -> None:
    """Open an address and wait until the page is drawn."""
    tab.goto(address)
    settle(tab)


def settle(tab: Any) -> None:
    """Wait until the page has its title and the server has nothing left to draw."""
    tab.locator("h1").first.wait_for()
    tab.wait_for_function("document.querySelector('.stApp')?.dataset.testScriptState === 'notRunning'")
    tab.wait_for_function("!document.querySelector('[data-testid=stSkeleton]')")
    tab.wait_for_function(DRAWN)
    if tab.locator(".player canvas").count():
        find_player(tab)
        tab.wait_for_function("board_player.state.videos.every(v => v.readyState >= 2 && v.currentTime > 0)")
    height = "document.querySelector('[data-testid=stMain]').scrollHeight"
    before = -1
    while (now := tab.evaluate(height)) != before:
        before = now
        tab.wait_for_timeout(250)


def overflow(tab: Any) -> int:
    """Return by how many pixels the page is wider than its window."""
    return tab.evaluate(
        "Math.max(...[document.documentElement, ...document.querySelectorAll('[data-testid=stMain]')]"
        ".map(e => e.scrollWidth - e.clientWidth))"
    )


def full(tab: Any, path: Path) -> None:
    """Write a picture of the whole page, not only of what fits the window."""
    width = tab.viewport_size["width"]
    height = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    tab.set_viewport_size({"width": width, "height": min(height + 20, 6000)})
    tab.wait_for_timeout(400)
    tab.screenshot(path=str(path))


def times(tab: Any) -> list[float]:
    """Return the current time of every clip of the player, in seconds."""
    return tab.evaluate("[...window.board_player.state.videos].map(v => v.currentTime)")


def find_player(tab: Any) -> None:
    """Find the player in its shadow root and name it for `times` and the tests."""
    tab.locator(".player button.play").wait_for()
    tab.locator(".player").evaluate("node => { window.board_player = node }")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--home", type=Path, required=True, help="State folder with results.")
    parser.add_argument("--page", choices=PAGES, action="append", help="Only this page; repeat for more.")
    parser.add_argument("--docs", action="store_true", help="Small JPEG pictures in English, named by page alone.")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with board(given.home) as address, chromium() as browser:
        for name in given.page or PAGES:
            if given.docs:
                for size in SIZES if name == "ranking" else ("wide",):
                    with page(browser, size) as tab:
                        visit(tab, f"{address}/{PAGES[name]}?lang=en")
                        ending = "" if size == "wide" else f"-{size}"
                        tab.screenshot(path=given.out / f"{name}{ending}.jpg", type="jpeg", quality=72)
                continue
            for size in SIZES:
                for language, scheme in (("en", "light"), ("zh", "light"), ("en", "dark")):
                    with page(browser, size, scheme) as tab:
                        visit(tab, f"{address}/{PAGES[name]}?lang={language}")
                        wider = overflow(tab)
                        full(tab, given.out / f"{name}-{size}-{language}-{scheme}.png")
                        problems = tab.problems or "no errors"
                        print(f"{name} {size} {language} {scheme}: {wider} px too wide; {problems}")


if __name__ == "__main__":
    main()
