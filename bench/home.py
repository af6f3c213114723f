"""The one folder that holds all state: database, journals, blobs, caches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError

VARIABLE = "BENCH_HOME"


@dataclass(frozen=True, slots=True)
class Home:
    """Where things lie under the state folder."""

    root: Path

    @property
    def database_url(self) -> str:
        """The default store: a SQLite file in this folder."""
        return f"sqlite:///{self.root / 'bench.db'}"

    @property
    def journals(self) -> Path:
        """One JSONL file per run, from which the database can be rebuilt."""
        return self.root / "journal"

    @property
    def blobs(self) -> Path:
        """Stored clips by content."""
        return self.root / "blobs"

    @property
    def copies(self) -> Path:
        """Lossy copies of edits that were made elsewhere, `<sha256 of the edit>.mp4`: to be watched, never scored."""
        return self.root / "copies"

    @property
    def cache(self) -> Path:
        """What can be deleted at any time: extracted features and the like."""
        return self.root / "cache"


def open_home(folder: Path | None = None) -> Home:
    """Return the state folder, made if need be: `folder`, else $BENCH_HOME, else the platform's data folder.

    Raises `UserError` where it cannot be written to.
    """
    if folder is None:
        if named := os.environ.get(VARIABLE):
            folder = Path(named)
        else:
            import platformdirs

            folder = Path(platformdirs.user_data_dir("shopedit-bench", appauthor=False))
    root = folder.expanduser().resolve()
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{root}: {error.strerror}; name another folder with --home or ${VARIABLE}") from error
    if not os.access(root, os.W_OK):
        raise UserError(f"{root}: not writable; name another folder with --home or ${VARIABLE}")
    return Home(root)
