"""The test set: find an edit, watch source, target and mask, and cite the whole."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

import streamlit as st

from leaderboard import case_view, citation, frame, pick, query, testset_view
from leaderboard.clips import ClipShelf
from leaderboard.components.facts import facts
from leaderboard.components.player import player
from leaderboard.components.table import table

ROWS = 10  # so that the clips below are not far from the name that opens them

text = frame.begin("testset")
words = text.testset
st.write(words.tagline)
store = frame.opened()
chosen = frame.selection(store)
every = chosen.shown.cases
with st.container(horizontal=True):
    tags = sorted({tag for case in every for tag in case.tags})
    any_tag = frame.ALL
    tag = pick.one(words.tag, "tag", [any_tag, *tags], any_tag, lambda t: words.any if t == any_tag else t, width=220)
    asked = pick.written(words.search, "search", placeholder=words.search_hint, width=420)
cases = testset_view.matching(every, None if tag == any_tag else tag, asked)
clips = len({case.group for case in cases})
st.caption(words.found.format(n=len(cases), of=len(every), clips=clips))
if not cases:
    st.info(words.nothing, icon=":material/search_off:")
    pick.stop()

view = chosen.link
by_id = {case.id: case for case in cases}
part = frame.part("rows", len(cases), ROWS)
asked_for = pick.chosen("case")
current = asked_for if asked_for in by_id else cases[part][0].id
if picked := table(
    testset_view.columns(text),
    [testset_view.line(case, view, text, case.id == current) for case in cases[part]],
    key="cases",
    caption=words.case,
):
    pick.choose("case", picked)
    st.rerun()  # the table above shows which one it is
case_id = pick.one(words.case, "case", list(by_id), current, width=420)
case = by_id[case_id]
with st.spinner(text.frame.preparing, show_time=False):
    shelf = ClipShelf(store.home, store.runs_of(chosen.board))
    tiles = case_view.assets(case, shelf, text)
    mask = shelf.asset(case, "mask")
player(
    tiles,
    mask if mask.data else None,
    Fraction(case.source.fps),
    case.source.frames,
    (case.source.height, case.source.width),
    text.cases.player,
    key="player",
)
if st.button(words.to_results, icon=":material/movie:"):
    pick.go("cases", **view, case=case_id)
facts([*case_view.facts(case, text), *testset_view.file_facts(case, text)], key="facts")

left, right = st.columns(2, gap="large")
with left:
    st.header(words.mix, anchor=False)
    counts = Counter(case.scenario for case in cases)
    names = query.scenarios(cases)
    table(
        testset_view.count_columns(text),
        [testset_view.count_line(text.frame.scenarios[s], counts[s], max(counts.values())) for s in names],
        key="mix",
        caption=words.mix,
        fit=True,
    )
with right:
    st.header(words.cite, anchor=False)
    st.caption(words.cite_note)
    st.code(citation.testset(chosen.board), language=None, wrap_lines=True)
    st.download_button(
        words.records,
        lambda: testset_view.records(cases),
        "cases.jsonl",
        "application/jsonl",
        icon=":material/download:",
        on_click="ignore",
    )
frame.share(**view, tag=tag, search=asked, case=case_id)
