"""What each part of TI2V-v2 adds: `python -m methods.studies.ablation`.

Each part is taken out of the whole, and added alone to TI2V inversion with the same steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from methods import zoo
from methods.studies.study import Study, command, panels
from methods.studies.variants import Variant

WHOLE = "ti2v-v2"
PARTS: dict[str, dict[str, Any]] = {
    "injection": {"injection_layers": []},
    "sharing": {"sharing_layers": []},
    "blending": {"blend_until": 1.0},
    "re-schedule": {"strength": 1.0},
    "propagation": {"propagate": "none"},
    "pasting": {"paste": False},
    "solver": {"inversion_solver": "euler", "generation_solver": "euler"},
}
"""Each part of the whole, and what turns it off."""
OWN = {
    "injection": "injection_",
    "sharing": "sharing_",
    "blending": "blend_",
    "re-schedule": "strength",
    "propagation": "propagate",
    "pasting": "paste",
}
"""What the names of parameters begin with that belong to one part alone; the others, as the region's, serve several."""


def variants() -> tuple[Variant, ...]:
    """Return the whole, the whole without its presets and without each part, each part alone, and none of them."""
    presets = zoo()[WHOLE].card.parameters["presets"]
    made = [Variant(WHOLE, WHOLE, "whole", "whole"), Variant("ti2v-inversion", "ti2v-inversion", "base", "base")]
    made.append(Variant("ablation-presets-out", WHOLE, "without", "presets", {"presets": {}}))
    for part, off in PARTS.items():
        without = {**off, "presets": _presets(presets, {part})}
        made.append(Variant(f"ablation-{part}-out", WHOLE, "without", part, without))
    made.append(Variant("ablation-none", WHOLE, "alone", "none", only()))
    made += [Variant(f"ablation-{part}-alone", WHOLE, "alone", part, only(part)) for part in PARTS]
    return tuple(made)


def only(*parts: str) -> dict[str, Any]:
    """Return the changes that turn all parts of the whole off but these, in its presets too."""
    off = {name: value for part in PARTS.keys() - set(parts) for name, value in PARTS[part].items()}
    presets = zoo()[WHOLE].card.parameters["presets"]
    return {**off, "presets": _presets(presets, PARTS.keys() - set(parts)) if parts else {}}


def _presets(presets: Mapping[str, Mapping[str, Any]], off: Set[str]) -> dict[str, Any]:
    """Return the presets without what they set of the parts that are off: those stay as the row has them, off."""
    begins = tuple(OWN[part] for part in off & OWN.keys())
    return {
        scenario: {name: value for name, value in preset.items() if not (begins and name.startswith(begins))}
        for scenario, preset in presets.items()
    }


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole minus each variant, over all and in each scenario, with 95 % intervals."""
    return {"": panels(document, "points of score that the whole is ahead")}


STUDY = Study("ablation", "What does each part of ti2v-v2 add to the score?", variants(), draw, against=WHOLE)

if __name__ == "__main__":
    command(STUDY)
