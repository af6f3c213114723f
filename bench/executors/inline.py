"""In this process, one job after another: the default, and the one to debug with."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from bench.errors import UserError
from bench.executors import Start, Work
from bench.plan import Job
from bench.work import Outcome, reason_of

_log = logging.getLogger(__name__)


class Inline:
    """One worker; `slots` is not looked at."""

    def run(self, jobs: Sequence[Job], start: Start, slots: int = 1) -> Iterator[Outcome]:
        """Yield the outcome of each job in order; see `bench.executors.Executor`."""
        work = start(0)
        for job in jobs:
            yield outcome_of(work, job)


def outcome_of(work: Work, job: Job) -> Outcome:
    """Return what a worker makes of a job: a failed outcome when it raises anything but a `UserError`."""
    try:
        return work(job)
    except UserError:
        raise
    except Exception as error:
        _log.debug("job %s failed", job.key, exc_info=True)
        return Outcome(job, "failed", "score" if job.stored else "edit", reason_of(error))
