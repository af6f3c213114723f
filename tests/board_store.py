"""A store for the board's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from tests import fixtures


def fill(home: Path, toyset: Path) -> Path:
    """Fill a state folder: `blend` and `fails-once` share a track, `still` has another, `masked` lacks cases."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fixtures.ENVIRONMENT.items():
            patch.setenv(name, value)
        run(prepare(RunSpec(("blend", "fails-once", "still"), "smoke", str(toyset), "toy"), open_home(home)))
        run(prepare(RunSpec(("masked",), "smoke", str(toyset), "toy", limit=3), open_home(home)))
    return home
