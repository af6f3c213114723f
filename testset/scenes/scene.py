"""A scene in words: what is shown, where, how the camera moves, and how an edit changes one attribute of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from bench.types import SCENARIOS, Scenario
from testset.scenes.lettering import LABELS
from testset.scenes.vocabulary import (
    ACCENTS,
    ALIKE,
    CAMOUFLAGE,
    CAMOUFLAGE_OF_GLASS,
    COLORS,
    DIM,
    MATERIALS,
    MOTIONS,
    PRODUCTS,
    PROPS,
    SETTINGS,
    STYLES,
)

TURNTABLE = "the product turns on a turntable"
TRAINING_SEEDS = 1 << 40
"""Training scenes have odd seeds below this."""


@dataclass(frozen=True, slots=True)
class Item:
    """One product: what it is and what its main surface looks like."""

    product: str
    color: str
    material: str
    accent: str
    label: str | None = None
    """Word on a label at its front; every edit keeps it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything a clip shows. `seed` fixes proportions, placement, light and camera path; the words fix the rest.

    Two scenes with the same seed differ only where their words differ: that is what makes an edit's target exact.
    """

    seed: int
    item: Item
    setting: str
    motion: str
    prop: str | None = None
    style: str | None = None
    second: Item | None = None
    """A second product beside the first, which no edit touches."""

    def stream(self, use: str) -> random.Random:
        """Return the random source for one use (`camera`, `light`, `product` ...), the same for every edit."""
        return random.Random(f"{self.seed}/{use}")


def readable(scene: Scene) -> bool:
    """Return whether a viewer can make out the scene's products and name them (no black on black)."""
    items = [scene.item] if scene.second is None else [scene.item, scene.second]
    if scene.style == "moonlit night" and (scene.setting in DIM or any(i.color == "black" for i in items)):
        return False
    if any((i.color, scene.setting) in CAMOUFLAGE for i in items):
        return False
    if any(i.material == "glass" and (i.color, scene.setting) in CAMOUFLAGE_OF_GLASS for i in items):
        return False
    return scene.second is None or scene.second.product != scene.item.product


def sample_item(rng: random.Random, plausible: float = 0.85) -> Item:
    """Return a random product, in a material a shop would sell it in with probability `plausible`."""
    product = rng.choice(list(PRODUCTS))
    pool = PRODUCTS[product].materials if rng.random() < plausible else tuple(MATERIALS)
    return Item(product, rng.choice(list(COLORS)), rng.choice(list(pool)), rng.choice(list(ACCENTS)))


def sample_training_scene(rng: random.Random) -> Scene:
    """Return a random scene for training.

    Its seed is odd; scenes of the shipped splits have even seeds, the hidden split from 2**40 on, so that
    no training scene shares proportions, placement, light or camera path with any of them.
    """
    return sample_scene(rng, 2 * rng.randrange(TRAINING_SEEDS // 2) + 1)


def sample_scene(rng: random.Random, seed: int) -> Scene:
    """Return a random readable scene with the given geometry seed."""
    while not readable(scene := _any_scene(rng, seed)):
        pass
    return scene


def _any_scene(rng: random.Random, seed: int) -> Scene:
    item = sample_item(rng)
    if PRODUCTS[item.product].label and rng.random() < 0.35:
        item = replace(item, label=rng.choice(LABELS))
    motions = [m for m in MOTIONS if m != TURNTABLE or not PRODUCTS[item.product].symmetric]
    return Scene(
        seed=seed,
        item=item,
        setting=rng.choice(list(SETTINGS)),
        motion=rng.choice(motions),
        prop=rng.choice(list(PROPS)) if rng.random() < 0.3 else None,
        style=rng.choice(list(STYLES)) if rng.random() < 0.2 else None,
        second=sample_item(rng) if rng.random() < 0.12 else None,
    )


def edited(scene: Scene, scenario: Scenario, value: str) -> Scene:
    """Return the scene with the scenario's attribute set to `value` (ignored by `remove`)."""
    if scenario == "product":
        return replace(scene, item=replace(scene.item, product=value))
    if scenario == "color":
        return replace(scene, item=replace(scene.item, color=value))
    if scenario == "material":
        return replace(scene, item=replace(scene.item, material=value))
    if scenario == "background":
        return replace(scene, setting=value)
    if scenario == "style":
        return replace(scene, style=value)
    return replace(scene, prop=value if scenario == "add" else None)


def choices(scene: Scene, scenario: Scenario) -> tuple[str, ...]:
    """Return the values an edit of that scenario may take from this scene (empty where it does not apply).

    Values that a viewer could hardly tell from the present one are left out, and those of unreadable targets.
    """
    if scenario == "remove":
        return (scene.prop,) if scene.prop is not None else ()
    before, pool = _values(scene, scenario)
    apart = [v for v in pool if v != before and frozenset((before, v)) not in ALIKE]
    return tuple(v for v in apart if readable(edited(scene, scenario, v)))


def _values(scene: Scene, scenario: Scenario) -> tuple[str | None, tuple[str, ...]]:
    """Return the present value of the scenario's attribute and all that may take its place."""
    item = scene.item
    if scenario == "product":
        pool = [p for p in PRODUCTS if item.label is None or PRODUCTS[p].label]  # the label stays
        return item.product, tuple(p for p in pool if scene.motion != TURNTABLE or not PRODUCTS[p].symmetric)
    if scenario == "color":
        return item.color, tuple(COLORS)
    if scenario == "material":
        return item.material, PRODUCTS[item.product].materials
    if scenario == "background":
        return scene.setting, tuple(SETTINGS)
    if scenario == "style":
        return scene.style, tuple(STYLES) if scene.style is None else ()
    return scene.prop, tuple(PROPS) if scene.prop is None else ()


def sample_edit(scene: Scene, rng: random.Random, scenario: Scenario | None = None) -> tuple[Scene, Scene, Scenario]:
    """Return (source, target, scenario); the source is `scene`, with a prop or style put in or out where needed."""
    scenario = scenario or rng.choice(SCENARIOS)
    if scenario == "remove" and scene.prop is None:
        scene = replace(scene, prop=rng.choice(list(PROPS)))
    elif scenario == "add":
        scene = replace(scene, prop=None)
    elif scenario == "style":
        scene = replace(scene, style=None)
    value = rng.choice(choices(scene, scenario))
    return scene, edited(scene, scenario, value), scenario
