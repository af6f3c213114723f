"""The board's web server: scripts from memory, named in time and sent without waiting for the last one to arrive."""

from __future__ import annotations

import http.client
import time
from pathlib import Path
from statistics import median

import pytest
import streamlit
from starlette.applications import Starlette
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from leaderboard.server import ELEMENTS, Assets, later_scripts
from tests import browser
from tests.board_store import fill

STATIC = Path(streamlit.__file__).with_name("static")


async def document(request: object) -> HTMLResponse:
    return HTMLResponse("<p>page")


@pytest.fixture
def client() -> TestClient:
    return TestClient(Assets(Starlette(routes=[Route("/method", document)]), STATIC))


def test_scripts_are_answered_as_they_lie_and_may_be_kept(client: TestClient) -> None:
    script = next((STATIC / "static" / "js").glob("index.*.js"))
    for _ in range(2):
        answer = client.get(f"/static/js/{script.name}")
        assert answer.content == script.read_bytes()
        assert "javascript" in answer.headers["content-type"] and "immutable" in answer.headers["cache-control"]
    assert client.head(f"/static/js/{script.name}").status_code == 404  # all else is Streamlit's own
    assert client.get("/static/../index.html").status_code == 404


def test_a_document_names_the_scripts_that_its_elements_will_need(client: TestClient) -> None:
    named = client.get("/method").headers["link"]
    for element in ELEMENTS:
        assert f"<./static/js/{element}." in named, f"{element}: Streamlit has no script of this name any more"
    assert "link" not in client.get("/nothing").headers


def test_scripts_are_named_with_what_they_import_once_and_not_what_the_document_names(tmp_path: Path) -> None:
    scripts = tmp_path / "static" / "js"
    scripts.mkdir(parents=True)
    (tmp_path / "index.html").write_text('<link rel="modulepreload" href="./static/js/core.a.js">')
    (scripts / "Button.b.js").write_text('import{o as e}from"./core.a.js";import"./label.c.js";import("./rare.d.js")')
    (scripts / "Selectbox.e.js").write_text('import{o}from"./label.c.js"')
    (scripts / "label.c.js").write_text('import"./Button.b.js"')
    assert later_scripts(tmp_path) == ["Button.b.js", "label.c.js", "Selectbox.e.js"]


def test_an_answer_on_a_kept_connection_comes_as_soon_as_on_a_new_one(toyset: Path, tmp_path: Path) -> None:
    """Where Nagle's algorithm is on, each waits for an acknowledgement that is held back for 40 ms."""
    path = f"/static/js/{next((STATIC / 'static' / 'js').glob('types.*.js')).name}"

    def seconds(line: http.client.HTTPConnection) -> float:
        start = time.perf_counter()
        line.request("GET", path)
        assert line.getresponse().read()
        return time.perf_counter() - start

    with browser.board(fill(tmp_path / "home", toyset)) as address:
        place = address.removeprefix("http://")
        line = http.client.HTTPConnection(place)
        kept = median(seconds(line) for _ in range(30))
        line.close()
        new = median(seconds(http.client.HTTPConnection(place)) for _ in range(30))
    assert kept < 4 * new
