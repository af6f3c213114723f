"""Blind ballots: who is shown which pair next, on which sides, and what was answered.

Sides are drawn anew for every ballot. A voter is given each pair once. Pairs that have the fewest answers come first,
so that coverage stays even whoever leaves; catch trials, whose answer is known, come at random places between.
"""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.orm import Session

from bench.errors import UserError
from bench.home import Home
from bench.store.vote_rows import BallotRow, VoterRow
from bench.votes.clips import blind_clip, keyed
from bench.votes.rules import AXES, Axis, Choice
from bench.votes.studies import Study, now, transaction

Pair = tuple[str, str, str]
"""Case id, low, high."""
_SYSTEM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Voter:
    """A person who votes."""

    id: int
    pseudonym: str


@dataclass(frozen=True, slots=True)
class Ballot:
    """What a voter is shown. Nothing in it says which methods made the clips."""

    token: str
    instruction: dict[str, str]
    """The edit that was asked for, by language (en, zh)."""
    source: Path
    left: Path
    right: Path
    number: int
    """How many the voter has answered in this study, this one not counted."""
    ready: float
    """Seconds after which it may be answered."""


def voter_of(engine: Engine, home: Home, account: str) -> Voter:
    """Return the voter of an account (an issuer and subject, or `local`); the account itself is not stored."""
    hashed = keyed(home, f"voter {account}")
    with transaction(engine) as session:
        row = session.scalars(select(VoterRow).filter_by(account=hashed)).one_or_none()
        if row is None:
            row = VoterRow(account=hashed, pseudonym=f"v-{secrets.token_hex(4)}", joined=_iso(now()))
            session.add(row)
            session.flush()
        return Voter(row.id, row.pseudonym)


def next_ballot(engine: Engine, home: Home, study: Study, voter: Voter) -> Ballot | None:
    """Return the voter's open ballot, else the next one; None once every pair was answered.

    Raises `UserError` for a study that is closed, and for more ballots within an hour than its rules allow.
    """
    if study.state != "open":
        raise UserError(f"study '{study.name}' is closed; `bench votes list` shows the open ones")
    with transaction(engine) as session:
        mine = list(
            session.scalars(select(BallotRow).filter_by(study_id=study.id, voter_id=voter.id).order_by(BallotRow.id))
        )
        row = next((b for b in mine if b.answered is None), None) or _issue(session, study, voter, mine)
        if row is None:
            return None
        case = study.case(row.case_id)
        keys = (row.high, row.low) if row.swapped else (row.low, row.high)
        token, number = row.token, sum(b.answered is not None for b in mine)
    left, right = (blind_clip(home, case.shown(key)) for key in keys)
    return Ballot(
        token,
        case.instruction,
        blind_clip(home, case.source),
        left,
        right,
        number,
        max(study.rules.floor_seconds, case.seconds),
    )


def _issue(session: Session, study: Study, voter: Voter, mine: list[BallotRow]) -> BallotRow | None:
    moment = now()
    hour_ago = _iso(moment - timedelta(hours=1))
    if sum(b.issued > hour_ago for b in mine) >= study.rules.per_hour:
        raise UserError(f"{study.rules.per_hour} ballots within an hour are the most; take a break")
    seen = {(b.case_id, b.low, b.high) for b in mine}
    catch = _catch(study, mine, seen)
    pair = catch[:3] if catch else _pair(session, study, seen, moment)
    if pair is None:
        return None
    case, low, high = pair
    row = BallotRow(
        token=secrets.token_urlsafe(16),
        study_id=study.id,
        voter_id=voter.id,
        case_id=case,
        low=low,
        high=high,
        swapped=_SYSTEM.random() < 0.5,
        catch_axis=catch[3] if catch else None,
        catch_answer=catch[4] if catch else None,
        issued=_iso(moment),
    )
    session.add(row)
    session.flush()
    return row


def _pair(session: Session, study: Study, seen: set[Pair], moment: datetime) -> tuple[str, str, str] | None:
    """Return an unseen pair: of the two methods with the fewest answers, the case with the fewest; else at random."""
    open_since = _iso(moment - timedelta(minutes=study.rules.open_minutes))
    counted = (
        select(BallotRow.case_id, BallotRow.low, BallotRow.high, func.count())
        .where(BallotRow.study_id == study.id, BallotRow.catch_axis.is_(None))
        .where(or_(BallotRow.answered.is_not(None), BallotRow.issued > open_since))
        .group_by(BallotRow.case_id, BallotRow.low, BallotRow.high)
    )
    of_pair: Counter[Pair] = Counter()
    of_methods: Counter[tuple[str, str]] = Counter()
    for case, low, high, count in session.execute(counted):
        of_pair[case, low, high] = count
        of_methods[low, high] += count
    left = [pair for pair in study.pairs if pair not in seen]
    return min(left, key=lambda p: (of_methods[p[1:]], of_pair[p], _SYSTEM.random()), default=None)


def _catch(study: Study, mine: list[BallotRow], seen: set[Pair]) -> tuple[str, str, str, Axis, int] | None:
    """Return a catch trial where one is due: at a random place of every `catch_every` ballots in a row."""
    every = study.rules.catch_every
    place = len(mine) % every
    had = any(b.catch_axis for b in mine[len(mine) - place :])
    if had or _SYSTEM.random() >= 1 / (every - place):
        return None
    left = [trial for case in study.cases for trial in case.trials if trial[:3] not in seen]
    return _SYSTEM.choice(left) if left else None


def cast(engine: Engine, study: Study, voter: Voter, token: str, answers: Mapping[Axis, Choice]) -> None:
    """Write down the answer to a ballot.

    Raises `UserError` for an axis that is missing, a ballot that is not this voter's or answered already, and an
    answer sooner than both clips could have been watched.
    """
    missing = [axis for axis in AXES if answers.get(axis) not in ("left", "right", "tie")]
    if missing:
        raise UserError(f"no answer for {', '.join(missing)}; answer left, right or tie for every question")
    with transaction(engine) as session:
        row = _mine(session, voter, token)
        moment = now()
        seconds = (moment - datetime.fromisoformat(row.issued)).total_seconds()
        least = max(study.rules.floor_seconds, study.case(row.case_id).seconds)
        if seconds < least:
            raise UserError(f"answered after {seconds:.1f} s, both clips take {least:.1f} s to see; watch them first")
        for axis in AXES:
            side = {"left": 1, "tie": 0, "right": -1}[answers[axis]]
            setattr(row, axis, -side if row.swapped else side)
        row.answered, row.seconds = _iso(moment), seconds


def _mine(session: Session, voter: Voter, token: str) -> BallotRow:
    row = session.scalars(select(BallotRow).filter_by(token=token, voter_id=voter.id)).one_or_none()
    if row is None:
        raise UserError("this ballot is not yours, or is gone; ask for the next one")
    if row.answered is not None:
        raise UserError("this ballot is answered already; ask for the next one")
    return row


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
