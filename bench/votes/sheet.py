"""The rating sheet: one clip at a time beside its source, 1 (worst) to 5 (best) per axis."""

from __future__ import annotations

import random
import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select

from bench.errors import UserError
from bench.home import Home
from bench.store.vote_rows import RatingRow
from bench.votes.ballots import Voter
from bench.votes.clips import blind_clip
from bench.votes.rules import AXES, Axis
from bench.votes.studies import Study, now, transaction

MARKS = (1, 2, 3, 4, 5)
_SYSTEM = random.SystemRandom()


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a rater is shown. Nothing in it says which method made the clip."""

    token: str
    instruction: dict[str, str]
    """The edit that was asked for, by language (en, zh)."""
    source: Path
    clip: Path
    number: int
    """How many the voter has rated in this study."""
    ready: float
    """Seconds after which it may be answered."""


def next_sheet(engine: Engine, home: Home, study: Study, voter: Voter) -> Sheet | None:
    """Return the voter's open sheet, else that of a clip with the fewest ratings; None once all are rated.

    Raises `UserError` for a study that is closed.
    """
    if study.state != "open":
        raise UserError(f"study '{study.name}' is closed; `bench votes list` shows the open ones")
    with transaction(engine) as session:
        mine = list(session.scalars(select(RatingRow).filter_by(study_id=study.id, voter_id=voter.id)))
        row = next((r for r in mine if r.answered is None), None)
        if row is None:
            counted = select(RatingRow.case_id, RatingRow.method, func.count()).where(RatingRow.study_id == study.id)
            counts: Counter[tuple[str, str]] = Counter()
            for case_id, method, count in session.execute(counted.group_by(RatingRow.case_id, RatingRow.method)):
                counts[case_id, method] = count
            seen = {(r.case_id, r.method) for r in mine}
            left = [(c.id, key) for c in study.cases for key in c.clips if (c.id, key) not in seen]
            if not left:
                return None
            case_id, method = min(left, key=lambda clip: (counts[clip], _SYSTEM.random()))
            token = secrets.token_urlsafe(16)
            row = RatingRow(
                token=token, study_id=study.id, voter_id=voter.id, case_id=case_id, method=method, issued=_iso(now())
            )
            session.add(row)
            session.flush()
        case, key, token = study.case(row.case_id), row.method, row.token
        done = sum(r.answered is not None for r in mine)
    ready = max(study.rules.floor_seconds, case.seconds)
    source, clip = blind_clip(home, case.source), blind_clip(home, case.shown(key))
    return Sheet(token, case.instruction, source, clip, done, ready)


def rate(engine: Engine, study: Study, voter: Voter, token: str, marks: Mapping[Axis, int]) -> None:
    """Write down the marks of a sheet.

    Raises `UserError` for a mark that is missing or not 1 to 5, a sheet that is not this voter's or rated already, and
    marks sooner than the clip could have been watched.
    """
    if wrong := [axis for axis in AXES if marks.get(axis) not in MARKS]:
        raise UserError(f"no mark from 1 to 5 for {', '.join(wrong)}; mark every question")
    with transaction(engine) as session:
        row = session.scalars(select(RatingRow).filter_by(token=token, voter_id=voter.id)).one_or_none()
        if row is None or row.answered is not None:
            raise UserError("this sheet is not yours, or is rated already; ask for the next one")
        moment = now()
        seconds = (moment - datetime.fromisoformat(row.issued)).total_seconds()
        least = max(study.rules.floor_seconds, study.case(row.case_id).seconds)
        if seconds < least:
            raise UserError(f"rated after {seconds:.1f} s, the clip takes {least:.1f} s to see; watch it first")
        for axis in AXES:
            setattr(row, axis, marks[axis])
        row.answered, row.seconds = _iso(moment), seconds


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds")
