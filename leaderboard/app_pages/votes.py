"""What voters prefer: ratings with intervals, who voted, and whether metrics agree with them."""

from __future__ import annotations

import json

import streamlit as st

from bench.votes.people import export
from bench.votes.rules import AXES, Axis
from leaderboard import frame, numbers, pick, study_view
from leaderboard.components.facts import facts
from leaderboard.components.table import table

text = frame.begin("votes")
words = text.vote
st.write(words.results)
store = frame.opened(need_runs=False)
study = frame.study(store, only_open=False)
with st.spinner(words.resampling, show_time=False):
    found = study_view.outcome(store.reader.engine, study.name, store.stamp)
turnout = found.votes.turnout
counting = sum(t.counts(study.rules) for t in turnout)
facts(study_view.facts(study, text), key="study")
st.caption(words.counting.format(votes=len(found.votes.answers), voters=counting, out=found.votes.left_out))

chosen = pick.switch(words.axis, "axis", list(words.axes), "overall", lambda name: words.axes[name])
axis: Axis = next(one for one in AXES if one == chosen)
if found.ratings is None:
    st.text(words.no_ratings.format(reason=found.why))
else:
    st.caption(f"{words.questions[axis]} {words.ratings_note}")
    table(
        study_view.rating_columns(text),
        study_view.rating_lines(found.ratings[axis], text),
        key="ratings",
        caption=words.rating,
        fit=True,
    )
alpha = found.alpha[axis]
if found.votes.answers:
    st.write(words.alpha_none if alpha is None else words.alpha.format(value=numbers.fixed(alpha, 2)))

if found.votes.marks:
    st.header(words.sheet, anchor=False)
    st.caption(words.sheet_note)
    table(
        study_view.sheet_columns(text),
        study_view.sheet_lines(found.votes, text),
        key="sheet",
        caption=words.sheet,
        fit=True,
    )

if found.ratings is not None:
    st.header(words.agreement, anchor=False)
    st.caption(f"{words.axes[axis]}. {words.agreement_note}")
    if lines := study_view.agreement_lines(found.metrics, axis, found.cards, text):
        table(
            study_view.agreement_columns(text),
            lines,
            key="agreement",
            caption=words.agreement,
            fit=True,
        )
    else:
        st.write(words.no_agreement)
    st.header(words.weights, anchor=False)
    st.caption(words.weights_note)
    frame.command(f"bench votes report {study.name}")

if turnout:
    st.header(words.turnout, anchor=False)
    table(
        study_view.voter_columns(text),
        study_view.voter_lines(turnout, study, text),
        key="voters",
        caption=words.turnout,
        fit=True,
    )
    st.download_button(
        words.export,
        lambda: json.dumps(export(store.reader.engine, study), indent=2, ensure_ascii=False),
        "votes.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
    )
frame.share(study=study.name, axis=axis)
