"""Moderators decide: what waits for them, what is on its clips and scores, accept or reject."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select

from bench.errors import UserError
from bench.home import Home
from bench.store.access import open_reader
from bench.store.read import Board, Result
from bench.store.submission_rows import SubmissionRow
from submissions.audit import Actor
from submissions.ledger import Ledger, Submission

Provenance = Literal["self-scored", "re-scored", "organiser-run"]
"""Who made the clips and who the scores: the submitter both; the submitter the clips, this board the scores; this
board both.
"""


def waiting(ledger: Ledger) -> tuple[Submission, ...]:
    """Return what is in review, the one that waits longest first."""
    return tuple(sorted(ledger.submissions("in-review"), key=lambda s: s.changed))


def scoring_home(ledger: Ledger, submission: str) -> Home:
    """Return the state folder that a submission is scored in, away from the board's own."""
    return Home(ledger.folder(submission) / "home")


def results(ledger: Ledger, submission: str) -> tuple[Board, tuple[Result, ...]]:
    """Return what a submission scored and under which board; before it is accepted too.

    The clips lie in `scoring_home(...).blobs`, as this program stored them. Raises `UserError` where it has no scores.
    """
    held = ledger.get(submission)
    if held.state in ("scored", "in-review"):
        reader = open_reader(scoring_home(ledger, submission), None)
    else:
        reader = open_reader(ledger.home, ledger.url)
    for board in reader.boards():
        found = tuple(r for r in reader.results(board, newest=False) if r.method_key == held.method_key)
        if found:
            return board, found
    raise UserError(f"submission {submission}: is {held.state} and has no scores here")


def accept(
    ledger: Ledger, submission: str, actor: Actor, note: str | None = None, provenance: Provenance = "re-scored"
) -> Submission:
    """Put a submission in review on the board, and return it.

    An earlier one of the same team's method on the same split is superseded. Raises `UserError` where it is not in
    review or the actor is no moderator.
    """
    with ledger.transaction() as session:
        row = session.get(SubmissionRow, submission)
        if row is None:
            raise UserError(f"submission {submission}: no such submission")
        before = select(SubmissionRow).filter_by(state="accepted", row_name=row.row_name)
        for earlier in session.scalars(before).all():
            ledger.step(session, earlier, "supersede", reason=f"by {row.id}")
        ledger.step(session, row, "accept", actor, note, provenance=provenance)
    return ledger.get(submission)


def reject(ledger: Ledger, submission: str, actor: Actor, reason: str) -> Submission:
    """Turn a submission in review down, and return it; the submitter is shown the reason."""
    if not reason.strip():
        raise UserError("a rejection needs a reason; the submitter is shown it")
    return ledger.move(submission, "reject", actor, reason)
