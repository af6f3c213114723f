"""Editing methods and the registry's rows; importing this package imports no torch."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from bench.errors import UserError
from bench.types import MethodEntry
from methods.rows import read_rows

_log = logging.getLogger(__name__)
ROWS = "SHOPEDIT_ROWS"
"""Environment variable: folders of more rows, separated as in PATH."""


def zoo() -> Mapping[str, MethodEntry]:
    """Return the rows of `methods/zoo` and of the folders in `SHOPEDIT_ROWS`, one YAML file each, by name.

    Raises `UserError` as `methods.rows.read_row` for ours. A folder from outside with a fault is a warning, and none of
    its rows are there: it must not take the others down with it.
    """
    rows = dict(read_rows(Path(__file__).parent / "zoo"))
    for folder in filter(None, os.environ.get(ROWS, "").split(os.pathsep)):
        try:
            rows |= _rows_beside(Path(folder), rows)
        except UserError as error:
            _log.warning("%s: %s", ROWS, error)
    return rows


def _rows_beside(folder: Path, known: Mapping[str, MethodEntry]) -> Mapping[str, MethodEntry]:
    if not folder.is_dir():
        raise UserError(f"no folder '{folder}'; wanted folders of YAML rows")
    rows = read_rows(folder)
    if taken := sorted(rows.keys() & known.keys()):
        raise UserError(f"{folder}/{taken[0]}.yaml: the name is taken by another row; choose one of its own")
    return rows
