"""The project's own rows: read from the files that come with the program, shown beside what a store holds.

The files lie in `results/` at the top of the repository, where a reviewer looks for them, and are installed beside the
packages. They become a store of their own in the state folder's cache, named by their content, so that nothing is ever
mixed into the user's: `bench run`, `bench export` and `bench compare` know of one's own runs alone.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bench import results, results_clips, results_journal
from bench.errors import UserError
from bench.home import Home
from bench.store.access import open_reader
from bench.store.columns import Columns, Matrix
from bench.store.db import HEAD
from bench.store.read import Reader, Result

VARIABLE = "BENCH_RESULTS"
"""Environment variable with another folder of results; empty for none."""
_log = logging.getLogger(__name__)


def folder() -> Path | None:
    """Return the folder of results, None where there is none."""
    named = os.environ.get(VARIABLE)
    place = Path(__file__).parent.parent / "results" if named is None else Path(named)
    return place if named != "" and place.is_dir() else None


def open_shipped(cache: Path) -> tuple[Home, Reader] | None:
    """Return a store with the rows of the folder, made in `cache` if it is not there; None without a readable row.

    Each file that is left out is a warning of one line.
    """
    place = folder()
    if place is None:
        return None
    home = Home(cache / "results" / _content(place))
    try:
        if not home.root.is_dir():
            found, copies = results.read(place), results_clips.read(place)
            for fault in (*found.faults, *copies.faults):
                _log.warning("%s", fault)
            _make(found, copies, home.root)
        reader = open_reader(home, None)
    except (OSError, UserError) as error:
        _log.warning("the rows of %s are left out: %s", place, error)
        return None
    return (home, reader) if reader.runs() else None


def _content(place: Path) -> str:
    """Return what names the folder's content, and the schema it is stored in."""
    found = hashlib.sha256(HEAD.encode())
    for path in sorted(place.rglob("*.json")):
        found.update(f"{path.relative_to(place)}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()[:16]


def _make(found: results.Found, copies: results_clips.Copies, root: Path) -> None:
    """Fill a store aside and put it in its place at once, unless another board was faster."""
    root.parent.mkdir(parents=True, exist_ok=True)
    aside = Home(Path(tempfile.mkdtemp(dir=root.parent, prefix=".part-")))
    try:
        results_journal.put_journals(found, aside.journals)
        results_clips.put_copies(copies, aside.copies)
        open_reader(aside, None).engine.dispose()
        try:
            aside.root.replace(root)
        except OSError:
            if not root.is_dir():
                raise
    finally:
        shutil.rmtree(aside.root, ignore_errors=True)


def beside(own: Columns, others: Columns) -> Columns:
    """Return one's own columns with the rows of others that they do not hold.

    A method of the same name is one's own; of the same identity, cases that it was not run on are the others'.
    """
    mine = {card.name: row for row, card in enumerate(own.methods)}
    added = [row for row, card in enumerate(others.methods) if card.name not in mine]
    shared = {
        mine[card.name]: row
        for row, card in enumerate(others.methods)
        if card.name in mine and own.keys[mine[card.name]] == others.keys[row]
    }
    cases = {case.id: case for case in (*others.cases, *own.cases)}
    ids = sorted(cases)
    at = {name: i for i, name in enumerate(ids)}
    left, right = ([at[case.id] for case in columns.cases] for columns in (own, others))

    def placed(matrix: Matrix | None, rows: int, columns: list[int], empty: float) -> Matrix:
        made = np.full((rows, len(ids)), empty, np.float32)
        if matrix is not None:
            made[:, columns] = matrix
        return made

    counts = [placed(c.edits, len(c.methods), p, 0) for c, p in ((own, left), (others, right))]

    def joined(mine: Matrix | None, theirs: Matrix | None, empty: float) -> Matrix:
        above = placed(mine, len(own.methods), left, empty)
        below = placed(theirs, len(others.methods), right, empty)
        for row, other in shared.items():
            missing = counts[0][row] == 0
            above[row, missing] = below[other, missing]
        return np.concatenate([above, below[added]])

    def every(mine: Mapping[str, Matrix], theirs: Mapping[str, Matrix]) -> dict[str, Matrix]:
        names = dict.fromkeys((*mine, *theirs))
        return {name: joined(mine.get(name), theirs.get(name), np.nan) for name in names}

    return Columns(
        methods=(*own.methods, *(others.methods[row] for row in added)),
        keys=(*own.keys, *(others.keys[row] for row in added)),
        runs=(*own.runs, *(others.runs[row] for row in added)),
        cases=tuple(cases[name] for name in ids),
        values=every(own.values, others.values),
        edits=joined(own.edits, others.edits, 0),
        failed=joined(own.failed, others.failed, 0),
        cost=every(own.cost, others.cost),
    )


def missing_in(own: Columns, results: tuple[Result, ...]) -> tuple[Result, ...]:
    """Return the results that `beside` shows: those of methods and cases that one's own columns do not hold."""
    rows = {card.name: row for row, card in enumerate(own.methods)}
    at = {case.id: i for i, case in enumerate(own.cases)}

    def shown(result: Result) -> bool:
        row, column = rows.get(result.method.name), at.get(result.case.id)
        if row is None:
            return True
        return own.keys[row] == result.method_key and (column is None or own.edits[row, column] == 0)

    return tuple(result for result in results if shown(result))
