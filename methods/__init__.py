"""Editing methods and the registry's rows; importing this package imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bench.types import MethodEntry
from methods.rows import read_rows


def zoo() -> Mapping[str, MethodEntry]:
    """Return the rows of `methods/zoo`, one YAML file each, by name; errors as `methods.rows.read_row`."""
    return read_rows(Path(__file__).parent / "zoo")
