"""Blind votes: two edits of one clip in step, four questions; or one edit with marks from 1 to 5."""

from __future__ import annotations

from typing import cast

import streamlit as st

from bench.errors import UserError
from bench.votes import ballots, sheet
from bench.votes.rules import AXES, Axis, Choice
from leaderboard import access, ballot_view, frame, pick
from leaderboard.components.facts import facts
from leaderboard.components.player import player

text = frame.begin("vote")
words = text.vote
st.write(words.tagline)
st.caption(words.protocol)
person = access.required(text)
store = frame.opened(need_runs=False)
engine, home = store.reader.engine, store.home
study = frame.study(store, only_open=True)
voter = ballots.voter_of(engine, home, person.account)
mode = pick.switch(words.mode, "mode", list(words.modes), "pairs", words.modes.__getitem__)

if said := st.session_state.pop("voted", None):
    st.toast(said, icon=":material/check:")
try:
    shown = (ballots.next_ballot if mode == "pairs" else sheet.next_sheet)(engine, home, study, voter)
except UserError as error:
    st.text(str(error))
    pick.stop()
    raise
if shown is None:
    st.header(words.done, anchor=False)
    st.write(words.done_note)
else:
    st.caption(words.number.format(n=shown.number))
    facts(ballot_view.facts(shown.instruction, text), key="instruction")
    made = ballot_view.tiles(shown, text)
    player(made.tiles, None, made.fps, made.frames, made.size, text.cases.player, key="ballot")
    questions = words.questions if mode == "pairs" else words.marks
    options: list[str | int] = list(words.choices) if mode == "pairs" else list(sheet.MARKS)
    with st.form("answers", border=False):
        rows = [st.columns(2) for _ in AXES[::2]]  # row by row, so that a phone stacks them in order
        given = {
            axis: rows[i // 2][i % 2].radio(
                questions[axis],
                options,
                index=None,
                horizontal=True,
                format_func=lambda o: words.choices.get(str(o), str(o)),
                help=None if mode == "pairs" else words.marks_help,
                key=f"{shown.token}.{axis}",
            )
            for i, axis in enumerate(AXES)
        }
        pressed = st.form_submit_button(words.cast, type="primary", icon=":material/how_to_vote:")
    if pressed and any(answer is None for answer in given.values()):
        st.warning(words.answer_all, icon=":material/help:")
    elif pressed:
        try:
            if mode == "pairs":
                ballots.cast(engine, study, voter, shown.token, cast(dict[Axis, Choice], given))
            else:
                sheet.rate(engine, study, voter, shown.token, cast(dict[Axis, int], given))
            st.session_state["voted"] = words.thanks
            st.rerun()
        except UserError as error:
            st.warning(words.wait, icon=":material/hourglass_top:")
            st.text(str(error))
st.space("medium")
st.caption(words.you.format(name=voter.pseudonym))
frame.command(f"bench votes forget {voter.pseudonym}")
