"""Where the board's results come from: one store, read again whenever it has changed."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

from sqlalchemy.exc import SQLAlchemyError

from bench.errors import UserError
from bench.home import Home, open_home
from bench.stats import Interval
from bench.store import columns
from bench.store.access import open_reader
from bench.store.columns import Columns
from bench.store.read import Board, Reader, Result, Run, SetResult
from bench.types import MetricCard, SetScore
from leaderboard import query, shipped
from submissions.ledger import Ledger
from submissions.review import Provenance

Rows = tuple[Home, Reader]
"""A store of shipped rows."""
DATABASE = "BENCH_BOARD_DB"
"""Environment variable with the SQLAlchemy URL of the store, where it is not the state folder's own."""
SERVER_SECONDS = 30
"""How old the answers of a database server may be; a SQLite file tells by itself when it has changed."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Which cases are ranked, and by what."""

    split: str
    scenario: str | None
    """None for all of them."""
    vertical: str | None
    by: str
    higher: bool = True


class StoreMissing(UserError):
    """There is no store where the board looks for one."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A store as it stands now."""

    home: Home
    boards: tuple[Board, ...]
    """Used last first."""
    runs: tuple[Run, ...]
    """Newest first."""
    cards: tuple[MetricCard, ...]
    reader: Reader
    """Of the state folder's own store, or of the shipped rows where it has none yet."""
    own: bool
    """Whether it is the state folder's own."""
    shipped: Rows | None
    """The project's own rows (`leaderboard.shipped`), where they stand beside one's own."""
    copies: tuple[Path, ...]
    """Folders with copies of edits that were made elsewhere."""
    stamp: str
    url: str | None
    """Of the database, where it is not the state folder's own."""

    def columns(self, board: Board) -> Columns:
        """Return every value of a board, newest identity of each method, one matrix per metric."""
        return _columns(self.reader, self.home.cache / "board", self.shipped, board, self.stamp)

    def results(
        self, board: Board, methods: Sequence[str] | None, cases: Sequence[str] | None = None
    ) -> tuple[Result, ...]:
        """Return the results of these methods on these cases with all that is stored of them (None: of all)."""
        picked = [None if names is None else frozenset(names) for names in (methods, cases)]
        found = _results(self.reader, board, self.stamp, picked[0], picked[1])
        if self.shipped is None:
            return found
        others = _results(self.shipped[1], board, "", picked[0], picked[1])
        own = _own_columns(self.reader, self.home.cache / "board", board, self.stamp)
        return (*found, *(others if own is None else shipped.missing_in(own, others)))

    def standings(self, board: Board, shown: Choice) -> query.Standings:
        """Return the ranking of some of a board's cases (`query.standings`)."""
        return _standings(self.reader, self.home.cache / "board", self.shipped, board, self.stamp, shown)

    def intervals(
        self, board: Board, shown: Choice, rows: Sequence[int], metrics: Sequence[str]
    ) -> dict[int, dict[str, Interval]]:
        """Return means and intervals of rows of the columns over some of a board's cases (`query.intervals`)."""
        place = self.home.cache / "board"
        found = _intervals(self.reader, place, self.shipped, board, self.stamp, shown, tuple(rows), tuple(metrics))
        return {row: dict(of_row) for row, of_row in found.items()}

    def sets(self, board: Board, split: str) -> dict[str, dict[str, SetScore]]:
        """Return what metrics of whole sets (KVD, FID, FVD) say of a split, by method key and metric."""
        found: dict[str, dict[str, SetScore]] = {}
        others = () if self.shipped is None else _sets(self.shipped[1], board, "")
        for one in (*_sets(self.reader, board, self.stamp), *others):
            if one.split == split:
                found.setdefault(one.method_key, {}).setdefault(one.metric, one.score)  # of several seeds the lowest
        return found

    def watchable(self, board: Board) -> tuple[str, tuple[str, ...]] | None:
        """Return the part of the test set with copies of edits to watch, and the methods that made those edits."""
        clips = {path.stem for folder in self.copies for path in folder.glob("*.mp4")}
        readers = (self.reader, *(() if self.shipped is None else (self.shipped[1],)))
        found = [edit for reader in readers for edit in reader.edits_of(board, clips)]
        parts = [{case.split, *case.subsets} for _, case in found]
        shared = set.intersection(*parts) if parts else set()
        if not shared:
            return None
        counts, whole = query.splits(self.columns(board)), {case.split for _, case in found}
        smallest = min(shared, key=lambda name: (counts.get(name, 0), name in whole, name))
        return smallest, tuple(dict.fromkeys(name for name, _ in found))

    def provenance(self, key: str) -> Provenance:
        """Return who made a method's clips and who its scores, by its key: what was not submitted was run here."""
        held = _provenances(self.home, self.url, self.stamp) if self.own else {}
        return held.get(key, "organiser-run")

    def ledger(self) -> Ledger:
        """Return the submissions of this store."""
        return Ledger(self.home, self.url)

    def testsets(self) -> dict[str, str]:
        """Return the test sets that were run here: name and version, and what a run calls them (a name or folder)."""
        found: dict[str, str] = {}
        for run in self.runs:
            found.setdefault(f"{run.testset} {run.version}", str(run.spec.get("testset", run.testset)))
        return found

    def runs_of(self, board: Board) -> tuple[Run, ...]:
        """Return the runs of a board, newest first."""
        key = (board.testset_digest, board.signature)
        return tuple(run for run in self.runs if (run.testset_digest, run.signature) == key)


def board_id(board: Board) -> str:
    """Return what names a board in a link: short, and different for all that must not be mixed."""
    return hashlib.sha256(f"{board.testset_digest}|{board.signature}".encode()).hexdigest()[:10]


def open_source() -> Source:
    """Return the store that the environment names.

    Raises `StoreMissing` where there is none (nothing is created), `UserError` where it cannot be read.
    """
    url = os.environ.get(DATABASE) or None
    home = _home()
    rows = _shipped(home.cache, os.environ.get(shipped.VARIABLE))
    copies = (home.copies, *((rows[0].copies,) if rows else ()))
    if url is None and not _database(home).is_file() and not home.journals.is_dir():
        if rows is None:
            raise StoreMissing(f"{home.root}: holds no store")
        return Source(home, *_contents(rows[1], None, ""), rows[1], False, None, copies, "", url)
    stamp = _stamp(home, url)
    reader = _reader(str(home.root), url, _identity(home, url))
    return Source(home, *_contents(reader, rows and rows[1], stamp), reader, True, rows, copies, stamp, url)


@lru_cache(maxsize=4)
def _shipped(cache: Path, _named: str | None) -> Rows | None:
    """Read the folder once per process: what comes with a program does not change under it."""
    return shipped.open_shipped(cache)


def _home() -> Home:
    named = os.environ.get("BENCH_HOME")
    if named and not Path(named).expanduser().is_dir():
        raise StoreMissing(f"{named}: no such folder")
    return open_home()


def _database(home: Home) -> Path:
    return Path(home.database_url.removeprefix("sqlite:///"))


def _identity(home: Home, url: str | None) -> int:
    """Return a number that changes when the SQLite file is replaced by another one."""
    path = _database(home)
    return path.stat().st_ino if url is None and path.is_file() else 0


def _stamp(home: Home, url: str | None) -> str:
    if url is not None:
        return f"{url}|{int(time.time()) // SERVER_SECONDS}"
    files = (_database(home), Path(f"{_database(home)}-wal"))
    facts = [path.stat() for path in files if path.is_file()]
    return "|".join([str(home.root), *(f"{f.st_ino}.{f.st_mtime_ns}.{f.st_size}" for f in facts)])


@lru_cache(maxsize=4)
def _reader(root: str, url: str | None, identity: int) -> Reader:
    return open_reader(Home(Path(root)), url)


@lru_cache(maxsize=4)
def _contents(
    reader: Reader, others: Reader | None, stamp: str
) -> tuple[tuple[Board, ...], tuple[Run, ...], tuple[MetricCard, ...]]:
    boards, runs, cards = reader.boards(), reader.runs(), reader.metrics()
    if others is None:
        return boards, runs, cards
    mine, named = {_identity_of(board) for board in boards}, {card.name for card in cards}
    return (
        (*boards, *(board for board in others.boards() if _identity_of(board) not in mine)),
        (*runs, *others.runs()),
        (*cards, *(card for card in others.metrics() if card.name not in named)),
    )


def _identity_of(board: Board) -> tuple[str, str]:
    """Return what scores must share to stand beside each other."""
    return board.testset_digest, board.signature


@lru_cache(maxsize=4)
def _columns(reader: Reader, folder: Path, rows: Rows | None, board: Board, stamp: str) -> Columns:
    own = _own_columns(reader, folder, board, stamp)
    others = None if rows is None else _own_columns(rows[1], rows[0].cache / "board", board, "")
    found = shipped.beside(own, others) if own and others else own or others
    if found is None:
        raise KeyError(f"no board {board.testset} {board.version} under {board.signature}")
    return found


@lru_cache(maxsize=8)
def _own_columns(reader: Reader, folder: Path, board: Board, stamp: str) -> Columns | None:
    """Return what one store has of a board; None where it has nothing."""
    if _identity_of(board) not in {_identity_of(other) for other in reader.boards()}:
        return None
    return columns.load(reader.engine, board, folder)


@lru_cache(maxsize=32)
def _results(
    reader: Reader, board: Board, stamp: str, methods: frozenset[str] | None, cases: frozenset[str] | None
) -> tuple[Result, ...]:
    return reader.results(board, methods=methods, cases=cases)


@lru_cache(maxsize=4)
def _provenances(home: Home, url: str | None, stamp: str) -> dict[str, Provenance]:
    accepted = Ledger(home, url).submissions("accepted")
    return {s.method_key: cast(Provenance, s.provenance) for s in accepted if s.method_key and s.provenance}


@lru_cache(maxsize=4)
def _sets(reader: Reader, board: Board, stamp: str) -> tuple[SetResult, ...]:
    return reader.sets(board)


@lru_cache(maxsize=64)
def _standings(
    reader: Reader, folder: Path, rows: Rows | None, board: Board, stamp: str, shown: Choice
) -> query.Standings:
    """Keep rankings that have been looked at."""
    found = query.view(_columns(reader, folder, rows, board, stamp), shown.split, shown.scenario, shown.vertical)
    return query.standings(found, shown.by, shown.higher)


@lru_cache(maxsize=64)
def _intervals(
    reader: Reader,
    folder: Path,
    rows: Rows | None,
    board: Board,
    stamp: str,
    shown: Choice,
    of: tuple[int, ...],
    metrics: tuple[str, ...],
) -> dict[int, dict[str, Interval]]:
    """Keep intervals that have been looked at: resampling is what a first paint waits for longest."""
    found = query.view(_columns(reader, folder, rows, board, stamp), shown.split, shown.scenario, shown.vertical)
    return query.intervals(found, of, metrics)


def look() -> Source | None:
    """Return the store where there is a readable one, for pages that can do without."""
    try:
        return open_source()
    except (UserError, SQLAlchemyError) as error:
        _log.info("no store: %s", error)
        return None
