"""How much guidance helps, in both stages: `python -m methods.studies.guidance_sweep`.

Guidance of the generation makes the edit bolder; guidance of the inversion, which every paper leaves at 1, shows what
it costs that the way up can no longer be undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods.studies.plots import lines
from methods.studies.study import Study, command, points
from methods.studies.variants import Variant, swept

SCALES = (1.0, 1.5, 2.0, 3.0, 5.0)


def variants() -> tuple[Variant, ...]:
    """Return every row at every scale of generation, and TI2V inversion at every scale of inversion."""
    made = []
    for row in ("ti2v-inversion", "flowedit", "flowalign", "sdedit", "ti2v-v2"):
        made += swept("guidance", row, "guidance", SCALES)
    for scale in SCALES[1:]:
        name = f"guidance-up-{f'{scale:g}'.replace('.', 'p')}"
        changes = {"guidance_inversion": scale}
        made.append(Variant(name, "ti2v-inversion", "ti2v-inversion, inversion guided", scale, changes))
    return tuple(made)


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score, and each axis, against the guidance scale."""
    return {
        f"-{metric}": lines(points(document, metric), "guidance scale", metric)
        for metric in ("score", "accuracy", "preservation", "temporal")
    }


STUDY = Study(
    "guidance-sweep", "How does the score follow the guidance scale of each stage?", variants(), draw, split="mini"
)

if __name__ == "__main__":
    command(STUDY)
