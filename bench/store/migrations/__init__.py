"""Alembic's scripts, packaged, so that any installation can bring its store up to date."""
