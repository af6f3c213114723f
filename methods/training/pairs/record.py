"""What a pair says of itself, and what a set of pairs says of itself: the JSON of shards and manifest."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bench.types import AttributeChange, Instruction, Scenario

FORMAT = 1
KEYS = ("source.mp4", "target.mp4", "mask.mp4", "json")
"""The files of a pair in a shard, after its key and a dot."""
Flag = Literal["empty-mask", "no-change", "leak", "clipped", "blurred"]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Augmentation(_Record):
    """What was done to source, target and mask alike, after (or, for speed, while) they were rendered."""

    crop: tuple[float, float, float] | None = None
    """Left, top and side of the window, as shares of the frame."""
    slow: float | None = None
    """Where the clip begins in a rendering of half the speed, as a share of its first half."""
    reverse: bool = False
    gain: tuple[float, float, float] | None = None
    """Factors of red, green and blue: white balance."""
    gamma: float = 1.0
    light: tuple[float, float, float] | None = None
    """Gradient of brightness across and down the frame, and its drift over the clip."""


class PairRecord(_Record):
    """One pair."""

    key: str
    scenario: Scenario
    source_caption: Instruction
    target_caption: Instruction
    instruction: Instruction
    change: AttributeChange
    keep: dict[str, str]
    """Attributes that stay, by name."""
    vertical: str
    augmentation: Augmentation
    flags: tuple[Flag, ...] = ()
    """What the audit found after the last attempt; flagged pairs are read only when accepted by eye."""
    attempt: int = 0
    """Earlier draws of this pair that were flagged and thrown away."""


class ShardRecord(_Record):
    """One shard: enough to know whether it is whole."""

    name: str
    bytes: int
    sha256: str
    pairs: tuple[PairRecord, ...]


class BuildSettings(_Record):
    """What decides the content of a build; two builds with equal settings have equal shards."""

    format: Literal[1] = FORMAT
    seed: int = 0
    count: int = Field(ge=1)
    width: int = Field(256, ge=32, multiple_of=32)
    height: int = Field(256, ge=32, multiple_of=32)
    frames: int = Field(17, ge=5)
    fps: int = Field(8, ge=1)
    per_shard: int = Field(50, ge=1)
    crf: int = Field(12, ge=0, le=51)
    attempts: int = Field(4, ge=1)


class Manifest(_Record):
    """`manifest.json`, written when all shards are there."""

    settings: BuildSettings
    shards: tuple[ShardRecord, ...]
    statistics: dict[str, Any]

    @property
    def pairs(self) -> list[PairRecord]:
        """All pairs, in order."""
        return [pair for shard in self.shards for pair in shard.pairs]
