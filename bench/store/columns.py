"""A board's scores as one matrix per metric (methods x cases), kept in a file and brought up to date run by run.

A page that ranks a thousand methods cannot read millions of rows. Only methods of runs whose journal has grown since
the file was written are read again; everything in the file can be made anew from the store.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from sqlalchemy import Engine, case, literal, select
from sqlalchemy.orm import Session

from bench.identity import digest
from bench.store.models import CaseRow, EditRow, MethodRow, MetricRow, ProtocolRow, RunRow, ScoreRow, TestSetRow
from bench.store.read import Board
from bench.types import EditCase, MethodCard

Matrix = NDArray[np.float32]
COST = ("seconds", "nfe", "peak_memory")
"""What an edit took, as stored with it."""
_COUNTS = ("edit:edits", "edit:failed")
_COST = {f"edit:{name}": name for name in COST}
_FORMAT = "columns-1"
_BATCH = 50
"""Methods read at once."""


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """What a board's pages aggregate. Rows are methods, the newest identity of each name; columns are cases."""

    methods: tuple[MethodCard, ...]
    keys: tuple[str, ...]
    """Method keys, in the same order."""
    runs: tuple[str, ...]
    """The newest run of each method."""
    cases: tuple[EditCase, ...]
    values: Mapping[str, Matrix]
    """By metric: float32, methods x cases, the mean over seeds; NaN where there is no value."""
    edits: Matrix
    """Edits per method and case; 0 where the method was not run."""
    failed: Matrix
    """How many of them could not be made."""
    cost: Mapping[str, Matrix]
    """By name in `COST`: seconds, forwards and bytes of an edit, the mean over seeds; NaN where unknown."""

    def row(self, name: str) -> int:
        """Return the row of a method's name. Raises KeyError for an unknown one."""
        for row, card in enumerate(self.methods):
            if card.name == name:
                return row
        raise KeyError(name)


def load(engine: Engine, board: Board, folder: Path) -> Columns:
    """Return a board's columns, from the file in `folder` as far as it is fresh; the file is then rewritten."""
    with Session(engine) as session:
        testset = session.scalars(select(TestSetRow.id).filter_by(digest=board.testset_digest)).one()
        protocol = session.scalars(select(ProtocolRow.id).filter_by(signature=board.signature)).one()
        wanted = _wanted(session, testset, protocol)
        found = session.execute(
            select(CaseRow.id, CaseRow.record).filter_by(testset_id=testset).order_by(CaseRow.case_id)
        ).all()
        cases = tuple(EditCase.model_validate(row.record) for row in found)
        rows = {row.key: row for row in session.scalars(select(MethodRow)) if row.key in wanted.methods}
        # Keys and ids, not row numbers: a rebuilt database may number its rows anew.
        identity = {"board": f"{board.testset_digest}|{board.signature}", "cases": [case.id for case in cases]}
        path = folder / f"{_FORMAT}-{digest(identity['board'])[:16]}.safetensors"
        held = _read(path, identity)
        stale = _stale(wanted, held)
        if held is None or stale or set(held.methods) != set(wanted.methods):
            kept = [key for key in wanted.methods if held is not None and key in held.methods and key not in stale]
            fresh = [key for key in wanted.methods if key not in kept]
            made = _measure(session, testset, protocol, [rows[key].id for key in fresh], [row.id for row in found])
            held = _merged(held, kept, fresh, made)
            _write(path, identity | {"offsets": wanted.offsets, "methods": held.methods}, held.values)
    order = sorted(range(len(held.methods)), key=lambda i: rows[held.methods[i]].name)
    values = {name: matrix[order] for name, matrix in held.values.items()}
    keys = tuple(held.methods[i] for i in order)
    return Columns(
        methods=tuple(MethodCard.model_validate(rows[key].card) for key in keys),
        keys=keys,
        runs=tuple(wanted.methods[key] for key in keys),
        cases=cases,
        edits=values.pop(_COUNTS[0]),
        failed=values.pop(_COUNTS[1]),
        cost={name: values.pop(stored) for stored, name in _COST.items()},
        values=values,
    )


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What the file must hold: one pass over the runs, without their scores."""

    offsets: dict[str, int]
    """Bytes taken from each run's journal."""
    runs: dict[str, list[str]]
    """Method keys of each run."""
    methods: dict[str, str]
    """The newest identity of each name, with its newest run."""


def _wanted(session: Session, testset: int, protocol: int) -> _Wanted:
    names: dict[str, str] = dict(session.execute(select(MethodRow.key, MethodRow.name)).tuples().all())
    found = _Wanted({}, {}, {})
    named: set[str] = set()
    query = (
        select(RunRow.id, RunRow.methods, RunRow.journal_offset)
        .filter_by(testset_id=testset, protocol_id=protocol)
        .order_by(RunRow.id.desc())
    )
    for run, keys, offset in session.execute(query).tuples():
        found.offsets[run] = offset
        found.runs[run] = keys
        for key in keys:
            if names[key] not in named:
                named.add(names[key])
                found.methods[key] = run
    return found


@dataclass(frozen=True, slots=True)
class _Held:
    """What a file holds."""

    offsets: dict[str, int]
    methods: list[str]
    """Keys."""
    values: dict[str, Matrix]


def _stale(wanted: _Wanted, old: _Held | None) -> set[str]:
    """Return the methods of runs that have grown (or were folded in anew) since the file was written."""
    if old is None:
        return set(wanted.methods)
    grown = [run for run, offset in wanted.offsets.items() if old.offsets.get(run) != offset]
    return {method for run in grown for method in wanted.runs[run]}


def _measure(session: Session, testset: int, protocol: int, methods: list[int], cases: list[int]) -> dict[str, Matrix]:
    """Return the matrices of these methods, read from the tables."""
    metrics: dict[int, str] = dict(session.execute(select(MetricRow.id, MetricRow.name)).tuples().all())
    tally = _Tally((len(methods), len(cases)), {row: at for at, row in enumerate(cases)})
    for start in range(0, len(methods), _BATCH):
        batch = methods[start : start + _BATCH]
        tally.methods = {method: start + i for i, method in enumerate(batch)}
        where = (EditRow.testset_id == testset, EditRow.method_id.in_(batch))
        counts = select(
            EditRow.method_id, EditRow.case_id, literal(1.0), case((EditRow.status == "ok", 0.0), else_=1.0)
        ).where(*where)
        for at, name in enumerate(_COUNTS):
            tally.add(name, [(row[0], row[1], row[2 + at]) for row in session.execute(counts)])
        for stored, name in _COST.items():
            column = getattr(EditRow, name)
            cost = select(EditRow.method_id, EditRow.case_id, column).where(*where, column.is_not(None))
            tally.add(stored, [tuple(row) for row in session.execute(cost)])
        scores = (
            select(EditRow.method_id, EditRow.case_id, ScoreRow.value, ScoreRow.metric_id)
            .join(ScoreRow, ScoreRow.edit_id == EditRow.id)
            .where(*where, ScoreRow.protocol_id == protocol, ScoreRow.value.is_not(None))
        )
        found = np.array([tuple(row) for row in session.execute(scores)], np.float64).reshape(-1, 4)
        for metric in np.unique(found[:, 3]):
            tally.add(metrics[int(metric)], found[found[:, 3] == metric, :3])
    return tally.matrices()


class _Tally:
    """Sums and counts per method and case."""

    def __init__(self, shape: tuple[int, int], cases: Mapping[int, int]) -> None:
        self.methods: Mapping[int, int] = {}
        self._shape, self._cases = shape, cases
        self._sums: dict[str, NDArray[np.float64]] = {}
        self._counts: dict[str, NDArray[np.float64]] = {}

    def add(self, name: str, rows: Sequence[Sequence[float]] | NDArray[np.float64]) -> None:
        """Take in rows of method, case and value."""
        sums = self._sums.setdefault(name, np.zeros(self._shape))
        counts = self._counts.setdefault(name, np.zeros(self._shape))
        if not len(rows):
            return
        found = np.asarray(rows, np.float64)
        at = (
            np.array([self.methods[int(m)] for m in found[:, 0]]),
            np.array([self._cases[int(c)] for c in found[:, 1]]),
        )
        np.add.at(sums, at, found[:, 2])
        np.add.at(counts, at, 1)

    def matrices(self) -> dict[str, Matrix]:
        """Return sums of the counts, and means of all else."""
        made = {}
        for name, sums in self._sums.items():
            if name not in _COUNTS:
                counts = self._counts[name]
                sums = np.divide(sums, counts, out=np.full(self._shape, np.nan), where=counts > 0)
            made[name] = sums.astype(np.float32)
        return made


def _merged(old: _Held | None, kept: list[str], fresh: list[str], made: dict[str, Matrix]) -> _Held:
    """Return the rows that are still good and the new ones, in this order."""
    before = old.values if old is not None else {}
    at = {method: i for i, method in enumerate(old.methods)} if old is not None else {}
    width = next((m.shape[1] for m in (*made.values(), *before.values())), 0)
    values = {}
    for name in dict.fromkeys((*_COUNTS, *_COST, *before, *made)):
        empty = 0.0 if name in _COUNTS else np.nan
        parts = [
            before[name][[at[m] for m in kept]] if name in before else np.full((len(kept), width), empty, np.float32),
            made[name] if name in made else np.full((len(fresh), width), empty, np.float32),
        ]
        values[name] = np.concatenate(parts)
    return _Held({}, [*kept, *fresh], values)


def _read(path: Path, identity: Mapping[str, object]) -> _Held | None:
    """Return what the file holds; None where it is missing, damaged, or of other cases."""
    try:
        with safe_open(path, framework="numpy") as file:
            meta = json.loads((file.metadata() or {}).get("columns", "{}"))
            if any(meta.get(name) != value for name, value in identity.items()):
                return None
            return _Held(meta["offsets"], meta["methods"], {name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    except (OSError, SafetensorError, json.JSONDecodeError):
        return None


def _write(path: Path, meta: Mapping[str, object], values: Mapping[str, Matrix]) -> None:
    """Replace the file at once: two boards that write it both leave a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    with os.fdopen(handle, "wb") as stream:
        stream.write(save(dict(values), metadata={"columns": json.dumps(meta)}))
    Path(name).replace(path)
