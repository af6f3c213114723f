"""One case: source, target and edits in step, what was asked, and every value with its anchors."""

from __future__ import annotations

from fractions import Fraction

import streamlit as st

from leaderboard import case_view, frame, pick, query
from leaderboard.clips import ClipShelf
from leaderboard.components.facts import facts
from leaderboard.components.player import player
from leaderboard.components.table import table

MOST = 4  # edits side by side

text = frame.begin("cases")
words = text.cases
store = frame.opened()

chosen = frame.selection(store)
shown = chosen.shown
names = frame.methods(chosen)
controls = {card.name for card in chosen.columns.methods if card.control}
cards = {card.name: card for card in store.cards if card.name in chosen.columns.values}
with st.container(horizontal=True):
    default = [name for name in names if name not in controls][:2] or list(names[:1])
    picked = pick.several(
        words.beside, "method", names, default, max_selections=MOST, placeholder=words.beside_hint, width=548
    )
    orders = [*shown.composites, *(name for name, card in cards.items() if card.family not in ("score", "cost"))]
    metric = pick.one(
        words.sort_by,
        "sort",
        orders,
        orders[0],
        lambda name: case_view.title(cards[name], text),
        help=words.sort_help,
        width=220,
    )
lead = picked[0] if picked else names[0]

entries = {e.case.id: e for e in query.worst_first(shown, lead, metric, cards[metric].better == "lower")}
order = list(entries)
with st.container(horizontal=True, vertical_alignment="bottom"):
    case_id = pick.one(
        words.case, "case", order, order[0], lambda key: case_view.label(entries[key], metric, text), width=720
    )
    at = order.index(case_id)
    for by, icon, help_text in (
        (-1, ":material/chevron_left:", words.previous),
        (1, ":material/chevron_right:", words.next),
    ):
        st.button(
            "",
            icon=icon,
            help=help_text,
            key=f"go{by}",
            disabled=not 0 <= at + by < len(order),
            on_click=pick.choose,
            args=("case", order[min(max(at + by, 0), len(order) - 1)]),
        )
st.caption(words.position.format(n=at + 1, of=len(order)))

case = entries[case_id].case
edits = query.of_case(store.results(chosen.board, sorted(picked), [case_id]), picked)
with st.spinner(text.frame.preparing, show_time=False):
    shelf = ClipShelf(store.home, store.runs_of(chosen.board), store.copies)
    tiles = case_view.tiles(case, {name: edits.get(name) for name in picked}, shelf, text)
    mask = shelf.asset(case, "mask")
shows = [tile for tile in tiles if tile.role == "edit" and tile.clip.data]
there = None if shows else store.watchable(chosen.board)
if there and there[0] != chosen.split:
    st.button(
        words.watch,
        icon=":material/movie:",
        on_click=pick.choose_all,
        args=(
            {
                "split": there[0],
                "scenario": frame.ALL,
                "vertical": frame.ALL,
                "method": [name for name in picked if name in there[1]] or list(there[1][:2]),
            },
        ),
    )
player(
    tiles,
    mask if mask.data else None,
    Fraction(case.source.fps),
    case.source.frames,
    (case.source.height, case.source.width),
    words.player,
    key="player",
)
if any(tile.clip.copy for tile in shows):
    st.caption(words.copies)
st.space("small")
facts(case_view.facts(case, text), key="facts")
if edits:
    st.header(words.values, anchor=False)
    st.caption(words.values_note)
    table(
        case_view.columns(list(edits), text),
        case_view.lines(store.cards, edits, text),
        key="values",
        caption=words.values,
        fit=True,
    )
frame.share(**chosen.link, method=picked, sort=metric, case=case_id)
