"""How long `bench testset check` takes on a set of many edits, beside reading every file of it once.

    python tests/benchmarks/check_testset.py [--testset FOLDER] [--times 6]

The set is copied side by side, each copy under names and bytes of its own, until it is as large as the finished one
(dev + test: 364 edits and more). Processor time is printed beside wall time because it does not depend on what else
the machine does; divided by the number of cores it bounds the wall time of a quiet one from below.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.identity import file_digest
from bench.testsets import assets_of, read_testset
from testset.check import faults
from testset.loader import FOLDER


def enlarged(source: Path, folder: Path, times: int) -> Path:
    """Write `times` copies of a test set as one, and return its folder."""
    info = json.loads((source / "testset.json").read_text(encoding="utf-8"))
    (folder / "testset.json").write_text(json.dumps(info), encoding="utf-8")
    lines = []
    for number in range(times):
        for case in read_testset(source).cases:
            record = case.model_dump(mode="json", exclude_none=True)
            record |= {"id": f"{number}-{case.id}", "group": f"{number}-{case.group}", "subsets": []}
            for role in assets_of(case):
                path = record[role]["path"] = record[role]["path"].replace("clips/", f"clips/{number}-")
                copy = folder / path
                if not copy.exists():
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    free = b"\0\0\0\x09free" + bytes([number])  # an empty box: other bytes, the same clip
                    copy.write_bytes((source / getattr(case, role).path).read_bytes() + free)
                record[role]["sha256"] = file_digest(copy)
            lines.append(json.dumps(record) + "\n")
    (folder / "cases.jsonl").write_text("".join(lines), encoding="utf-8")
    return folder


def timed(run: Callable[[], object]) -> tuple[float, float]:
    """Return wall and processor seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - processor


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--testset", type=Path, default=FOLDER)
    parser.add_argument("--times", type=int, default=6)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = enlarged(chosen.testset, Path(place), chosen.times)
        files = sorted((folder / "clips").rglob("*.mp4"))
        read = timed(lambda: [file_digest(path) for path in files])
        check = timed(lambda: faults(folder))
        edits = len(read_testset(folder).cases)
    print(f"{edits} edits, {len(files)} files, {os.cpu_count()} cores")
    for name, (wall, processor) in (("read once", read), ("check", check)):
        print(
            f"{name:<10} {wall:6.2f} s wall  {processor:6.2f} s processor  {1000 * processor / edits:6.1f} ms an edit"
        )
    print(f"check / read once, processor: {check[1] / read[1]:.0f}")


if __name__ == "__main__":
    main()
