"""Voters as people: their answers go out under pseudonyms, and are deleted when they ask."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, delete, func, or_, select

from bench.errors import UserError
from bench.home import Home
from bench.store.vote_rows import BallotRow, RatingRow, VoterRow
from bench.votes.clips import keyed
from bench.votes.rules import AXES
from bench.votes.studies import Study, transaction


def forget(engine: Engine, home: Home, who: str) -> int:
    """Delete a voter, by account or pseudonym, with every ballot and rating; return how many those were.

    Raises `UserError` where there is no such voter.
    """
    account = keyed(home, f"voter {who}")
    with transaction(engine) as session:
        known = or_(VoterRow.account == account, VoterRow.pseudonym == who)
        row = session.scalars(select(VoterRow).where(known)).one_or_none()
        if row is None:
            raise UserError("no such voter; give the account or the pseudonym that the vote page shows")
        count = 0
        for model in (BallotRow, RatingRow):
            mine = select(func.count()).select_from(model).where(model.voter_id == row.id)
            count += session.scalar(mine) or 0
            session.execute(delete(model).where(model.voter_id == row.id))
        session.execute(delete(VoterRow).where(VoterRow.id == row.id))
    return count


def export(engine: Engine, study: Study) -> dict[str, Any]:
    """Return all answers of a study as plain values, voters by pseudonym: what is published with its report.

    Catch trials and the votes that do not count are in it, marked as such, so that others can count differently.
    """
    with transaction(engine) as session:
        names = dict(session.execute(select(VoterRow.id, VoterRow.pseudonym)).tuples().all())
        ballots = session.scalars(
            select(BallotRow).filter_by(study_id=study.id).where(BallotRow.answered.is_not(None)).order_by(BallotRow.id)
        )
        sheets = session.scalars(
            select(RatingRow).filter_by(study_id=study.id).where(RatingRow.answered.is_not(None)).order_by(RatingRow.id)
        )
        votes = [_vote(row, names[row.voter_id], study) for row in ballots]
        marks = [
            {
                "voter": names[row.voter_id],
                "case": row.case_id,
                "method": study.methods[row.method],
                "seconds": row.seconds,
                **{axis: getattr(row, axis) for axis in AXES},
            }
            for row in sheets
        ]
    return {
        "study": study.name,
        "created": study.created,
        "testset_digest": study.testset_digest,
        "protocol": study.signature,
        "split": study.split,
        "methods": sorted(set(study.methods.values())),
        "rules": study.rules.model_dump(),
        "votes": votes,
        "ratings": marks,
    }


def _vote(row: BallotRow, voter: str, study: Study) -> dict[str, Any]:
    return {
        "voter": voter,
        "case": row.case_id,
        "a": study.methods.get(row.low, row.low),
        "b": study.methods.get(row.high, row.high),
        "left": "b" if row.swapped else "a",
        "seconds": row.seconds,
        **{axis: {1: "a", 0: "tie", -1: "b"}[getattr(row, axis)] for axis in AXES},
        "catch": row.catch_axis and {"axis": row.catch_axis, "answer": {1: "a", -1: "b"}[row.catch_answer or 1]},
    }
