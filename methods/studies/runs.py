"""Run the rows of a study with `bench`, as a process, and bring its results back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.errors import BenchError
from methods import ROWS

BENCH = (sys.executable, "-m", "bench.cli")
CASES_FAILED = 1
"""Exit code of `bench run` when edits failed: those are results too."""


@dataclass(frozen=True, slots=True)
class Where:
    """What a study is run on."""

    split: str
    testset: str
    device: str
    """Of several, between commas, each worker takes the next."""
    protocol: str = "lite-1"
    limit: int | None = None
    home: Path | None = None
    """Folder of the store, or None for the one `bench` takes by itself."""
    workers: int = 1
    """Processes that edit and score."""


def run(methods: Sequence[str], rows: Path | None, where: Where, metrics: Sequence[str] = ()) -> dict[str, Any]:
    """Edit and score the split with rows of the zoo and of a folder `rows`; return `bench export`'s document.

    `metrics` are scored besides the protocol's.

    What the store holds already is not done again. Raises BenchError when `bench` stops before its end.
    """
    names = [word for name in methods for word in ("--method", name)]
    limit = [] if where.limit is None else ["--limit", str(where.limit)]
    place = ["--split", where.split, "--testset", where.testset]
    place += ["--device", where.device, "--protocol", where.protocol, "--workers", str(where.workers)]
    more = [word for name in metrics for word in ("--metric", name)]
    done = _bench(["run", *names, *place, *limit, *more, "--no-controls"], rows, where, sys.stderr)
    if done.returncode not in (0, CASES_FAILED):
        raise BenchError(f"bench run ended with exit code {done.returncode}; the same command goes on from there")
    exported = _bench(["export", *names, "--split", where.split], rows, where, subprocess.PIPE)
    if exported.returncode:
        raise BenchError(f"bench export ended with exit code {exported.returncode}")
    document: dict[str, Any] = json.loads(exported.stdout)
    return document


def explained(method: str, case: str, seed: int, where: Where) -> dict[str, Any]:
    """Return what `bench score explain` says of a stored edit. Raises BenchError when it refuses."""
    done = _bench(["score", "explain", method, case, "--seed", str(seed), "--json"], None, where, subprocess.PIPE)
    if done.returncode:
        raise BenchError(f"bench score explain {method} {case} ended with exit code {done.returncode}")
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def _bench(arguments: list[str], rows: Path | None, where: Where, stdout: Any) -> subprocess.CompletedProcess[str]:
    home = [] if where.home is None else ["--home", str(where.home)]
    beside = os.environ.get(ROWS)
    environment: Mapping[str, str] = os.environ | {ROWS: os.pathsep.join(filter(None, [str(rows or ""), beside]))}
    return subprocess.run([*BENCH, *arguments, *home], env=environment, stdout=stdout, text=True, check=False)
