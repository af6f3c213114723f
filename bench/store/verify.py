"""Hold the database against what it must follow from, and make it anew where it does not."""

from __future__ import annotations

import logging
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bench.blobs import BlobStore
from bench.errors import UserError
from bench.home import Home
from bench.store.db import open_engine
from bench.store.models import EditRow, MethodRow, MetricRow, RunRow, ScoreRow, SetScoreRow
from bench.store.repo import READ, Store
from bench.store.submission_rows import SubmissionClipRow, SubmissionEventRow, SubmissionRow
from bench.store.vote_rows import BallotRow, RatingRow, StudyRow, VoterRow

KEPT = (SubmissionRow, SubmissionEventRow, SubmissionClipRow, StudyRow, VoterRow, BallotRow, RatingRow)
"""Tables that no journal holds, in the order in which they may be filled."""
_log = logging.getLogger(__name__)
_FACTS = ("status", "stage", "reason", "sha256", "seconds", "nfe", "run_id", "seed")


def problems(home: Home, url: str | None = None) -> Iterator[str]:
    """Yield a line per disagreement: a row unlike the journals, a clip that is missing or damaged."""
    engine = open_engine(url or home.database_url)
    Store(engine, home.journals).catch_up()
    with tempfile.TemporaryDirectory() as folder:
        fresh = open_engine(f"sqlite:///{Path(folder) / 'fresh.db'}")
        Store(fresh, home.journals).rebuild()
        found, wanted = _content(engine), _content(fresh)
        fresh.dispose()
    for key in sorted(found.keys() | wanted.keys()):
        if key not in wanted:
            yield f"{key}: in the database, in no journal"
        elif key not in found:
            yield f"{key}: in a journal, not in the database; `bench store rebuild` brings it back"
        elif found[key] != wanted[key]:
            yield f"{key}: the database says {found[key]}, the journals {wanted[key]}; `bench store rebuild` mends it"
    blobs = BlobStore(home.blobs)
    for sha256 in _clips(engine):
        if sha256 not in blobs:
            yield f"clip {sha256}: missing under {home.blobs}"
    for sha256 in blobs.damaged():
        yield f"clip {sha256}: its bytes have another hash; delete {blobs.path(sha256)} and run the method again"


def _clips(engine: Engine) -> list[str]:
    with Session(engine) as session:
        # Clips of rows that were read from files of results were never here.
        mine = (EditRow.sha256.is_not(None), ~EditRow.run_id.startswith(READ))
        rows = session.scalars(select(EditRow.sha256).where(*mine).distinct())
        return sorted(row for row in rows if row)


def _content(engine: Engine) -> dict[str, Any]:
    """Return what the rows say, by names that do not depend on row numbers."""
    content: dict[str, Any] = {}
    with Session(engine) as session:
        for run in session.scalars(select(RunRow)):
            content[f"run {run.id}"] = (run.state, run.split, run.partial, tuple(run.cases), tuple(run.methods))
        for edit in session.scalars(select(EditRow)):
            content[f"edit {edit.testset_id}/{edit.key}"] = tuple(getattr(edit, fact) for fact in _FACTS)
        scores = select(ScoreRow, EditRow, MetricRow.key).join(EditRow).join(MetricRow)
        for score, edit, metric in session.execute(scores).tuples():
            name = f"score {edit.testset_id}/{edit.key}/{metric[:12]}/{score.protocol_id}"
            content[name] = (score.key, score.value, score.unscored)
        sets = select(SetScoreRow, MethodRow.key, MetricRow.key).join(MethodRow).join(MetricRow)
        for found, method, metric in session.execute(sets).tuples():
            name = f"set {found.testset_id}/{found.split}/{found.seed}/{method[:12]}/{metric[:12]}/{found.protocol_id}"
            content[name] = (found.key, found.value, found.unscored, found.run_id)
    return content


def rebuild(home: Home, url: str | None = None) -> int:
    """Make the database anew from the journals and return the number of records.

    The default SQLite file is set aside as `bench.db.old` (so a damaged one is no obstacle), and submissions and
    votes, which are in no journal, are carried over from it; behind another URL the tables of results alone are
    emptied. Raises `UserError` where there is no journal to rebuild from.
    """
    if not any(home.journals.glob("*.jsonl")):
        raise UserError(f"{home.journals}: holds no journal, so there is nothing to rebuild from")
    if url is not None:
        return Store(open_engine(url), home.journals).rebuild()
    path, old = home.root / "bench.db", home.root / "bench.db.old"
    for suffix in ("", "-wal", "-shm"):
        old.with_name(old.name + suffix).unlink(missing_ok=True)
        if (beside := path.with_name(path.name + suffix)).exists():
            beside.replace(old.with_name(old.name + suffix))
    count = Store(open_engine(home.database_url), home.journals).rebuild()
    if old.exists():
        carry_over(old, path)
    return count


def carry_over(old: Path, new: Path) -> None:
    """Copy submissions and votes from one SQLite file to a new one; what cannot be read is a warning."""
    with closing(sqlite3.connect(new, isolation_level=None)) as database:
        try:
            database.execute("ATTACH ? AS old", (str(old),))
            database.execute("BEGIN IMMEDIATE")
            for table in (model.__tablename__ for model in KEPT):
                columns = {row[1] for row in database.execute(f"PRAGMA old.table_info({table})")}
                shared = [row[1] for row in database.execute(f"PRAGMA main.table_info({table})") if row[1] in columns]
                if shared:
                    names = ", ".join(f'"{name}"' for name in shared)
                    database.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM old.{table}")
            database.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            _log.warning("%s: submissions and votes cannot be read (%s); restore them from a backup", old, error)
