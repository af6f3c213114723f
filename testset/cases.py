"""Which edits a split holds: the scenes and changes, drawn from a seed before anything is rendered."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from bench.types import Asset, AttributeChange, EditCase, Scenario
from testset.scenes import Scene, caption, choices, edited, instruction, sample_scene
from testset.scenes.lettering import LABELS
from testset.scenes.scene import TURNTABLE, readable, sample_item
from testset.scenes.vocabulary import COLORS, MOTIONS, PRODUCTS, PROPS, SCENARIO_ATTRIBUTE, SETTINGS

_IN_PLACE: tuple[Scenario, ...] = ("product", "background", "color", "material", "style")
_THIN = {"ring", "chair", "headphones", "table lamp"}
_BUSY = {"window", "tiles", "brick", "bokeh"}
GROUPS = {"dev": 18, "test": 80, "hidden": 26}
"""Source clips of each split."""
EDITS = 4
"""Edits of each source clip."""
HARD = (
    "glossy metal",
    "glass",
    "thin parts",
    "self-occlusion",
    "fast camera",
    "two products",
    "busy background",
    "label",
)
"""The tags of hard cases."""
_FIRST_SEED = {"dev": 0, "test": 1 << 32, "hidden": 1 << 40}
"""Scenes of a split have even seeds in a range of their own; training scenes have odd ones below 2**40."""
_SEED_BITS = {"dev": 20, "test": 20, "hidden": 40}
"""Each group has so many bits of that range for itself."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One edit to be rendered."""

    id: str
    group: str
    scenario: Scenario
    source: Scene
    target: Scene
    tall: bool = False
    """In a portrait picture."""

    @property
    def changes(self) -> tuple[AttributeChange, ...]:
        """What changes from what to what."""
        name = SCENARIO_ATTRIBUTE[self.scenario]
        a, b = value_of(self.source, name), value_of(self.target, name)
        return (AttributeChange(name=name, source=a, target=b),)

    @property
    def keep(self) -> tuple[str, ...]:
        """The attribute values that must stay."""
        changed = SCENARIO_ATTRIBUTE[self.scenario]
        names = [n for n in ("product", "color", "material", "label", "setting", "prop", "motion") if n != changed]
        return tuple(v for n in names if (v := value_of(self.source, n)) != "none")


def value_of(scene: Scene, attribute: str) -> str:
    """Return the value of an attribute in a scene, `none` where it has none."""
    if attribute in ("product", "color", "material", "label"):
        return str(getattr(scene.item, attribute) or "none")
    return str(getattr(scene, attribute) or "none")


def tags(scene: Scene) -> tuple[str, ...]:
    """Return what makes the scene hard."""
    item, setting = scene.item, SETTINGS[scene.setting]
    found = {
        "glossy metal": item.material == "metal",
        "glass": item.material == "glass",
        "thin parts": item.product in _THIN,
        "self-occlusion": scene.motion == TURNTABLE,
        "fast camera": scene.motion in ("the camera pans across", "a hand-held camera follows"),
        "two products": scene.second is not None,
        "busy background": setting.backdrop in _BUSY,
        "label": item.label is not None,
    }
    return tuple(name for name, holds in found.items() if holds)


def case_of(plan: Plan, assets: Mapping[str, Asset]) -> EditCase:
    """Return the record of a rendered plan; `assets` has `source`, `target`, `mask` and `product_mask`."""
    scene = plan.source
    return EditCase(
        id=plan.id,
        group=plan.group,
        scenario=plan.scenario,
        vertical=PRODUCTS[scene.item.product].vertical,
        tags=tags(plan.target if plan.scenario != "remove" else scene),
        source_prompt=caption(scene),
        target_prompt=caption(plan.target),
        instruction=instruction(scene, plan.target, plan.scenario),
        attributes=plan.changes,
        keep=plan.keep,
        split=plan.group.split("-", 1)[0],
        **assets,
    )


def is_tall(number: int) -> bool:
    """Return whether a group is in portrait: every third is."""
    return number % 3 == 2


def scene_seed(split: str, number: int, rng: random.Random) -> int:
    """Return a geometry seed that no other group, split or training scene can have."""
    bits = _SEED_BITS[split]
    return _FIRST_SEED[split] + 2 * ((number << bits) | rng.getrandbits(bits))


def source_scene(split: str, number: int, rng: random.Random, secret: str = "") -> Scene:
    """Return the source scene of a group: kinds, labels, settings and motions take turns, the rest is drawn."""
    products = sorted(PRODUCTS)
    random.Random(split + secret).shuffle(products)
    scene = sample_scene(rng, scene_seed(split, number, rng))
    product = products[number % len(products)]
    kind = PRODUCTS[product]
    item = replace(
        scene.item,
        product=product,
        material=kind.materials[number % len(kind.materials)],
        color=list(COLORS)[(3 * number) % len(COLORS)],
        label=rng.choice(LABELS) if kind.label and number % 2 == 1 else None,
    )
    motions = [m for m in MOTIONS if m != TURNTABLE or not kind.symmetric]
    settings = list(SETTINGS)
    scene = replace(
        scene,
        item=item,
        setting=settings[(7 * number + number // 10) % len(settings)],
        motion=motions[(5 * number) % len(motions)],
        prop=list(PROPS)[number % len(PROPS)] if number % 2 == 0 else None,
        style=None,
        second=None,
    )
    pairs = (replace(scene, second=sample_item(rng), setting=rng.choice(settings)) for _ in range(100))
    if number % 5 == 3:
        return next(filter(readable, pairs))
    while not readable(scene):
        scene = replace(scene, setting=rng.choice(settings))
    return scene


def scenarios_of(number: int, edits: int) -> tuple[Scenario, ...]:
    """Return the scenarios of a group: `remove` or `add`, and the others in turn."""
    start = (number * (edits - 1)) % len(_IN_PLACE)
    others = [_IN_PLACE[(start + k) % len(_IN_PLACE)] for k in range(edits - 1)]
    return ("remove" if number % 2 == 0 else "add", *others)


def candidates(split: str, number: int, edits: int, attempt: int, secret: str = "") -> Iterator[Plan]:
    """Yield the edits of one group. Another `attempt` draws the scene and its values anew.

    `secret` is the seed of the hidden split: without it nobody can draw its scenes.
    """
    rng = random.Random(f"shopedit/{split}/{number}/{attempt}" + (f"/{secret}" if secret else ""))
    source = source_scene(split, number, rng, secret)
    group = f"{split}-{number:02d}"
    for k, scenario in enumerate(scenarios_of(number, edits)):
        values = choices(source, scenario)
        # Values take turns over the groups, so that a split covers the vocabulary.
        value = values[(3 * number + k + attempt) % len(values)] if scenario == "style" else rng.choice(values)
        yield Plan(f"{group}-{scenario}", group, scenario, source, edited(source, scenario, value), is_tall(number))
