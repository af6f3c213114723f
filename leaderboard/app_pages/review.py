"""Moderators: what waits, its flags, statement, scores, clips and log, and the decision."""

from __future__ import annotations

from fractions import Fraction
from typing import cast

import streamlit as st

from bench.errors import UserError
from bench.store.access import open_reader
from leaderboard import access, case_view, frame, pick, submission_view
from leaderboard.clips import ClipShelf
from leaderboard.components.facts import facts
from leaderboard.components.player import player
from leaderboard.components.table import table
from submissions.audit import Actor
from submissions.publish import scoring_home
from submissions.review import Provenance, accept, reject, results, spot_cases, waiting

text = frame.begin("review")
words = text.review
st.write(words.tagline)
person = access.required(text, moderator=True)
store = frame.opened(need_runs=False)
ledger = store.ledger()
me = Actor(person.name, "moderator")

if said := st.session_state.pop("decided", None):
    st.success(said, icon=":material/check:")
queue = waiting(ledger)
st.header(words.waiting, anchor=False)
if not queue:
    st.write(words.nothing)
    st.caption(words.nothing_note)
    frame.command("bench submit work")
else:
    picked = table(
        submission_view.columns(text),
        [submission_view.line(s, text, pick.link("review", submission=s.id)) for s in queue],
        key="queue",
        caption=words.waiting,
    )
    if picked:
        pick.choose("submission", picked)
    by_id = {s.id: s for s in queue}
    held = by_id[
        pick.one(
            text.submit.submission,
            "submission",
            list(by_id),
            queue[0].id,
            lambda i: submission_view.name(by_id[i]),
            width=520,
        )
    ]

    st.header(words.flags, anchor=False)
    if held.flags:
        table(
            submission_view.flag_columns(text),
            submission_view.flag_lines(held, text),
            key="flags",
            caption=words.flags,
        )
    else:
        st.write(words.no_flags)
    st.header(words.manifest, anchor=False)
    facts(submission_view.manifest_facts(held, text), key="manifest")

    board, found = results(ledger, held.id)
    home = scoring_home(ledger, held.id)
    scored = open_reader(home, None)
    cards = {card.name: card for card in scored.metrics() if card.name not in ("nfe", "peak-memory")}
    st.header(words.scores, anchor=False)
    st.caption(words.scores_note)
    table(
        submission_view.score_columns(text),
        submission_view.score_lines(found, cards, text),
        key="scores",
        caption=words.scores,
        fit=True,
    )

    st.header(words.clips, anchor=False)
    spot = spot_cases(ledger, held)
    st.caption(words.spot_note)
    by_case = {r.case.id: r for r in found}
    order = [*(case for case in spot if case in by_case), *(case for case in by_case if case not in spot)]
    names = {case: f"★ {case}" if case in spot else case for case in order}
    case_id = pick.one(f"{text.cases.case} (★ {words.spot})", "case", order, order[0], names.__getitem__, width=420)
    result = by_case[case_id]
    shelf = ClipShelf(home, scored.runs())
    with st.spinner(text.frame.preparing, show_time=False):
        tiles = case_view.tiles(result.case, {held.row_name or held.id: result}, shelf, text)
        mask = shelf.asset(result.case, "mask")
    source = result.case.source
    player(
        tiles,
        mask if mask.data else None,
        Fraction(source.fps),
        source.frames,
        (source.height, source.width),
        text.cases.player,
        key="player",
    )
    facts(case_view.facts(result.case, text), key="case")

    st.header(words.history, anchor=False)
    table(
        submission_view.event_columns(text),
        [submission_view.event_line(event, text) for event in ledger.events(held.id)],
        key="log",
        caption=words.history,
        fit=True,
    )
    st.header(words.decide, anchor=False)
    yes, no = st.columns(2, gap="large")
    try:
        with yes, st.form("accept"):
            provenance = st.selectbox(
                words.provenance, list(words.provenances), format_func=words.provenances.__getitem__
            )
            note = st.text_input(f"{words.note} ({text.frame.optional})")
            if st.form_submit_button(words.accept, type="primary", icon=":material/check:"):
                accept(ledger, held.id, me, note or None, cast(Provenance, provenance))
                st.session_state["decided"] = words.accepted.format(id=held.id)
                st.rerun()
        with no, st.form("reject"):
            reason = st.text_input(words.reject_why)
            if st.form_submit_button(words.reject, icon=":material/block:"):
                reject(ledger, held.id, me, reason)
                st.session_state["decided"] = words.rejected.format(id=held.id)
                st.rerun()
    except UserError as error:
        st.text(str(error))

st.header(words.all, anchor=False)
every = ledger.submissions()[::-1]
part = frame.part("rows", len(every), 50)
table(
    submission_view.columns(text),
    [submission_view.line(s, text) for s in every[part]],
    key="all",
    caption=words.all,
)
