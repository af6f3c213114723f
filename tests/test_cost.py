"""What an edit on a CPU is said to have held: its own peak, not that of the rows before it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from methods.cost import CLEAR_REFS, measured

MIB = 2**20


def peak(size: int) -> int:
    """Peak memory of a block that holds `size` bytes."""
    with measured("cpu") as cost:
        np.ones(size, np.uint8)
    return cost.peak_memory


@pytest.mark.skipif(not os.access(CLEAR_REFS, os.W_OK), reason="the system does not forget a peak")
def test_a_small_edit_after_a_large_one_is_small() -> None:
    before, large, after = (peak(mib * MIB) for mib in (20, 300, 20))
    assert large - before > 200 * MIB
    assert abs(after - before) < 50 * MIB


def test_where_the_peak_cannot_be_forgotten_it_is_that_of_the_process(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("methods.cost.CLEAR_REFS", tmp_path / "closed" / "clear_refs")
    large, after = peak(300 * MIB), peak(20 * MIB)
    assert after >= large > 300 * MIB
