"""The page of `bench pairs review`: a pair at a time, to accept or reject; run by Streamlit."""

from __future__ import annotations

import os
from pathlib import Path

import streamlit as st

from methods.training.pairs.build import read_manifest
from methods.training.pairs.decisions import decide, read_decisions
from methods.training.pairs.read import pair_files
from methods.training.pairs.record import PairRecord
from methods.training.pairs.review import FOLDER

SHOWN = ("flagged", "not decided", "accepted", "rejected", "all")


def page() -> None:
    """Draw the page for the folder named in the environment."""
    folder = Path(os.environ[FOLDER])
    st.set_page_config(page_title="Training pairs", layout="wide")
    st.title("Training pairs")
    pairs, decisions = read_manifest(folder).pairs, read_decisions(folder)
    decided = sum(p.key in decisions for p in pairs)
    st.caption(f"{folder}: {len(pairs)} pairs, {sum(bool(p.flags) for p in pairs)} flagged, {decided} decided")
    shown = st.segmented_control("Show", SHOWN, default="flagged") or "flagged"
    scenario = st.selectbox("Scenario", ["all", *sorted({p.scenario for p in pairs})])
    found = [p for p in pairs if _belongs(p, shown, decisions) and scenario in ("all", p.scenario)]
    if not found:
        st.info("No pair here.")
        return
    place = min(st.session_state.get("place", 0), len(found) - 1)
    _pair(folder, found[place], decisions.get(found[place].key), place, len(found))


def _belongs(pair: PairRecord, shown: str, decisions: dict[str, bool]) -> bool:
    return {
        "flagged": bool(pair.flags) and pair.key not in decisions,
        "not decided": pair.key not in decisions,
        "accepted": decisions.get(pair.key) is True,
        "rejected": decisions.get(pair.key) is False,
        "all": True,
    }[shown]


def _pair(folder: Path, pair: PairRecord, decision: bool | None, place: int, count: int) -> None:
    said = {True: "accepted", False: "rejected", None: "not decided"}[decision]
    st.subheader(f"{pair.key} · {pair.scenario} · {said}")
    st.write(f"{pair.instruction.en} · {pair.instruction.zh}")
    if pair.flags:
        st.warning(f"Flags: {', '.join(pair.flags)}")
    files = next(files for _, files in pair_files(folder, {pair.key}))
    columns = st.columns(3)
    words = {"source": pair.source_caption.en, "target": pair.target_caption.en, "mask": "what the edit may change"}
    for column, (role, text) in zip(columns, words.items(), strict=True):
        column.video(files[f"{role}.mp4"], loop=True, autoplay=True, muted=True)
        column.caption(f"{role}: {text}")
    buttons = st.columns(5)
    for button, (label, accepted) in zip(buttons, (("Accept", True), ("Reject", False), ("Undo", None)), strict=False):
        if button.button(label, key=label.lower()):
            decide(folder, pair.key, accepted)
            st.rerun()
    if buttons[3].button("Previous", key="previous", disabled=place == 0):
        st.session_state.place = place - 1
        st.rerun()
    if buttons[4].button("Next", key="next", disabled=place == count - 1):
        st.session_state.place = place + 1
        st.rerun()
    st.caption(f"{place + 1} of {count}")


page()
