"""What scoring costs, as ratios of things measured in the same run.

    python -m tests.benchmarks.score_speed [--part edit|workers|shared|cached] [--edits 8]

- `edit`: seconds for one 17-frame 256 x 256 edit of the shipped `smoke` part with every per-case metric of lite-1, on
  two threads: the first of a case, and a later one (source, target, flow and anchors are known).
- `workers`: the same amortised over a run by two processes of one thread each.
- `shared`: processor time of all metrics together, over that of one process per metric that decodes and extracts for
  itself with its model loaded once; and beside it that of processes which load the model anew for every clip.
- `cached`: `bench run` on 300 edits that are all there, as a whole process; then with one metric more.

Wall times depend on what else the machine does; processor times and ratios hardly.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path

from bench import protocol, registry
from bench.features.bank import FeatureBank
from bench.inputs import CaseReader, other_clip
from bench.metrics import Sample, damage
from bench.score import Formula
from bench.testsets import select

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as `bench` does, before torch is loaded
LITE = protocol.load("lite-1")
PICTURES = [m for m in LITE.metrics if m.card.family != "cost"]


def samples(edits: int, bank: FeatureBank) -> Iterator[Sample]:
    """Edits of the smoke part, decoded one after another: each target under faint noise, never the same twice."""
    testset = registry.testset("shopedit-300")
    reader = CaseReader(testset.root)
    cases = select(testset, "smoke")
    for k in range(edits):
        case = cases[k // 2 % len(cases)]
        clips = reader.references(case, other_clip(case, testset.cases))
        assert clips.target is not None
        edit = damage.noise(clips.target, 3, seed=k)
        yield Sample(
            case, clips.source, edit, clips.target, clips.mask, clips.product_mask, clips.other,
            vocabulary=testset.vocabulary, features=bank,
        )  # fmt: skip


def threads(count: int) -> None:
    import cv2
    import torch

    torch.set_num_threads(count)
    cv2.setNumThreads(count)


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds."""
    start = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def edit_part() -> None:
    threads(2)
    bank = FeatureBank()
    found = list(samples(4, bank))
    LITE.score_edit(next(samples(1, FeatureBank())))  # networks are read once per process
    for name, sample in (("first edit of a case", found[0]), ("later edit of it", found[1])):
        wall, cpu = timed(lambda sample=sample: LITE.score_edit(sample))
        print(f"edit     {name:24s} {wall:6.2f} s wall {cpu:6.2f} s processor")


def _score_some(first: int, edits: int) -> tuple[float, float]:
    threads(1)
    bank = FeatureBank()
    LITE.score_edit(next(samples(1, FeatureBank())))
    mine = [s for k, s in enumerate(samples(first + edits, bank)) if k >= first]
    return timed(lambda: [LITE.score_edit(s) for s in mine])


def workers_part(edits: int) -> None:
    with Pool(2, context=get_context("spawn")) as pool:
        half = edits // 4 * 2  # both edits of a case go to one worker, as in a run
        found = pool.starmap(_score_some, [(0, half), (half, edits - half)])
    wall, cpu = max(w for w, _ in found), sum(c for _, c in found)
    print(f"workers  two, {edits} edits: {wall / edits:6.2f} s wall and {cpu / edits:.2f} s processor an edit")


def _one_metric(name: str, edits: int, reload: bool) -> float:
    """Processor seconds of a process that has one metric: its own decoding and features, anchors included."""
    threads(1)
    alone = protocol.Protocol("alone", tuple(m for m in PICTURES if m.card.name == name), _terms_of(name))

    def run() -> None:
        for sample in samples(edits, FeatureBank()):
            if reload:
                from bench.features import effnet

                effnet._network.cache_clear()
            alone.score_edit(replace(sample, features=FeatureBank()))

    if not reload:
        alone.score_edit(next(samples(1, FeatureBank())))
    return timed(run)[1]


def _terms_of(name: str) -> Formula:
    return replace(LITE.formula, terms=tuple(t for t in LITE.formula.terms if t.metric == name))


def shared_part(edits: int) -> None:
    threads(1)
    LITE.score_edit(next(samples(1, FeatureBank())))
    together = timed(lambda: [LITE.score_edit(s) for s in samples(edits, FeatureBank())])[1]
    print(f"shared   all metrics together           {together / edits:6.2f} s processor an edit")
    for label, reload in (("one metric per process", False), ("and EfficientNet anew per clip", True)):
        apart = sum(_one_metric(m.card.name, edits, reload) for m in PICTURES)
        print(f"shared   {label:30s} {apart / edits:6.2f} s, {apart / together:.1f} times as much")


def cached_part(cases: int) -> None:
    """Tiny edits: what is measured is planning, storing and reading, not pixels."""
    from tests.fixtures import make_testset

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "set"
        folder.mkdir()
        make_testset(folder, edits=cases)
        plugins = {"SHOPEDIT_PLUGINS": "metrics:sharp=tests.fixtures", "BENCH_HOME": str(Path(scratch) / "home")}
        environment = os.environ | plugins | {"OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "bench.cli", "run", "--method", "copy-source", "--no-controls"]
        command += ["--testset", str(folder), "--split", "dev"]

        def run(*more: str) -> tuple[float, float]:
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            start = time.perf_counter()
            subprocess.run([*command, *more], env=environment, check=True, capture_output=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            return time.perf_counter() - start, spent

        def scores() -> dict[str, dict[str, object]]:
            export = [sys.executable, "-m", "bench.cli", "export", "--canonical"]
            done = subprocess.run(export, env=environment, check=True, capture_output=True, text=True)
            return {e["case"]: e["scores"] for e in json.loads(done.stdout)["edits"]}

        for label, more in (("first run", ()), ("all there", ()), ("one metric more", ("--metric", "gradient"))):
            wall, cpu = run(*more)
            print(f"cached   {cases} edits, {label:18s} {wall:6.1f} s wall {cpu:6.1f} s processor")
            if label == "all there":
                before = scores()
        after = scores()
        kept = all({k: v for k, v in after[c].items() if k != "gradient"} == before[c] for c in before)
        added = sum("gradient" in found for found in after.values())
        print(f"cached   the added metric has {added} values, every other value is the same: {kept}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--part", choices=("edit", "workers", "shared", "cached"))
    parser.add_argument("--edits", type=int, default=8)
    parser.add_argument("--cases", type=int, default=300, help="of the part `cached`")
    args = parser.parse_args()
    parts = {
        "edit": edit_part,
        "workers": lambda: workers_part(args.edits),
        "shared": lambda: shared_part(max(2, args.edits // 4)),
        "cached": lambda: cached_part(args.cases),
    }
    for name, part in parts.items():
        if args.part in (None, name):
            part()


if __name__ == "__main__":
    main()
