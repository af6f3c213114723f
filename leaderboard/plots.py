"""The ranking's pictures: quality against cost, scenarios side by side, and how far ranks hang on the weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import streamlit as st

from leaderboard import numbers, pick, query
from leaderboard.components.chart import Point, Scale, around, chart
from leaderboard.components.radar import MOST, Outline, radar
from leaderboard.components.table import Cell, Column, Line, table
from leaderboard.query import Standing, View
from leaderboard.ranking_table import Intervals
from leaderboard.ranking_table import Scale as Figure
from leaderboard.ranking_table import places as written
from leaderboard.text import Text

MANY = 120
"""Points that can still be told apart; of more methods those of the page and of the frontier are drawn."""


def cost(
    text: Text,
    standings: Sequence[Standing],
    found: Mapping[int, Intervals],
    by: str,
    figure: str,
    scales: Mapping[str, Figure],
    view: Mapping[str, str],
) -> None:
    """Draw quality against cost, with the line of methods that none is both better and cheaper than, one per track."""
    words = text.ranking
    st.header(words.cost_title, anchor=False)
    st.caption(words.cost_note)
    # Rows from files have no measured seconds; their forwards are counted.
    known = next((name for name in words.costs if any(s.cost[name] for s in standings)), "seconds")
    axis = pick.switch(words.cost_by, "cost", list(words.costs), known, words.costs.__getitem__)
    unit = 2**20 if axis == "peak_memory" else 1
    drawn = [s for s in standings if (s.cost[axis] or 0) > 0 and s.mean is not None and not s.missing]
    if not drawn:
        st.caption(numbers.NONE)
        return
    best = {drawn[i].row for line in _frontiers(drawn, axis) for i in line}
    if len(drawn) > MANY:
        st.caption(words.cost_some.format(of=len(drawn)))
        drawn = [s for s in drawn if s.row in best or s.row in found]
    tracks = list(dict.fromkeys(s.card.track for s in drawn))
    points = []
    for s in drawn:
        mine = found.get(s.row, {}).get(by)
        x, y = (s.cost[axis] or 0.0) / unit, s.mean or 0.0
        hint = f"{s.card.name} ({text.frame.tracks[s.card.track]}): {figure} {scales[by].write(y)}, "
        hint += f"{words.costs[axis]} {numbers.significant(x)}"
        low_end, high_end = (mine.low, mine.high) if mine and mine.groups > 1 else (None, None)
        href = pick.link("method", **{**view, "method": s.card.name})
        kind: Literal["loud", "quiet"] = "loud" if s.row in best else "quiet"
        mark = tracks.index(s.card.track)
        points.append(Point(s.card.name, s.card.name, x, y, hint, href, low_end, high_end, kind, mark))
    ends = [v for p in points for v in (p.y, p.low, p.high) if v is not None]
    low, high = around(ends)
    closed = scales[by].low if scales[by].digits is not None else low
    if name := chart(
        points,
        Scale(words.costs[axis], *around([p.x for p in points], log=True), log=True),
        Scale(figure, max(low, closed), high),
        key="cost",
        caption=words.cost_title,
        frontiers=_frontiers(drawn, axis),
        marks=[text.frame.tracks[track] for track in tracks] if len(tracks) > 1 else (),
    ):
        pick.go("method", **view, method=name)


def _frontiers(drawn: Sequence[Standing], axis: str) -> list[list[int]]:
    """Return each track's frontier as places in `drawn`: what is given more is not measured by what is given less."""
    made = []
    for track in dict.fromkeys(s.card.track for s in drawn):
        at = [i for i, s in enumerate(drawn) if s.card.track == track]
        made.append([at[j] for j in query.frontier([(drawn[i].cost[axis] or 0.0, drawn[i].mean or 0.0) for i in at])])
    return made


def scenarios(
    text: Text,
    shown: View,
    standings: Sequence[Standing],
    by: str,
    figure: str,
    scales: Mapping[str, Figure],
) -> None:
    """Draw the chosen methods' means in each scenario."""
    words = text.ranking
    st.header(words.radar_title, anchor=False)
    st.caption(f"{figure}. {words.radar_note}")
    rows = {s.card.name: s.row for s in standings}
    default = [s.card.name for s in standings if not s.missing][:3] or list(rows)[:3]
    chosen = pick.several(
        text.frame.methods, "radar", list(rows), default, max_selections=MOST, label_visibility="collapsed"
    )
    draw_radar(text, shown, {name: rows[name] for name in chosen}, by, scales[by], words.radar_title)


def draw_radar(text: Text, shown: View, rows: Mapping[str, int], by: str, scale: Figure, caption: str) -> None:
    """Draw one outline per named row; nothing with fewer than three scenarios, which have no area."""
    spokes = query.scenarios(shown.cases)
    if len(spokes) < 3 or not rows:
        st.caption(numbers.NONE)
        return
    outlines = []
    for name, row in rows.items():
        means = query.by_scenario(shown, row, by)
        values = [means.get(s) for s in spokes]
        outlines.append(Outline(name, values, [scale.write(v) for v in values]))
    top = max([v for o in outlines for v in o.values if v is not None], default=1.0)
    high = scale.high if scale.digits is not None else top
    # A quarter of the scale is enough where nobody comes further: shapes are what the eye compares.
    while scale.digits is not None and top < high / 2:
        high /= 2
    radar([text.frame.scenarios[s] for s in spokes], outlines, high or 1.0, key="radar", caption=caption)


def places(text: Text, shown: View, groups: Mapping[str, Sequence[Standing]], listed: Mapping[int, Intervals]) -> None:
    """Draw the best and worst place over the grid of exponents, of the ranked methods that the page lists."""
    words = text.ranking
    st.caption(words.weights_note)
    lines = []
    for track, members in groups.items():
        found = query.rank_range(shown, members)
        if found:
            lines.append(Line(heading=words.track_heading[track]))
        for standing in members:
            if standing.row in found and standing.row in listed:
                low, high = found[standing.row]
                cells = [Cell(standing.card.name), Cell(written((low, high)), order=low)]
                lines.append(Line(cells=cells, id=standing.card.name))
    heads = [Column(text.frame.method, number=False, sortable=False), Column(words.weights_column, sortable=False)]
    table(heads, lines, key="places", caption=words.weights_title, fit=True)
