"""The scoring queue: it lives in the store, so it survives any crash, and any number of workers may serve it.

A worker takes a submission on lease, extends the lease while it lives, and scores by running `bench run` as a process
with the submission as the method, into a state folder of its own. A worker that dies lets its lease run out, and the
next one takes over; the run resumes where it stopped. A lock on the folder, inherited by the process, keeps two from
scoring at once even where a worker died and its process did not.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from statistics import fmean
from typing import Literal

from sqlalchemy import select

from bench.errors import UserError
from bench.identity import method_key
from bench.registry import PLUGINS
from bench.store.access import open_reader
from bench.store.read import Board, Result
from bench.store.submission_rows import SubmissionRow
from bench.types import MethodCard
from submissions.clipstore import clips_of
from submissions.intake import discard, enqueue
from submissions.ledger import Flag, Ledger, Submission
from submissions.publish import scored_rows, scoring_home, settle
from submissions.quotas import LIMITS, Limits
from submissions.row import PLUGIN, VARIABLE, Scored, card_of
from submissions.states import LIVE, STATES
from submissions.suspicion import score_flags

LEASE = timedelta(minutes=5)
ATTEMPTS = 3
LOG, SCORED = "scoring.log", "scored.json"
Outcome = Literal["scored", "again", "failed", "lost"]
"""Moved on; back in the queue; ended after `ATTEMPTS`; taken away meanwhile (withdrawn, or leased to another)."""


def worker_name() -> str:
    """Return a name for this worker that no other has."""
    return f"{os.uname().nodename}-{os.getpid()}-{secrets.token_hex(3)}"


def sweep(ledger: Ledger, limits: Limits = LIMITS) -> tuple[str, ...]:
    """Move on whatever waits for time alone, and return one line per move.

    Leases that ran out, deadlines that passed, quotas that have room again, files that are kept no longer, and what a
    crash left between a decision and the board.
    """
    moment = ledger.now()
    now = moment.isoformat(timespec="seconds")
    done: list[str] = []
    with ledger.transaction() as session:
        for row in session.scalars(select(SubmissionRow).where(SubmissionRow.deadline < now)).all():
            action = STATES[row.state].late  # type: ignore[index]
            if action is not None:
                ledger.step(session, row, action, reason=f"{row.state} since {row.changed}: its deadline has passed")
                done.append(f"{row.id}: {action}")
        lost = select(SubmissionRow).where(SubmissionRow.state == "scoring", SubmissionRow.lease < now)
        for row in session.scalars(lost).all():
            action = "requeue" if row.attempts < ATTEMPTS else "give-up"
            ledger.step(session, row, action, reason=f"worker {row.worker} has not been heard of since its lease ended")
            done.append(f"{row.id}: {action}")
    waiting = ledger.submissions("checked")
    done += [f"{s.id}: queue" for s in waiting if enqueue(ledger, s.id, limits).state == "queued"]
    for held in ledger.submissions():
        keep = STATES[held.state].keep
        if (
            keep is not None
            and ledger.folder(held.id).exists()
            and held.changed <= (moment - keep).isoformat(timespec="seconds")
        ):
            discard(ledger, held.id)
            done.append(f"{held.id}: files deleted")
    return (*done, *settle(ledger))


def claim(ledger: Ledger, worker: str) -> Submission | None:
    """Take the submission that has waited longest, on lease; None where none waits."""
    with ledger.transaction() as session:
        query = select(SubmissionRow).filter_by(state="queued").order_by(SubmissionRow.charged, SubmissionRow.id)
        for row in session.scalars(query).all():
            if _free(ledger, row.id):
                lease = (ledger.now() + LEASE).isoformat(timespec="seconds")
                ledger.step(session, row, "start", detail={"worker": worker}, attempts=row.attempts + 1)
                row.worker, row.lease = worker, lease
                found = row.id
                break
        else:
            return None
    return ledger.get(found)


def score(ledger: Ledger, held: Submission, worker: str, protocol: str, device: str = "cpu") -> Outcome:
    """Score a claimed submission and move it on: to review, back into the queue, or to an end after `ATTEMPTS`."""
    with _locked(ledger, held.id) as lock:
        if lock is None:
            return _again(ledger, held, worker, "another process is still scoring it")
        place = ledger.folder(held.id)
        try:
            card = _prepare(ledger, held)
            code = _run(ledger, held, worker, card, protocol, device, lock)
            if code is None:
                return "lost"
            found = scored_rows(ledger, held.id, method_key(card))
            if found is None or sum(bool(r.scores) for r in found[1]) < held.clips:
                tail = (place / LOG).read_text(errors="replace").strip().splitlines()[-1:]
                return _again(ledger, held, worker, f"scoring ended with {code}: {' '.join(tail)}")
        except (OSError, UserError):
            if ledger.get(held.id).state in LIVE:
                raise
            return "lost"  # withdrawn meanwhile, and its files are gone with it
        board, results = found
        flags = _score_flags(ledger, board, results)
    with ledger.transaction() as session:
        row = session.get_one(SubmissionRow, held.id)
        if (row.state, row.worker) != ("scoring", worker):
            return "lost"
        ledger.step(session, row, "score", method_key=method_key(card), detail={"edits": len(results)})
        plain = [{name: getattr(flag, name) for name in type(flag).__slots__} for flag in flags]
        ledger.step(session, row, "present", flags=[*row.flags, *plain], detail={"flags": len(row.flags) + len(plain)})
    return "scored"


def work(
    ledger: Ledger,
    protocol: str,
    device: str = "cpu",
    limits: Limits = LIMITS,
    tell: Callable[[str], None] = lambda _: None,
) -> int:
    """Sweep, then score what is queued until nothing is, and return how many were scored; `tell` is told of each."""
    worker, scored = worker_name(), 0
    for line in sweep(ledger, limits):
        tell(line)
    while held := claim(ledger, worker):
        outcome = score(ledger, held, worker, protocol, device)
        tell(f"{held.id}: {outcome}")
        scored += outcome == "scored"
    return scored


def _prepare(ledger: Ledger, held: Submission) -> MethodCard:
    """Lay out what the scoring process reads: the submission's row, and a state folder that shares the cache."""
    if held.manifest is None or held.row_name is None:
        raise ValueError(f"{held.id} was queued without having been checked")
    home = scoring_home(ledger, held.id)
    home.root.mkdir(mode=0o700, exist_ok=True)
    ledger.home.cache.mkdir(parents=True, exist_ok=True)
    if not home.cache.exists():
        home.cache.symlink_to(ledger.home.cache, target_is_directory=True)
    card = card_of(held.manifest, held.id, held.row_name, held.digest)
    told = Scored(
        card=card,
        blobs=str(home.blobs),
        clips=clips_of(ledger, held.id),
        seconds=held.manifest.seconds_per_edit,
    )
    (ledger.folder(held.id) / SCORED).write_text(told.model_dump_json(indent=1))
    return card


def _run(
    ledger: Ledger, held: Submission, worker: str, card: MethodCard, protocol: str, device: str, lock: int
) -> int | None:
    """Run `bench run` to its end and return its exit code; None where the submission was taken away meanwhile."""
    assert held.manifest is not None
    place = ledger.folder(held.id)
    command = [sys.executable, "-m", "bench.cli", "run", "--no-controls", "--method", card.name]
    command += ["--testset", held.testset_ref or held.manifest.testset.name, "--split", held.manifest.testset.split]
    command += ["--protocol", protocol, "--device", device, "--home", str(scoring_home(ledger, held.id).root)]
    plugins = ",".join(filter(None, (os.environ.get(PLUGINS), PLUGIN)))
    env = {**os.environ, PLUGINS: plugins, VARIABLE: str(place / SCORED)}
    with (
        (place / LOG).open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=env, pass_fds=(lock,)) as child,
    ):
        try:
            while True:
                try:
                    return child.wait(LEASE.total_seconds() / 10)
                except subprocess.TimeoutExpired:
                    if not _extend(ledger, held.id, worker):
                        return None
        except BaseException:
            _again(ledger, held, worker, "its worker was stopped")
            raise
        finally:
            child.kill()


def _extend(ledger: Ledger, submission: str, worker: str) -> bool:
    """Extend the lease; False where the submission is no longer this worker's."""
    with ledger.transaction() as session:
        row = session.get_one(SubmissionRow, submission)
        if (row.state, row.worker) != ("scoring", worker):
            return False
        row.lease = (ledger.now() + LEASE).isoformat(timespec="seconds")
        return True


def _again(ledger: Ledger, held: Submission, worker: str, reason: str) -> Outcome:
    with ledger.transaction() as session:
        row = session.get_one(SubmissionRow, held.id)
        if (row.state, row.worker) != ("scoring", worker):
            return "lost"
        last = row.attempts >= ATTEMPTS
        ledger.step(session, row, "give-up" if last else "requeue", reason=reason)
    return "failed" if last else "again"


def _score_flags(ledger: Ledger, board: Board, results: Sequence[Result]) -> tuple[Flag, ...]:
    """Return what is odd about the scores, against the rows that are on the board."""
    means: dict[str, list[float]] = {}
    reader = open_reader(ledger.home, ledger.url)
    for other in reader.boards():
        if (other.testset_digest, other.signature) != (board.testset_digest, board.signature):
            continue
        by_row: dict[tuple[str, str], list[float]] = {}
        for result in reader.results(other):
            if not result.method.control:
                for metric, found in result.scores.items():
                    if found.value is not None:
                        by_row.setdefault((result.method_key, metric), []).append(found.value)
        for (_, metric), values in by_row.items():
            means.setdefault(metric, []).append(fmean(values))
    scoring = open_reader(scoring_home(ledger, _submission_of(results)), None)
    better = {card.name: card.better for card in scoring.metrics() if card.family != "cost"}
    return tuple(score_flags([r.scores for r in results], better, means))


def _submission_of(results: Sequence[Result]) -> str:
    return str(results[0].method.parameters["submission"])


def _free(ledger: Ledger, submission: str) -> bool:
    with _locked(ledger, submission) as lock:
        return lock is not None


@contextmanager
def _locked(ledger: Ledger, submission: str) -> Iterator[int | None]:
    """Yield the handle of a lock on the submission's folder, None where a process has it.

    A process that inherits the handle holds the lock as well, until both have closed it.
    """
    place = ledger.folder(submission)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)  # files that somebody deleted fail in the run, with a reason
    handle = os.open(place / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield handle
    finally:
        os.close(handle)
