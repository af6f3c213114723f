"""The tables of submissions and of their audit log. Unlike results they are in no journal: `bench.store.verify`
carries them over when it makes a database anew.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bench.store.models import Base


class SubmissionRow(Base):
    """One submission as it stands; how it came to stand there is in its events."""

    __tablename__ = "submission"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    created: Mapped[str]
    changed: Mapped[str]
    """Since when it is in this state. ISO 8601, UTC, as all times here."""
    deadline: Mapped[str | None] = mapped_column(index=True)
    reason: Mapped[str | None]
    source: Mapped[str]
    """What was uploaded: the file's or folder's name."""
    testset_ref: Mapped[str | None]
    """Name or folder it was said to be for; None for the one that its manifest names."""
    size: Mapped[int] = mapped_column(BigInteger)
    clips: Mapped[int]
    digest: Mapped[str | None] = mapped_column(index=True)
    """Of all its files' hashes: the same results again have the same."""
    team: Mapped[str | None] = mapped_column(index=True)
    testset: Mapped[str | None]
    """Name and version of the test set that was edited."""
    row_name: Mapped[str | None] = mapped_column(index=True)
    """The name its results have in the store and on the board."""
    method_key: Mapped[str | None] = mapped_column(index=True)
    manifest: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    problems: Mapped[list[Any]]
    flags: Mapped[list[Any]]
    charged: Mapped[str | None]
    """When it was charged to its owner's quota; None before, and after a refund."""
    attempts: Mapped[int]
    worker: Mapped[str | None]
    lease: Mapped[str | None]
    """Until when its worker has it; extended while the worker lives."""
    provenance: Mapped[str | None]


class SubmissionEventRow(Base):
    """One line of the audit log. A trigger of the database refuses to change or delete one."""

    __tablename__ = "submission_event"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"), index=True)
    at: Mapped[str]
    actor: Mapped[str]
    role: Mapped[str]
    action: Mapped[str]
    before: Mapped[str | None]
    after: Mapped[str]
    reason: Mapped[str | None]
    detail: Mapped[dict[str, Any]]
    previous: Mapped[str]
    """Hash of the line before, of whichever submission."""
    hash: Mapped[str] = mapped_column(unique=True)


class SubmissionClipRow(Base):
    """What a later submission's clips are compared with, to find copies."""

    __tablename__ = "submission_clip"
    __table_args__ = (UniqueConstraint("submission_id", "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[str] = mapped_column(ForeignKey("submission.id"))
    case_id: Mapped[str] = mapped_column(index=True)
    sha256: Mapped[str] = mapped_column(index=True)
    """Of the file as it came."""
    blob: Mapped[str]
    """Of the clip as it is stored: the same frames give the same."""
    thumbs: Mapped[str]
    """`submissions.thumbs`: the clip at a glance."""
