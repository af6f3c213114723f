"""Run by Alembic: migrate on the engine that was handed over in the configuration.

All in one transaction that locks the database first, so that of two programs that open a new store at once
one migrates it and the other finds it done, and a crash on the way leaves it as it was.
"""

from alembic import context
from sqlalchemy import text

from bench.store import submission_rows, vote_rows  # noqa: F401 (their tables join the metadata)
from bench.store.db import WRITES
from bench.store.models import Base

engine = context.config.attributes["engine"].execution_options(**{WRITES: True})
with engine.begin() as connection:
    if engine.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(300)"))
    context.configure(
        connection=connection, target_metadata=Base.metadata, render_as_batch=True, transactional_ddl=True
    )
    with context.begin_transaction():
        context.run_migrations()
