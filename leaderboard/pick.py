"""Choices that live in the address, so that a link restores the view, and follow the reader from page to page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import urlencode

import streamlit as st

_VIEW = "view"
"""Session state: the last value of every choice, for the pages that share it."""
_ADDRESS = "address"
"""Session state: what this run of the page has to put into the address."""


def _asked(name: str) -> list[str]:
    """Return what the address says, else what was chosen last on any page."""
    kept: list[str] = st.session_state.setdefault(_VIEW, {}).get(name, [])
    return st.query_params.get_all(name) or kept


def keep(name: str, values: list[str]) -> None:
    """Remember a choice for the other pages, and for `show_address`."""
    st.session_state.setdefault(_VIEW, {})[name] = values
    st.session_state.setdefault(_ADDRESS, {})[name] = values


def show_address(run: Callable[[], None]) -> None:
    """Run a page, then put its choices into the address at once.

    One at a time each would be a step of the browser's history, and the tables would wait for them. A page that leads
    to another one has no address to show, and one that ends early calls `stop`.
    """
    st.session_state[_ADDRESS] = {}
    run()
    _write_address()


def stop() -> NoReturn:
    """End the page here, with its choices in the address: after Streamlit's own command nothing more can be sent."""
    _write_address()
    st.stop()
    raise AssertionError("st.stop ends the page")


def _write_address() -> None:
    kept: dict[str, list[str]] = st.session_state.pop(_ADDRESS, {})
    if any(st.query_params.get_all(name) != values for name, values in kept.items()):
        st.query_params.update(kept)


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
    keep(name, [value])
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
    if not isinstance(now, list):
        now = [v for v in _asked(name) if v in options] or list(default)
    now = [v for v in now if v in options] or (list(default) if now else [])
    st.session_state[key] = now
    values: list[str] = st.multiselect(label, options, format_func=words, key=key, **layout)
    keep(name, values)
    return values


def chosen(name: str) -> str | None:
    """Return a choice before its box is drawn: the box', else the address', else the last one on any page."""
    now: str | None = st.session_state.get(f"pick.{name}")
    return now or next(iter(_asked(name)), None)


def switch(label: str, name: str, options: Sequence[str], default: str, words: Callable[[str], str] = str) -> str:
    """Return one of the options, chosen on a row of buttons without a visible label."""
    key = f"pick.{name}"
    now = chosen(name)
    st.session_state[key] = now if now in options else default
    value: str | None = st.segmented_control(
        label, options, format_func=words, key=key, label_visibility="collapsed", width="content", required=True
    )
    keep(name, [value or default])
    return value or default


def written(label: str, name: str, **layout: Any) -> str:
    """Return what is typed in a line, kept in the address."""
    key = f"pick.{name}"
    if key not in st.session_state:
        st.session_state[key] = next(iter(_asked(name)), "")
    value: str = st.text_input(label, key=key, **layout)
    keep(name, [value] if value else [])
    return value.strip()


def choose(name: str, value: str | list[str]) -> None:
    """Set a choice from a button's callback."""
    st.session_state[f"pick.{name}"] = value


def choose_all(choices: Mapping[str, str | list[str]]) -> None:
    """Set several choices from a button's callback."""
    for name, value in choices.items():
        choose(name, value)


def go(page: str, **choices: str | Sequence[str]) -> None:
    """Open another page of the board with these choices; boxes of these names forget what they held."""
    for name in choices:
        st.session_state.pop(f"pick.{name}", None)
    given = {"lang": chosen("lang") or "", **choices}
    st.switch_page(f"app_pages/{page}.py", query_params={k: v for k, v in given.items() if v})


def link(page: str, **choices: str | Sequence[str]) -> str:
    """Return the relative address of a page with these choices, in the reader's language."""
    language = chosen("lang")
    given = {name: value for name, value in {"lang": language, **choices}.items() if value}
    return f"{page}?{urlencode(given, doseq=True)}" if given else page
