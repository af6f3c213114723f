"""Open the database: engine, pragmas, schema brought up to date."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

from bench.errors import UserError

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0003"
"""The newest migration; a test holds it to what Alembic finds."""
BUSY_SECONDS = 30
WRITES = "shopedit_writes"
"""Execution option of a transaction that will write."""


class StoreLocked(UserError):
    """Another program holds the database for itself."""


class StoreNewer(UserError):
    """The database was written by a newer version of this program."""


def open_engine(url: str) -> Engine:
    """Return an engine on a database whose schema is this version's.

    A new or older SQLite file is migrated on the spot. Raises `UserError` for an address that names no
    database, a file that is none, a schema newer than this program, and a server database that has to be
    migrated first.
    """
    try:
        engine = create_engine(url)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        raise UserError(f"--db {url}: {error}; wanted an SQLAlchemy URL such as sqlite:///bench.db") from error
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        with engine.connect() as connection:
            found = _revision(connection)
    except DatabaseError as error:
        if "locked" in str(error.orig):
            raise StoreLocked(f"{url}: another program holds it for itself; wait for that one, or end it") from error
        raise UserError(f"{url}: cannot be opened ({error.orig}); `bench store rebuild` makes it anew") from error
    if found != HEAD:
        migrate(engine, found)
    return engine


def _prepare_sqlite(engine: Engine) -> None:
    """Readers never block the writer (WAL), references hold, and a busy file is waited for."""

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}")
        _use_wal(cursor)
        cursor.execute("PRAGMA synchronous=NORMAL")  # the journal is what must survive a power cut
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "connect", insert=True)
    def _manual(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # the driver's own BEGIN would come too late

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes its lock at once and waits for it; one taken half-way through would fail instead.
        writes = connection.get_execution_options().get(WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _use_wal(cursor: Any) -> None:
    """Switch to WAL; two processes that do so at once get `locked` without waiting, whatever the busy timeout."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _revision(connection: Any) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def alembic_config(engine: Engine) -> Config:
    """Return Alembic's configuration for the packaged migrations on this engine."""
    from alembic.config import Config

    config = Config(stdout=sys.stdout)  # the default is what it was when Alembic was first imported
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.attributes["engine"] = engine
    return config


def migrate(engine: Engine, found: str | None) -> None:
    """Bring the schema to `HEAD`. Raises `UserError` for a schema this program does not know."""
    from alembic import command
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError

    config = alembic_config(engine)
    if found is not None:
        try:
            ScriptDirectory.from_config(config).get_revision(found)
        except CommandError as error:
            raise StoreNewer(
                f"{engine.url}: schema {found} is newer than this program's {HEAD}; update shopedit-bench"
            ) from error
    command.upgrade(config, "head")
