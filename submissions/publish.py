"""Results of a submission go to the board when it is accepted, and from it when it is withdrawn or superseded.

Until then they lie in a state folder of their own, so nothing of a submission is on the board before a person said so.
Both ways can be gone again and again: what a crash left half done, `settle` finishes.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bench.blobs import BlobStore
from bench.home import Home
from bench.store.access import open_reader, open_store
from bench.store.read import Board, Result
from submissions.ledger import Ledger


def scoring_home(ledger: Ledger, submission: str) -> Home:
    """Return the state folder that a submission is scored in, away from the board's own."""
    return Home(ledger.folder(submission) / "home")


def scored_rows(ledger: Ledger, submission: str, key: str | None) -> tuple[Board, tuple[Result, ...]] | None:
    """Return what a submission scored and under which board, from the folder it was scored in; None for nothing."""
    reader = open_reader(scoring_home(ledger, submission), None)
    for board in reader.boards():
        found = tuple(r for r in reader.results(board, newest=False) if r.method_key == key)
        if found:
            return board, found
    return None


def publish(ledger: Ledger, submission: str) -> bool:
    """Put the results of an accepted submission on the board; False where they are there already."""
    home = scoring_home(ledger, submission)
    new = [path for path in sorted(home.journals.glob("*.jsonl")) if not (ledger.home.journals / path.name).exists()]
    if not new:
        return False
    blobs = BlobStore(ledger.home.blobs)
    for sha256 in BlobStore(home.blobs):
        if sha256 not in blobs:
            blobs.add(lambda out, name=sha256: _link(BlobStore(home.blobs).path(name), out))  # type: ignore[misc]
    for path in new:
        # The clips are there before the records that name them.
        _copy(path, ledger.home.journals / path.name)
    open_store(ledger.home, ledger.url)
    return True


def _link(path: Path, out: Path) -> None:
    try:
        os.link(path, out)
    except OSError:
        shutil.copyfile(path, out)


def _copy(path: Path, out: Path) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(path, part)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)


def retract(ledger: Ledger, key: str) -> bool:
    """Take a method's results off the board, with the clips that nothing else refers to; False where it has none."""
    runs, orphans = open_store(ledger.home, ledger.url).retract(key)
    for run in runs:
        (ledger.home.journals / f"{run}.jsonl").unlink(missing_ok=True)
    for sha256 in orphans:
        BlobStore(ledger.home.blobs).path(sha256).unlink(missing_ok=True)
    return bool(runs)


def settle(ledger: Ledger) -> tuple[str, ...]:
    """Bring the board in step with the decisions, and return one line per submission that was not."""
    done = [f"{s.id}: published" for s in ledger.submissions("accepted") if publish(ledger, s.id)]
    shown = {key for run in open_reader(ledger.home, ledger.url).runs() for key in run.methods}
    ended = [s for s in ledger.submissions("withdrawn", "superseded") if s.method_key in shown]
    return (*done, *(f"{s.id}: taken off the board" for s in ended if retract(ledger, str(s.method_key))))
