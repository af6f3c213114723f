"""What is written down about a run, as one JSON object per line of its journal.

The database holds nothing that these records do not, so it can be rebuilt from them at any time.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bench.types import EditCase, MethodCard, MetricCard

RunState = Literal["running", "finished", "interrupted", "failed"]
Status = Literal["ok", "failed"]
Stage = Literal["input", "load", "edit", "score"]
"""Where a failed job failed: reading the case, loading the model, editing (the method's own failure),
scoring.
"""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RunRecord(_Record):
    """The first line: what was asked for, and everything its edits refer to."""

    kind: Literal["run"] = "run"
    run: str
    started: str
    """ISO 8601, UTC."""
    spec: dict[str, Any]
    split: str
    partial: bool
    """True where `--limit` left cases out: such a run is never published."""
    testset: str
    version: str
    testset_digest: str
    cases: list[EditCase]
    methods: list[MethodCard]
    protocol: str
    signature: str
    metrics: list[MetricCard]
    environment: dict[str, Any]


class EditFacts(_Record):
    """A stored edit."""

    sha256: str
    """Of the blob."""
    size: int
    """Bytes."""
    frames: int
    width: int
    height: int
    fps: str
    seconds: float | None
    """Wall time of the edit without model loading; None for an edit that was read from a file of results."""
    nfe: int | None
    """None where nobody could count them."""
    peak_memory: int | None
    """Bytes."""
    notes: dict[str, Any] = Field(default_factory=dict)


class ScoreRecord(_Record):
    """One value of one edit, or the reason why there is none."""

    metric: str
    """`identity.metric_key` of the metric's card."""
    key: str
    value: float | None = None
    unscored: str | None = None
    series: tuple[float, ...] = ()
    anchors: tuple[float, float] | None = None


class EditRecord(_Record):
    """What came out of one job."""

    kind: Literal["edit"] = "edit"
    run: str
    key: str
    """`identity.job_key`."""
    method: str
    """`identity.method_key`."""
    case: str
    seed: int
    status: Status
    stage: Stage | None = None
    reason: str | None = None
    edit: EditFacts | None = None
    scores: list[ScoreRecord] = Field(default_factory=list)
    device: str
    finished: str


class SetRecord(_Record):
    """What a metric of sets says of all edits of one method over the run's split."""

    kind: Literal["set"] = "set"
    run: str
    method: str
    """`identity.method_key`."""
    metric: str
    """`identity.metric_key`."""
    key: str
    """`identity.set_key`."""
    split: str
    seed: int
    value: float | None = None
    unscored: str | None = None
    low: float | None = None
    high: float | None = None
    edits: int
    groups: int
    failed: int


class EndRecord(_Record):
    """The last line of a run that ended by itself."""

    kind: Literal["end"] = "end"
    run: str
    state: RunState
    finished: str


AnyRecord = RunRecord | EditRecord | SetRecord | EndRecord
RECORD: TypeAdapter[AnyRecord] = TypeAdapter(Annotated[AnyRecord, Field(discriminator="kind")])
