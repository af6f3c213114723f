"""The held-out edits of a report: scenes by seed, pinned by the hash of their descriptions, rendered when needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from torch import Tensor

from methods.training.clips import LabelledSource, Pairs, held_out_pairs
from methods.training.edit_eval import EditSet

PAIRS = 98
"""Fourteen edits of each scenario; each has a source clip of its own."""
PIN = "3f0c21fd94eb38fa55f155425de56e21a28589059f799bf681dbfccb408fe187"
"""sha256 of their scene descriptions: figures of another pin are of other scenes, and do not compare."""


@dataclass(frozen=True)
class HeldOut:
    """The held-out edits of a source, at one clip size."""

    source: LabelledSource
    frames: int = 17
    size: tuple[int, int] = (256, 256)

    @cached_property
    def pairs(self) -> Pairs:
        """All of them, as scenes."""
        return held_out_pairs(self.source, PAIRS)

    def captions(self, which: int) -> tuple[str, str]:
        """Return the plain captions of an edit's source and target."""
        return self.source.caption(self.pairs.sources[which]), self.source.caption(self.pairs.targets[which])

    def asked(self, which: int) -> tuple[dict[str, str], dict[str, str]]:
        """Return what the whole frame of source and of target can be asked, attribute to value."""
        sides = (self.pairs.sources[which], self.pairs.targets[which])
        before, after = (dict(self.source.shown(scene).frame) for scene in sides)
        return before, after

    def rendered(self, which: list[int]) -> EditSet:
        """Return some of the edits with their clips, uint8 [N, T, H, W, 3] on the renderer's device."""
        source, target = (
            self.source.render([side[i] for i in which], self.frames, *self.size)
            for side in (self.pairs.sources, self.pairs.targets)
        )
        captions = [self.captions(i) for i in which]
        return EditSet(
            source,
            target,
            [before for before, _ in captions],
            [after for _, after in captions],
            [self.pairs.scenarios[i] for i in which],
            self.pairs.pin,
        )


def pixels_digest(*clips: Tensor) -> str:
    """Return the sha256 of rendered pixels: the scenes' pin does not know the renderer's version."""
    digest = sha256()
    for clip in clips:
        digest.update(clip.contiguous().cpu().numpy().data)
    return digest.hexdigest()
