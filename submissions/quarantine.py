"""The one place where bytes from outside lie before they are accepted: a fresh folder, gone afterwards."""

from __future__ import annotations

import errno
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.errors import UserError
from submissions.rules import mib


@contextmanager
def quarantine(needed: int, root: Path | None = None) -> Iterator[Path]:
    """Yield an empty folder that its owner alone can enter; it is removed whatever happens.

    It lies under `root`, else where the system keeps temporary files. Raises `UserError` where `needed`
    bytes do not fit, before and while it is filled.
    """
    place = Path(tempfile.gettempdir()) if root is None else root
    full = f"no space left under {place}: free {mib(needed)}, or set TMPDIR to a larger disk"
    if shutil.disk_usage(place).free < needed:
        raise UserError(full)
    with tempfile.TemporaryDirectory(dir=place, prefix="shopedit-quarantine-") as folder:
        try:
            yield Path(folder)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise UserError(full) from error
            raise
