"""A PostgreSQL server of the tests' own: fresh, on a socket, gone afterwards."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

REQUIRED = "SHOPEDIT_TEST_POSTGRES"
"""Set where a missing server is a failure: in continuous integration."""


def binaries() -> Path | None:
    """Return the folder with `initdb` and `postgres`, or None where PostgreSQL is not installed."""
    if found := shutil.which("initdb"):
        return Path(found).parent
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return installed[-1].parent if installed else None


@contextmanager
def server() -> Iterator[str]:
    """Yield the URL of a running server's first database."""
    folder = binaries()
    if folder is None:
        if os.environ.get(REQUIRED):
            pytest.fail("PostgreSQL is not installed")
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    place = Path(tempfile.mkdtemp(prefix="pg-"))
    # The server refuses to run as root.
    account = "postgres" if os.getuid() == 0 else None
    if account:
        shutil.chown(place, account)
    try:
        initdb = [folder / "initdb", "-D", place / "data", "-U", "tests", "-A", "trust", "-N", "-E", "UTF8"]
        subprocess.run(initdb, user=account, cwd=place, check=True, stdout=subprocess.DEVNULL)
        command = [folder / "pg_ctl", "-D", place / "data", "-w", "-l", place / "log"]
        options = f"-c listen_addresses='' -k {place} -c fsync=off"
        start = [*command, "-o", options, "start"]
        subprocess.run(start, user=account, cwd=place, check=True, stdout=subprocess.DEVNULL)
        try:
            yield f"postgresql+psycopg://tests@/postgres?host={place}"
        finally:
            stop = [*command, "-m", "immediate", "stop"]
            subprocess.run(stop, user=account, cwd=place, check=True, stdout=subprocess.DEVNULL)
    finally:
        shutil.rmtree(place, ignore_errors=True)
