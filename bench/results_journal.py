"""Files of results as journals, from which a store is made like from those of one's own runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.identity import digest, metric_key
from bench.results import BoardFile, Found, MethodFile
from bench.store.records import AnyRecord, EditFacts, EditRecord, EndRecord, RunRecord, ScoreRecord, SetRecord
from bench.store.repo import READ


def records(board: BoardFile, file: MethodFile) -> Iterator[AnyRecord]:
    """Yield a row as the records of a run that is older than any of one's own; a newer file's is the newer run."""
    when = "".join(c for c in file.finished[:19] if c.isalnum())
    run = f"{READ}read-{when}-{file.method.name}-{file.digest[:8]}"  # after `from-files`, as it began without a time
    cases = {case.id: case for case in board.cases}
    yield RunRecord(
        run=run,
        started=file.finished,
        spec={"testset": board.testset, "methods": [file.method.name], "seed": file.seed, "read": "from files"},
        split=file.split,
        partial=False,
        testset=board.testset,
        version=board.version,
        testset_digest=board.testset_digest,
        cases=[cases[name] for name in file.edits],
        methods=[file.method],
        protocol=board.protocol,
        signature=board.signature,
        metrics=list(board.metrics),
        environment=file.environment,
    )
    keys = {card.name: metric_key(card) for card in board.metrics}
    why = {(name, case): reason for name, r in file.unscored.items() for reason, ids in r.items() for case in ids}
    for name, edit in file.edits.items():
        source = cases[name].source
        yield EditRecord(
            run=run,
            key=edit.key,
            method=file.method_key,
            case=name,
            seed=file.seed,
            status="ok" if edit.stage is None else "failed",
            stage=edit.stage,
            reason=edit.reason,
            edit=None
            if edit.clip is None
            else EditFacts(
                sha256=edit.clip,
                size=0,
                frames=source.frames,
                width=source.width,
                height=source.height,
                fps=source.fps,
                seconds=edit.seconds,
                nfe=edit.nfe,
                peak_memory=edit.peak_memory,
            ),
            scores=[
                ScoreRecord(
                    metric=keys[metric],
                    key=digest(["from files", edit.key, keys[metric], file.digest]),
                    value=value,
                    unscored=None if value is not None else why.get((metric, name), "not scored"),
                )
                for metric, value in zip(file.metrics, edit.scores, strict=True)
            ],
            device=str(file.environment.get("device", "")),
            finished=file.finished,
        )
    for one in file.sets:
        facts = one.model_dump(exclude={"metric"})
        key = digest(["from files", file.digest, one.metric])
        yield SetRecord(
            run=run, method=file.method_key, metric=keys[one.metric], key=key, split=file.split, seed=file.seed, **facts
        )
    yield EndRecord(run=run, state="finished", finished=file.finished)


def put_journals(found: Found, folder: Path) -> int:
    """Write each row as a journal, where there is none of it yet, and return how many were new."""
    folder.mkdir(parents=True, exist_ok=True)
    new = 0
    for board, file in found.rows:
        made = list(records(board, file))
        path = folder / f"{made[0].run}.jsonl"
        if not path.exists():
            part = path.with_suffix(".part")
            part.write_text("".join(f"{record.model_dump_json()}\n" for record in made), encoding="utf-8")
            part.replace(path)
            new += 1
    return new
