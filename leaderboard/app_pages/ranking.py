"""The ranking: one table per input track, controls apart."""

from __future__ import annotations

import streamlit as st

from bench.export import to_csv, to_json
from leaderboard import frame, pick, query, ranking_table, source
from leaderboard.components.table import table

text = frame.text()
st.title(text.ranking)
st.write(text.tagline)
store = frame.opened()
chosen = frame.selection(store)
cards = {c.name: c for c in store.cards if c.family != "score" and c.name not in ranking_table.COST}
shown = pick.several(text.more_columns, "columns", list(cards), [], placeholder=text.more_columns_hint)
metrics = [cards[name] for name in shown]

standings = store.standings(chosen.board, chosen.split, chosen.scenario, tuple(shown))
rows = list(standings)
scales = ranking_table.scales(rows, metrics)
view = {
    "board": source.board_id(chosen.board),
    "split": chosen.split,
    "scenario": chosen.scenario or frame.ALL,
}


def draw(name: str, title: str, note: str, members: tuple[query.Standing, ...], ranked: bool) -> None:
    """Draw one table; following a link in it opens the method's cases."""
    st.subheader(title)
    st.caption(note)
    heads = ranking_table.columns(text, metrics, ranked)
    lines = [ranking_table.line(s, text, metrics, scales, standings.cases, view, ranked) for s in members]
    if method := table(heads, lines, key=f"table-{name}", caption=title):
        st.switch_page("app_pages/cases.py", query_params={**view, "method": method})


st.caption(text.count.format(cases=standings.cases, clips=standings.clips))
if not standings.tracks:
    st.write(text.no_methods)
    st.code(frame.RUN, language="bash")
for track, members in standings.tracks.items():
    draw(track, text.track_heading[track], text.track_note[track], members, ranked=True)
if standings.controls:
    draw("controls", text.controls, text.controls_note, standings.controls, ranked=False)

st.space("small")
with st.container(horizontal=True):
    with st.popover(text.download, icon=":material/download:"):
        files = (
            (text.table_csv, "ranking.csv", "text/csv", lambda: ranking_table.to_csv(rows, shown)),
            (text.edits_csv, "edits.csv", "text/csv", lambda: to_csv(chosen.results)),
            (
                text.edits_json,
                "edits.json",
                "application/json",
                lambda: to_json(chosen.board, chosen.results, store.cards),
            ),
        )
        for label, name, mime, make in files:
            st.download_button(label, make, f"shopedit-{name}", mime, width="stretch")
    with st.popover(text.link, icon=":material/link:"):
        st.caption(text.link_note)
        here = (st.context.url or "").partition("?")[0]
        st.code(pick.link(here, **view, columns=shown), language=None, wrap_lines=True)
    with st.popover(text.how_to_read, icon=":material/help:"):
        st.write(text.how_to_read_body)
