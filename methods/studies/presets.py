"""Which settings of TI2V-v2 suit which kind of edit: `python -m methods.studies.presets`.

Each variant is the whole row without presets and one thing changed. Of those that are surely ahead of the row without
presets in a scenario (paired 95 % interval) the best becomes its preset, and where none is, the row has none there:
`python -m methods.studies.adopt docs/studies/presets.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.types import SCENARIOS
from methods import zoo
from methods.studies.study import Study, command, panels
from methods.studies.variants import Variant

ROW = "ti2v-v2"
PLAIN = "presets-source-paste"
FINISH: dict[str, dict[str, Any]] = {
    "none": {"propagate": "none", "paste": False},
    "paste": {"propagate": "none", "paste": True},
    "source": {"propagate": "source", "paste": False},
    "edit": {"propagate": "edit", "paste": False},
    "source-paste": {"propagate": "source", "paste": True},
    "edit-paste": {"propagate": "edit", "paste": True},
}
"""What is done to the decoded clip."""
CHANGES: dict[str, dict[str, Any]] = {
    "injection-out": {"injection_layers": []},
    "injection-more": {"injection_share": 0.5},
    "sharing-out": {"sharing_layers": []},
    "sharing-shape": {"sharing_sites": ["query", "key"]},
    "borrowing-out": {"injection_layers": [], "sharing_layers": []},
    "blending-out": {"blend_until": 1.0},
    "blending-long": {"blend_until": 0.05},
    "model-alone": {"injection_layers": [], "sharing_layers": [], "blend_until": 1.0},
    "strength-09": {"strength": 0.9},
    "strength-08": {"strength": 0.8},
    "guidance-15": {"guidance": 1.5},
    "guidance-2": {"guidance": 2.0},
    "slack-1": {"propagate_slack": 1.0, "propagate_levels": 20.0},
    "slack-2": {"propagate_slack": 2.0, "propagate_levels": 30.0},
    "slack-2-guidance-2": {"propagate_slack": 2.0, "propagate_levels": 30.0, "guidance": 2.0},
    "slack-3": {"propagate_slack": 3.0, "propagate_levels": 45.0},
    "slack-6": {"propagate_slack": 6.0, "propagate_levels": 90.0},
    "slack-9": {"propagate_slack": 9.0, "propagate_levels": 130.0},
    "steps-8": {"inversion_steps": 8, "generation_steps": 8},
    "steps-25": {"inversion_steps": 25, "generation_steps": 25},
}
"""What else is changed, one at a time."""
COSTLY = ("steps-8", "steps-25")
"""Those that say what steps are worth and are no preset: how many a row takes is its cost, not its taste."""
MOVED = ("model-alone", "guidance-15", "slack-2")
"""Those of them that are tried for shapes that do not stay, too."""

WORTH = 0.3
"""Points of score that a preset brings at the least: a smaller lead may be sure and is still not worth a setting."""


def variants() -> tuple[Variant, ...]:
    """Return the row as it is, every way to finish a clip, and each change on the two that carry the first frame."""
    made = [Variant(ROW, ROW, "as it is", "presets")]
    made += [
        Variant(f"presets-{name}", ROW, "finish", name, {**finish, "presets": {}}) for name, finish in FINISH.items()
    ]
    for base, names in (("source-paste", tuple(CHANGES)), ("edit-paste", MOVED)):
        for name in names:
            change = {**FINISH[base], **CHANGES[name], "presets": {}}
            made.append(Variant(f"presets-{base}-{name}", ROW, base, name, change))
    return tuple(made)


def best(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the three best variants of each scenario with their mean scores."""
    found = {}
    for scenario in SCENARIOS:
        there = [row for row in document["variants"] if scenario in row["scenarios"]]
        rows = [(row["scenarios"][scenario]["mean"], row["name"]) for row in there]
        found[scenario] = [{"name": name, "score": score} for score, name in sorted(rows, reverse=True)[:3]]
    return found


def chosen(document: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return each scenario's preset: what the best of the variants changes that are surely ahead of PLAIN there."""
    variants = {row["name"]: row for row in document["variants"]}
    presets: dict[str, dict[str, Any]] = {}
    for scenario in SCENARIOS:
        behind = [
            (pair["scenarios"][scenario]["mean"], pair["b"])
            for pair in document["pairs"]
            if pair["b"] != ROW
            and variants[pair["b"]]["x"] not in COSTLY
            and scenario in pair["scenarios"]
            and pair["scenarios"][scenario]["high"] < 0
            and pair["scenarios"][scenario]["mean"] <= -WORTH
        ]
        if behind:
            changes = variants[min(behind)[1]]["changes"]
            own = zoo()[ROW].card.parameters
            presets[scenario] = {k: v for k, v in changes.items() if k != "presets" and v != own[k]}
    return presets


def draw(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain variant minus each other, over all and in each scenario, with 95 % intervals."""
    return {"": panels(document, "points of score that source, paste is ahead")}


STUDY = Study(
    "presets",
    "Which settings of ti2v-v2 suit which kind of edit?",
    variants(),
    draw,
    against=PLAIN,
    extra=lambda document: {"best": best(document), "chosen": chosen(document)},
)

if __name__ == "__main__":
    command(STUDY)
