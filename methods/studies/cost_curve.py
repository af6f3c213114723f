"""Score against time as the number of steps varies: `python -m methods.studies.cost_curve`.

TI2V-v2 is compared with the point of equal score on TI2V inversion's own curve, not with one setting of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from methods.studies.plots import lines
from methods.studies.study import Study, command, points
from methods.studies.variants import Variant

STEPS = (4, 8, 12, 25)
BASE, OURS = "ti2v-inversion", "ti2v-v2"


def variants() -> tuple[Variant, ...]:
    """Return rows at every number of steps, the same on both legs."""
    return tuple(
        Variant(f"steps-{row}-{n}", row, row, n, {"inversion_steps": n, "generation_steps": n})
        for row in (BASE, "rf-solver", "fireflow", "uni-inv", OURS)
        for n in STEPS
    )


def equal_score(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return, for each setting of TI2V-v2, the seconds at which TI2V inversion scores as much, and the share saved.

    Between two settings of TI2V inversion time is taken to grow evenly with score. None where it never gets as far:
    then the setting that scores best, `base_best`, is what is left to compare with, which favours TI2V inversion.
    """
    base = sorted((r for r in rows if r["series"] == BASE), key=lambda r: r["seconds"])
    found = []
    for row in (r for r in rows if r["series"] == OURS):
        wanted = row["metrics"]["score"]["mean"]
        there = _seconds_at(base, wanted)
        saved = None if there is None else 1 - row["seconds"] / there
        found.append({"steps": row["x"], "score": wanted, "seconds": row["seconds"], "equal": there, "saved": saved})
    top = max(base, key=lambda row: row["metrics"]["score"]["mean"], default=None)
    best = top and {"steps": top["x"], "score": top["metrics"]["score"]["mean"], "nfe": top["nfe"]}
    return {"equal_score": found, "base_best": best}


def _seconds_at(curve: Sequence[Mapping[str, Any]], wanted: float) -> float | None:
    """Return the fewest seconds at which a curve, sorted by seconds, reaches a score."""
    points = [(float(row["seconds"]), float(row["metrics"]["score"]["mean"])) for row in curve]
    if points and points[0][1] >= wanted:
        return points[0][0]
    for (t0, s0), (t1, s1) in pairwise(points):
        if s0 < wanted <= s1:
            return t0 + (wanted - s0) / (s1 - s0) * (t1 - t0)
    return None


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score against steps, and against seconds."""
    by_steps = points(document)
    seconds = {(row["series"], row["x"]): row["seconds"] for row in document["variants"]}
    by_time = [point | {"x": seconds[point["series"], point["x"]]} for point in by_steps]
    return {
        "-steps": lines(by_steps, "steps of each leg", "score", log=True),
        "-seconds": lines(by_time, "seconds per edit", "score", log=True),
    }


STUDY = Study(
    "cost-curve",
    "How much less time does ti2v-v2 take for the same score?",
    variants(),
    draw,
    split="mini",
    extra=lambda document: equal_score(document["variants"]),
)

if __name__ == "__main__":
    command(STUDY)
