"""The ranking: one table per input track, controls apart, quality against cost, scenarios, and files to download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from bench.export import to_csv, to_json
from bench.league import FEW
from bench.meta.published import verdicts
from bench.stats import Interval
from bench.summary import AXES, HEADLINE
from leaderboard import frame, pick, plots, query, ranking_files, ranking_table, source
from leaderboard.case_view import title
from leaderboard.components.table import table

ROWS = 30  # on the page at once: what a reader scans, and what intervals are made for; files have every row
EDITS = 20_000  # more than this are not put into a file while a reader waits

text = frame.begin("ranking")
words = text.ranking
st.write(words.tagline)
store = frame.opened()
chosen = frame.selection(store)
shown, composites = chosen.shown, chosen.shown.composites
cards = {c.name: c for c in store.cards if c.name in chosen.columns.values}
# Metrics of whole sets say nothing of a part of one.
sets = store.sets(chosen.board, chosen.split) if chosen.scenario is None and chosen.vertical is None else {}
of_sets = {c.name: c for c in store.cards if any(c.name in found for found in sets.values())}
free = {n: c for n, c in cards.items() if c.family != "score" and n not in ranking_table.COST}

with st.container(horizontal=True):
    tracks = list(dict.fromkeys(c.track for c in chosen.columns.methods if not c.control))
    names = {frame.ALL: words.all_tracks, **text.frame.tracks}
    track = pick.one(words.track, "track", [frame.ALL, *tracks], frame.ALL, names.__getitem__, width=160)
    figures = {name: title(cards[name], text) for name in (*composites, *free)}
    orders = [*composites, *free]
    by = pick.one(words.by, "by", orders, orders[0], figures.__getitem__, help=words.by_help, width=180)
    columns = pick.several(
        words.more_columns,
        "columns",
        [*free, *of_sets],
        [],
        lambda name: title((free | of_sets)[name], text),
        placeholder=words.more_columns_hint,
        width=340,
    )
# Without a headline no figure may stand alone: the untouched source is best in each one but not in all.
more = columns or ([] if composites else list(free))
metrics = [(free | of_sets)[name] for name in dict.fromkeys([*([] if by in composites else [by]), *more])]
figure_names = [*composites, *(m.name for m in metrics)]
choice = source.Choice(chosen.split, chosen.scenario, chosen.vertical, by, cards[by].better == "higher")
standings = store.standings(chosen.board, choice)
view = chosen.link
st.caption(words.count.format(cases=standings.cases, clips=standings.clips))
if HEADLINE not in composites:
    st.info(words.no_headline, icon=":material/info:")

groups = {t: m for t, m in standings.tracks.items() if track in (frame.ALL, t)}
asked = ""
size = ROWS // max(len(groups), 1)
if sum(map(len, groups.values())) > ROWS:
    asked = pick.written(text.frame.find, "find", width=300).casefold()
slots = []
every = []
for name, members in groups.items():
    slot = st.container()
    with slot:
        st.header(words.track_heading[name], anchor=False)
        st.caption(words.track_note[name])
        kept = [s for s in members if asked in s.card.name.casefold()]
        every += kept
        slots.append((name, slot, kept[frame.part(f"page-{name}", len(kept), size)]))
if standings.controls:
    slot = st.container()
    with slot:
        st.header(words.controls, anchor=False)
        st.caption(words.controls_note)
    slots.append(("controls", slot, list(standings.controls)))
every += standings.controls
if not standings.tracks:
    st.write(text.frame.no_method)
    frame.command(frame.RUN)


def badge(standing: query.Standing) -> str:
    """Return the row's provenance."""
    return words.badges[store.provenance(chosen.columns.keys[standing.row])]


def measured(rows: Sequence[query.Standing]) -> dict[int, dict[str, Interval]]:
    """Return each figure of these rows with its interval."""
    made = store.intervals(chosen.board, choice, [s.row for s in rows], figure_names)
    for row, of_set in query.of_sets(shown, list(made), sets).items():
        made[row] |= of_set
    return made


found = measured([s for _, _, members in slots for s in members])
scales = ranking_table.scales(found, metrics)
trial = verdicts(chosen.board.signature)
for name, slot, rows_of in slots:
    ranked = name != "controls"
    test = words.rank_help if len(groups.get(name, ())) <= FEW else words.rank_t_help
    lines = [
        ranking_table.line(
            s, found[s.row], text, figure_names, scales, standings.cases, view, ranked, badge(s) if ranked else ""
        )
        for s in rows_of
    ]
    with slot:
        heads = ranking_table.columns(text, composites, metrics, test if ranked else None, trial)
        if method := table(heads, lines, key=f"table-{name}", caption=name):
            pick.go("method", **view, method=method)

frame.pause()  # the tables are what a choice was made for
ranked_rows = [s for members in groups.values() for s in members]
if ranked_rows:
    left, right = st.columns(2, gap="large")
    with left:
        plots.cost(text, ranked_rows, found, by, figures[by], scales, view)
    with right:
        plots.scenarios(text, shown, ranked_rows, by, figures[by], scales)
if set(AXES) <= set(composites) and st.toggle(words.weights_title, help=words.weights_note):
    plots.places(text, shown, groups, found)

st.space("small")
with st.container(horizontal=True):
    with st.popover(text.frame.download, icon=":material/download:"):

        def rows() -> list[dict[str, Any]]:
            """Return every row that the search leaves, those of other pages too, once a file is asked for."""
            return ranking_files.records(every, measured(every), figure_names)

        results = partial(store.results, chosen.board, None, [c.id for c in shown.cases])
        files: list[tuple[str, str, Callable[[], str | bytes]]] = [
            (words.table_csv, "ranking.csv", lambda: ranking_files.to_csv(rows())),
            (words.table_json, "ranking.json", lambda: ranking_files.to_json(chosen.board, chosen.split, rows())),
            (
                words.table_latex,
                "ranking.tex",
                lambda: ranking_files.to_latex(
                    chosen.board, chosen.split, every, measured(every), figure_names, scales
                ),
            ),
            (words.table_parquet, "ranking.parquet", lambda: ranking_files.to_parquet(rows())),
            (words.edits_parquet, "edits.parquet", lambda: ranking_files.edits_to_parquet(shown)),
        ]
        edits = sum(s.edits for s in standings)
        if edits <= EDITS:
            files += [
                (words.edits_csv, "edits.csv", lambda: to_csv(results())),
                (words.edits_json, "edits.json", lambda: to_json(chosen.board, results(), store.cards)),
            ]
        for label, file, make in files:
            st.download_button(label, make, f"shopedit-{file}", width="stretch", on_click="ignore")
        if edits > EDITS:
            st.caption(words.edits_many.format(n=edits))
            frame.command("bench export --format csv")
    frame.share(**view, track=track, by=by, columns=columns)
    with st.popover(words.how_to_read, icon=":material/help:"):
        st.write(words.how_to_read_body)
