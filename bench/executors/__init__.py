"""Who runs the jobs: `inline`, in the process that asked, or `pool`, in several processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from bench.plan import Job
from bench.work import Outcome

Work = Callable[[Job], Outcome]
Start = Callable[[int], Work]
"""From the number of a slot to its worker."""


class Executor(Protocol):
    """Hands jobs to workers."""

    def run(self, jobs: Sequence[Job], start: Start, slots: int) -> Iterator[Outcome]:
        """Yield exactly one outcome per job, in any order.

        `start` makes a worker and is called once per slot. A job that raises is a failed outcome, and the
        others go on; only a `UserError` (a full disk, say) ends the run. Closing the iterator cancels what
        is left.
        """
        ...
