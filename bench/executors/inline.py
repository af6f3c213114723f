"""In this process, one job after another: the default, and the one to debug with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence

from bench.errors import UserError
from bench.executors import Work
from bench.plan import Job
from bench.work import Outcome, reason_of

_log = logging.getLogger(__name__)


class Inline:
    """One worker; `slots` is not looked at."""

    def run(self, jobs: Sequence[Job], start: Callable[[], Work], slots: int = 1) -> Iterator[Outcome]:
        """Yield the outcome of each job in order; see `bench.executors.Executor`."""
        work = start()
        for job in jobs:
            try:
                outcome = work(job)
            except UserError:
                raise
            except Exception as error:
                _log.debug("job %s failed", job.key, exc_info=True)
                outcome = Outcome(job, "failed", "score" if job.stored else "edit", reason_of(error))
            yield outcome
