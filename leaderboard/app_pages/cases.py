"""One case: source, target and edits in step, what was asked, and every value with its anchors."""

from __future__ import annotations

from fractions import Fraction

import streamlit as st

from bench.summary import AXES, HEADLINE
from leaderboard import case_view, frame, pick, query
from leaderboard.clips import ClipShelf
from leaderboard.components.facts import facts
from leaderboard.components.player import player
from leaderboard.components.table import table

MOST = 4
"""Edits side by side."""

text = frame.text()
st.title(text.cases)
store = frame.opened()

first, second, third = st.columns([3, 2, 2])
with first:
    board = frame.pick_board(store)
every = store.results(board)
if not every:
    frame.nothing()
with second:
    split = frame.pick_split(store, board, every)
with third:
    scenario = frame.pick_scenario(query.select(every, split))
results = query.select(every, split, scenario)
if not results:
    frame.nothing()

names = query.methods(results)
first, second = st.columns([5, 2])
with first:
    shown = pick.several(
        text.beside, "method", names, names[:1], max_selections=MOST, placeholder=text.beside_hint
    )
with second:
    words = {HEADLINE: text.score, **text.axes}
    metric = pick.one(text.sort_by, "by", [HEADLINE, *AXES], HEADLINE, words.__getitem__, help=text.sort_help)
lead = shown[0] if shown else names[0]

entries = {e.case.id: e for e in query.worst_first(results, lead, metric)}
order = list(entries)
with st.container(horizontal=True, vertical_alignment="bottom"):
    case_id = pick.one(text.case, "case", order, order[0], lambda key: case_view.label(entries[key], metric))
    at = order.index(case_id)
    for by, icon, words_of in (
        (-1, ":material/chevron_left:", text.previous),
        (1, ":material/chevron_right:", text.next),
    ):
        st.button(
            "",
            icon=icon,
            help=words_of,
            key=f"go{by}",
            disabled=not 0 <= at + by < len(order),
            on_click=pick.choose,
            args=("case", order[min(max(at + by, 0), len(order) - 1)]),
        )
st.caption(text.position.format(n=at + 1, of=len(order)))

case = entries[case_id].case
edits = query.of_case(results, case_id, shown)
with st.spinner(text.preparing, show_time=False):
    shelf = ClipShelf(store.home, store.runs_of(board))
    tiles = case_view.tiles(case, edits, shelf, text)
    mask = shelf.asset(case, "mask")
player(
    tiles,
    mask if mask.data else None,
    Fraction(case.source.fps),
    case.source.frames,
    (case.source.height, case.source.width),
    text.player,
    key="player",
)
st.space("small")
facts(case_view.facts(case, text), key="facts")
if edits:
    st.subheader(text.values)
    st.caption(text.values_note)
    table(
        case_view.columns(list(edits), text),
        case_view.lines(store.cards, edits, text),
        key="values",
        caption=text.values,
    )
