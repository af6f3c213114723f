"""A against B: paired tests overall and in each scenario, case by case, and where they differ most."""

from __future__ import annotations

import streamlit as st

from bench.compare import Side, versus
from bench.errors import UserError
from leaderboard import case_view, frame, pick
from leaderboard import versus as view_of
from leaderboard.components.chart import Scale, around, chart
from leaderboard.components.table import table

text = frame.begin("compare")
words = text.compare
st.write(words.tagline)
store = frame.opened()
chosen = frame.selection(store)
shown = chosen.shown
cards = {c.name: c for c in store.cards if c.name in chosen.columns.values}
names = frame.methods(chosen)
free = [name for name, card in cards.items() if name not in shown.composites and card.family != "score"]
with st.container(horizontal=True, vertical_alignment="bottom"):
    a = pick.one(words.a, "a", names, names[0], width=260)
    rest = [name for name in names if name != a] or list(names)
    b = pick.one(words.b, "b", names, rest[0], width=260)
    st.button(
        "",
        icon=":material/swap_horiz:",
        help=words.swap,
        key="swap",
        on_click=pick.choose_all,
        args=({"a": b, "b": a},),
    )
    more = pick.several(
        words.metrics,
        "metric",
        free,
        [] if shown.composites else free[:4],
        lambda name: case_view.title(cards[name], text),
        placeholder=words.metrics_hint,
        width=340,
    )
view = chosen.link
if a == b:
    st.info(words.same, icon=":material/info:")
    pick.stop()

results = store.results(chosen.board, sorted((a, b)), [case.id for case in shown.cases])
sides = [Side(name, chosen.board, tuple(r for r in results if r.method.name == name)) for name in (a, b)]
if not all(side.results for side in sides):
    st.info(words.none_in_common, icon=":material/info:")
    pick.stop()
metrics = view_of.default_metrics(cards, shown.composites, more)
try:
    found = versus(sides[0], sides[1], metrics, intersection=True)
except UserError:
    st.info(words.none_in_common, icon=":material/info:")
    pick.stop()
    raise
lead = next(iter(shown.composites), metrics[0].name if metrics else "")
if sentence := view_of.verdict(found, text):
    st.header(sentence, anchor=False)
st.caption(words.pairs.format(cases=found.cases, clips=found.clips))
if found.only_a or found.only_b:
    st.warning(words.left_out.format(a=len(found.only_a), b=len(found.only_b)), icon=":material/warning:")
if len({side.results[0].method.track for side in sides}) > 1:
    st.warning(words.tracks_differ, icon=":material/warning:")
if view_of.hopeless(found):
    st.warning(words.too_few.format(clips=found.clips), icon=":material/warning:")

st.header(words.overall, anchor=False)
st.caption(words.overall_note)
heads = view_of.columns(text)
table(heads, view_of.lines(found.overall, cards, text), key="overall", caption=words.overall, fit=True)

if points := view_of.points(sides[0], sides[1], lead, view, text):
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.header(words.scatter, anchor=False)
        st.caption(words.scatter_note)
        ends = around([v for p in points for v in (p.x, p.y)])
        title = case_view.title(cards[lead], text)
        if case := chart(
            points,
            Scale(f"A · {title}", *ends),
            Scale(f"B · {title}", *ends),
            key="scatter",
            caption=words.scatter,
            diagonal=True,
        ):
            pick.go("cases", **view, method=[a, b], case=case)
    with right:
        st.header(words.gaps, anchor=False)
        st.caption(words.gaps_note)
        if case := table(
            view_of.gap_columns(text),
            view_of.gaps(sides[0], sides[1], lead, view, text),
            key="gaps",
            caption=words.gaps,
        ):
            pick.go("cases", **view, method=[a, b], case=case)

st.header(words.scenarios, anchor=False)
table(heads, view_of.lines(found.scenarios, cards, text), key="by-scenario", caption=words.scenarios, fit=True)
frame.share(**view, a=a, b=b, metric=more)
