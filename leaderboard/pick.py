"""Choices that live in the address, so that a link restores the view, and follow the reader from page to page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlencode

import streamlit as st

_VIEW = "view"
"""Session state: the last value of every choice, for the pages that share it."""


def _asked(name: str) -> list[str]:
    """Return what the address says, else what was chosen last on any page."""
    kept: list[str] = st.session_state.setdefault(_VIEW, {}).get(name, [])
    return st.query_params.get_all(name) or kept


def _keep(name: str, values: list[str]) -> None:
    st.session_state.setdefault(_VIEW, {})[name] = values
    if st.query_params.get_all(name) != values:
        st.query_params[name] = values


def one(
    label: str,
    name: str,
    options: Sequence[str],
    default: str,
    words: Callable[[str], str] = str,
    **layout: Any,
) -> str:
    """Return one of the options, chosen in a select box; an address that names no option is ignored."""
    key = f"pick.{name}"
    now = st.session_state.get(key)
    if now not in options:
        now = next((v for v in _asked(name) if v in options), default)
    st.session_state[key] = now  # also when it is there: another page's box of this name starts anew
    value: str = st.selectbox(label, options, format_func=words, key=key, **layout)
    _keep(name, [value])
    return value


def several(
    label: str,
    name: str,
    options: Sequence[str],
    default: Sequence[str],
    words: Callable[[str], str] = str,
    **layout: Any,
) -> list[str]:
    """Return some of the options in the order chosen; with nothing chosen the default is not forced back."""
    key = f"pick.{name}"
    now = st.session_state.get(key)
    if now is None or any(v not in options for v in now):
        now = [v for v in (now or _asked(name)) if v in options] or list(default)
    st.session_state[key] = now
    values: list[str] = st.multiselect(label, options, format_func=words, key=key, **layout)
    _keep(name, values)
    return values


def choose(name: str, value: str) -> None:
    """Set a choice from a button's callback."""
    st.session_state[f"pick.{name}"] = value


def link(page: str, **choices: str | Sequence[str]) -> str:
    """Return the relative address of a page with these choices."""
    given = {name: value for name, value in choices.items() if value}
    return f"{page}?{urlencode(given, doseq=True)}" if given else page
