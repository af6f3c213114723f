"""How a few-step edit should start, and what training-free parts add: `python -m methods.studies.few_step_start`.

A student may walk the source up its own sigmas, take the teacher's way up, follow the difference of its two velocities
(FlowEdit), or begin from the source under fresh noise; less strength leaves steps out. The parts of TI2V-v2 run on a
student as they do on its teacher. Rows `dmd4` and `dmd8` are studied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods import zoo
from methods.studies.ablation import WHOLE, only
from methods.studies.plots import differences
from methods.studies.study import Study, command
from methods.studies.variants import Variant

ROWS = ("dmd4", "dmd8")
STRENGTHS = (1.0, 0.9, 0.8)
TEACHER_STEPS = (4, 8, 25)
PARTS = {"v2": None, "v2-injection": ("injection",), "v2-sharing": ("sharing",), "v2-blending": ("blending",)}
"""TI2V-v2 as it is, and with one part alone."""


def variants() -> tuple[Variant, ...]:
    """Return each row with every start, and TI2V-v2 on the row's student."""
    return tuple(variant for row in ROWS for variant in _of(row))


def _of(row: str) -> list[Variant]:
    own = zoo()[row].card.parameters
    starts: dict[str, dict[str, Any]] = {"inversion": {"start": "inversion"}, "flowedit": {"start": "flowedit"}}
    starts["inversion-0p9"] = {"start": "inversion", "strength": 0.9}
    for strength in STRENGTHS:
        starts[f"renoise-{f'{strength:g}'.replace('.', 'p')}"] = {"start": "renoise", "strength": strength}
    for steps in TEACHER_STEPS:
        starts[f"teacher-inversion-{steps}"] = {"start": "teacher-inversion", "inversion_steps": steps}
    made = [Variant(f"start-{row}-{name}", row, row, name, changes) for name, changes in starts.items()]
    for name, parts in PARTS.items():
        changes = {"student": own["student"], **({} if parts is None else only(*parts))}
        made.append(Variant(f"start-{row}-{name}", WHOLE, row, name, changes))
    return made


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score, and each axis, of every start."""
    return {f"-{metric}": differences(_dots(document, metric), metric) for metric in document["variants"][0]["metrics"]}


def _dots(document: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
    found = [(row, row["metrics"][metric]) for row in document["variants"] if row["metrics"][metric] is not None]
    return [{"label": r["x"], "group": r["series"], **{k: m[k] for k in ("mean", "low", "high")}} for r, m in found]


STUDY = Study(
    "few-step-start",
    "Which way from the source to the start noise serves a few-step row best, and what do training-free parts add?",
    variants(),
    draw,
    split="mini",
    compared=tuple(
        (f"start-{row}-inversion", variant.name)
        for row in ROWS
        for variant in _of(row)
        if variant.name != f"start-{row}-inversion"
    ),
)

if __name__ == "__main__":
    command(STUDY)
