"""The only module that writes results: it folds journal records into the database, each in one transaction.

Folding is idempotent and gives the same rows in whatever order the journals of several runs are read: a success
is never undone by a failure, of two measurements of one edit the earlier run's stands, of two different edits
the later run's, and a score is rewritten only by one of another identity.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.orm import Session

from bench.errors import UserError
from bench.identity import digest, method_key, metric_key
from bench.store import journal
from bench.store.db import WRITES
from bench.store.models import (
    RESULTS,
    CaseRow,
    EditRow,
    EnvironmentRow,
    MethodRow,
    MetricRow,
    ProtocolRow,
    RunRow,
    ScoreRow,
    SetScoreRow,
    TestSetRow,
)
from bench.store.records import AnyRecord, EditFacts, EditRecord, RunRecord, SetRecord
from bench.store.vote_rows import StudyRow

READ = "00000000-"
"""What names of runs that were read from files of results begin with. They are older than any of one's own, and an
edit of one's own always takes the place of one that was read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store has of one job."""

    ok: bool
    sha256: str | None
    scores: frozenset[str]
    """Keys of its scores."""


class Store:
    """Rows by the identity of what they describe."""

    def __init__(self, engine: Engine, journals: Path) -> None:
        self._engine = engine
        self._writer = engine.execution_options(**{WRITES: True})
        self._journals = journals

    # reading, for planning

    def known(self, testset_digest: str) -> dict[str, Known]:
        """Return every job the store has on a test set, by job key."""
        with Session(self._engine) as session:
            edits = session.execute(
                select(EditRow.id, EditRow.key, EditRow.status, EditRow.sha256)
                .join(TestSetRow)
                .where(TestSetRow.digest == testset_digest)
            ).all()
            scores: dict[int, set[str]] = {row.id: set() for row in edits}
            pairs = session.execute(
                select(ScoreRow.edit_id, ScoreRow.key)
                .join(EditRow)
                .join(TestSetRow)
                .where(TestSetRow.digest == testset_digest)
            )
            for edit_id, key in pairs:
                scores[edit_id].add(key)
        return {e.key: Known(e.status == "ok", e.sha256, frozenset(scores[e.id])) for e in edits}

    def facts(self, keys: Iterable[str]) -> dict[str, EditFacts]:
        """Return the stored edits of these job keys, whichever test set they were made on.

        Those that were read from files of results are none: their clips were never here.
        """
        wanted = set(keys)
        with Session(self._engine) as session:
            query = select(EditRow).where(EditRow.sha256.is_not(None), ~EditRow.run_id.startswith(READ))
            rows = session.scalars(query.order_by(EditRow.id))
            return {row.key: _facts(row) for row in rows if row.key in wanted}

    def seconds(self) -> dict[str, float]:
        """Return the mean seconds an edit took, by method name: what a plan's estimate is made of."""
        with Session(self._engine) as session:
            rows = session.execute(
                select(MethodRow.name, EditRow.seconds).join(MethodRow).where(EditRow.seconds.is_not(None))
            ).all()
        by_name: dict[str, list[float]] = {}
        for name, seconds in rows:
            by_name.setdefault(name, []).append(seconds or 0.0)
        return {name: sum(values) / len(values) for name, values in by_name.items()}

    def set_keys(self, testset: str, split: str) -> set[str]:
        """Return the keys of the stored scores of one split of a test set, which is named by its digest."""
        with Session(self._engine) as session:
            query = select(SetScoreRow.key).join(TestSetRow).where(TestSetRow.digest == testset)
            return set(session.scalars(query.where(SetScoreRow.split == split)))

    # writing

    def catch_up(self) -> int:
        """Fold in what the journals hold beyond the database, and return how many records that were."""
        with Session(self._engine) as session:
            offsets = dict(session.execute(select(RunRow.id, RunRow.journal_offset)).tuples().all())
        count = 0
        for path in sorted(self._journals.glob("*.jsonl")):
            start = offsets.get(path.stem, 0)
            if path.stat().st_size <= start:
                continue
            for record, offset in journal.read(path, start):
                self.apply(record, offset)
                count += 1
        return count

    def apply(self, record: AnyRecord, offset: int, *, before_commit: Any = None) -> None:
        """Fold in one record that ends at byte `offset` of its journal, in one transaction."""
        with Session(self._writer) as session, session.begin():
            if isinstance(record, RunRecord):
                _begin(session, record)
            elif isinstance(record, EditRecord):
                _edit(session, record)
            elif isinstance(record, SetRecord):
                _set_score(session, record)
            else:
                run = _run(session, record.run)
                run.state, run.finished = record.state, record.finished
            _run(session, record.run).journal_offset = offset
            if before_commit:
                session.flush()
                before_commit()

    def retract(self, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Forget a method that had runs of its own; return those runs, and the clips that nothing refers to any more.

        The caller deletes their journals and files. Runs that cover other methods too are left alone.
        """
        with Session(self._writer) as session, session.begin():
            runs = tuple(run.id for run in session.scalars(select(RunRow)) if run.methods == [key])
            mine = select(EditRow.id).where(EditRow.run_id.in_(runs))
            clips = set(session.scalars(select(EditRow.sha256).where(EditRow.run_id.in_(runs))))
            session.execute(delete(SetScoreRow).where(SetScoreRow.run_id.in_(runs)))
            session.execute(delete(ScoreRow).where(ScoreRow.edit_id.in_(mine)))
            session.execute(delete(EditRow).where(EditRow.run_id.in_(runs)))
            session.execute(delete(RunRow).where(RunRow.id.in_(runs)))
            held = set(session.scalars(select(EditRow.sha256).where(EditRow.sha256.in_(clips))))
            for cases in session.scalars(select(StudyRow.cases)):
                held |= {sha for case in cases.values() for sha in (*case["clips"].values(), *case["catches"].values())}
        return runs, tuple(sorted(sha for sha in clips - held if sha))

    def rebuild(self) -> int:
        """Empty the tables of results, fold in all journals from their start, and return how many records that were."""
        with Session(self._writer) as session, session.begin():
            for model in RESULTS:
                session.execute(delete(model))
        return self.catch_up()


def _facts(row: EditRow) -> EditFacts:
    return EditFacts.model_validate({name: getattr(row, name) for name in EditFacts.model_fields}, from_attributes=True)


def _run(session: Session, run: str) -> RunRow:
    row = session.get(RunRow, run)
    if row is None:
        raise UserError(f"journal of run {run}: its first line is missing; restore the file or move it away")
    return row


def _one(session: Session, model: type[Any], key: dict[str, Any], values: dict[str, Any]) -> Any:
    """Return the row of a natural key, made or brought up to date."""
    row = session.scalars(select(model).filter_by(**key)).one_or_none()
    if row is None:
        row = model(**key, **values)
        session.add(row)
        session.flush()
    else:
        for name, value in values.items():
            setattr(row, name, value)
    return row


def _begin(session: Session, record: RunRecord) -> None:
    testset = _one(
        session,
        TestSetRow,
        {"digest": record.testset_digest},
        {"name": record.testset, "version": record.version},
    )
    for case in record.cases:
        _one(
            session,
            CaseRow,
            {"testset_id": testset.id, "case_id": case.id},
            {
                "group_name": case.group,
                "scenario": case.scenario,
                "vertical": case.vertical,
                "split": case.split,
                "record": case.model_dump(mode="json"),
            },
        )
    for card in record.methods:
        values = {"name": card.name, "version": card.version, "card": card.model_dump(mode="json")}
        _one(session, MethodRow, {"key": method_key(card)}, values)
    for position, metric in enumerate(record.metrics):
        values = {
            "name": metric.name,
            "version": metric.version,
            "position": position,
            "card": metric.model_dump(mode="json"),
        }
        _one(session, MetricRow, {"key": metric_key(metric)}, values)
    protocol = _one(session, ProtocolRow, {"signature": record.signature}, {"name": record.protocol})
    environment = _one(session, EnvironmentRow, {"digest": digest(record.environment)}, {"facts": record.environment})
    _one(
        session,
        RunRow,
        {"id": record.run},
        {
            "testset_id": testset.id,
            "protocol_id": protocol.id,
            "environment_id": environment.id,
            "split": record.split,
            "partial": record.partial,
            "state": "running",
            "started": record.started,
            "finished": None,
            "spec": record.spec,
            "cases": [case.id for case in record.cases],
            "methods": [method_key(card) for card in record.methods],
            "journal_offset": 0,
        },
    )


def _edit(session: Session, record: EditRecord) -> None:
    run = _run(session, record.run)
    row = session.scalars(select(EditRow).filter_by(testset_id=run.testset_id, key=record.key)).one_or_none()
    if row is not None and record.run.startswith(READ) and not row.run_id.startswith(READ):
        return
    if row is not None and row.run_id.startswith(READ) and not record.run.startswith(READ):
        session.execute(delete(ScoreRow).filter_by(edit_id=row.id))
        session.delete(row)
        session.flush()
        row = None
    if row is not None and row.sha256 is not None:
        if record.edit is None:
            return
        if row.sha256 != record.edit.sha256:
            if record.run < row.run_id:
                return
            # A clip that was lost and made again, differently: what was said of the first one goes with it.
            session.execute(delete(ScoreRow).filter_by(edit_id=row.id))
            row.sha256 = None
    elif row is not None and record.edit is None and record.run < row.run_id:
        return  # of two failures the later one's reason is told
    earlier = row is not None and row.sha256 is not None and record.run < row.run_id and record.status == "ok"
    if row is None or row.sha256 is None or earlier:
        row = _one(session, EditRow, {"testset_id": run.testset_id, "key": record.key}, _values(session, run, record))
    elif record.status == "ok":
        row.status, row.stage, row.reason = "ok", None, None
    _scores(session, row, run, record, rewrite=earlier)


def _values(session: Session, run: RunRow, record: EditRecord) -> dict[str, Any]:
    facts: dict[str, Any] = {**dict.fromkeys(EditFacts.model_fields), "notes": {}}
    cases = select(CaseRow.id).filter_by(testset_id=run.testset_id, case_id=record.case)
    methods = select(MethodRow.id).filter_by(key=record.method)
    return {
        **(record.edit.model_dump() if record.edit else facts),
        "case_id": session.scalars(cases).one(),
        "method_id": session.scalars(methods).one(),
        "run_id": record.run,
        "seed": record.seed,
        "status": record.status,
        "stage": record.stage,
        "reason": record.reason,
        "device": record.device,
        "finished": record.finished,
    }


def _scores(session: Session, edit: EditRow, run: RunRow, record: EditRecord, *, rewrite: bool) -> None:
    metrics = dict(session.execute(select(MetricRow.key, MetricRow.id)).tuples().all())
    rows = session.scalars(select(ScoreRow).filter_by(edit_id=edit.id, protocol_id=run.protocol_id))
    held = {score.metric_id: score.key for score in rows}
    new: list[dict[str, Any]] = []
    for score in record.scores:
        metric_id = metrics[score.metric]
        before = held.get(metric_id)
        if before is not None and ((before == score.key and not rewrite) or score.key.startswith(f"{before}:missing")):
            continue  # weights that lack now do not undo what was scored when they were there
        values = {
            "key": score.key,
            "value": score.value,
            "unscored": score.unscored,
            "series": list(score.series),
            "anchors": list(score.anchors) if score.anchors else None,
        }
        key = {"edit_id": edit.id, "metric_id": metric_id, "protocol_id": run.protocol_id}
        if before is None:
            new.append(key | values)
        else:
            _one(session, ScoreRow, key, values)
    if new:
        session.execute(insert(ScoreRow), new)  # in one statement: loading shipped rows is mostly this


def _set_score(session: Session, record: SetRecord) -> None:
    run = _run(session, record.run)
    key = {
        "testset_id": run.testset_id,
        "protocol_id": run.protocol_id,
        "method_id": session.scalars(select(MethodRow.id).filter_by(key=record.method)).one(),
        "metric_id": session.scalars(select(MetricRow.id).filter_by(key=record.metric)).one(),
        "split": record.split,
        "seed": record.seed,
    }
    row = session.scalars(select(SetScoreRow).filter_by(**key)).one_or_none()
    if row is not None and record.run < row.run_id:
        return  # the newest run's stands, in whatever order journals are read
    values = record.model_dump(include={"key", "value", "unscored", "low", "high", "edits", "groups", "failed"})
    _one(session, SetScoreRow, key, {"run_id": record.run, **values})
