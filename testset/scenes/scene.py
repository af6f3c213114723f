"""A scene in words: what is shown, where, how the camera moves, and how an edit changes one attribute of it."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from bench.types import SCENARIOS, Scenario
from testset.scenes.vocabulary import ACCENTS, COLORS, MATERIALS, MOTIONS, PRODUCTS, PROPS, SETTINGS, STYLES

SIDES = ("left", "right")
TURNTABLE = "the product turns on a turntable"


@dataclass(frozen=True, slots=True)
class Item:
    """One product: what it is and what its main surface looks like."""

    product: str
    color: str
    material: str
    accent: str


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


def sample_item(rng: random.Random, plausible: float = 0.85) -> Item:
    """Return a random product, in a material a shop would sell it in with probability `plausible`."""
    product = rng.choice(list(PRODUCTS))
    pool = PRODUCTS[product].materials if rng.random() < plausible else tuple(MATERIALS)
    return Item(product, rng.choice(list(COLORS)), rng.choice(list(pool)), rng.choice(list(ACCENTS)))


def sample_training_scene(rng: random.Random) -> Scene:
    """Return a random scene for training.

    Its seed is odd; scenes of the shipped splits have even seeds and the hidden split seeds above 2**40, so that
    no training scene shares proportions, placement, light or camera path with any of them.
    """
    return sample_scene(rng, 2 * rng.randrange(1 << 39) + 1)


def sample_scene(rng: random.Random, seed: int) -> Scene:
    """Return a random scene with the given geometry seed."""
    item = sample_item(rng)
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
    """Return the values an edit of that scenario may take from this scene (empty where it does not apply)."""
    item = scene.item
    if scenario == "product":
        pool = [p for p in PRODUCTS if p != item.product]
        if scene.motion == TURNTABLE:
            pool = [p for p in pool if not PRODUCTS[p].symmetric]
        return tuple(pool)
    if scenario == "color":
        return tuple(c for c in COLORS if c != item.color)
    if scenario == "material":
        return tuple(m for m in PRODUCTS[item.product].materials if m != item.material)
    if scenario == "background":
        return tuple(s for s in SETTINGS if s != scene.setting)
    if scenario == "style":
        return tuple(STYLES) if scene.style is None else ()
    if scenario == "add":
        return tuple(PROPS) if scene.prop is None else ()
    return (scene.prop,) if scene.prop is not None else ()


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
