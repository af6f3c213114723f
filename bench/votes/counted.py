"""Which votes count: those of voters who answered enough catch trials, and most of them rightly."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bench.preference import Vote
from bench.store.vote_rows import BallotRow, RatingRow, VoterRow
from bench.votes.rules import AXES, Axis, Rules
from bench.votes.studies import Study


@dataclass(frozen=True, slots=True)
class Answer:
    """One ballot that was answered, catch trials aside."""

    voter: str
    """Pseudonym."""
    case: str
    group: str
    """Source clip."""
    scenario: str
    a: str
    """Method name."""
    b: str
    outcomes: dict[Axis, int]
    """1 where `a` is preferred, -1 where `b` is, 0 for a tie."""
    seconds: float
    answered: str
    left: str
    """The method that was on the left."""


@dataclass(frozen=True, slots=True)
class Marks:
    """One clip on the rating sheet."""

    voter: str
    case: str
    method: str
    marks: dict[Axis, int]
    """1 to 5."""
    seconds: float
    answered: str


@dataclass(frozen=True, slots=True)
class Turnout:
    """What one voter did in a study."""

    voter: str
    ballots: int
    """Answered, catch trials aside."""
    catches: int
    caught: int
    """Catch trials answered rightly."""
    left_share: float
    """Share of decided answers on the axis `overall` that went to the left side."""

    def counts(self, rules: Rules) -> bool:
        """Return whether this voter's answers count under the rules."""
        return self.catches >= rules.least_caught and self.caught >= rules.pass_share * self.catches


@dataclass(frozen=True, slots=True)
class Votes:
    """All answers to a study, and which of them count."""

    answers: tuple[Answer, ...]
    """Of voters who count."""
    left_out: int
    """Answers of the others."""
    marks: tuple[Marks, ...]
    """Of the rating sheet, of all raters: it has no catch trials."""
    turnout: tuple[Turnout, ...]

    def pairwise(self, axis: Axis) -> tuple[Vote, ...]:
        """Return the votes that count on an axis, as `bench.preference.rate` takes them."""
        return tuple(Vote(a.voter, a.a, a.b, a.outcomes[axis]) for a in self.answers)  # type: ignore[arg-type]


def votes_of(engine: Engine, study: Study) -> Votes:
    """Return what was answered in a study so far."""
    with Session(engine) as session:
        ballots = session.execute(
            select(BallotRow, VoterRow.pseudonym)
            .join(VoterRow)
            .where(BallotRow.study_id == study.id, BallotRow.answered.is_not(None))
            .order_by(BallotRow.answered, BallotRow.id)
        ).tuples()
        rows = list(ballots)
        sheets = session.execute(
            select(RatingRow, VoterRow.pseudonym)
            .join(VoterRow)
            .where(RatingRow.study_id == study.id, RatingRow.answered.is_not(None))
            .order_by(RatingRow.answered, RatingRow.id)
        ).tuples()
        marks = tuple(_marks(row, voter, study) for row, voter in sheets)
    turnout = tuple(_turnout(voter, [b for b, v in rows if v == voter]) for voter in sorted({v for _, v in rows}))
    counting = {t.voter for t in turnout if t.counts(study.rules)}
    answers = [_answer(row, voter, study) for row, voter in rows if row.catch_axis is None]
    counted = tuple(a for a in answers if a.voter in counting)
    return Votes(counted, len(answers) - len(counted), marks, turnout)


def _answer(row: BallotRow, voter: str, study: Study) -> Answer:
    case = study.case(row.case_id)
    low, high = study.methods[row.low], study.methods[row.high]
    outcomes = {axis: int(getattr(row, axis)) for axis in AXES}
    left = high if row.swapped else low
    seconds, answered = row.seconds or 0.0, row.answered or ""
    return Answer(voter, case.id, case.group, case.scenario, low, high, outcomes, seconds, answered, left)


def _marks(row: RatingRow, voter: str, study: Study) -> Marks:
    marks = {axis: int(getattr(row, axis)) for axis in AXES}
    return Marks(voter, row.case_id, study.methods[row.method], marks, row.seconds or 0.0, row.answered or "")


def _turnout(voter: str, rows: list[BallotRow]) -> Turnout:
    catches = [row for row in rows if row.catch_axis is not None]
    caught = sum(getattr(row, row.catch_axis or "") == row.catch_answer for row in catches)
    decided = [row for row in rows if row.catch_axis is None and row.overall]
    left = sum((row.overall == 1) != row.swapped for row in decided)
    return Turnout(voter, len(rows) - len(catches), len(catches), caught, left / len(decided) if decided else 0.5)
