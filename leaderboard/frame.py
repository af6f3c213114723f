"""What both pages begin with: the store opened, or a page that says what to do; and the board chosen."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st

from bench.errors import UserError
from bench.store.read import Board, Result
from leaderboard import pick, query, source
from leaderboard.text import EN, Text

RUN = "bench run --method ti2v-inversion --split smoke"
ALL = "all"
_log = logging.getLogger(__name__)


def text() -> Text:
    """Return the board's words in the reader's language."""
    return EN


def opened() -> source.Source:
    """Return the store with at least one run in it; without, the page says which command makes one and ends."""
    words = text()
    try:
        found = source.open_source()
    except source.StoreMissing as error:
        _stop(words.missing_title, words.missing_body, str(error), RUN)
    except UserError as error:
        _log.warning("%s", error)
        _stop(words.broken_title, "", str(error), "bench doctor")
    if not found.boards:
        _stop(words.empty_title, words.empty_body, "", RUN)
    return found


def _stop(title: str, body: str, detail: str, command: str) -> NoReturn:
    """Show an empty page with the next step. `detail` may hold names from outside, so it is never Markdown."""
    st.subheader(title)
    if body:
        st.write(body)
    if detail:
        st.text(detail)
    st.code(command, language="bash")
    st.stop()
    raise AssertionError("st.stop ends the page")


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What the page is about."""

    board: Board
    split: str
    scenario: str | None
    """None for all of them."""
    results: tuple[Result, ...]
    """At least one."""


def selection(found: source.Source) -> Selection:
    """Return what the reader chose in the boxes this draws; where nothing is left, the page says so and ends."""
    words = text()
    with st.container(horizontal=True):
        board = _board(found, words)
        every = found.results(board)
        split = _split(found, board, every, words) if every else ""
        scenario = _scenario(query.select(every, split), words)
    results = query.select(every, split, scenario)
    if not results:
        st.subheader(words.no_results_title)
        st.write(words.no_results_body)
        st.stop()
    return Selection(board, split, scenario, results)


def _board(found: source.Source, words: Text) -> Board:
    by_id = {source.board_id(board): board for board in found.boards}

    def name(key: str) -> str:
        board = by_id[key]
        return f"{board.testset} {board.version} · {board.signature}"

    chosen = pick.one(words.board, "board", list(by_id), next(iter(by_id)), name, help=words.never_mixed, width=380)
    return by_id[chosen]


def _split(found: source.Source, board: Board, results: tuple[Result, ...], words: Text) -> str:
    counts = query.splits(results)
    last = found.runs_of(board)[0].split  # what the reader has just run
    default = last if last in counts else next(iter(counts))
    return pick.one(words.split, "split", list(counts), default, lambda name: f"{name} ({counts[name]})", width=150)


def _scenario(results: tuple[Result, ...], words: Text) -> str | None:
    options = [ALL, *query.scenarios(results)]
    names = {ALL: words.all_scenarios, **words.scenarios}
    chosen = pick.one(words.scenario, "scenario", options, ALL, names.__getitem__, width=180)
    return None if chosen == ALL else chosen
