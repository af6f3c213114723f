"""What to borrow, where and for how long: `python -m methods.studies.borrowing`.

Rows `feature-injection` and `attention-sharing` against TI2V inversion with the same solver, steps and guidance: what
is borrowed is all that differs. `python -m methods.studies.adopt docs/studies/borrowing.json` writes the settings that
score best into the two rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from methods.studies.study import Study, command, panels
from methods.studies.variants import Variant

BASE = "ti2v-inversion"
LAYERS = {"early": [0, 1], "middle": [2, 3, 4], "late": [5, 6, 7], "all": list(range(8))}
SHARES = (0.2, 0.7, 1.0)
ROWS = {"feature-injection": "injection", "attention-sharing": "sharing"}
"""Each row, and what its parameters' names begin with."""
SITES = {"injection": (["block"],), "sharing": (["value"], ["query", "key"])}


def variants() -> tuple[Variant, ...]:
    """Return TI2V inversion, both rows as they are, and each row with its layers, sites, share or region changed."""
    made = [Variant(BASE, BASE, "base", "base")]
    for row, begins in ROWS.items():
        changes: dict[str, dict[str, Any]] = {f"layers-{n}": {f"{begins}_layers": v} for n, v in LAYERS.items()}
        changes |= {"-".join(["sites", *sites]): {f"{begins}_sites": sites} for sites in SITES[begins]}
        changes |= {f"share-{f'{s:g}'.replace('.', 'p')}": {f"{begins}_share": s} for s in SHARES}
        changes["amount-0p5"] = {f"{begins}_amount": 0.5}
        changes["everywhere"] = {"region": "none"}
        changes["all-long"] = {f"{begins}_layers": LAYERS["all"], f"{begins}_share": 1.0}
        made.append(Variant(row, row, row, "as it is"))
        made += [Variant(f"borrowing-{row}-{name}", row, row, name, change) for name, change in changes.items()]
    return tuple(made)


def chosen(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return by row what its best variant changes of it; rows that are best as they are are left out."""
    best = {}
    for name in ROWS:
        mine = [row for row in rows if row["series"] == name]
        if mine:
            best[name] = dict(max(mine, key=lambda row: (row["metrics"]["score"]["mean"], row["name"]))["changes"])
    return {name: changes for name, changes in best.items() if changes}


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return TI2V inversion minus each variant, over all and in each scenario, with 95 % intervals."""
    return {"": panels(document, "points of score that ti2v-inversion is ahead")}


STUDY = Study(
    "borrowing",
    "Which borrowed features help ti2v-inversion, and for how long?",
    variants(),
    draw,
    against=BASE,
    extra=lambda document: {"chosen_rows": chosen(document["variants"])},
)

if __name__ == "__main__":
    command(STUDY)
