"""The project, the score, how to cite, privacy and retention, who may do what here, and what this store holds."""

from __future__ import annotations

import streamlit as st

from leaderboard import access, citation, frame, source
from leaderboard.components.table import Cell, Column, Line, table
from leaderboard.numbers import NONE, moment

text = frame.begin("about")
words = text.about
st.markdown(words.what)
st.header(words.score_title, anchor=False)
st.markdown(words.score)
st.header(words.cite, anchor=False)
st.caption(words.cite_note)
st.code(citation.software(), language=None, wrap_lines=True)
st.header(words.licence_title, anchor=False)
st.write(words.licence)
st.header(words.privacy_title, anchor=False)
st.markdown(words.privacy)
frame.command(words.forget)

st.header(words.access_title, anchor=False)
how = access.mode()
st.write({"local": words.access_local, "oidc": words.access_oidc, "closed": words.access_none}[how])
if how == "oidc":
    if access.person() is None:
        st.button(words.sign_in, icon=":material/login:", on_click=st.login)
    else:
        st.button(words.sign_out, icon=":material/logout:", on_click=st.logout)

store = source.look()
if store is not None and store.boards:
    st.header(words.store_title, anchor=False)
    heads = (text.frame.board, words.version, words.signature, words.newest, words.runs)
    lines = []
    for board in store.boards:
        runs = store.runs_of(board)
        newest = moment(runs[0].started) if runs else NONE
        facts = (board.testset, board.version, board.signature, newest, str(len(runs)))
        lines.append(Line(cells=[Cell(fact) for fact in facts]))
    table([Column(h, number=False, sortable=False) for h in heads], lines, key="boards", caption=words.boards)
