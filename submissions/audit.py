"""The audit log: who moved which submission when and why, each line sealed by the hash of the one before.

The database refuses to change or delete a line; the chain shows it where somebody did so behind its back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bench.identity import digest
from bench.store.submission_rows import SubmissionEventRow, SubmissionRow
from submissions.states import Role

START = "0" * 64


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. Submitters are pseudonyms; moderators sign with their name."""

    id: str
    role: Role


SYSTEM = Actor("system", "system")


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the log."""

    submission: str
    at: str
    """ISO 8601, UTC."""
    actor: Actor
    action: str
    before: str | None
    after: str
    reason: str | None
    detail: dict[str, Any]
    hash: str

    def __str__(self) -> str:
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.at}  {self.action} by {self.actor.id} -> {self.after}{reason}"


def seal(previous: str, line: dict[str, Any]) -> str:
    """Return the hash of a line after the line of hash `previous`."""
    return digest({"previous": previous, **line})


_SEALED = ("submission_id", "at", "actor", "role", "action", "before", "after", "reason", "detail")


def append(session: Session, **line: Any) -> None:
    """Add a line. The caller's transaction must be the only one that adds any."""
    last = session.scalars(select(SubmissionEventRow.hash).order_by(SubmissionEventRow.id.desc()).limit(1)).first()
    previous = last or START
    session.add(SubmissionEventRow(**line, previous=previous, hash=seal(previous, line)))
    session.flush()


def events(engine: Engine, submission: str | None = None) -> tuple[Event, ...]:
    """Return the log, oldest line first; of one submission where it is named."""
    query = select(SubmissionEventRow).order_by(SubmissionEventRow.id)
    if submission is not None:
        query = query.where(SubmissionEventRow.submission_id == submission)
    with Session(engine) as session:
        return tuple(_event(row) for row in session.scalars(query))


def _event(row: SubmissionEventRow) -> Event:
    actor = Actor(row.actor, row.role)  # type: ignore[arg-type]
    return Event(row.submission_id, row.at, actor, row.action, row.before, row.after, row.reason, row.detail, row.hash)


def faults(engine: Engine) -> Iterator[str]:
    """Yield one text per line that is not as it was written, and per submission that is not where the log left it."""
    previous = START
    left: dict[str, str] = {}
    with Session(engine) as session:
        for row in session.scalars(select(SubmissionEventRow).order_by(SubmissionEventRow.id)):
            line = {name: getattr(row, name) for name in _SEALED}
            if row.previous != previous:
                yield f"audit line {row.id}: a line before it is missing or was changed"
            if seal(row.previous, line) != row.hash:
                yield f"audit line {row.id}: not as it was written"
            previous = row.hash
            left[row.submission_id] = row.after
        for submission, state in session.execute(select(SubmissionRow.id, SubmissionRow.state)).tuples():
            if left.get(submission) != state:
                yield f"submission {submission}: is {state}, the audit log left it {left.get(submission, 'unknown')}"
