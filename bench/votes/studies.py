"""Studies: which methods and cases are voted on, fixed before the first vote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from itertools import combinations
from typing import Any, Literal

import numpy as np
from sqlalchemy import Engine, select, text
from sqlalchemy.orm import Session

from bench.blobs import BlobStore
from bench.errors import UserError, unknown
from bench.home import Home
from bench.media import read_video, write_lossless
from bench.store.db import WRITES
from bench.store.read import Board, Reader
from bench.store.vote_rows import StudyRow
from bench.types import EditCase, TestSet, Video
from bench.votes.rules import Axis, Rules

CATCH = "catch:"
"""What the keys of clips that are no method's start with."""


@dataclass(frozen=True, slots=True)
class StudyCase:
    """One case of a study."""

    id: str
    group: str
    """The source clip: intervals are clustered on it."""
    scenario: str
    instruction: dict[str, str]
    """By language (en, zh)."""
    seconds: float
    """How long its clips last."""
    source: str
    """sha256 of the source clip, as stored."""
    clips: dict[str, str]
    """sha256 of each method's clip, by method key."""
    catches: dict[str, str]
    """sha256 of the clips of catch trials, by name."""

    def shown(self, key: str) -> str:
        """Return the sha256 of the clip that a ballot names: a method key, or `catch:` and a name."""
        return self.catches[key.removeprefix(CATCH)] if key.startswith(CATCH) else self.clips[key]

    @property
    def trials(self) -> tuple[tuple[str, str, str, Axis, int], ...]:
        """Catch trials as (case id, low, high, axis, right answer): 1 where `low` is right, -1 where `high` is."""
        return tuple(
            (self.id, *_ordered(CATCH + better, CATCH + worse), axis, 1 if better < worse else -1)
            for better, worse, axis in _TRIALS
            if better in self.catches and worse in self.catches
        )


_TRIALS: tuple[tuple[str, str, Axis], ...] = (
    ("truth", "source", "edit_done"),
    ("truth", "other", "rest_kept"),
    ("source", "ruined", "looks_real"),
)
"""Which of two clips is better, and in what: the answers of catch trials. `other` is another case's clip."""


def _ordered(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


@dataclass(frozen=True, slots=True)
class Study:
    """What is voted on."""

    id: int
    name: str
    state: Literal["open", "closed"]
    created: str
    """ISO 8601, UTC."""
    testset_digest: str
    signature: str
    """Of the protocol whose scores the votes are compared with."""
    split: str
    methods: dict[str, str]
    """Method names by method key. Never shown to a voter."""
    cases: tuple[StudyCase, ...]
    rules: Rules

    @property
    def pairs(self) -> tuple[tuple[str, str, str], ...]:
        """Every (case id, low, high): two methods whose clips of the case differ, keys in order."""
        return tuple(
            (c.id, low, high)
            for c in self.cases
            for low, high in combinations(sorted(c.clips), 2)
            if c.clips[low] != c.clips[high]
        )

    def case(self, case: str) -> StudyCase:
        """Return a case by its id. KeyError for an unknown one."""
        return next(c for c in self.cases if c.id == case)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(timezone.utc)


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """Yield a session that commits at the end; of all programs on this store, one at a time is in here."""
    with Session(engine.execution_options(**{WRITES: True})) as session, session.begin():
        if engine.dialect.name == "postgresql":
            session.execute(text(f"LOCK TABLE {StudyRow.__tablename__} IN EXCLUSIVE MODE"))
        yield session


def open_study(
    engine: Engine,
    home: Home,
    testset: TestSet,
    name: str,
    board: Board,
    split: str,
    methods: tuple[str, ...] = (),
    rules: Rules = Rules(),  # noqa: B008 (frozen)
) -> Study:
    """Open a study of the stored edits of a board's split and return it.

    `methods` are method names; by default all that are no controls. Cases that fewer than two of them edited are left
    out. Raises `UserError` for a name that is taken, an unknown method, or fewer than two methods.
    """
    results = [r for r in Reader(engine).results(board, split=split) if r.ok and r.sha256]
    offered = {r.method.name for r in results}
    for method in methods:
        if method not in offered:
            raise unknown("method", method, offered)
    chosen = set(methods) or {r.method.name for r in results if not r.method.control}
    if len(chosen) < 2:
        raise UserError(f"split {split} has edits of {len(chosen)} methods here, a vote needs two: run another one")
    names = {r.method_key: r.method.name for r in results if r.method.name in chosen}
    clips: dict[str, dict[str, str]] = {}
    for result in results:
        if result.method_key in names and result.sha256:
            clips.setdefault(result.case.id, {})[result.method_key] = result.sha256
    known = {r.case.id: r.case for r in results}
    shared = [known[case] for case, by_method in sorted(clips.items()) if len(by_method) > 1]
    blobs = BlobStore(home.blobs)
    cases = {case.id: asdict(_study_case(case, shared, clips[case.id], testset, blobs)) for case in shared}
    with transaction(engine) as session:
        if session.scalars(select(StudyRow).filter_by(name=name)).one_or_none():
            raise UserError(f"study '{name}' is there already; choose another name")
        row = StudyRow(
            name=name,
            state="open",
            created=now().isoformat(timespec="seconds"),
            testset_digest=board.testset_digest,
            signature=board.signature,
            split=split,
            methods=names,
            cases=cases,
            rules=rules.model_dump(),
        )
        session.add(row)
        session.flush()
        return _plain(row)


def _study_case(
    case: EditCase, cases: list[EditCase], clips: Mapping[str, str], testset: TestSet, blobs: BlobStore
) -> StudyCase:
    source = read_video(testset.root / case.source.path)
    catches = {"source": _keep(source, blobs), "ruined": _keep(ruined(source), blobs)}
    if case.target is not None:
        catches["truth"] = _keep(read_video(testset.root / case.target.path), blobs)
    shape = (case.source.width, case.source.height, case.source.frames)
    others = [c for c in cases if c.group != case.group and (c.source.width, c.source.height, c.source.frames) == shape]
    if others:
        other = min(others, key=lambda c: (c.group <= case.group, c.group, c.id))
        catches["other"] = _keep(read_video(testset.root / other.source.path), blobs)
    return StudyCase(
        case.id,
        case.group,
        case.scenario,
        {"en": case.instruction.en, "zh": case.instruction.zh},
        float(source.shape[0] / source.fps),
        catches["source"],
        dict(clips),
        catches,
    )


def _keep(video: Video, blobs: BlobStore) -> str:
    return blobs.add(lambda path: write_lossless(video, path))


def ruined(video: Video) -> Video:
    """Return the clip so damaged that nobody takes it for footage: blocks of 16 pixels, every other frame negative."""
    _, height, width = video.shape
    rows, columns = np.arange(height) // 16 * 16, np.arange(width) // 16 * 16
    frames = video.frames[:, rows][:, :, columns].copy()
    frames[1::2] = 255 - frames[1::2]
    return Video(frames, video.fps)


def close_study(engine: Engine, name: str) -> Study:
    """Close a study: its votes stay, no more are taken."""
    with transaction(engine) as session:
        row = _row(session, name)
        row.state = "closed"
        return _plain(row)


def studies(engine: Engine) -> tuple[Study, ...]:
    """Return all studies, newest first."""
    with Session(engine) as session:
        return tuple(_plain(row) for row in session.scalars(select(StudyRow).order_by(StudyRow.id.desc())))


def study(engine: Engine, name: str) -> Study:
    """Return a study by its name. Raises `UserError` for an unknown one."""
    with Session(engine) as session:
        return _plain(_row(session, name))


def _row(session: Session, name: str) -> StudyRow:
    row = session.scalars(select(StudyRow).filter_by(name=name)).one_or_none()
    if row is None:
        raise unknown("study", name, session.scalars(select(StudyRow.name)))
    return row


def _plain(row: StudyRow) -> Study:
    facts: Mapping[str, Any] = row.cases
    return Study(
        row.id,
        row.name,
        "open" if row.state == "open" else "closed",
        row.created,
        row.testset_digest,
        row.signature,
        row.split,
        row.methods,
        tuple(StudyCase(**facts[case]) for case in sorted(facts)),
        Rules.model_validate(row.rules),
    )
