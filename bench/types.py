"""The words every room shares. Needs numpy and pydantic only.

Frozen dataclasses are used inside the program; pydantic models (extra fields forbidden) where bytes cross a border.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Scenario = Literal["product", "background", "color", "material", "style", "add", "remove"]
SCENARIOS: tuple[Scenario, ...] = ("product", "background", "color", "material", "style", "add", "remove")
Track = Literal["text", "first-frame", "mask"]
Need = Literal["source_prompt"]
Better = Literal["higher", "lower"]
Frames = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Vocabulary = Mapping[str, Mapping[str, tuple[str, ...]]]
"""A test set's closed vocabularies: attribute to value to the phrasings that a text-image model is asked with."""


@dataclass(frozen=True, slots=True, eq=False)
class Video:
    """A decoded clip."""

    frames: Frames
    """uint8, T x H x W x 3, RGB."""
    fps: Fraction = Fraction(8)

    def __post_init__(self) -> None:
        f = self.frames
        if f.dtype != np.uint8 or f.ndim != 4 or f.shape[-1] != 3:
            raise ValueError(f"a Video holds uint8 T x H x W x 3 frames, found {f.dtype} {f.shape}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Frames, height, width."""
        t, h, w, _ = self.frames.shape
        return t, h, w


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Asset(_Record):
    """A file of a test set, pinned by content."""

    path: str
    """POSIX path relative to the test set's folder."""
    sha256: str
    width: int
    height: int
    frames: int = 1
    fps: str = "8"
    """A fraction as text, e.g. `24` or `24000/1001`."""


class Instruction(_Record):
    """The edit in the imperative, in both of the benchmark's languages."""

    en: str
    zh: str


class AttributeChange(_Record):
    """One attribute that the edit changes: the closed vocabulary's name, and the two values drawn from it."""

    name: str
    source: str
    target: str


class EditCase(_Record):
    """One edit of the test set: what goes in, what is asked, and (where known) the exact answer."""

    id: str
    version: int = 1
    group: str
    """The source clip: several cases share one, and it is the cluster of every bootstrap."""
    scenario: Scenario
    vertical: str
    tags: tuple[str, ...] = ()
    source: Asset
    target: Asset | None = None
    mask: Asset | None = None
    """Per-frame mask of all that may change (white), shadows and reflections included."""
    product_mask: Asset | None = None
    """Per-frame mask of the product in the source or the target, without its shadow."""
    first_frame: Asset | None = None
    """The edited first frame as a PNG, for a case without a target to take it from."""
    source_prompt: str
    target_prompt: str
    instruction: Instruction
    attributes: tuple[AttributeChange, ...] = ()
    keep: tuple[str, ...] = ()
    """What must stay, in words of the closed vocabularies."""
    split: str
    subsets: tuple[str, ...] = ()
    """Named parts of the split, e.g. `smoke` and `mini`."""
    licence: str = "CC-BY-4.0"


@dataclass(frozen=True, slots=True, eq=False)
class TestSet:
    """A test set that has been read: its cases and the folder its assets lie in."""

    __test__ = False  # not a pytest class

    name: str
    version: str
    root: Path
    cases: tuple[EditCase, ...]
    vocabulary: Vocabulary = field(default_factory=dict)
    """Empty where the set has none: what needs it is unscored."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Every name `--split` takes here: splits, then their named parts."""
        names = [c.split for c in self.cases] + [s for c in self.cases for s in c.subsets]
        return tuple(dict.fromkeys(names))

    def select(self, split: str) -> tuple[EditCase, ...]:
        """Return the cases of a split or of a named part of one (empty when there is none of that name)."""
        return tuple(c for c in self.cases if split == c.split or split in c.subsets)


@dataclass(frozen=True, slots=True, eq=False)
class EditRequest:
    """Everything a method may see: what its input track gives, and never a target, a mask off-track or siblings."""

    case_id: str
    source: Video
    source_prompt: str
    target_prompt: str
    instruction: str
    seed: int
    first_frame: NDArray[np.uint8] | None = None
    """Edited first frame, H x W x 3 (track `first-frame`)."""
    mask: Mask | None = None
    """T x H x W, True where the edit may change pixels (track `mask`)."""


@dataclass(frozen=True, slots=True, eq=False)
class OracleRequest(EditRequest):
    """What a control may see besides: the answer itself. Only cards with `oracle=True` are given one."""

    target: Video | None = None
    wrong_target: Video | None = None
    """The target of a sibling edit (same source clip) that changes another attribute."""


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """What a method returns."""

    video: Video
    seconds: float
    """Wall time of the edit itself, without model loading."""
    nfe: int | None
    """Transformer forwards of batch 1, counted by the backbone; None where nobody could count them."""
    peak_memory: int = 0
    """Bytes: peak GPU memory, or the process's peak resident set on a CPU."""
    notes: Mapping[str, Any] = field(default_factory=dict)
    stored: str | None = None
    """sha256 of a blob that decodes to exactly this clip, where the method took it from the state folder's own."""


class MethodCard(_Record):
    """What a row of the registry says of itself. `name`, `version`, `parameters` and `weights` are its identity."""

    name: str
    version: int = 1
    family: str
    track: Track = "text"
    description: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    weights: str | None = None
    """Digest of the model folder the row runs on, or None for a row without weights."""
    control: bool = False
    """Shown, never ranked."""
    oracle: bool = False
    """Needs an `OracleRequest`."""
    needs: tuple[Need, ...] = ()
    """Words that the row cannot do without; a case whose field is blank is refused when the run is planned."""
    paper: str | None = None
    licence: str = "Apache-2.0"


@runtime_checkable
class EditMethod(Protocol):
    """An adapter. `load` once per worker (heavy imports live there), then `edit` per case; raise on failure."""

    card: MethodCard

    def load(self, device: str) -> None:
        """Read weights and move them to `device` (`cpu`, `cuda`, `cuda:1` ...)."""
        ...

    def edit(self, request: EditRequest) -> Edit:
        """Return the edited clip, of the source's length and size."""
        ...


@dataclass(frozen=True, slots=True)
class MethodEntry:
    """A registered row that has not been imported yet."""

    card: MethodCard
    target: str
    """`package.module:Class`, called with the card; its parameters are the card's."""


Reaction = Literal["worse", "same", "na"]
Axis = Literal["accuracy", "preservation", "temporal"]


class MetricCard(_Record):
    """What a metric says of itself; the board draws its column from this."""

    name: str
    version: int = 1
    title: str
    family: Literal["structure", "semantics", "accuracy", "temporal", "ground-truth", "distribution", "cost", "score"]
    better: Better
    unit: str = ""
    range: tuple[float | None, float | None] = (None, None)
    needs: tuple[Literal["target", "mask", "product_mask", "prompts", "vocabulary"], ...] = ()
    backbone: str | None = None
    """Name of the feature backbone, pinned by `weights`."""
    weights: str | None = None
    """sha256 of the backbone's weights."""
    axis: Axis | None = None
    paper: str | None = None
    description: str = ""
    reactions: dict[str, Reaction] = Field(default_factory=dict)
    """What each damage of a ground-truth clip must do to the value (`bench.metrics.damage`); `na` where not named."""


@dataclass(frozen=True, slots=True)
class Score:
    """A finite value, or the reason why there is none; never NaN."""

    value: float | None = None
    unscored: str | None = None
    series: tuple[float, ...] = ()
    """Per-frame values where the metric has them."""
    anchors: tuple[float, float] | None = None
    """What the control and the ground truth get on the same case; only for metrics that enter the headline score."""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.unscored is None):
            raise ValueError("a Score has either a value or a reason")
        if self.value is not None and not np.isfinite(self.value):
            raise ValueError(f"NaN and infinity are not scores: {self.value}")


@dataclass(frozen=True, slots=True)
class SetScore:
    """What a metric of sets says of one method over a whole split: a finite value, or the reason why there is none."""

    value: float | None = None
    unscored: str | None = None
    low: float | None = None
    high: float | None = None
    """95 % interval, where the metric has one."""
    edits: int = 0
    groups: int = 0
    """Source clips."""
    failed: int = 0
    """Edits that could not be made and count as their sources."""

    def __post_init__(self) -> None:
        if (self.value is None) == (self.unscored is None):
            raise ValueError("a SetScore has either a value or a reason")
        if any(v is not None and not np.isfinite(v) for v in (self.value, self.low, self.high)):
            raise ValueError(f"NaN and infinity are not scores: {self.value} [{self.low}, {self.high}]")
