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
NONE = "ablation-none"
"""TI2V inversion at the whole's steps: what each part is added to alone."""
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
    made.append(Variant(NONE, WHOLE, "alone", "none", only()))
    made += [Variant(f"ablation-{part}-alone", WHOLE, "alone", part, only(part)) for part in PARTS]
    return tuple(made)


def only(*parts: str) -> dict[str, Any]:
    """Return the changes that turn all parts of the whole off but these; of its presets, what belongs to them stays."""
    off = {name: value for part in PARTS.keys() - set(parts) for name, value in PARTS[part].items()}
    begins = tuple(OWN[part] for part in parts if part in OWN)
    presets = zoo()[WHOLE].card.parameters["presets"]
    kept = {s: {k: v for k, v in preset.items() if k.startswith(begins)} for s, preset in presets.items()}
    return {**off, "presets": {scenario: preset for scenario, preset in kept.items() if preset}}


def _presets(presets: Mapping[str, Mapping[str, Any]], off: Set[str]) -> dict[str, Any]:
    """Return the presets without what they set of the parts that are off: those stay as the row has them, off."""
    begins = tuple(OWN[part] for part in off & OWN.keys())
    return {s: {k: v for k, v in preset.items() if not k.startswith(begins)} for s, preset in presets.items()}


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the whole is ahead of each variant, and what each part adds alone, with 95 % intervals."""
    return {
        "": panels(document, "points of score that the whole is ahead", first=WHOLE),
        "-alone": panels(document, "points of score that the part adds alone", second=NONE),
    }


STUDY = Study(
    "ablation",
    "What does each part of ti2v-v2 add to the score?",
    variants(),
    draw,
    against=WHOLE,
    compared=tuple((f"ablation-{part}-alone", NONE) for part in PARTS),
)

if __name__ == "__main__":
    command(STUDY)
