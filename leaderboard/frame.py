"""What pages begin with: the language, the store opened (or what to do about it), the board and its cases chosen."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from bench.errors import UserError
from bench.store.columns import Columns
from bench.store.db import StoreLocked, StoreNewer
from bench.store.read import Board, Run
from bench.store.repo import READ
from bench.votes.studies import Study, studies
from leaderboard import pick, query, source
from leaderboard.components.whole import whole
from leaderboard.text import EN, LANGUAGES, Text

RUN = "bench run --method ti2v-inversion --split smoke"
ALL = "all"
_DRAWING_SECONDS = 0.05
_DRAWN = "drawn"
"""Session state: whether a run of this visit has come to its pause."""
_log = logging.getLogger(__name__)


def text() -> Text:
    """Return the board's words in the reader's language: the address', else the browser's, else English."""
    asked = pick.chosen("lang") or (st.context.locale or "").partition("-")[0]
    return LANGUAGES.get(asked, EN)


def begin(page: str) -> Text:
    """Draw the page's title with the language switch beside it, and return the words."""
    words = text()
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(words.frame.pages[page], anchor=False)
        names = {code: one.name for code, one in LANGUAGES.items()}
        pick.switch(words.frame.language, "lang", list(names), words.code, names.__getitem__)
    whole(words.code)
    return words


def opened(need_runs: bool = True) -> source.Source:
    """Return the store, with at least one run in it where the page needs one; else say what to do and end the page."""
    words = text().frame
    try:
        found = source.open_source()
    except source.StoreMissing as error:
        _stop(words.missing_title, words.missing_body, str(error), RUN)
    except StoreNewer as error:
        _stop(words.newer_title, "", str(error), "pip install --upgrade shopedit-bench")
    except StoreLocked as error:
        _stop(words.locked_title, words.locked_body, str(error), "bench doctor")
    except UserError as error:
        _log.warning("%s", error)
        _stop(words.broken_title, "", str(error), "bench doctor")
    except SQLAlchemyError as error:
        _log.warning("%s", error)
        _stop(words.locked_title, words.locked_body, str(getattr(error, "orig", error)), "bench doctor")
    if need_runs and not found.boards:
        _stop(words.empty_title, words.empty_body, "", RUN)
    return found


def _stop(title: str, body: str, detail: str, line: str) -> NoReturn:
    """Show an empty page with the next step. `detail` may hold names from outside, so it is never Markdown."""
    st.header(title, anchor=False)
    if body:
        st.write(body)
    if detail:
        st.text(detail)
    command(line)
    pick.stop()


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What the page is about."""

    board: Board
    split: str
    scenario: str | None
    """None for all of them."""
    vertical: str | None
    columns: Columns
    shown: query.View
    """At least one case."""

    @property
    def link(self) -> dict[str, str]:
        """What an address must hold to restore the choice."""
        return {
            "board": source.board_id(self.board),
            "split": self.split,
            "scenario": self.scenario or ALL,
            "vertical": self.vertical or ALL,
        }


def selection(found: source.Source) -> Selection:
    """Return what the reader chose in the boxes this draws; where nothing is left, the page says so and ends."""
    words = text().frame
    with st.container(horizontal=True):
        board = _board(found)
        columns = found.columns(board)
        counts = query.splits(columns)
        split = _split(found, board, counts, words.split) if counts else ""
        inside = query.view(columns, split).cases
        scenario = _one_or_all(
            words.scenario, "scenario", query.scenarios(inside), words.all_scenarios, words.scenarios, 160
        )
        vertical = _one_or_all(
            words.vertical, "vertical", query.verticals(inside), words.all_verticals, words.verticals, 190
        )
    shown = query.view(columns, split, scenario, vertical)
    if not len(shown.at):
        st.header(words.no_results_title, anchor=False)
        st.write(words.no_results_body)
        pick.stop()
    return Selection(board, split, scenario, vertical, columns, shown)


def _board(found: source.Source) -> Board:
    frame = text().frame
    tiers = list(dict.fromkeys(tier(board) for board in found.boards))
    chosen_tier = tiers[0]
    if len(tiers) > 1:
        chosen_tier = pick.one(frame.tier, "tier", tiers, tiers[0], width=110)
    by_id = {source.board_id(board): board for board in found.boards if tier(board) == chosen_tier}

    def name(key: str) -> str:
        board = by_id[key]
        return f"{board.testset} {board.version} · {board.signature}"

    chosen = pick.one(frame.board, "board", list(by_id), next(iter(by_id)), name, help=frame.never_mixed, width=380)
    return by_id[chosen]


def tier(board: Board) -> str:
    """Return a board's tier, `lite` or `full`: its protocol's name up to the number."""
    return board.protocol.rpartition("-")[0] or board.protocol


def _split(found: source.Source, board: Board, counts: dict[str, int], label: str) -> str:
    default = first_split(found.runs_of(board)[0], counts)
    return pick.one(label, "split", list(counts), default, lambda name: f"{name} ({counts[name]})", width=150)


def first_split(last: Run, counts: Mapping[str, int]) -> str:
    """Return the split to open with: what the reader has just run, or where rows were read that of most cases."""
    mine = last.split in counts and not last.id.startswith(READ)
    return last.split if mine else max(counts, key=lambda name: counts[name])


def _one_or_all(
    label: str, name: str, options: tuple[str, ...], every: str, names: dict[str, str], width: int
) -> str | None:
    known = {ALL: every, **names}
    chosen = pick.one(label, name, [ALL, *options], ALL, lambda key: known.get(key, key), width=width)
    return None if chosen == ALL else chosen


def command(line: str) -> None:
    """Show a command to copy."""
    st.code(line, language="bash", wrap_lines=True)


def pause() -> None:
    """Let the browser draw what it has before it is sent more: what comes at once is drawn, and seen, at once.

    Not in the first run of a visit: then the browser draws only after the elements' scripts have come.
    """
    if st.session_state.get(_DRAWN):
        time.sleep(_DRAWING_SECONDS)
    st.session_state[_DRAWN] = True


def share(**choices: str | list[str]) -> None:
    """Draw a button that shows the address of this view."""
    words = text().frame
    with st.popover(words.link, icon=":material/link:"):
        st.caption(words.link_note)
        here = (st.context.url or "").partition("?")[0]
        st.code(pick.link(here, **choices), language=None, wrap_lines=True)


def part(name: str, count: int, size: int) -> slice:
    """Return which of `count` rows this page of them shows; draws the buttons that turn it where there are more."""
    if count <= size:
        return slice(0, count)
    words = text().frame
    last = (count - 1) // size
    asked = pick.chosen(name) or "0"
    now = min(int(asked), last) if asked.isdigit() else 0
    pick.keep(name, [str(now)] if now else [])
    with st.container(horizontal=True, vertical_alignment="center"):
        for by, icon, help_text in (
            (-1, ":material/chevron_left:", words.previous),
            (1, ":material/chevron_right:", words.next),
        ):
            st.button(
                "",
                icon=icon,
                help=help_text,
                key=f"turn.{name}.{by}",
                disabled=not 0 <= now + by <= last,
                on_click=pick.choose,
                args=(name, str(now + by)),
            )
        first = now * size
        st.caption(words.page_of.format(first=first + 1, last=min(first + size, count), of=count))
    return slice(first, first + size)


def study(found: source.Source, only_open: bool) -> Study:
    """Return the study that the reader chose; where there is none the page says which command opens one and ends."""
    words = text().vote
    every = [s for s in studies(found.reader.engine) if s.state == "open" or not only_open]
    if not every:
        st.header(words.no_study, anchor=False)
        st.write(words.no_study_note)
        command("bench votes open first-look --split dev")
        pick.stop()
    by_name = {s.name: s for s in every}

    def label(name: str) -> str:
        return name if by_name[name].state == "open" else f"{name} ({words.closed})"

    return by_name[pick.one(words.study, "study", list(by_name), every[0].name, label, width=300)]


def methods(chosen: Selection) -> list[str]:
    """Return the selection's methods as they are offered: best first, those that lack cases later, controls last."""
    shown, columns = chosen.shown, chosen.columns
    run = shown.run()

    def later(name: str) -> tuple[bool, bool]:
        row = columns.row(name)
        return columns.methods[row].control, not run[row].all()

    return sorted(query.methods(shown, next(iter(shown.composites), "score")), key=later)
