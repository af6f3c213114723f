"""One method: what it is, how it does in each scenario and by every metric, and where it fails."""

from __future__ import annotations

import streamlit as st

from bench.meta.published import verdicts
from bench.summary import HEADLINE
from leaderboard import frame, method_view, pick, plots, query, ranking_table
from leaderboard.components.facts import facts
from leaderboard.components.table import table

text = frame.begin("method")
words = text.method
store = frame.opened()
chosen = frame.selection(store)
shown, columns = chosen.shown, chosen.columns
by = next(iter(shown.composites), "score")
names = frame.methods(chosen)
name = pick.one(words.choose, "method", names, names[0], width=340)
row = columns.row(name)
card = columns.methods[row]
run = next((r for r in store.runs if r.id == columns.runs[row]), None)
facts(method_view.facts(card, run, store.provenance(columns.keys[row]), text), key="about")

view = chosen.link
with st.container(horizontal=True):
    if st.button(words.to_cases, icon=":material/movie:"):
        pick.go("cases", **view, method=name)
    if st.button(words.to_compare, icon=":material/balance:"):
        pick.go("compare", **view, a=name)

cards = [c for c in store.cards if c.name in columns.values]
found = query.intervals(shown, [row], [c.name for c in cards])
scales = ranking_table.scales(found, [c for c in cards if c.family != "score"])

st.header(words.by_scenario, anchor=False)
left, right = st.columns([3, 2], gap="large")
heads = method_view.part_columns(shown.composites, text)
with left:
    parts = {text.frame.scenarios[s]: s for s in query.scenarios(shown.cases)}
    lines = [
        method_view.part_line(title, method_view.of_scenario(shown, scenario), row, scales, text)
        for title, scenario in parts.items()
    ]
    table(heads(text.frame.scenario), lines, key="scenarios", caption=words.by_scenario)
with right:
    if by in scales:
        plots.draw_radar(text, shown, {name: row}, by, scales[by], words.by_scenario)

verticals = query.verticals(shown.cases)
if len(verticals) > 1:
    st.header(words.by_vertical, anchor=False)
    lines = [
        method_view.part_line(text.frame.verticals.get(v, v), method_view.of_vertical(shown, v), row, scales, text)
        for v in verticals
    ]
    table(heads(text.frame.vertical), lines, key="verticals", caption=words.by_vertical, fit=True)

st.header(words.values, anchor=False)
st.caption(words.values_note)
edits = int(columns.edits[row, shown.at].sum())
table(
    method_view.metric_columns(text),
    method_view.metric_lines(cards, found[row], scales, edits, verdicts(chosen.board.signature), text),
    key="metrics",
    caption=words.values,
    fit=True,
)

if HEADLINE in shown.composites:
    st.header(words.worst, anchor=False)
    st.caption(words.worst_note)
    ordered = query.worst_first(shown, name, HEADLINE)
    if case := table(
        method_view.case_columns(text),
        [method_view.case_line(e, name, view, text) for e in ordered[: method_view.FEW]],
        key="worst",
        caption=words.worst,
        fit=True,
    ):
        pick.go("cases", **view, method=name, case=case)

failed = [shown.cases[i].id for i in range(len(shown.at)) if columns.failed[row, shown.at[i]]]
if failed:
    st.header(words.failures, anchor=False)
    st.caption(words.failures_note)
    results = [r for r in store.results(chosen.board, [name], failed) if not r.ok]
    if case := table(
        method_view.failure_columns(text),
        [method_view.failure_line(r, view, text) for r in results],
        key="failures",
        caption=words.failures,
        fit=True,
    ):
        pick.go("cases", **view, method=name, case=case)
frame.share(**view, method=name)
