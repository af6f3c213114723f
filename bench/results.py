"""Results as files that a reviewer can read in a diff, and back into a store.

    <folder>/<test set>-<version>/<protocol>-<signature>/
        board.json                       what was compared: cases and metrics, one a line
        <method>-v<version>-<key>.json   one version of one method: an edit a line; over a part of a split its name
                                         ends in the part's, `-mini`
        clips/                           copies of edits, to be watched (`bench.results_clips`)

Numbers have six digits. Left out are the edits themselves, series and anchors (any machine makes them anew), and what
was measured of cost unless it is asked for. A run of one's own always takes the place of what is read back
(`bench.store.repo`), and `bench run` makes such an edit as if nothing were known of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.identity import digest, method_key
from bench.plan import edit_key
from bench.store.read import Board, Result, Run, SetResult
from bench.store.records import Stage
from bench.types import EditCase, MethodCard, MetricCard

BOARD = "board.json"
CLIPS = "clips"
"""Folder of clips, beside the files of results."""
DIGITS = 6
MEASURED = frozenset({"seconds", "peak-memory"})
"""Metrics whose values depend on how busy the machine was."""
_MACHINE = frozenset({"platform", "cpu", "cores", "gpu"})
"""Facts that say something of cost alone."""
Hash = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """What every piece of a file of results is: closed and unchangeable."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class BoardFile(Part):
    """What the methods beside it were compared on."""

    format: Literal[1] = 1
    testset: str
    version: str
    testset_digest: Hash
    protocol: str
    signature: str
    metrics: tuple[MetricCard, ...]
    cases: tuple[EditCase, ...]


class EditLine(Part):
    """One edit. `scores` goes along `MethodFile.metrics`; null where `MethodFile.unscored` has the reason."""

    key: Hash
    """`identity.job_key`."""
    clip: Hash | None = None
    """sha256 of the clip as this program stores it; none for an edit that failed."""
    nfe: int | None = None
    seconds: float | None = None
    peak_memory: int | None = None
    stage: Stage | None = None
    """Where it failed."""
    reason: str | None = None
    scores: tuple[float | None, ...]


class SetLine(Part):
    """A metric of the whole set of edits."""

    metric: str
    value: float | None = None
    unscored: str | None = None
    low: float | None = None
    high: float | None = None
    edits: int
    groups: int
    failed: int


class MethodFile(Part):
    """One version of one method over one split."""

    format: Literal[1] = 1
    testset_digest: Hash
    signature: str
    method: MethodCard
    method_key: Hash
    split: str
    seed: int
    finished: str
    """ISO 8601, UTC: when the last of its edits was scored."""
    cost: Literal["measured", "left out"]
    environment: dict[str, Any]
    metrics: tuple[str, ...]
    unscored: dict[str, dict[str, tuple[str, ...]]]
    """By metric: why cases have no value of it."""
    sets: tuple[SetLine, ...]
    edits: dict[str, EditLine]
    """By case id."""
    digest: str
    """Over all of the above: a number that was mended by hand is found."""

    def content(self) -> str:
        """Return the digest that the file ought to have."""
        return digest(self.model_dump(mode="json", exclude={"digest"}))


# writing


def write(
    folder: Path,
    board: Board,
    results: Sequence[Result],
    sets: Sequence[SetResult],
    cards: Sequence[MetricCard],
    runs: Sequence[Run],
    split: str,
    *,
    cost: bool = False,
) -> tuple[Path, ...]:
    """Write a board's results of one split and seed, and return the files: the board's, then one per method.

    `results` are those of whole rows: every method has every case. A file of the same method version is replaced;
    `cost` keeps measured seconds and memory, which belong there only where nothing else ran on the machine.
    """
    # Without dots, with which a folder would be left out of an installed package.
    name = f"{board.testset}-{board.version}".replace(".", "-")
    place = folder / name / board.signature.replace(":", "-")
    told = {name for r in results for name in r.scores} | {s.metric for s in sets}
    known = tuple(c for c in cards if c.name in told and (cost or c.name not in MEASURED))
    before = read_board(place / BOARD) if (place / BOARD).exists() else None
    cases = {c.id: c for c in (before.cases if before else ())} | {r.case.id: r.case for r in results}
    offered = {c.name: c for c in (before.metrics if before else ())} | {c.name: c for c in known}
    there = BoardFile(
        testset=board.testset,
        version=board.version,
        testset_digest=board.testset_digest,
        protocol=board.protocol,
        signature=board.signature,
        metrics=tuple(offered.values()),
        cases=tuple(cases[i] for i in sorted(cases)),
    )
    written = [put(place / BOARD, there)]
    environments = {run.id: run.environment for run in runs}
    by_key: dict[str, list[Result]] = {}
    for result in results:
        by_key.setdefault(result.method_key, []).append(result)
    for key, rows in by_key.items():
        mine = [s for s in sets if s.method_key == key and s.split == split and s.seed == rows[0].seed]
        file = _method_file(board, rows, mine, known, environments.get(rows[-1].run, {}), split, cost)
        part = "" if {split} == {r.case.split for r in rows} else f"-{split}"
        written.append(put(place / f"{file.method.name}-v{file.method.version}-{key[:8]}{part}.json", file))
    return tuple(written)


def _method_file(
    board: Board,
    rows: Sequence[Result],
    sets: Sequence[SetResult],
    cards: Sequence[MetricCard],
    environment: dict[str, Any],
    split: str,
    cost: bool,
) -> MethodFile:
    names = tuple(c.name for c in cards if any(c.name in r.scores for r in rows))
    unscored: dict[str, dict[str, tuple[str, ...]]] = {}
    for row in rows:
        for name in names:
            reason = row.scores[name].unscored if name in row.scores else "not scored"
            if reason is not None:
                why = unscored.setdefault(name, {})
                why[reason] = (*why.get(reason, ()), row.case.id)
    file = MethodFile(
        testset_digest=board.testset_digest,
        signature=board.signature,
        method=rows[0].method,
        method_key=rows[0].method_key,
        split=split,
        seed=rows[0].seed,
        finished=max(r.finished for r in rows),
        cost="measured" if cost else "left out",
        environment={k: v for k, v in environment.items() if cost or k not in _MACHINE},
        metrics=names,
        unscored=unscored,
        sets=tuple(
            SetLine(metric=s.metric, value=_round(s.score.value), unscored=s.score.unscored, low=_round(s.score.low),
                    high=_round(s.score.high), edits=s.score.edits, groups=s.score.groups, failed=s.score.failed)
            for s in sets
        ),
        edits={r.case.id: _edit_line(r, names, cost) for r in sorted(rows, key=lambda r: r.case.id)},
        digest="",
    )  # fmt: skip
    return file.model_copy(update={"digest": file.content()})


def _edit_line(row: Result, names: Sequence[str], cost: bool) -> EditLine:
    return EditLine(
        key=row.key,
        clip=row.sha256,
        nfe=row.nfe,
        seconds=_round(row.seconds) if cost else None,
        peak_memory=row.peak_memory if cost else None,
        stage=row.stage,
        reason=row.reason,
        scores=tuple(_round(row.scores[name].value) if name in row.scores else None for name in names),
    )


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.{DIGITS}g}")


def put(path: Path, content: Part) -> Path:
    """Write a file whose long lists have an element a line, so that a diff shows which one changed."""
    text = ",\n".join(
        f" {json.dumps(name)}: {_block(value)}" for name, value in content.model_dump(mode="json").items()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(f"{{\n{text}\n}}\n", encoding="utf-8")
    part.replace(path)
    return path


def _block(value: Any) -> str:
    def line(item: Any) -> str:
        if isinstance(item, Mapping):
            item = {k: v for k, v in item.items() if v is not None}
        return json.dumps(item, ensure_ascii=False, allow_nan=False)

    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return "[\n" + ",\n".join(f"  {line(item)}" for item in value) + "\n ]"
    if isinstance(value, Mapping) and value and all(isinstance(item, Mapping) for item in value.values()):
        return "{\n" + ",\n".join(f"  {line(k)}: {line(item)}" for k, item in value.items()) + "\n }"
    if isinstance(value, Mapping):
        return json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False).replace("\n", "\n ")
    return line(value)


# reading


_File = TypeVar("_File", bound=Part)


class NotResults(ValueError):
    """A file that is not what this module writes; the message is one line and begins with the file's name."""


@dataclass(frozen=True, slots=True)
class Found:
    """What lies in a folder of results."""

    rows: tuple[tuple[BoardFile, MethodFile], ...] = ()
    faults: tuple[str, ...] = field(default=())
    """One line per file that is left out."""


def read(folder: Path) -> Found:
    """Return every row of a folder, by path in order; what is corrupt or foreign is left out and named."""
    rows: list[tuple[BoardFile, MethodFile]] = []
    faults: list[str] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in (BOARD, "README.md")):
        if path.name.startswith(".") or path.suffix == ".py" or path.parent.parent.name == CLIPS:
            continue
        try:
            rows.append(read_row(path))
        except NotResults as error:
            faults.append(str(error))
    return Found(tuple(rows), tuple(dict.fromkeys(faults)))


def read_board(path: Path) -> BoardFile:
    """Return what a folder of methods was compared on. Raises NotResults."""
    if not path.is_file():
        raise NotResults(f"{path}: missing; the files beside it cannot be read without it")
    return parsed(path, BoardFile)


def read_row(path: Path) -> tuple[BoardFile, MethodFile]:
    """Return a method's file with what it was compared on. Raises NotResults."""
    board = read_board(path.parent / BOARD)
    if path.suffix != ".json":
        raise NotResults(f"{path}: not a file of results; `bench results write` makes them")
    file = parsed(path, MethodFile)
    if wrong := next(_faults(file, board), None):
        raise NotResults(f"{path}: {wrong}; restore the file, or write it anew with `bench results write`")
    return board, file


def parsed(path: Path, model: type[_File]) -> _File:
    """Return a file's content as `model`. Raises NotResults."""
    try:
        return model.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise NotResults(
            f"{path}: {where}: {first['msg']}; restore the file, or write it anew with `bench results write`"
        ) from None


def _faults(file: MethodFile, board: BoardFile) -> Iterator[str]:
    """Yield what a file says that cannot be so."""
    if file.content() != file.digest:
        yield "its content has another digest than it says: it was changed after it was written"
    if file.method_key != method_key(file.method):
        yield "its method has another key than it says"
    for name in ("testset_digest", "signature"):
        if getattr(file, name) != getattr(board, name):
            yield f"{name} is not that of {BOARD} beside it"
    cards = {card.name: card for card in board.metrics}
    cases = {case.id: case for case in board.cases}
    if unknown := (*(set(file.edits) - set(cases)), *({*file.metrics, *(s.metric for s in file.sets)} - set(cards))):
        yield f"{unknown[0]} is not in {BOARD} beside it"
        return
    for case, edit in file.edits.items():
        if len(edit.scores) != len(file.metrics):
            yield f"{case}: {len(edit.scores)} scores for {len(file.metrics)} metrics"
        elif not file.method.oracle and edit.key != edit_key(file.method, cases[case], None, file.seed):
            yield f"{case}: the edit has another key than its method and case give"
        for name, value in zip(file.metrics, edit.scores, strict=False):
            low, high = cards[name].range
            if value is not None and not (low is None or low <= value) * (high is None or value <= high):
                yield f"{case}: {name} {value:g} is out of its range"
