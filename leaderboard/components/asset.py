"""Register an element from the script and style sheet beside this module."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent


@cache
def element(name: str) -> Any:
    """Return the mounting command of `<name>.js` with `<name>.css`, registered once per process."""
    import streamlit as st

    script, style = (_FOLDER / f"{name}{suffix}" for suffix in (".js", ".css"))
    return st.components.v2.component(
        f"shopedit_{name}", js=script.read_text(encoding="utf-8"), css=style.read_text(encoding="utf-8")
    )
