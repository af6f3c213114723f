"""Where the board's results come from: one store, read again whenever it has changed."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bench.errors import UserError
from bench.home import Home, open_home
from bench.store.access import open_reader
from bench.store.read import Board, Reader, Result, Run
from bench.types import MetricCard
from leaderboard import query

DATABASE = "BENCH_BOARD_DB"
"""Environment variable with the SQLAlchemy URL of the store, where it is not the state folder's own."""
SERVER_SECONDS = 30
"""How old the answers of a database server may be; a SQLite file tells by itself when it has changed."""


class StoreMissing(UserError):
    """There is no store where the board looks for one."""


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
    stamp: str

    def results(self, board: Board) -> tuple[Result, ...]:
        """Return every result of a board, newest identity of each method."""
        return _results(self.reader, board, self.stamp)

    def standings(self, board: Board, split: str, scenario: str | None, metrics: tuple[str, ...]) -> query.Standings:
        """Return the ranking of a selection of a board's results (`query.standings`)."""
        return _standings(self.reader, board, self.stamp, split, scenario, metrics)

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
    home = _home(url)
    stamp = _stamp(home, url)
    reader = _reader(str(home.root), url, _identity(home, url))
    boards, runs, cards = _contents(reader, stamp)
    return Source(home, boards, runs, cards, reader, stamp)


def _home(url: str | None) -> Home:
    named = os.environ.get("BENCH_HOME")
    if named and not Path(named).expanduser().is_dir():
        raise StoreMissing(f"{named}: no such folder")
    home = open_home()
    if url is None and not _database(home).is_file() and not home.journals.is_dir():
        raise StoreMissing(f"{home.root}: holds no store")
    return home


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
def _contents(reader: Reader, stamp: str) -> tuple[tuple[Board, ...], tuple[Run, ...], tuple[MetricCard, ...]]:
    return reader.boards(), reader.runs(), reader.metrics()


@lru_cache(maxsize=8)
def _results(reader: Reader, board: Board, stamp: str) -> tuple[Result, ...]:
    return reader.results(board)


@lru_cache(maxsize=64)
def _standings(
    reader: Reader, board: Board, stamp: str, split: str, scenario: str | None, metrics: tuple[str, ...]
) -> query.Standings:
    """Keep rankings that have been looked at: the intervals take time."""
    return query.standings(query.select(_results(reader, board, stamp), split, scenario), metrics)
