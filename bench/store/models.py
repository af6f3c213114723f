"""The tables of results. Every row comes from a journal record (`bench.store.records`)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, MetaData, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Constraint names follow one pattern, so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {dict[str, Any]: JSON, list[Any]: JSON}  # noqa: RUF012


class TestSetRow(Base):
    """A test set by content: a changed case makes another row, and the two are never mixed."""

    __tablename__ = "testset"
    __test__ = False

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    version: Mapped[str]


class CaseRow(Base):
    """One edit of a test set."""

    __tablename__ = "case"
    __table_args__ = (UniqueConstraint("testset_id", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    testset_id: Mapped[int] = mapped_column(ForeignKey("testset.id"))
    case_id: Mapped[str]
    group_name: Mapped[str]
    scenario: Mapped[str]
    vertical: Mapped[str]
    split: Mapped[str]
    record: Mapped[dict[str, Any]]
    """The whole `EditCase`."""


class MethodRow(Base):
    """A method by identity: other parameters or weights are another row."""

    __tablename__ = "method"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    version: Mapped[int]
    card: Mapped[dict[str, Any]]


class MetricRow(Base):
    """A metric by identity."""

    __tablename__ = "metric"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    version: Mapped[int]
    position: Mapped[int]
    """Its place in the protocol's order."""
    card: Mapped[dict[str, Any]]


class ProtocolRow(Base):
    """A frozen set of metrics and a formula; scores under different signatures are never compared."""

    __tablename__ = "protocol"

    id: Mapped[int] = mapped_column(primary_key=True)
    signature: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class EnvironmentRow(Base):
    """The software and hardware a run was made on."""

    __tablename__ = "environment"

    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(unique=True)
    facts: Mapped[dict[str, Any]]


class RunRow(Base):
    """One `bench run`."""

    __tablename__ = "run"

    id: Mapped[str] = mapped_column(primary_key=True)
    testset_id: Mapped[int] = mapped_column(ForeignKey("testset.id"))
    protocol_id: Mapped[int] = mapped_column(ForeignKey("protocol.id"))
    environment_id: Mapped[int] = mapped_column(ForeignKey("environment.id"))
    split: Mapped[str]
    partial: Mapped[bool]
    state: Mapped[str]
    started: Mapped[str]
    finished: Mapped[str | None]
    spec: Mapped[dict[str, Any]]
    cases: Mapped[list[Any]]
    """Ids of the cases it covered."""
    methods: Mapped[list[Any]]
    """Keys of the methods it covered."""
    journal_offset: Mapped[int] = mapped_column(BigInteger)
    """How many bytes of the run's journal this database has taken in."""


class EditRow(Base):
    """One job: a method's edit of a case, or its failure."""

    __tablename__ = "edit"
    __table_args__ = (UniqueConstraint("testset_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    testset_id: Mapped[int] = mapped_column(ForeignKey("testset.id"))
    key: Mapped[str] = mapped_column(index=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"), index=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"))
    seed: Mapped[int]
    status: Mapped[str]
    stage: Mapped[str | None]
    reason: Mapped[str | None]
    sha256: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    frames: Mapped[int | None]
    width: Mapped[int | None]
    height: Mapped[int | None]
    fps: Mapped[str | None]
    seconds: Mapped[float | None]
    nfe: Mapped[int | None]
    peak_memory: Mapped[int | None] = mapped_column(BigInteger)
    notes: Mapped[dict[str, Any]]
    device: Mapped[str]
    finished: Mapped[str]


class ScoreRow(Base):
    """One metric's value for one edit under one protocol, or the reason why there is none."""

    __tablename__ = "score"
    __table_args__ = (UniqueConstraint("edit_id", "metric_id", "protocol_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    edit_id: Mapped[int] = mapped_column(ForeignKey("edit.id", ondelete="CASCADE"))
    metric_id: Mapped[int] = mapped_column(ForeignKey("metric.id"))
    protocol_id: Mapped[int] = mapped_column(ForeignKey("protocol.id"))
    key: Mapped[str]
    value: Mapped[float | None]
    unscored: Mapped[str | None]
    series: Mapped[list[Any]]
    anchors: Mapped[list[Any] | None] = mapped_column(JSON(none_as_null=True))


class SetScoreRow(Base):
    """What a metric of sets says of one method over a split, from the newest run that covered it whole."""

    __tablename__ = "set_score"
    __table_args__ = (
        # Named here: by the pattern its name would be longer than PostgreSQL takes.
        UniqueConstraint(
            "testset_id", "protocol_id", "method_id", "metric_id", "split", "seed", name="uq_set_score_identity"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    testset_id: Mapped[int] = mapped_column(ForeignKey("testset.id"))
    protocol_id: Mapped[int] = mapped_column(ForeignKey("protocol.id"))
    method_id: Mapped[int] = mapped_column(ForeignKey("method.id"))
    metric_id: Mapped[int] = mapped_column(ForeignKey("metric.id"))
    split: Mapped[str]
    seed: Mapped[int]
    run_id: Mapped[str] = mapped_column(ForeignKey("run.id"))
    key: Mapped[str]
    value: Mapped[float | None]
    unscored: Mapped[str | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    edits: Mapped[int]
    groups: Mapped[int]
    failed: Mapped[int]


RESULTS: tuple[type[Base], ...] = (
    SetScoreRow,
    ScoreRow,
    EditRow,
    RunRow,
    EnvironmentRow,
    ProtocolRow,
    MetricRow,
    MethodRow,
    CaseRow,
    TestSetRow,
)
"""What can be made anew from the journals, in the order in which it may be emptied."""
