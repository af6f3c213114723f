"""The ranking: one table per input track, controls apart."""

from __future__ import annotations

from urllib.parse import urljoin

import streamlit as st

from bench.export import to_csv, to_json
from bench.types import MetricCard
from leaderboard import frame, pick, query, ranking_table, source
from leaderboard.components.table import table

text = frame.text()
st.title(text.ranking)
st.write(text.tagline)
store = frame.opened()

wide, narrow, third = st.columns([3, 2, 2])
with wide:
    board = frame.pick_board(store)
every = store.results(board)
if not every:
    frame.nothing()
with narrow:
    split = frame.pick_split(store, board, every)
with third:
    scenario = frame.pick_scenario(query.select(every, split))
cards: dict[str, MetricCard] = {
    c.name: c for c in store.cards if c.family != "score" and c.name not in ranking_table.COST
}
shown = pick.several(text.more_columns, "columns", list(cards), [], placeholder=text.more_columns_hint)
metrics = [cards[name] for name in shown]

results = query.select(every, split, scenario)
if not results:
    frame.nothing()
board_id = source.board_id(board)
standings = store.standings(board, split, scenario, tuple(shown))
rows = list(standings)
scale = ranking_table.scales(rows, metrics)
view = {"board": board_id, "split": split, "scenario": scenario or ""}


def draw(name: str, title: str, members: tuple[query.Standing, ...], is_ranked: bool) -> None:
    """Draw one table; following a link in it opens the method's cases."""
    heads = ranking_table.columns(text, metrics, is_ranked)
    lines = [ranking_table.line(s, text, metrics, scale, standings.cases, view, is_ranked) for s in members]
    if followed := table(heads, lines, key=f"table-{name}", caption=title):
        chosen = {key: value for key, value in {**view, "method": followed}.items() if value}
        st.switch_page("app_pages/cases.py", query_params=chosen)


st.caption(f"{text.count.format(cases=standings.cases, clips=standings.clips)} · {text.never_mixed}")
if not standings.tracks:
    st.write(text.no_methods)
    st.code(frame.RUN, language="bash")
for track, members in standings.tracks.items():
    st.subheader(text.track_heading[track])
    st.caption(text.track_note[track])
    draw(track, text.track_heading[track], members, is_ranked=True)
if standings.controls:
    st.subheader(text.controls)
    st.caption(text.controls_note)
    draw("controls", text.controls, standings.controls, is_ranked=False)

with st.container(horizontal=True):
    with st.popover(text.download, icon=":material/download:"):
        stem = f"shopedit-{split}"
        st.download_button(
            text.table_csv,
            ranking_table.to_csv(rows, shown),
            f"{stem}-ranking.csv",
            "text/csv",
            width="stretch",
        )
        st.download_button(
            text.edits_csv, lambda: to_csv(results), f"{stem}-edits.csv", "text/csv", width="stretch"
        )
        st.download_button(
            text.edits_json,
            lambda: to_json(board, results, store.cards),
            f"{stem}-edits.json",
            "application/json",
            width="stretch",
        )
    with st.popover(text.link, icon=":material/link:"):
        st.caption(text.link_note)
        here = (st.context.url or "").partition("?")[0]
        choices = {**view, "scenario": scenario or frame.ALL, "columns": shown}
        st.code(urljoin(here, pick.link(here, **choices)), language=None, wrap_lines=True)
    with st.popover(text.how_to_read, icon=":material/help:"):
        st.write(text.how_to_read_body)
