"""Drive a plan: hand out its jobs, and write down each outcome before the next is looked at.

Only the process that calls `run` writes: the journal first, then the database, one transaction per job.
Killed at any moment, it loses the case in hand (with several workers, what each makes of one clip), and the next run
plans what is left.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timezone

from bench import crash, plan, registry, testsets, weights
from bench.blobs import BlobStore
from bench.env import environment
from bench.errors import UserError, unknown
from bench.executors import Executor
from bench.executors.inline import Inline
from bench.executors.pool import Pool
from bench.features.bank import FeatureBank
from bench.home import Home
from bench.identity import method_key, metric_key, missing_key, score_key, testset_digest
from bench.inputs import CaseReader, wrong_answer
from bench.plan import Plan, RunSpec
from bench.protocol import Protocol
from bench.sets import SetScorer
from bench.store.access import open_reader, open_store
from bench.store.journal import Journal
from bench.store.read import Board
from bench.store.records import EditRecord, EndRecord, RunRecord, RunState, ScoreRecord
from bench.store.repo import Store
from bench.types import EditCase, MethodEntry, MetricCard, Score, TestSet
from bench.work import Outcome, Setup


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A run that is ready to start: everything read, checked and planned."""

    spec: RunSpec
    home: Home
    store: Store
    testset: TestSet
    cases: tuple[EditCase, ...]
    entries: tuple[MethodEntry, ...]
    protocol: Protocol
    signature: str
    cards: tuple[MetricCard, ...]
    """Of the protocol's metrics of edits, then of those asked for besides."""
    plan: Plan
    url: str | None = None
    """Of the store, where it is not the state folder's own."""

    @property
    def partial(self) -> bool:
        """Whether `--limit` left cases out."""
        return self.spec.limit is not None and self.spec.limit < len(self.testset.select(self.spec.split))


@dataclass(frozen=True, slots=True)
class Report:
    """How a run ended."""

    run: str
    state: RunState
    done: int
    """Jobs with an outcome."""
    failed: tuple[tuple[str, str, str], ...]
    """Method, case and reason of each job that failed."""
    unloadable: dict[str, str]
    """Why a method's model could not be loaded; its jobs are still to do."""


def prepare(spec: RunSpec, home: Home, url: str | None = None, *, verify: bool = True) -> Prepared:
    """Return the run that a spec describes.

    Raises `UserError` for an unknown method, split, test set or protocol, for a method with edits to make that
    cannot be made, and for an altered or missing file of a case that would be read.
    """
    known_methods = registry.methods()
    for name in spec.methods:
        if name not in known_methods:
            raise unknown("method", name, known_methods)
    if spec.limit is not None and spec.limit < 1:
        raise UserError(f"--limit {spec.limit}: wanted a number of cases from 1 up")
    if spec.workers < 1:
        raise UserError(f"--workers {spec.workers}: wanted a number of processes from 1 up")
    if spec.workers < len(devices := spec.device.split(",")):
        raise UserError(
            f"--device {spec.device}: {len(devices)} devices for --workers {spec.workers}; wanted a worker for each"
        )
    entries = plan.choose(known_methods, spec.methods, spec.controls)
    if spec.parameters:
        changes = dict(spec.parameters)
        entries = tuple(registry.variant(e, changes) if e.card.name in spec.methods else e for e in entries)
    testset = registry.testset(spec.testset)
    cases = testsets.select(testset, spec.split)[: spec.limit]
    protocol = registry.protocol(spec.protocol)
    cards = (*protocol.cards, *_extras(protocol, spec.metrics))
    signature = protocol.signature
    store = open_store(home, url)
    keys = {plan.edit_key(e.card, c, _wrong(e, c, testset), spec.seed) for e in entries for c in cases}
    made = plan.make(
        entries,
        cases,
        testset,
        cards,
        signature,
        spec.seed,
        store.known(testset_digest(testset)),
        store.facts(keys),
        store.seconds(),
    )
    for entry in {job.entry.card.name: job.entry for job in made.jobs if job.stored is None}.values():
        if not entry.card.control:
            registry.create(entry)  # what cannot even be made is refused before any case
    if verify:
        read = {c.id: c for job in made.jobs for c in (job.case, job.wrong, job.other) if c}
        testsets.verify_assets(testset, read.values())
    return Prepared(spec, home, store, testset, cases, entries, protocol, signature, cards, made, url)


def _wrong(entry: MethodEntry, case: EditCase, testset: TestSet) -> EditCase | None:
    return wrong_answer(case, testset.cases) if entry.card.oracle else None


def _extras(protocol: Protocol, names: tuple[str, ...]) -> tuple[MetricCard, ...]:
    inside = {card.name for card in protocol.cards}
    wanted = [name for name in dict.fromkeys(names) if name not in inside]
    offered = registry.metrics() if wanted else {}
    for name in wanted:
        if name not in offered:
            raise unknown("metric", name, {*offered, *inside})
    return tuple(offered[name].card for name in wanted)


def now() -> str:
    """Return the time as ISO 8601 in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def run(
    prepared: Prepared,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    executor: Executor | None = None,
) -> Report:
    """Carry out a plan and return how it ended; `on_outcome` is told of each job once it is on the disk.

    Ctrl-C ends the run with the state `interrupted`. Raises `UserError` (a full disk, say) after recording
    the end.
    """
    spec, store = prepared.spec, prepared.store
    name = f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S.%f}-{secrets.token_hex(3)}"
    journal = Journal(prepared.home.journals, name)
    begin = _run_record(name, prepared)
    store.apply(begin, journal.append(begin))
    crash.here("after-begin")
    failed: list[tuple[str, str, str]] = []
    unloadable: dict[str, str] = {}
    done = 0
    state: RunState = "failed"
    try:
        setup = Setup(
            prepared.testset.root,
            spec.protocol,
            tuple(c.name for c in prepared.cards[len(prepared.protocol.cards) :]),
            prepared.home.blobs,
            prepared.home.cache,
            spec.device,
            prepared.testset.vocabulary,
        )
        executor = executor or (Pool() if spec.workers > 1 else Inline())
        for outcome in executor.run(prepared.plan.jobs, setup.start, spec.workers):
            card = outcome.job.entry.card
            if outcome.stage == "load":
                unloadable[card.name] = outcome.reason or ""
            else:
                _write(name, outcome, prepared, journal)
                done += 1
                if outcome.status == "failed":
                    failed.append((card.name, outcome.job.case.id, outcome.reason or ""))
            on_outcome(outcome)
        _score_sets(name, prepared, journal)
        state = "failed" if unloadable else "finished"
    except KeyboardInterrupt:
        state = "interrupted"
    finally:
        crash.here("before-end")
        end = EndRecord(run=name, state=state, finished=now())
        store.apply(end, journal.append(end))
        journal.close()
    return Report(name, state, done, tuple(failed), unloadable)


def _score_sets(name: str, prepared: Prepared, journal: Journal) -> None:
    """Score what is due of the metrics of whole sets; a partial run covers no split."""
    metrics = prepared.protocol.sets
    if prepared.partial or not metrics:
        return
    reader = open_reader(prepared.home, prepared.url)
    testset = prepared.testset
    digest, protocol = testset_digest(testset), prepared.protocol.name
    board = Board(testset.name, testset.version, digest, protocol, prepared.signature, name)
    home = prepared.home
    scorer = SetScorer(CaseReader(prepared.testset.root), BlobStore(home.blobs), FeatureBank(home.cache / "features"))
    due = scorer.due(
        reader.results(board, run=name),
        prepared.cases,
        metrics,
        prepared.signature,
        prepared.spec.split,
        prepared.spec.seed,
        prepared.store.set_keys(digest, prepared.spec.split),
        name,
    )
    for record in due:
        prepared.store.apply(record, journal.append(record))
        crash.here("after-set")


def _run_record(name: str, prepared: Prepared) -> RunRecord:
    spec, testset = prepared.spec, prepared.testset
    return RunRecord(
        run=name,
        started=now(),
        spec=asdict(spec) | {"methods": list(spec.methods), "metrics": list(spec.metrics)},
        split=spec.split,
        partial=prepared.partial,
        testset=testset.name,
        version=testset.version,
        testset_digest=testset_digest(testset),
        cases=list(prepared.cases),
        methods=[entry.card for entry in prepared.entries],
        protocol=prepared.protocol.name,
        signature=prepared.signature,
        metrics=[*prepared.cards, *(m.card for m in prepared.protocol.sets)],
        environment=environment(spec.device),
    )


def _write(name: str, outcome: Outcome, prepared: Prepared, journal: Journal) -> None:
    record = _edit_record(name, outcome, prepared)
    offset = journal.append(record)
    crash.here("after-journal")
    prepared.store.apply(record, offset, before_commit=lambda: crash.here("before-commit"))
    crash.here("after-commit")


def _edit_record(name: str, outcome: Outcome, prepared: Prepared) -> EditRecord:
    job, edit = outcome.job, outcome.edit
    cards = {card.name: card for card in prepared.cards}

    def record(card: MetricCard, score: Score) -> ScoreRecord:
        key = score_key(edit.sha256 if edit else None, job.references(card), card, prepared.signature)
        if score.unscored and score.unscored.startswith(weights.MISSING):
            key = missing_key(key, weights.inventory())
        return ScoreRecord(
            metric=metric_key(card),
            key=key,
            value=score.value,
            unscored=score.unscored,
            series=score.series,
            anchors=score.anchors,
        )

    return EditRecord(
        run=name,
        key=job.key,
        method=method_key(job.entry.card),
        case=job.case.id,
        seed=job.seed,
        status=outcome.status,
        stage=outcome.stage,
        reason=outcome.reason,
        edit=edit,
        scores=[record(cards[metric], score) for metric, score in outcome.scores.items() if metric in cards],
        device=prepared.spec.device,
        finished=now(),
    )
