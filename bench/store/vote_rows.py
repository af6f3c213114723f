"""The tables of human evaluation: studies, voters, ballots, ratings. In no journal: a vote can be forgotten."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bench.store.models import Base


class StudyRow(Base):
    """What is voted on: which methods and cases of which board, under which rules, fixed before the first vote."""

    __tablename__ = "study"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    created: Mapped[str]
    testset_digest: Mapped[str]
    signature: Mapped[str]
    split: Mapped[str]
    methods: Mapped[dict[str, Any]]
    """Method names by key."""
    cases: Mapped[dict[str, Any]]
    """Per case id its `group` and the `sha256` of each method's clip by method key."""
    rules: Mapped[dict[str, Any]]


class VoterRow(Base):
    """A person, known by a keyed hash of the account and shown by a random name."""

    __tablename__ = "voter"

    id: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(unique=True)
    pseudonym: Mapped[str] = mapped_column(unique=True)
    joined: Mapped[str]


class BallotRow(Base):
    """A pair of clips that was shown to a voter, and the answer once there is one."""

    __tablename__ = "ballot"
    __table_args__ = (
        UniqueConstraint("study_id", "voter_id", "case_id", "low", "high"),
        Index("ix_ballot_pair", "study_id", "low", "high", "case_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id", ondelete="CASCADE"), index=True)
    case_id: Mapped[str]
    low: Mapped[str]
    """The method key that sorts first; of a catch trial, `catch:` and the name of the clip."""
    high: Mapped[str]
    swapped: Mapped[bool]
    """Whether `high` was on the left."""
    catch_axis: Mapped[str | None]
    """The axis whose right answer is known; None for a pair of methods."""
    catch_answer: Mapped[int | None]
    issued: Mapped[str]
    answered: Mapped[str | None]
    seconds: Mapped[float | None]
    edit_done: Mapped[int | None]
    """1 for `low`, -1 for `high`, 0 for neither; the other axes likewise."""
    rest_kept: Mapped[int | None]
    looks_real: Mapped[int | None]
    overall: Mapped[int | None]


class RatingRow(Base):
    """One clip on the rating sheet, 1 (worst) to 5 (best) per axis once it is answered."""

    __tablename__ = "rating"
    __table_args__ = (UniqueConstraint("study_id", "voter_id", "case_id", "method"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    voter_id: Mapped[int] = mapped_column(ForeignKey("voter.id", ondelete="CASCADE"), index=True)
    case_id: Mapped[str]
    method: Mapped[str]
    issued: Mapped[str]
    answered: Mapped[str | None]
    seconds: Mapped[float | None]
    edit_done: Mapped[int | None]
    rest_kept: Mapped[int | None]
    looks_real: Mapped[int | None]
    overall: Mapped[int | None]
