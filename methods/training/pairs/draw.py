"""Which pair a number stands for: scenes, words and augmentation, before anything is rendered."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from bench.types import SCENARIOS, AttributeChange, Instruction, Scenario
from methods.training.pairs.augment import REVERSED
from methods.training.pairs.augment import draw as draw_augmentation
from methods.training.pairs.record import Augmentation, Flag, PairRecord
from testset.scenes import Scene, caption, instruction, sample_edit, sample_training_scene
from testset.scenes.vocabulary import PRODUCTS, SCENARIO_ATTRIBUTE

ATTRIBUTES = ("product", "color", "material", "setting", "prop", "style", "motion")


@dataclass(frozen=True, slots=True)
class Draw:
    """A pair to be rendered."""

    number: int
    scenario: Scenario
    source: Scene
    target: Scene
    augmentation: Augmentation
    attempt: int

    @property
    def key(self) -> str:
        """The pair's name in its shard."""
        return f"{self.number:06d}"

    def record(self, flags: tuple[Flag, ...]) -> PairRecord:
        """Return what the pair says of itself."""
        name = SCENARIO_ATTRIBUTE[self.scenario]
        before, after = (self._seen(scene) for scene in (self.source, self.target))
        rng = random.Random(f"{self.number}/words")
        return PairRecord(
            key=self.key,
            scenario=self.scenario,
            source_caption=_captions(before, rng),
            target_caption=_captions(after, rng),
            instruction=instruction(before, after, self.scenario),
            change=AttributeChange(name=name, source=value_of(before, name), target=value_of(after, name)),
            keep={a: value_of(before, a) for a in ATTRIBUTES if a != name and value_of(before, a) != "none"},
            vertical=PRODUCTS[before.item.product].vertical,
            augmentation=self.augmentation,
            flags=flags,
            attempt=self.attempt,
        )

    def _seen(self, scene: Scene) -> Scene:
        """Return the scene as the augmented clip shows it: backwards, a camera that pushed in pulls back."""
        return replace(scene, motion=REVERSED[scene.motion]) if self.augmentation.reverse else scene


def draw(seed: int, number: int, attempt: int = 0) -> Draw:
    """Return pair number `number` of a seed; scenarios take turns, another `attempt` draws everything else anew."""
    rng = random.Random(f"shopedit-pairs/{seed}/{number}/{attempt}")
    source, target, scenario = sample_edit(sample_training_scene(rng), rng, SCENARIOS[number % len(SCENARIOS)])
    return Draw(number, scenario, source, target, draw_augmentation(rng, source.motion), attempt)


def value_of(scene: Scene, attribute: str) -> str:
    """Return the value of an attribute in a scene, `none` where it has none."""
    where = scene.item if attribute in ("product", "color", "material") else scene
    return str(getattr(where, attribute) or "none")


def _captions(scene: Scene, rng: random.Random) -> Instruction:
    return Instruction(en=caption(scene, rng, lang="en"), zh=caption(scene, rng, lang="zh"))
