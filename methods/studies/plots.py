"""The plots of a study, drawn from its JSON: lines with their intervals, and differences around zero."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.errors import UserError

WIDTH, HEIGHT = 480, 280


def lines(points: Sequence[Mapping[str, Any]], x: str, y: str, log: bool = False, zero: bool = False) -> Any:
    """Return one line a series over `points` of x, mean, low, high and series; the band is the 95 % interval."""
    alt = altair()

    axis = alt.X("x:Q", title=x, scale=alt.Scale(type="log" if log else "linear", zero=False, nice=not log))
    base = alt.Chart(alt.Data(values=list(points))).encode(
        x=axis, color=alt.Color("series:N", title=None, legend=alt.Legend(symbolOpacity=1))
    )
    mean = alt.Y("mean:Q", title=y, scale=alt.Scale(zero=zero))
    band = base.mark_area(opacity=0.15).encode(y=alt.Y("low:Q", title=y, scale=alt.Scale(zero=zero)), y2="high:Q")
    return (band + base.mark_line(point=True).encode(y=mean)).properties(width=WIDTH, height=HEIGHT)


def differences(rows: Sequence[Mapping[str, Any]], x: str) -> Any:
    """Return one panel a group of `rows` of label, group, mean, low and high: a dot with its interval, around zero."""
    alt = altair()

    base = alt.Chart(alt.Data(values=list(rows)))
    label = alt.Y("label:N", title=None, sort=None)
    bars = base.mark_rule(strokeWidth=2).encode(y=label, x=alt.X("low:Q", title=None), x2="high:Q")
    dots = base.mark_point(filled=True, size=60).encode(y=label, x="mean:Q")
    zero = base.mark_rule(strokeDash=[4, 3]).encode(x=alt.datum(0))
    layers = (zero + bars + dots).properties(width=150)
    order = list(dict.fromkeys(row["group"] for row in rows))
    return layers.facet(facet=alt.Facet("group:N", title=x, sort=order), columns=4)


def save(chart: Any, path: Path) -> None:
    """Write a chart as SVG."""
    chart.save(str(path))


def read(path: Path) -> dict[str, Any]:
    """Return a study's JSON; UserError when there is none."""
    if not path.is_file():
        raise UserError(f"{path}: no such study; run it without --draw-only first")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def altair() -> Any:
    """Return the plotting library; UserError where it is not installed, as on a machine that only measures."""
    try:
        import altair as found
    except ImportError:
        raise UserError(
            "plots need altair: the study's JSON is written; draw it with --draw-only where "
            "`pip install 'shopedit-bench[studies]'` was run"
        ) from None
    return found
