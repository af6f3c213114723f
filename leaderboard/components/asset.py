"""Register an element from the script and style sheet beside this module."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

_AS_IT_IS = frozenset({str, int, float, bool, type(None)})
_FOLDER = Path(__file__).parent


@cache
def element(name: str, isolated: bool = True) -> Any:
    """Return the mounting command of `<name>.js` with `<name>.css`, registered once per process.

    The style sheet of one that is not `isolated` holds for the whole document.
    """
    import streamlit as st

    script, style = (_FOLDER / f"{name}{suffix}" for suffix in (".js", ".css"))
    return st.components.v2.component(
        f"shopedit_{name}",
        js=script.read_text(encoding="utf-8"),
        css=style.read_text(encoding="utf-8"),
        isolate_styles=isolated,
    )


def plain(value: Any) -> Any:
    """Return dataclasses and sequences as JSON-ready values, many times faster than `asdict`."""
    if type(value) in _AS_IT_IS:  # most of thousands of values
        return value
    kind: Any = type(value)
    if names := _names(kind):
        return {name: plain(getattr(value, name)) for name in names}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value


@cache
def _names(kind: type[Any]) -> tuple[str, ...]:
    """Return the fields of a dataclass; nothing for any other type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()
