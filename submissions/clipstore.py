"""The clips of a submission once they are read: stored as this program stores edits, and known to later comparisons."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bench import registry
from bench.blobs import BlobStore
from bench.identity import file_digest
from bench.media import read_video, write_lossless
from bench.store.submission_rows import SubmissionClipRow, SubmissionRow
from bench.types import EditCase, TestSet
from submissions.frames import read_foreign
from submissions.ledger import Flag, Ledger, Submission
from submissions.manifest import Manifest
from submissions.suspicion import Seen, clip_flags
from submissions.thumbs import Thumbs, packed, thumbs, unpacked

PACE = timedelta(days=14)
"""Between two accepted submissions of one account."""


def testset_of(manifest: Manifest, ref: str | None) -> tuple[TestSet, tuple[EditCase, ...]]:
    """Return the test set that a checked submission is for, and the cases of its split."""
    testset = registry.testset(manifest.testset.name if ref is None else ref)
    return testset, testset.select(manifest.testset.split)


def keep_clips(
    ledger: Ledger, submission: Submission, manifest: Manifest, files: Path, blobs: BlobStore
) -> tuple[Flag, ...]:
    """Store the clips of a checked submission, and return what is odd about them.

    Each is decoded by a confined process and encoded anew, so that nothing that came from outside is ever served.
    Raises `CaseFailed` where a clip that was read before is not read again.
    """
    testset, cases = testset_of(manifest, submission.testset_ref)
    seen: list[Seen] = []
    rows: list[SubmissionClipRow] = []
    for case in cases:
        path = files / "videos" / f"{case.id}.mp4"
        video = read_foreign(path, case.source)
        found = thumbs(video)
        rows.append(
            SubmissionClipRow(
                submission_id=submission.id,
                case_id=case.id,
                sha256=file_digest(path),
                blob=blobs.add(lambda out, clip=video: write_lossless(clip, out)),  # type: ignore[misc]
                thumbs=packed(found),
            )
        )
        target = None if case.target is None else thumbs(read_video(testset.root / case.target.path))
        source = thumbs(read_video(testset.root / case.source.path))
        seen.append(Seen(case.id, found, source, target, _others(ledger, submission, case.id)))
    with ledger.transaction() as session:
        session.add_all(rows)
    return clip_flags(seen)


def _others(ledger: Ledger, submission: Submission, case: str) -> tuple[Thumbs, ...]:
    query = (
        select(SubmissionClipRow.thumbs)
        .join(SubmissionRow)
        .where(SubmissionClipRow.case_id == case, SubmissionRow.owner != submission.owner)
    )
    with Session(ledger.engine) as session:
        return tuple(unpacked(text) for text in session.scalars(query))


def history_flags(ledger: Ledger, submission: Submission, content: str) -> tuple[Flag, ...]:
    """Return what earlier submissions say of this one: the same files, the team's name, the team's pace."""
    flags: list[Flag] = []
    earlier = [s for s in ledger.submissions() if s.id != submission.id and s.manifest and submission.manifest]
    team = submission.manifest.team if submission.manifest else ""
    for other in earlier:
        assert other.manifest is not None
        if other.digest == content:
            flags.append(Flag("same-again", None, f"{other.id}, {other.state}", "files of its own"))
        if other.manifest.team == team and other.owner != submission.owner:
            flags.append(Flag("team-taken", None, f"{other.id} of another account", "one account per team"))
    since = (ledger.now() - PACE).isoformat(timespec="seconds")
    mine = [s for s in earlier if s.owner == submission.owner and s.state == "accepted" and s.changed > since]
    if mine:
        flags.append(Flag("team-pace", None, f"{mine[-1].id} accepted {mine[-1].changed[:10]}", f"{PACE.days} days"))
    return tuple(flags)


def clips_of(ledger: Ledger, submission: str) -> dict[str, str]:
    """Return the sha256 of each stored clip of a submission by case id."""
    query = select(SubmissionClipRow.case_id, SubmissionClipRow.blob).filter_by(submission_id=submission)
    with Session(ledger.engine) as session:
        return dict(session.execute(query).tuples().all())
