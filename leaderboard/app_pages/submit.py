"""Hand results in: upload, every problem with its remedy, and where one's submissions stand."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from bench.errors import UserError
from leaderboard import access, frame, numbers, pick, submission_view
from leaderboard.components.table import table
from submissions.audit import Actor
from submissions.intake import quota_of, submit, withdraw
from submissions.states import moves

text = frame.begin("submit")
words = text.submit
st.write(words.tagline)
person = access.required(text)
store = frame.opened(need_runs=False)
ledger = store.ledger()
me = Actor(person.submitter(store.home), "submitter")

st.caption(words.how)
frame.command(words.prepare)
limit = int(st.get_option("server.maxUploadSize")) * 2**20
edited = store.testsets()
with st.form("upload", clear_on_submit=True):
    testset = st.selectbox(words.testset, list(edited), width=340) if edited else None
    sent = st.file_uploader(words.upload, type="zip", help=words.upload_help.format(limit=numbers.memory(limit)))
    pressed = st.form_submit_button(words.button, type="primary", icon=":material/upload:")
if pressed and sent is not None:
    with tempfile.TemporaryDirectory(prefix="upload-") as folder:
        path = Path(folder) / "upload.zip"
        path.write_bytes(sent.getbuffer())
        bar = st.progress(0.0)
        try:
            held = submit(
                ledger,
                path,
                me,
                edited[testset] if testset else None,
                progress=lambda done, of: bar.progress(done / max(of, 1), words.reading.format(done=done, of=of)),
                name=sent.name,
            )
            st.session_state["submitted"] = held.id
            pick.choose("submission", held.id)
        except UserError as error:
            st.session_state.pop("submitted", None)
            st.text(str(error))
        finally:
            bar.empty()

if (newest := st.session_state.get("submitted")) is not None:
    held = ledger.get(newest)
    if held.problems:
        st.error(words.refused.format(n=len(held.problems)), icon=":material/block:")
        st.caption(words.refused_note)  # they are listed below, with the submission
    elif held.state in ("queued", "checked"):
        said = words.taken if held.state == "queued" else words.waits
        st.success(said.format(id=held.id), icon=":material/check:")
quota = quota_of(ledger, me.id)
line = words.quota.format(used=quota.used, limit=quota.limit)
st.caption(f"{line} {words.frees.format(at=numbers.moment(quota.frees))}" if quota.frees else line)

st.header(words.mine, anchor=False)
mine = ledger.submissions(owner=me.id)[::-1]
if not mine:
    st.write(words.none)
else:
    table(
        submission_view.columns(text),
        [submission_view.line(held, text) for held in mine],
        key="mine",
        caption=words.mine,
    )
    by_id = {held.id: held for held in mine}
    chosen = by_id[
        pick.one(
            words.submission, "submission", list(by_id), mine[0].id, lambda i: submission_view.name(by_id[i]), width=520
        )
    ]
    st.caption(words.history)
    table(
        submission_view.event_columns(text),
        [submission_view.event_line(event, text) for event in ledger.events(chosen.id)],
        key="events",
        caption=words.history,
        fit=True,
    )
    if chosen.problems:
        table(
            submission_view.problem_columns(text),
            submission_view.problem_lines(chosen.problems),
            key="problems",
            caption=words.refused.format(n=len(chosen.problems)),
        )
    if {"withdraw", "cancel"} & set(moves(chosen.state, "submitter")):
        with st.form("withdraw"):
            reason = st.text_input(words.withdraw_why)
            if st.form_submit_button(words.withdraw, icon=":material/undo:"):
                try:
                    withdraw(ledger, chosen.id, me, reason or None)
                    st.rerun()
                except UserError as error:
                    st.text(str(error))
with st.expander(words.states_title):
    table(
        submission_view.state_columns(text),
        submission_view.state_lines(text),
        key="states",
        caption=words.states_title,
        fit=True,
    )
