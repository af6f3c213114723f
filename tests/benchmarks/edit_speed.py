"""What an edit of a row costs beside TI2V inversion of 25 + 25 steps, as ratios taken in the same run.

    python -m tests.benchmarks.edit_speed [--part edit|run] [--method teacher-4] [--student PATH] [--set NAME=VALUE]
        [--base-guidance 2] [--edits 2]

- `edit`: both rows edit the same cases in turn. Seconds by part (encoding, text, transformer, decoding), and how many
  times less the row takes, for the whole edit and in the transformer. Of a student's row 2.5 and 8 are asked for,
  against guidance 2; of `ti2v-v2` 1.25 (a fifth less), against the point of TI2V inversion's own curve that scores as
  much. That curve ends below it, so what is left is its best point: the row itself, `--base-guidance 1`.
- `run`: `bench run` of the row on `--split` as a process with an empty store, once with one edit and once with
  `--edits` more. The difference is what an edit takes, scoring and storing included; from it, the time of the 30 edits
  of `mini` and of the 320 of `test` on two cores that do nothing else.

Processor seconds stand beside wall seconds: they hardly depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar

from bench import registry
from bench.cli.run import _parameters
from bench.errors import UserError
from bench.inputs import CaseReader
from bench.testsets import select
from bench.types import EditCase, EditMethod
from methods.wan import velocity

T = TypeVar("T")
PARTS = {"encode": "encode_video", "text": "encode_text", "transformer": "_forward", "decode": "decode_video"}
"""Parts of an edit, and the function of `methods.wan.velocity` that does each."""
BASE = ("ti2v-inversion", {"inversion_steps": 25, "generation_steps": 25})
SIZES = {"mini": 30, "test": 320}


class Clock:
    """Wall and processor seconds by part."""

    def __init__(self, device: str) -> None:
        self._device = device
        self.spent: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])

    def timed(self, part: str, function: Callable[..., T]) -> Callable[..., T]:
        def inner(*args: Any, **kwargs: Any) -> T:
            start = self._now()
            result = function(*args, **kwargs)
            for i, (end, begin) in enumerate(zip(self._now(), start, strict=True)):
                self.spent[part][i] += end - begin
            return result

        return inner

    def _now(self) -> tuple[float, float]:
        if self._device.startswith("cuda"):
            import torch

            torch.cuda.synchronize()
        return time.perf_counter(), time.process_time()


def edit_part(method: str, changes: dict[str, Any], guidance: float, edits: int, device: str) -> None:
    testset = registry.testset("shopedit-300")
    reader, cases = CaseReader(testset.root), select(testset, "mini")
    row = registry.methods()[method]
    few = registry.variant(row, changes) if changes else row
    base = registry.variant(registry.methods()[BASE[0]], BASE[1] | {"guidance": guidance})
    made = {entry.card.name: registry.create(entry) for entry in (few, base)}
    plain = {name: getattr(velocity, name) for name in PARTS.values() if name != "_forward"}
    forward = velocity.Backbone._forward

    def edit(adapter: EditMethod, case: EditCase, clock: Clock) -> None:
        for part, name in PARTS.items():
            if name in plain:
                setattr(velocity, name, clock.timed(part, plain[name]))
        velocity.Backbone._forward = clock.timed("transformer", forward)  # type: ignore[method-assign]
        request = reader.request(adapter.card, case, None, 0)
        clock.timed("whole", adapter.edit)(request)

    for adapter in made.values():
        adapter.load(device)
        if device != "cpu":
            edit(adapter, cases[-1], Clock(device))  # kernels are chosen on the first call
    clocks = {name: Clock(device) for name in made}
    for case in cases[:edits]:
        for name, adapter in made.items():
            edit(adapter, case, clocks[name])
    labels = {few.card.name: f"{method} {changes or ''}", base.card.name: f"{BASE[0]} 25 + 25, guidance {guidance:g}"}
    for name, clock in clocks.items():
        told = [f"{p} {clock.spent[p][0] / edits:.2f} / {clock.spent[p][1] / edits:.2f}" for p in ("whole", *PARTS)]
        print(f"edit     {labels[name]}: seconds wall / processor an edit: {', '.join(told)}")
    fewer, more = (clocks[entry.card.name].spent for entry in (few, base))
    for part in ("whole", "transformer"):
        wall, cpu = (more[part][i] / fewer[part][i] for i in (0, 1))
        print(f"edit     {part}: {wall:.2f} times less wall, {cpu:.2f} times less processor time")


def run_part(method: str, settings: list[str], student: str | None, split: str, edits: int, device: str) -> None:
    def run(limit: int) -> tuple[float, float]:
        with tempfile.TemporaryDirectory() as home:
            command = [sys.executable, "-m", "bench.cli", "run", "--method", method, "--split", split, "--no-controls"]
            command += ["--limit", str(limit), "--device", device, "--home", home]
            command += ["--student", student] if student else []
            command += [word for setting in settings for word in ("--set", setting)]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return time.perf_counter() - start, spent

    one, more = run(1), run(1 + edits)
    each = [(b - a) / edits for a, b in zip(one, more, strict=True)]
    begin = [a - e for a, e in zip(one, each, strict=True)]
    print(f"run      {split}: {each[0]:.2f} s wall, {each[1]:.2f} s processor an edit; {begin[1]:.1f} s to begin with")
    for name, count in SIZES.items():
        seconds = begin[1] + count * each[1] / 2
        print(f"run      {count} edits of {name} on two cores that do nothing else: {seconds / 60:.1f} min")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=("edit", "run"))
    parser.add_argument("--method", default="teacher-4")
    parser.add_argument("--student")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--base-guidance", type=float, default=2.0)
    parser.add_argument("--split", default="mini")
    parser.add_argument("--edits", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    a = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    try:
        changes = dict(_parameters(a.set, a.student))
    except UserError as error:
        parser.error(str(error))
    if a.part in (None, "edit"):
        edit_part(a.method, changes, a.base_guidance, a.edits, a.device)
    if a.part in (None, "run"):
        run_part(a.method, a.set, a.student, a.split, a.edits, a.device)


if __name__ == "__main__":
    main()
