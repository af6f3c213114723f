"""Seconds and peak memory of one edit."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(slots=True)
class Cost:
    """Filled in when the block ends."""

    seconds: float = 0.0
    """Wall time."""
    peak_memory: int = 0
    """Bytes: the most that torch held on the GPU, or on a CPU the process's largest resident set so far."""


@contextmanager
def measured(device: str) -> Iterator[Cost]:
    """Measure the block, which runs on `device` (`cpu`, `cuda`, `cuda:1` ...)."""
    cost = Cost()
    gpu = device.startswith("cuda")
    if gpu:
        import torch

        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    start = time.perf_counter()
    yield cost
    if gpu:
        torch.cuda.synchronize(device)  # kernels are queued: without this the clock stops too early
        cost.peak_memory = torch.cuda.max_memory_allocated(device)
    else:
        cost.peak_memory = _largest_resident_set()
    cost.seconds = time.perf_counter() - start


def _largest_resident_set() -> int:
    """Return the process's peak resident set in bytes, or 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
