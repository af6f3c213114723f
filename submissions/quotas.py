"""How much one submitter may ask for. What is charged is scoring, once it is granted; a failed check costs a try."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bench.store.submission_rows import SubmissionRow
from submissions.rules import mib
from submissions.states import LIVE, STATES


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a board. They hold per submitter, but for `total_bytes`."""

    scored: int = 3
    """Submissions charged within `period`."""
    period: timedelta = timedelta(days=7)
    tries: int = 20
    """Uploads within a day, whatever becomes of them."""
    at_once: int = 3
    """Submissions that are being read, wait or are being scored."""
    total_bytes: int = 200 * 2**30
    """Of all submissions that are under way, in review or accepted."""


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Quota:
    """What a submitter has used of the scoring quota."""

    used: int
    limit: int
    frees: str | None
    """When the next place becomes free, where none is (ISO 8601, UTC)."""


def quota(session: Session, owner: str, moment: datetime, limits: Limits = LIMITS) -> Quota:
    """Return the owner's scoring quota at that moment."""
    since = (moment - limits.period).isoformat(timespec="seconds")
    charged = session.scalars(
        select(SubmissionRow.charged)
        .where(SubmissionRow.owner == owner, SubmissionRow.charged > since)
        .order_by(SubmissionRow.charged)
    ).all()
    frees = None
    if len(charged) >= limits.scored:
        last = datetime.fromisoformat(charged[-limits.scored] or "") + limits.period
        frees = last.isoformat(timespec="seconds")
    return Quota(len(charged), limits.scored, frees)


def refusal(session: Session, owner: str, size: int, moment: datetime, limits: Limits = LIMITS) -> str | None:
    """Return why an upload of that many bytes is not taken now and what to do, or None where it is."""
    since = (moment - timedelta(days=1)).isoformat(timespec="seconds")
    mine = select(func.count()).select_from(SubmissionRow).where(SubmissionRow.owner == owner)
    tries = session.scalar(mine.where(SubmissionRow.created > since)) or 0
    if tries >= limits.tries:
        return f"{tries} uploads within a day, {limits.tries} allowed; check offline with `bench submit check`"
    open_now = session.scalar(mine.where(SubmissionRow.state.in_(LIVE))) or 0
    if open_now >= limits.at_once:
        return f"{open_now} submissions under way, {limits.at_once} allowed at once; wait for one, or withdraw one"
    kept = [state for state, stage in STATES.items() if stage.keep is None]
    held = session.scalar(select(func.sum(SubmissionRow.size)).where(SubmissionRow.state.in_(kept))) or 0
    if held + size > limits.total_bytes:
        return f"{mib(int(held))} held for all, {mib(limits.total_bytes)} allowed; ask the organisers to make room"
    return None
