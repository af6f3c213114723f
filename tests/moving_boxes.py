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


class MovingBoxes:
    """A clip source without a renderer: a coloured box that slides over a grey ramp."""

    def scene(self, rng: random.Random) -> Box:
        return Box(rng.choice(list(COLOURS)), rng.randrange(40, 200), rng.randrange(0, 12), rng.randrange(1, 3))

    def caption(self, scene: Box, rng: random.Random | None = None, lang: str = "en") -> str:
        if lang == "zh":
            return f"一个{ZH[scene.colour]}的盒子在移动"
        lead = "" if rng is None else rng.choice(["", "a video of "])
        return f"{lead}a {scene.colour} box that moves"

    def edit(self, scene: Box, rng: random.Random, scenario: str) -> tuple[Box, Box, str]:
        other = rng.choice([c for c in COLOURS if c != scene.colour])
        return scene, replace(scene, colour=other), scenario

    def render(self, scenes: Sequence[Box], frames: int, height: int, width: int) -> torch.Tensor:
        ramp = torch.linspace(0, 40, width).expand(height, width)
        clips = torch.empty(len(scenes), frames, height, width, 3, dtype=torch.uint8)
        for clip, s in zip(clips, scenes, strict=True):
            for t, frame in enumerate(clip):
                frame[:] = (ramp + s.ground)[..., None].to(torch.uint8)
                left = s.left + s.speed * t
                frame[8:24, left : left + 12] = torch.tensor(COLOURS[s.colour], dtype=torch.uint8)
        return clips
