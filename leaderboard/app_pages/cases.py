"""One case: source, target and edits in step, what was asked, and every value with its anchors."""

from __future__ import annotations

from fractions import Fraction

import streamlit as st

from bench.summary import HEADLINE
from leaderboard import case_view, frame, pick, query
from leaderboard.clips import ClipShelf
from leaderboard.components.facts import facts
from leaderboard.components.player import player
from leaderboard.components.table import table

MOST = 4  # edits side by side

text = frame.text()
st.title(text.cases)
store = frame.opened()

chosen = frame.selection(store)
names = query.methods(chosen.results)
with st.container(horizontal=True):
    default = query.methods(r for r in chosen.results if not r.method.control)[:2] or names[:1]
    shown = pick.several(
        text.beside, "method", names, default, max_selections=MOST, placeholder=text.beside_hint, width=548
    )
    words = {HEADLINE: text.score, **text.axes}
    metric = pick.one(text.sort_by, "by", list(words), HEADLINE, words.__getitem__, help=text.sort_help, width=180)
lead = shown[0] if shown else names[0]

entries = {e.case.id: e for e in query.worst_first(chosen.results, lead, metric)}
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
edits = query.of_case(chosen.results, case_id, shown)
with st.spinner(text.preparing, show_time=False):
    shelf = ClipShelf(store.home, store.runs_of(chosen.board))
    tiles = case_view.tiles(case, {name: edits.get(name) for name in shown}, shelf, text)
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
        fit=True,
    )
