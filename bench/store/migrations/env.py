"""Run by Alembic: migrate on the engine that was handed over in the configuration."""

from alembic import context

from bench.store.models import Base

with context.config.attributes["engine"].connect() as connection:
    context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
