"""Open the store of a state folder, to write or to read."""

from __future__ import annotations

import logging

from bench.home import Home
from bench.store.db import open_engine
from bench.store.read import Reader
from bench.store.repo import Store

_log = logging.getLogger(__name__)


def open_store(home: Home, url: str | None) -> Store:
    """Return the store of a state folder, with all that its journals hold."""
    store = Store(open_engine(url or home.database_url), home.journals)
    caught = store.catch_up()
    if caught:
        _log.info("took %d records over from the journals", caught)
    return store


def open_reader(home: Home, url: str | None) -> Reader:
    """Return the read side of a state folder's store, with all that its journals hold."""
    open_store(home, url)
    return Reader(open_engine(url or home.database_url))
