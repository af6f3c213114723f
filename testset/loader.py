"""The shipped test set by name."""

from __future__ import annotations

from pathlib import Path

from bench.testsets import read_testset
from bench.types import TestSet

FOLDER = Path(__file__).parent / "data" / "shopedit-300"


def shopedit_300() -> TestSet:
    """Return the `lite` rendition of shopedit-300 that lies in this package; no media is opened."""
    return read_testset(FOLDER)
