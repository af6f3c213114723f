"""Seconds and peak memory of one edit."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CLEAR_REFS = Path("/proc/self/clear_refs")


@dataclass(slots=True)
class Cost:
    """Filled in when the block ends."""

    seconds: float = 0.0
    """Wall time."""
    peak_memory: int = 0
    """Bytes: the most that torch held on the GPU, or on a CPU the process's largest resident set during the block.

    A resident set holds the libraries and the model too. Where a peak cannot be forgotten (other systems than Linux,
    containers that close `/proc/self/clear_refs`) it is the largest since the process began, that of earlier rows too.
    """


@contextmanager
def measured(device: str) -> Iterator[Cost]:
    """Measure the block, which runs on `device` (`cpu`, `cuda`, `cuda:1` ...)."""
    cost = Cost()
    gpu = device.startswith("cuda")
    if gpu:
        import torch

        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
    else:
        anew = _peak_starts_anew()
    start = time.perf_counter()
    yield cost
    if gpu:
        torch.cuda.synchronize(device)  # kernels are queued: without this the clock stops too early
        cost.peak_memory = torch.cuda.max_memory_allocated(device)
    else:
        cost.peak_memory = _largest_resident_set(anew)
    cost.seconds = time.perf_counter() - start


def _peak_starts_anew() -> bool:
    """Forget the process's peak resident set; tell whether the system did (man 5 proc, `clear_refs`)."""
    try:
        CLEAR_REFS.write_text("5")
    except OSError:
        return False
    return True


def _largest_resident_set(anew: bool) -> int:
    """Return the process's peak resident set in bytes, since it was forgotten or began; 0 where nobody tells."""
    if anew:  # what getrusage says is never forgotten
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
