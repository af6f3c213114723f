"""What is edited and what is kept as the edit begins at less noise: `python -m methods.studies.strength_curve`.

Strength is the sigma that the source is taken up to; the number of steps stays. On two Gaussians of one spread c the
share of the edit that is made is 1 - (1 - sigma) c / V with V^2 = (1 - sigma)^2 c^2 + sigma^2, whether it is made by
inversion or by FlowEdit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from methods.studies.plots import lines
from methods.studies.study import Study, command, points
from methods.studies.variants import Variant, swept

STRENGTHS = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 1.0)


def variants() -> tuple[Variant, ...]:
    """Return every row at every strength; TI2V-v2 without presets, which would set their own."""
    made: list[Variant] = []
    for row in ("ti2v-inversion", "flowedit", "flowalign", "sdedit", "latent-blending"):
        made += swept("strength", row, "strength", STRENGTHS)
    return (*made, *swept("strength", "ti2v-v2", "strength", STRENGTHS, presets={}))


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the score, accuracy and preservation against sigma."""
    return {
        f"-{metric}": lines(points(document, metric), "strength (sigma)", metric)
        for metric in ("score", "accuracy", "preservation")
    }


STUDY = Study(
    "strength-curve", "What does less strength keep, and what does it cost the edit?", variants(), draw, split="mini"
)

if __name__ == "__main__":
    command(STUDY)
