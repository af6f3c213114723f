"""Moderators decide: what waits for them, what is on its clips and scores, accept or reject."""

from __future__ import annotations

from typing import Literal

from sqlalchemy import select

from bench.errors import UserError
from bench.identity import digest
from bench.store.read import Board, Result
from bench.store.submission_rows import SubmissionRow
from submissions.audit import Actor
from submissions.clipstore import clips_of
from submissions.ledger import Ledger, Submission
from submissions.publish import scored_rows, settle

Provenance = Literal["self-scored", "re-scored", "organiser-run"]
"""Who made the clips and who the scores: the submitter both; the submitter the clips, this board the scores; this
board both.
"""


def waiting(ledger: Ledger) -> tuple[Submission, ...]:
    """Return what is in review, the one that waits longest first."""
    return tuple(sorted(ledger.submissions("in-review"), key=lambda s: s.changed))


def results(ledger: Ledger, submission: str) -> tuple[Board, tuple[Result, ...]]:
    """Return what a submission scored and under which board, before it is accepted too.

    Its clips lie in `publish.scoring_home(ledger, submission).blobs`, as this program stored them. Raises `UserError`
    where it has no scores.
    """
    held = ledger.get(submission)
    found = scored_rows(ledger, submission, held.method_key)
    if found is None:
        raise UserError(f"submission {submission}: is {held.state} and has no scores")
    return found


def badges(ledger: Ledger) -> dict[str, Provenance]:
    """Return the provenance of every accepted submission's row, by method key.

    A row that is no submission was made and scored by whoever keeps this store: `organiser-run` on the project's own
    board, `self-scored` on anybody else's.
    """
    held = ledger.submissions("accepted")
    return {s.method_key: s.provenance for s in held if s.method_key and s.provenance}  # type: ignore[misc]


def accept(
    ledger: Ledger, submission: str, actor: Actor, note: str | None = None, provenance: Provenance = "re-scored"
) -> Submission:
    """Put a submission in review on the board, and return it.

    An earlier one of the same team's method on the same test set is superseded. Raises `UserError` where it is not in
    review or the actor is no moderator.
    """
    with ledger.transaction() as session:
        row = session.get(SubmissionRow, submission)
        if row is None:
            raise UserError(f"submission {submission}: no such submission; `bench review list` shows what waits")
        ledger.step(session, row, "accept", actor, note, provenance=provenance)
        earlier = select(SubmissionRow).where(
            SubmissionRow.state == "accepted",
            SubmissionRow.row_name == row.row_name,
            SubmissionRow.testset == row.testset,
            SubmissionRow.id != row.id,
        )
        for other in session.scalars(earlier).all():
            ledger.step(session, other, "supersede", reason=f"by {row.id}")
    settle(ledger)
    return ledger.get(submission)


def reject(ledger: Ledger, submission: str, actor: Actor, reason: str) -> Submission:
    """Turn a submission in review down, and return it; the submitter is shown the reason."""
    if not reason.strip():
        raise UserError("a rejection needs a reason; the submitter is shown it")
    return ledger.move(submission, "reject", actor, reason)


def spot_cases(ledger: Ledger, held: Submission, count: int = 3) -> tuple[str, ...]:
    """Return the cases that organisers make again where they have the method: drawn by the submitted files' digest, so
    that nobody knows them before and everybody can check them after.
    """
    order = sorted(clips_of(ledger, held.id), key=lambda case: digest([held.digest, case]))
    return tuple(sorted(order[:count]))
