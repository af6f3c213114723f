"""Where training clips come from: scenes by seed, their captions and edits, rendered on the device."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import cycle, islice
from typing import Any, Protocol

import torch
from torch import Tensor

from bench.types import SCENARIOS

Scene = Any
"""A scene description of the source; only its `repr` is looked at here, for the pin of the held-out sets."""


class ClipSource(Protocol):
    """An endless stream of scenes that are a function of the generator's seed alone."""

    def scene(self, rng: random.Random) -> Scene:
        """Return a new training scene."""
        ...

    def caption(self, scene: Scene, rng: random.Random | None = None, lang: str = "en") -> str:
        """Return a caption in `en` or `zh`; without `rng` the plain one."""
        ...

    def edit(self, scene: Scene, rng: random.Random, scenario: str) -> tuple[Scene, Scene, str]:
        """Return source, target and scenario of an edit of the scene (the source may be adjusted)."""
        ...

    def render(self, scenes: Sequence[Scene], frames: int, height: int, width: int) -> Tensor:
        """Return uint8 [B, T, H, W, 3] on the source's device."""
        ...


class LabelledSource(ClipSource, Protocol):
    """A source that also knows what its pictures show, and where."""

    def prompts(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return the phrasings of every value of every attribute."""
        ...

    def shown(self, scene: Scene) -> Shown:
        """Return the attribute values that can be seen in a scene."""
        ...

    def render_with_ids(self, scenes: Sequence[Scene], frames: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return frames as `render` does, and int8 [B, T, H, W]: which body a pixel shows, negative for none."""
        ...


class Shown(Protocol):
    """Attribute values to be seen in the whole frame, in any part of it, and close up on each body."""

    @property
    def frame(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def anywhere(self) -> Mapping[str, str]: ...  # noqa: D102

    @property
    def bodies(self) -> Sequence[Mapping[str, str]]: ...  # noqa: D102


class RenderedScenes:
    """The test set's own generator and renderer, with training seeds."""

    def __init__(self, device: str) -> None:
        from testset.render import Renderer

        self._renderer = Renderer(device)

    def scene(self, rng: random.Random) -> Scene:
        """Return a new training scene."""
        from testset.scenes import sample_training_scene

        return sample_training_scene(rng)

    def caption(self, scene: Scene, rng: random.Random | None = None, lang: str = "en") -> str:
        """Return a caption in `en` or `zh`; without `rng` the plain one."""
        from testset.scenes import caption

        return caption(scene, rng, lang=lang)

    def edit(self, scene: Scene, rng: random.Random, scenario: str) -> tuple[Scene, Scene, str]:
        """Return source, target and scenario of an edit of the scene."""
        from testset.scenes import sample_edit

        return sample_edit(scene, rng, scenario)

    def prompts(self) -> dict[str, dict[str, tuple[str, ...]]]:
        """Return the phrasings of every value of the closed vocabularies."""
        from testset.scenes import prompts

        return prompts()

    def shown(self, scene: Scene) -> Shown:
        """Return the attribute values that can be seen in a scene."""
        from testset.scenes import shown

        return shown(scene)

    def render(self, scenes: Sequence[Scene], frames: int, height: int, width: int) -> Tensor:
        """Return uint8 [B, T, H, W, 3] on the renderer's device."""
        return self.render_with_ids(scenes, frames, height, width)[0]

    def render_with_ids(self, scenes: Sequence[Scene], frames: int, height: int, width: int) -> tuple[Tensor, Tensor]:
        """Return frames, and int8 [B, T, H, W]: which body a pixel shows, negative for floor and backdrop."""
        made = self._renderer.render_with_ids(list(scenes), frames=frames, height=height, width=width)
        clips, ids = made.rgb.clone(), made.ids.clone()
        if clips.is_cuda:
            # The renderer's own buffers are free for its next batch only once the copies are made.
            torch.cuda.synchronize(clips.device)
        return clips, ids


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Held-out edits: scenes before and after, and which scenario each belongs to."""

    sources: list[Scene]
    targets: list[Scene]
    scenarios: list[str]

    @property
    def pin(self) -> str:
        """The sha256 of all scene descriptions."""
        return pin([*self.sources, *self.targets])


def generator(purpose: str, *numbers: int) -> random.Random:
    """Return the generator of one purpose; purposes never share a seed with each other or with a test set."""
    return random.Random(f"shopedit-mini/{purpose}/" + "/".join(map(str, numbers)))


def scenes(source: ClipSource, purpose: str, seed: int, start: int, count: int) -> list[Scene]:
    """Return scenes number `start` to `start + count` of a purpose; each has a seed of its own."""
    return [source.scene(generator(purpose, seed, i)) for i in range(start, start + count)]


def held_out_pairs(source: ClipSource, count: int) -> Pairs:
    """Return `count` edits, the scenarios in turn, the same for every training seed."""
    found: list[tuple[Scene, Scene, str]] = []
    for i, scenario in enumerate(islice(cycle(SCENARIOS), count)):
        rng = generator("held-out edits", i)
        found.append(source.edit(source.scene(rng), rng, scenario))
    return Pairs([f[0] for f in found], [f[1] for f in found], [f[2] for f in found])


def render(
    source: ClipSource, what: Sequence[Scene], frames: int, size: tuple[int, int], batch: int
) -> Iterator[Tensor]:
    """Yield the clips of scenes in batches, uint8 [<= batch, T, H, W, 3]."""
    for i in range(0, len(what), batch):
        yield source.render(what[i : i + batch], frames, *size)


def rendered(source: ClipSource, what: Sequence[Scene], frames: int, size: tuple[int, int], batch: int) -> Tensor:
    """Return all clips of scenes, uint8 [N, T, H, W, 3]."""
    return torch.cat(list(render(source, what, frames, size, batch)))


def pin(what: Sequence[Scene]) -> str:
    """Return the sha256 of scene descriptions: what a held-out figure must be quoted with."""
    return sha256("\n".join(map(repr, what)).encode()).hexdigest()
