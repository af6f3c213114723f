"""What the store holds, as plain values: for the board, the exports and the tables. Never writes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, select
from sqlalchemy.orm import Session

from bench.store.models import (
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
from bench.types import EditCase, MethodCard, MetricCard, Score, SetScore


@dataclass(frozen=True, slots=True)
class Board:
    """What may be compared: one test set by content, one protocol by signature."""

    testset: str
    version: str
    testset_digest: str
    protocol: str
    signature: str
    latest_run: str


@dataclass(frozen=True, slots=True)
class Run:
    """One `bench run`, as recorded."""

    id: str
    testset: str
    version: str
    testset_digest: str
    protocol: str
    signature: str
    split: str
    partial: bool
    """True where `--limit` left cases out."""
    state: str
    """running (or killed while it did), finished, interrupted, failed."""
    started: str
    finished: str | None
    spec: dict[str, Any]
    cases: tuple[str, ...]
    methods: tuple[str, ...]
    """Method keys."""
    environment: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """One edit, or the failure to make it, with its scores."""

    key: str
    case: EditCase
    method: MethodCard
    method_key: str
    seed: int
    ok: bool
    stage: str | None
    reason: str | None
    sha256: str | None
    """Of the stored clip, in the blob folder; None where there is none."""
    frames: int | None
    width: int | None
    height: int | None
    fps: str | None
    seconds: float | None
    nfe: int | None
    peak_memory: int | None
    """Bytes."""
    notes: dict[str, Any]
    run: str
    device: str
    finished: str
    scores: dict[str, Score]
    """By metric name, the newest version of each; empty where scoring failed."""


@dataclass(frozen=True, slots=True)
class SetResult:
    """What one metric of sets says of one method over a whole split."""

    method: str
    method_key: str
    metric: str
    split: str
    seed: int
    score: SetScore


class Reader:
    """Questions to the store."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> Engine:
        """The database it reads."""
        return self._engine

    def runs(self) -> tuple[Run, ...]:
        """Return all runs, newest first."""
        query = (
            select(RunRow, TestSetRow, ProtocolRow, EnvironmentRow)
            .join(TestSetRow, RunRow.testset_id == TestSetRow.id)
            .join(ProtocolRow, RunRow.protocol_id == ProtocolRow.id)
            .join(EnvironmentRow, RunRow.environment_id == EnvironmentRow.id)
            .order_by(RunRow.id.desc())
        )
        with Session(self._engine) as session:
            return tuple(
                Run(
                    id=run.id,
                    testset=testset.name,
                    version=testset.version,
                    testset_digest=testset.digest,
                    protocol=protocol.name,
                    signature=protocol.signature,
                    split=run.split,
                    partial=run.partial,
                    state=run.state,
                    started=run.started,
                    finished=run.finished,
                    spec=run.spec,
                    cases=tuple(run.cases),
                    methods=tuple(run.methods),
                    environment=environment.facts,
                )
                for run, testset, protocol, environment in session.execute(query).tuples()
            )

    def boards(self) -> tuple[Board, ...]:
        """Return every pair of test set and protocol that has runs, the one used last first."""
        found: dict[tuple[str, str], Board] = {}
        for run in self.runs():
            key = (run.testset_digest, run.signature)
            found.setdefault(
                key, Board(run.testset, run.version, run.testset_digest, run.protocol, run.signature, run.id)
            )
        return tuple(found.values())

    def metrics(self) -> tuple[MetricCard, ...]:
        """Return the newest card of each metric, in the protocol's order."""
        with Session(self._engine) as session:
            rows = session.scalars(select(MetricRow).order_by(MetricRow.version, MetricRow.id))
            newest = {row.name: row for row in rows}
        ordered = sorted(newest.values(), key=lambda row: (row.position, row.name))
        return tuple(MetricCard.model_validate(row.card) for row in ordered)

    def methods(self) -> dict[str, MethodCard]:
        """Return every method that was ever run, by its key."""
        with Session(self._engine) as session:
            return {row.key: MethodCard.model_validate(row.card) for row in session.scalars(select(MethodRow))}

    def results(
        self,
        board: Board,
        *,
        split: str | None = None,
        methods: frozenset[str] | None = None,
        run: str | None = None,
        seed: int | None = None,
        cases: frozenset[str] | None = None,
        newest: bool = True,
    ) -> tuple[Result, ...]:
        """Return a board's results in order of method, case and seed.

        `split` keeps a split or a named part of one; `methods` keeps these names; `cases` these ids; `run` keeps
        what that run covered, whoever made it; `newest` keeps, of each method name, the identity (parameters,
        weights) that was run last.
        """
        covered = next((r for r in self.runs() if r.id == run), None) if run else None
        keep = set(covered.methods) if covered else self._newest(board) if newest else None
        query = (
            select(EditRow, CaseRow, MethodRow)
            .join(CaseRow, EditRow.case_id == CaseRow.id)
            .join(MethodRow, EditRow.method_id == MethodRow.id)
            .join(TestSetRow, EditRow.testset_id == TestSetRow.id)
            .where(TestSetRow.digest == board.testset_digest)
            .order_by(MethodRow.name, MethodRow.id, CaseRow.case_id, EditRow.seed)
        )
        where: list[ColumnElement[bool]] = []
        if methods is not None:
            where.append(MethodRow.name.in_(methods))
        if cases is not None:
            where.append(CaseRow.case_id.in_(cases))
        if seed is not None:
            where.append(EditRow.seed == seed)
        query = query.where(*where)
        with Session(self._engine) as session:
            scores = self._scores(session, board, where)
            found = []
            for edit, case_row, method in session.execute(query).tuples():
                case = EditCase.model_validate(case_row.record)
                if keep is not None and method.key not in keep:
                    continue
                if covered and (case.id not in covered.cases or edit.seed != covered.spec.get("seed", edit.seed)):
                    continue
                if split is not None and split != case.split and split not in case.subsets:
                    continue
                found.append(_result(edit, case, method, scores.get(edit.id, {})))
        return tuple(found)

    def edits_of(self, board: Board, clips: Collection[str]) -> tuple[tuple[str, EditCase], ...]:
        """Return the method's name and the case of a board's edits that have one of these clips, named by sha256."""
        query = (
            select(MethodRow.name, CaseRow)
            .join(EditRow, EditRow.method_id == MethodRow.id)
            .join(CaseRow, EditRow.case_id == CaseRow.id)
            .join(TestSetRow, EditRow.testset_id == TestSetRow.id)
            .where(TestSetRow.digest == board.testset_digest, EditRow.sha256.in_(clips))
            .order_by(MethodRow.name, CaseRow.case_id)
        )
        with Session(self._engine) as session:
            found = session.execute(query).tuples()
            return tuple((name, EditCase.model_validate(case.record)) for name, case in found)

    def sets(self, board: Board, split: str | None = None, seed: int | None = None) -> tuple[SetResult, ...]:
        """Return what metrics of sets say of a board's methods, in order of method, split, seed and metric."""
        query = (
            select(SetScoreRow, MethodRow, MetricRow.name)
            .join(MethodRow, SetScoreRow.method_id == MethodRow.id)
            .join(MetricRow, SetScoreRow.metric_id == MetricRow.id)
            .join(ProtocolRow, SetScoreRow.protocol_id == ProtocolRow.id)
            .join(TestSetRow, SetScoreRow.testset_id == TestSetRow.id)
            .where(ProtocolRow.signature == board.signature, TestSetRow.digest == board.testset_digest)
            .order_by(MethodRow.name, MethodRow.key, SetScoreRow.split, SetScoreRow.seed, MetricRow.position)
        )
        if split is not None:
            query = query.where(SetScoreRow.split == split)
        if seed is not None:
            query = query.where(SetScoreRow.seed == seed)
        with Session(self._engine) as session:
            return tuple(
                SetResult(
                    method=method.name,
                    method_key=method.key,
                    metric=metric,
                    split=row.split,
                    seed=row.seed,
                    score=SetScore(row.value, row.unscored, row.low, row.high, row.edits, row.groups, row.failed),
                )
                for row, method, metric in session.execute(query).tuples()
            )

    def _newest(self, board: Board) -> set[str]:
        with Session(self._engine) as session:
            names = dict(session.execute(select(MethodRow.key, MethodRow.name)).tuples().all())
        chosen: dict[str, str] = {}
        for run in self.runs():
            if (run.testset_digest, run.signature) == (board.testset_digest, board.signature):
                for key in run.methods:
                    chosen.setdefault(names[key], key)
        return set(chosen.values())

    def _scores(
        self, session: Session, board: Board, where: Sequence[ColumnElement[bool]]
    ) -> dict[int, dict[str, Score]]:
        query = (
            select(ScoreRow, MetricRow.name)
            .join(MetricRow, ScoreRow.metric_id == MetricRow.id)
            .join(ProtocolRow, ScoreRow.protocol_id == ProtocolRow.id)
            .join(EditRow, ScoreRow.edit_id == EditRow.id)
            .join(CaseRow, EditRow.case_id == CaseRow.id)
            .join(MethodRow, EditRow.method_id == MethodRow.id)
            .join(TestSetRow, EditRow.testset_id == TestSetRow.id)
            .where(ProtocolRow.signature == board.signature, TestSetRow.digest == board.testset_digest, *where)
            .order_by(MetricRow.position, MetricRow.version, MetricRow.id)
        )
        scores: dict[int, dict[str, Score]] = defaultdict(dict)
        for row, name in session.execute(query).tuples():
            anchors = (row.anchors[0], row.anchors[1]) if row.anchors else None
            scores[row.edit_id][name] = Score(row.value, row.unscored, tuple(row.series), anchors)
        return scores


def _result(edit: EditRow, case: EditCase, method: MethodRow, scores: dict[str, Score]) -> Result:
    return Result(
        key=edit.key,
        case=case,
        method=MethodCard.model_validate(method.card),
        method_key=method.key,
        seed=edit.seed,
        ok=edit.status == "ok",
        stage=edit.stage,
        reason=edit.reason,
        sha256=edit.sha256,
        frames=edit.frames,
        width=edit.width,
        height=edit.height,
        fps=edit.fps,
        seconds=edit.seconds,
        nfe=edit.nfe,
        peak_memory=edit.peak_memory,
        notes=edit.notes,
        run=edit.run_id,
        device=edit.device,
        finished=edit.finished,
        scores=scores,
    )
