"""What few steps keep and cost, beside the teacher's whole curve of steps: `python -m methods.studies.few_step_front`.

Students (`dmd4`, `dmd8`) are subtracted from the teacher at 25 + 25 steps and guidance 2, which says
how much of its score they keep, and the teacher at equal steps from them, which says what distillation adds: on the
headline, the attributes read off the clip, edges, the perceptual distance to the truth, and motion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from methods import zoo
from methods.studies.plots import lines
from methods.studies.study import Study, command, points
from methods.studies.summary import METRICS
from methods.studies.variants import Variant

STEPS = {1.0: (2, 4, 6, 8, 12, 25), 2.0: (4, 25)}
"""By guidance; at 2 the ends alone: with a given first frame guidance takes edits away from their targets."""
FULL = "front-ti2v-inversion-g2-25"
EQUAL = {"dmd4": "teacher-4", "dmd8": "teacher-8"}
"""Each student, and its teacher at as many steps."""


def variants() -> tuple[Variant, ...]:
    """Return the teacher at every number of steps, and the few-step rows."""
    made = []
    for guidance, steps in STEPS.items():
        for n in steps:
            changes = {"inversion_steps": n, "generation_steps": n, "guidance": guidance}
            series = f"teacher, guidance {guidance:g}"
            made.append(Variant(f"front-ti2v-inversion-g{guidance:g}-{n}", "ti2v-inversion", series, n, changes))
    there = [row for pair in EQUAL.items() for row in pair]
    return (*made, *(Variant(row, row, row, zoo()[row].card.parameters["generation_steps"]) for row in there))


def kept(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return each few-step row's share of the full teacher's score, of its time and of its evaluations."""
    by_name = {row["name"]: row for row in rows}
    if (full := by_name.get(FULL)) is None:
        return {"kept": []}
    found = []
    for row in (by_name[name] for pair in EQUAL.items() for name in pair if name in by_name):
        score, whole = (r["metrics"]["score"]["mean"] for r in (row, full))
        temporal, steady = (r["metrics"]["temporal"]["mean"] for r in (row, full))
        found.append(
            {
                "name": row["name"],
                "score": score / whole if whole else None,
                "temporal_points": 100 * (temporal - steady),
                "seconds": row["seconds"] / full["seconds"],
                "nfe": row["nfe"] / full["nfe"],
            }
        )
    return {"kept": found}


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return every metric against evaluations, and the score against seconds."""
    nfe, seconds = ({(r["series"], r["x"]): r[key] for r in document["variants"]} for key in ("nfe", "seconds"))
    charts = {}
    for metric in document["variants"][0]["metrics"]:
        found = [p | {"x": nfe[p["series"], p["x"]]} for p in points(document, metric)]
        charts[f"-{metric}"] = lines(found, "NFE", metric, log=True)
    found = [p | {"x": seconds[p["series"], p["x"]]} for p in points(document)]
    return {**charts, "-seconds": lines(found, "seconds per edit", "score", log=True)}


STUDY = Study(
    "few-step-front",
    "How much of the teacher do few steps keep, at what cost, and what does distillation add at equal steps?",
    variants(),
    draw,
    compared=tuple((FULL, row) for row in (*EQUAL, *EQUAL.values())) + tuple(EQUAL.items()),
    metrics=(*METRICS, "attribute-accuracy", "edges-gms", "perc-effl0", "motion-lk"),
    split="mini",
    extra=lambda document: kept(document["variants"]),
)

if __name__ == "__main__":
    command(STUDY)
