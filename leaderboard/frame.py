"""What both pages begin with: the store opened, or a page that says what to do; and the board chosen."""

from __future__ import annotations

import logging
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


def pick_board(found: source.Source) -> Board:
    """Return the board of the reader's choice: the one used last at first."""
    by_id = {source.board_id(board): board for board in found.boards}
    words = text()

    def name(key: str) -> str:
        board = by_id[key]
        return f"{board.testset} {board.version} · {board.signature}"

    chosen = pick.one(words.board, "board", list(by_id), next(iter(by_id)), name, help=words.never_mixed)
    return by_id[chosen]


def pick_split(found: source.Source, board: Board, results: tuple[Result, ...]) -> str:
    """Return the split of the reader's choice: that of the board's last run at first."""
    counts = query.splits(results)
    last = found.runs_of(board)[0].split
    default = last if last in counts else next(iter(counts))
    return pick.one(text().split, "split", list(counts), default, lambda name: f"{name} ({counts[name]})")


def pick_scenario(results: tuple[Result, ...]) -> str | None:
    """Return a scenario, or None for all of them."""
    words = text()
    options = [ALL, *query.scenarios(results)]
    chosen = pick.one(
        words.scenario, "scenario", options, ALL, lambda name: words.scenarios.get(name, words.all_scenarios)
    )
    return None if chosen == ALL else chosen


def nothing() -> NoReturn:
    """Say that the filters leave nothing, and end the page."""
    words = text()
    st.subheader(words.no_results_title)
    st.write(words.no_results_body)
    st.stop()
    raise AssertionError("st.stop ends the page")
