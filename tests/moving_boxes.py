"""A clip source without a renderer: coloured boxes that slide over a grey ramp."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

COLOURS = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (40, 70, 220), "yellow": (230, 210, 50)}
ZH = {"red": "红色", "green": "绿色", "blue": "蓝色", "yellow": "黄色"}


@dataclass(frozen=True)
class Box:
    colour: str
    ground: int
    left: int
    speed: int


@dataclass(frozen=True)
class Shown:
    frame: dict[str, str]
    anywhere: dict[str, str]
    bodies: tuple[dict[str, str], ...]


class MovingBoxes:
    """A clip source without a renderer: a coloured box that slides over a grey ramp."""

    def scene(self, rng: random.Random) -> Box:
        return Box(rng.choice(list(COLOURS)), rng.randrange(40, 200), rng.randrange(0, 12), rng.randrange(1, 3))

    def caption(self, scene: Box, rng: random.Random | None = None, lang: str = "en") -> str:
        if lang == "zh":
            return f"一个{ZH[scene.colour]}的盒子在移动"
        lead = "" if rng is None else rng.choice(["", "a video of "])
        return f"{lead}a {scene.colour} box that moves"

    def prompts(self) -> dict[str, dict[str, tuple[str, ...]]]:
        return {"colour": {name: (f"a {name} box", f"{zh}的盒子") for name, zh in ZH.items()}}

    def shown(self, scene: Box) -> Shown:
        seen = {"colour": scene.colour}
        return Shown(seen, {}, (seen,))

    def edit(self, scene: Box, rng: random.Random, scenario: str) -> tuple[Box, Box, str]:
        other = rng.choice([c for c in COLOURS if c != scene.colour])
        return scene, replace(scene, colour=other), scenario

    def render(self, scenes: Sequence[Box], frames: int, height: int, width: int) -> torch.Tensor:
        return self.render_with_ids(scenes, frames, height, width)[0]

    def render_with_ids(
        self, scenes: Sequence[Box], frames: int, height: int, width: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        ramp = torch.linspace(0, 40, width).expand(height, width)
        clips = torch.empty(len(scenes), frames, height, width, 3, dtype=torch.uint8)
        ids = torch.full(clips.shape[:-1], -1, dtype=torch.int8)
        for clip, bodies, s in zip(clips, ids, scenes, strict=True):
            for t, frame in enumerate(clip):
                frame[:] = (ramp + s.ground)[..., None].to(torch.uint8)
                left = s.left + s.speed * t
                frame[8:24, left : left + 12] = torch.tensor(COLOURS[s.colour], dtype=torch.uint8)
                bodies[t, 8:24, left : left + 12] = 0
        return clips, ids
