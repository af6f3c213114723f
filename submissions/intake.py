"""From an upload to the scoring queue: receive, unpack, read, store, compare, charge."""

from __future__ import annotations

import os
import secrets
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import registry
from bench.blobs import BlobStore
from bench.errors import UserError
from bench.identity import digest, file_digest
from bench.store.submission_rows import SubmissionRow
from submissions.archive import MAX_ARCHIVE, plan, unpack
from submissions.audit import Actor
from submissions.checks import Progress, check_files
from submissions.clipstore import history_flags, keep_clips
from submissions.folder import scan
from submissions.ledger import Ledger, Submission
from submissions.manifest import FILE, Manifest
from submissions.publish import scoring_home, settle
from submissions.quotas import LIMITS, Limits, Quota, quota, refusal
from submissions.row import row_name
from submissions.rules import Problem, breach, mib
from submissions.states import moves

UPLOAD, FILES = "upload.zip", "files"


def submit(
    ledger: Ledger,
    path: Path,
    actor: Actor,
    testset: str | None = None,
    progress: Progress = lambda _done, _all: None,
    limits: Limits = LIMITS,
    name: str | None = None,
) -> Submission:
    """Take in a folder or zip and return the submission: `queued`, `checked` (no room in the quota), or `failed`
    with every problem.

    `testset` is the name or folder of the test set it is for; by default the one its manifest names. `name` is what
    the upload was called, where `path` is a temporary file. `progress` is told the clips read and all clips. Nothing
    of the upload is written but into its quarantine. Raises `UserError` where there is nothing at `path`, the test
    set is not there, or the submitter has used up the day's tries.
    """
    if not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: no such file or folder; a submission is a folder with {FILE}, or a zip of one")
    if testset is not None:
        testset = str(Path(testset).resolve()) if Path(testset).is_dir() else testset
        registry.testset(testset)
    submission = _open(ledger, path, actor, testset, limits, name or path.name)
    try:
        problems = _receive(ledger, submission, path)
        if problems:
            return _refused(ledger, submission, problems)
        return examine(ledger, submission, progress, limits)
    except BaseException:
        _abandon(ledger, submission)
        raise


def _open(ledger: Ledger, path: Path, actor: Actor, testset: str | None, limits: Limits, name: str) -> str:
    size = path.stat().st_size if path.is_file() else sum(scan(path)[0].values())
    place = ledger.home.root
    if shutil.disk_usage(place).free < 3 * size:  # as it came, unpacked, and stored anew
        raise UserError(
            f"{ledger.home.root}: no space for {mib(size)} three times over; free some, or name another --home"
        )
    submission = "s" + secrets.token_hex(5)
    with ledger.transaction() as session:
        if why := refusal(session, actor.id, size, ledger.now(), limits):
            raise UserError(why)
        ledger.register(session, submission, actor, name, testset)
    ledger.folder(submission).mkdir(mode=0o700, parents=True)
    return submission


def _abandon(ledger: Ledger, submission: str) -> None:
    """An error of ours or Ctrl-C on the way in: nothing half read is left waiting for its deadline."""
    if "refuse" in moves(ledger.get(submission).state, "system"):
        ledger.move(submission, "refuse", reason="interrupted while it was taken in; send it again")
        discard(ledger, submission)


def _receive(ledger: Ledger, submission: str, path: Path) -> tuple[Problem, ...]:
    """Copy the upload into quarantine."""
    place = ledger.folder(submission)
    if path.is_file():
        size = path.stat().st_size
        if size > MAX_ARCHIVE:
            return (breach(path.name, "size-archive", mib(size), mib(MAX_ARCHIVE)),)
        with path.open("rb") as stream, _fresh(place / UPLOAD) as copy:
            shutil.copyfileobj(stream, copy)
        size = (place / UPLOAD).stat().st_size
    else:
        sizes, problems = scan(path)
        if problems:
            return problems
        (place / FILES).mkdir(mode=0o700)
        for name in sizes:
            target = place / FILES / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Opened without following links: the folder may have changed since it was scanned.
            handle = os.open(path / name, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with os.fdopen(handle, "rb") as stream, _fresh(target) as copy:
                shutil.copyfileobj(stream, copy)
        size = sum(scan(place / FILES)[0].values())
    ledger.move(submission, "receive", size=size)
    return ()


def _fresh(path: Path) -> Any:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    return os.fdopen(os.open(path, flags, 0o600), "wb")


def examine(
    ledger: Ledger, submission: str, progress: Progress = lambda _done, _all: None, limits: Limits = LIMITS
) -> Submission:
    """Unpack, read and compare what was uploaded, and queue it; returns as `submit` does."""
    place = ledger.folder(submission)
    held = ledger.get(submission)
    if (place / UPLOAD).exists():
        planned = plan(place / UPLOAD)
        problems = planned.problems
        if not problems:
            (place / FILES).mkdir(mode=0o700)
            problems = unpack(planned, place / FILES)
        if problems:
            return _refused(ledger, submission, problems)
        (place / UPLOAD).unlink()
    ledger.move(submission, "unpack")
    sizes, problems = scan(place / FILES)
    report = check_files(place / FILES, sizes, problems, held.testset_ref, progress)
    manifest = report.manifest
    if report.problems or manifest is None:
        return _refused(ledger, submission, report.problems, clips=report.clips)
    if taken := _team_problem(ledger, held, manifest):
        return _refused(ledger, submission, (taken,), clips=report.clips)
    edited = manifest.testset
    held = ledger.move(
        submission,
        "probe",
        clips=report.clips,
        manifest=manifest.model_dump(mode="json"),
        team=manifest.team,
        testset=f"{edited.name} {edited.version}",
        row_name=row_name(manifest),
    )
    content = digest({name: file_digest(place / FILES / name) for name in sizes if name != FILE})
    flags = keep_clips(ledger, held, manifest, place / FILES, BlobStore(scoring_home(ledger, submission).blobs))
    flags += history_flags(ledger, held, content)
    ledger.move(submission, "check", digest=content, flags=[asdict(flag) for flag in flags])
    return enqueue(ledger, submission, limits)


def _team_problem(ledger: Ledger, held: Submission, manifest: Manifest) -> Problem | None:
    """Return the problem of a name on the board that belongs to another account."""
    name = row_name(manifest)
    for other in ledger.submissions("accepted", "superseded"):
        if other.row_name == name and other.owner != held.owner:
            return breach(f"{FILE}: team", "manifest-team", f"{name}, another account's", "a name of your own")
    return None


def _refused(ledger: Ledger, submission: str, problems: tuple[Problem, ...], **values: Any) -> Submission:
    found = ledger.move(
        submission, "refuse", reason=f"{len(problems)} problems", detail={"rules": sorted({p.rule for p in problems})},
        problems=[asdict(p) for p in problems], **values,
    )  # fmt: skip
    discard(ledger, submission)
    return found


def enqueue(ledger: Ledger, submission: str, limits: Limits = LIMITS) -> Submission:
    """Charge a checked submission to its owner's quota and queue it, or leave it as it is where there is no room.

    One that another process has moved on meanwhile stays where that put it.
    """
    with ledger.transaction() as session:
        row = session.get_one(SubmissionRow, submission)
        if row.state == "checked" and quota(session, row.owner, ledger.now(), limits).frees is None:
            ledger.step(session, row, "queue")
    return ledger.get(submission)


def quota_of(ledger: Ledger, owner: str, limits: Limits = LIMITS) -> Quota:
    """Return how many submissions the owner has had scored, how many may be, and when the next place becomes free."""
    with ledger.transaction() as session:
        return quota(session, owner, ledger.now(), limits)


def withdraw(ledger: Ledger, submission: str, actor: Actor, reason: str | None = None) -> Submission:
    """Take a submission back, at any time before or after it was accepted; its files are deleted.

    Raises `UserError` for another's, and for one that has ended already.
    """
    ledger.get(submission)
    with ledger.transaction() as session:
        row = session.get_one(SubmissionRow, submission)  # read in here: a worker may begin to score it at any moment
        ledger.step(session, row, "cancel" if row.state == "queued" else "withdraw", actor, reason)
    found = ledger.get(submission)
    discard(ledger, submission)
    settle(ledger)
    return found


def discard(ledger: Ledger, submission: str) -> None:
    """Delete a submission's quarantine. What is known of it stays in the ledger."""
    shutil.rmtree(ledger.folder(submission), ignore_errors=True)
