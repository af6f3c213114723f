"""An accepted submission as a JSON file that a reviewer can read in a diff: `<row name>-<submission>.json`.

The files of the project's own board lie in `submissions/accepted/`; `bench review publish` writes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bench.stats import macro_average
from bench.store.read import Result
from submissions.ledger import Ledger, Submission
from submissions.manifest import Manifest
from submissions.review import Provenance
from submissions.review import results as results_of
from submissions.row import row_name
from submissions.rules import shown

FOLDER = Path(__file__).with_name("accepted")
FORMAT = 1
_HASH = r"^[0-9a-f]{64}$"


class Mean(BaseModel):
    """A metric over the edits that have it: the mean over scenarios of a scenario's mean."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    mean: float
    edits: Annotated[int, Field(ge=1)]


class Entry(BaseModel):
    """What is published of an accepted submission: all but the contact address and the clips."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)] = FORMAT
    submission: Annotated[str, Field(pattern=r"^s[0-9a-f]{10}$")]
    accepted: str
    """ISO 8601, UTC."""
    provenance: Provenance
    row: str
    method_key: Annotated[str, Field(pattern=_HASH)]
    content: Annotated[str, Field(pattern=_HASH)]
    """Digest of the submitted clips."""
    testset_digest: Annotated[str, Field(pattern=_HASH)]
    signature: str
    """Of the protocol it was scored under."""
    manifest: dict[str, Any]
    """`submission.yaml` without `contact`."""
    failed: Annotated[int, Field(ge=0)]
    """Edits that could not be scored, each counted as 0."""
    scores: dict[str, Mean]
    """By metric."""


def entry_of(ledger: Ledger, held: Submission) -> Entry:
    """Return the entry of an accepted submission. ValueError for one that is not."""
    if held.state != "accepted" or held.manifest is None:
        raise ValueError(f"{held.id} is {held.state}")
    board, results = results_of(ledger, held.id)
    return Entry(
        submission=held.id,
        accepted=held.changed,
        provenance=held.provenance,
        row=held.row_name,
        method_key=held.method_key,
        content=held.digest,
        testset_digest=board.testset_digest,
        signature=board.signature,
        manifest=held.manifest.model_dump(mode="json", exclude={"contact"}),
        failed=sum(not r.ok for r in results),
        scores=means(results),
    )


def means(results: tuple[Result, ...]) -> dict[str, Mean]:
    """Return the mean of every metric over a submission's edits."""
    values: dict[str, list[tuple[float, str]]] = {}
    for result in results:
        for metric, score in result.scores.items():
            if score.value is not None:
                values.setdefault(metric, []).append((score.value, result.case.scenario))
    means = {}
    for metric, found in sorted(values.items()):
        mean = macro_average([value for value, _ in found], [scenario for _, scenario in found])
        means[metric] = Mean(mean=round(mean, 6), edits=len(found))
    return means


def write_entries(ledger: Ledger, folder: Path) -> tuple[Path, ...]:
    """Write one file per accepted submission, remove those of all others, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = {f"{s.row_name}-{s.id}.json": entry_of(ledger, s) for s in ledger.submissions("accepted")}
    for old in set(folder.glob("*.json")) - {folder / name for name in entries}:
        old.unlink()
    for name, entry in entries.items():
        (folder / name).write_text(entry.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return tuple(folder / name for name in sorted(entries))


def faults(folder: Path) -> Iterator[str]:
    """Yield one line per thing that is wrong with a folder of entries: what reviewers of a change need not look for."""
    seen: dict[str, str] = {}
    for path in sorted(folder.iterdir()):
        if path.name == "README.md":
            continue
        if path.suffix != ".json" or not path.is_file():
            yield f"{shown(path.name)}: not an entry; a folder of entries holds <row name>-<submission>.json only"
            continue
        try:
            entry = Entry.model_validate_json(path.read_bytes())
            manifest = Manifest.model_validate({**entry.manifest, "contact": "not@shown.example"})
        except ValidationError as error:
            first = error.errors()[0]
            yield f"{path.name}: {'.'.join(map(str, first['loc']))}: {shown(first['msg'])}"
            continue
        if entry.row != row_name(manifest):
            yield f"{path.name}: row {shown(entry.row)}; wanted {row_name(manifest)}, the team's method"
        if path.stem != f"{entry.row}-{entry.submission}":
            yield f"{path.name}: wanted {entry.row}-{entry.submission}.json, after what is in it"
        for other in (entry.submission, entry.content, entry.method_key):
            if other in seen:
                yield f"{path.name}: the same submission or clips as {seen[other]}"
            seen[other] = path.name
        if not entry.scores:
            yield f"{path.name}: no scores"
