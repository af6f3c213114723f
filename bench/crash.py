"""Die on purpose, for the tests of resuming: `SHOPEDIT_KILL_AT="after-blob:3"` is a SIGKILL at the third
`after-blob`.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from typing import Literal

Point = Literal[
    "after-begin",
    "after-edit",
    "after-blob",
    "after-score",
    "mid-journal",
    "after-journal",
    "before-commit",
    "after-commit",
    "after-set",
    "before-end",
]
VARIABLE = "SHOPEDIT_KILL_AT"
_passed: Counter[str] = Counter()


def armed(point: Point) -> bool:
    """Return whether the process is to die the next time it passes this point."""
    name, _, count = os.environ.get(VARIABLE, "").partition(":")
    return name == point and _passed[point] + 1 == int(count or 1)


def here(point: Point) -> None:
    """Pass a point; the process ends here, without any clean-up, when that was asked for."""
    if armed(point):
        os.kill(os.getpid(), signal.SIGKILL)
    _passed[point] += 1
