"""In several processes of this machine, and on several of its GPUs: `bench run --workers 8 --device cuda:0,cuda:1`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from itertools import groupby
from multiprocessing import get_context, parent_process
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event

from bench.errors import UserError
from bench.executors import Start, Work
from bench.executors.inline import outcome_of
from bench.plan import Job
from bench.work import Outcome

_work: Work | None = None
_ended: Event | None = None


class Pool:
    """So many processes. The edits that one method makes of one clip go to one of them, which encodes the clip once.

    Each works with its share of the cores, so that two workers are no more threads than one.
    """

    def run(self, jobs: Sequence[Job], start: Start, slots: int) -> Iterator[Outcome]:
        """Yield the outcome of each job; see `bench.executors.Executor`. UserError when a process dies."""
        context = get_context("spawn")
        numbers: Queue[int] = context.Queue()
        for slot in range(slots):
            numbers.put(slot)
        ended = context.Event()
        threads = max(1, (os.cpu_count() or 1) // slots)
        batches = [list(batch) for _, batch in groupby(jobs, lambda job: (job.entry.card.name, job.case.group))]
        pool = ProcessPoolExecutor(slots, context, _begin, (start, numbers, ended, threads))
        try:
            for done in as_completed([pool.submit(_all, batch) for batch in batches]):
                yield from done.result()
        except BrokenProcessPool:
            raise UserError(
                "a worker process ended without a word (out of memory?); the same command with fewer --workers goes on"
            ) from None
        finally:
            ended.set()  # a worker finishes the edit in hand, not all of its clip's
            pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone: a pool's worker would wait for work for ever."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def limit_threads(threads: int) -> None:
    """Let the libraries of this process, a worker's, start so many threads each."""
    import cv2

    os.environ["OMP_NUM_THREADS"] = str(threads)  # read by torch when the first network is made
    cv2.setNumThreads(threads)


def _begin(start: Start, numbers: Queue[int], ended: Event, threads: int) -> None:
    global _work, _ended
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that hands out jobs
    end_with_parent()
    limit_threads(threads)
    _work, _ended = start(numbers.get()), ended


def _all(batch: Sequence[Job]) -> list[Outcome]:
    assert _work is not None and _ended is not None
    return [outcome_of(_work, job) for job in batch if not _ended.is_set()]
