"""Every submission with its state, and the only module that moves one: each move and its line in the audit log are
one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from bench.errors import UserError
from bench.home import Home
from bench.store.db import WRITES, open_engine
from bench.store.submission_rows import SubmissionEventRow, SubmissionRow
from submissions import audit
from submissions.audit import SYSTEM, Actor, Event
from submissions.manifest import Manifest
from submissions.rules import Problem, shown
from submissions.states import MOVES, STATES, State, target


@dataclass(frozen=True, slots=True)
class Flag:
    """Something about a submission that a moderator should look at; it refuses nothing by itself."""

    check: str
    """A key of `submissions.suspicion.CHECKS`."""
    case: str | None
    found: str
    limit: str


@dataclass(frozen=True, slots=True)
class Submission:
    """A submission as it stands. Texts of `manifest`, `source` and `problems` are foreign: show them as text only."""

    id: str
    owner: str
    state: State
    created: str
    """ISO 8601, UTC, as all times here."""
    changed: str
    deadline: str | None
    """When the program moves it on by itself."""
    reason: str | None
    """Why it is in this state, where that was said."""
    source: str
    testset_ref: str | None
    size: int
    """Bytes."""
    clips: int
    digest: str | None
    testset: str | None
    """Name and version of the test set that was edited."""
    row_name: str | None
    """Its method's name in the store and on the board."""
    method_key: str | None
    manifest: Manifest | None
    problems: tuple[Problem, ...]
    flags: tuple[Flag, ...]
    charged: str | None
    attempts: int
    worker: str | None
    lease: str | None
    provenance: str | None
    """`re-scored` or `organiser-run` once it is accepted."""


class Ledger:
    """The submissions of a state folder."""

    def __init__(
        self,
        home: Home,
        url: str | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        self.home = home
        self.url = url
        self.now = now
        self.engine: Engine = open_engine(url or home.database_url)

    def folder(self, submission: str) -> Path:
        """Return the quarantine of a submission: nothing in it is served, imported or opened by name from outside."""
        return self.home.root / "submissions" / submission

    # reading

    def get(self, submission: str) -> Submission:
        """Return a submission by its id. Raises `UserError` where there is none."""
        with Session(self.engine) as session:
            return _plain(_row(session, submission))

    def submissions(self, *states: State, owner: str | None = None) -> tuple[Submission, ...]:
        """Return submissions, oldest first; those of these states and of that owner where given."""
        query = select(SubmissionRow).order_by(SubmissionRow.created, SubmissionRow.id)
        if states:
            query = query.where(SubmissionRow.state.in_(states))
        if owner is not None:
            query = query.where(SubmissionRow.owner == owner)
        with Session(self.engine) as session:
            return tuple(_plain(row) for row in session.scalars(query))

    def events(self, submission: str | None = None) -> tuple[Event, ...]:
        """Return the audit log, oldest line first; of one submission where it is named."""
        return audit.events(self.engine, submission)

    # writing

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """Yield a session that commits at the end; of all programs on this store, one at a time is in here."""
        with Session(self.engine.execution_options(**{WRITES: True})) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                session.execute(text(f"LOCK TABLE {SubmissionEventRow.__tablename__} IN EXCLUSIVE MODE"))
            yield session

    def register(self, session: Session, submission: str, actor: Actor, source: str, testset_ref: str | None) -> None:
        """Give a new submission its id, as a draft."""
        moment = self.now()
        row = SubmissionRow(
            id=submission,
            owner=actor.id,
            state="draft",
            created=_iso(moment),
            source=shown(source),
            testset_ref=testset_ref,
            size=0,
            clips=0,
            problems=[],
            flags=[],
            attempts=0,
        )
        _enter(row, "draft", moment)
        session.add(row)
        session.flush()
        self._log(session, row, actor, "register", None, None, {})

    def move(
        self,
        submission: str,
        action: str,
        actor: Actor = SYSTEM,
        reason: str | None = None,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> Submission:
        """Make one move of `states.MOVES`, set columns with it, and return the submission as it then stands.

        Raises `UserError` where the table does not allow it, or the submission is another submitter's.
        """
        with self.transaction() as session:
            row = _row(session, submission)
            self.step(session, row, action, actor, reason, detail, **values)
            return _plain(row)

    def step(
        self,
        session: Session,
        row: SubmissionRow,
        action: str,
        actor: Actor = SYSTEM,
        reason: str | None = None,
        detail: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """Make a move inside a transaction that has others."""
        if actor.role == "submitter" and row.owner != actor.id:
            raise UserError(f"submission {row.id}: not yours")
        before, after = row.state, target(row.state, action, actor.role)
        moment = self.now()
        for name, value in values.items():
            setattr(row, name, value)
        if MOVES[action].charge:
            row.charged = _iso(moment) if MOVES[action].charge > 0 else None
        if after != "scoring":
            row.worker = row.lease = None
        row.reason = None if reason is None else shown(reason, 2000)
        _enter(row, after, moment)
        session.flush()
        self._log(session, row, actor, action, before, row.reason, detail or {})

    def _log(
        self,
        session: Session,
        row: SubmissionRow,
        actor: Actor,
        action: str,
        before: str | None,
        reason: str | None,
        detail: dict[str, Any],
    ) -> None:
        audit.append(
            session,
            submission_id=row.id,
            at=row.changed,
            actor=actor.id,
            role=actor.role,
            action=action,
            before=before,
            after=row.state,
            reason=reason,
            detail=detail,
        )


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")


def _enter(row: SubmissionRow, state: State, moment: datetime) -> None:
    stage = STATES[state]
    row.state, row.changed = state, _iso(moment)
    row.deadline = None if stage.deadline is None else _iso(moment + stage.deadline)


def _row(session: Session, submission: str) -> SubmissionRow:
    row = session.get(SubmissionRow, submission)
    if row is None:
        raise UserError(f"submission {shown(submission)}: no such submission; `bench submit status` lists yours")
    return row


def _plain(row: SubmissionRow) -> Submission:
    parsed = ("manifest", "problems", "flags")
    values = {name: getattr(row, name) for name in Submission.__slots__ if name not in parsed}
    return Submission(
        **values,
        manifest=None if row.manifest is None else Manifest.model_validate(row.manifest),
        problems=tuple(Problem(**p) for p in row.problems),
        flags=tuple(Flag(**f) for f in row.flags),
    )


def as_json(submission: Submission) -> dict[str, Any]:
    """Return a submission as plain JSON values, without its contact address."""
    found = asdict(submission)
    found["manifest"] = submission.manifest and submission.manifest.model_dump(mode="json", exclude={"contact"})
    return found
