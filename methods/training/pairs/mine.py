"""Hard examples: run a method of the registry over pairs, as `bench run` would, and keep what it fails.

The pairs become a test set in a folder of their own, `bench` runs as a process with a store of its own, and the
headline score of each pair comes back. Nothing of the real store is touched.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

from bench.errors import BenchError, UserError
from bench.identity import file_digest
from bench.types import Asset, EditCase
from methods.training.pairs.build import read_manifest
from methods.training.pairs.decisions import usable, write_hard
from methods.training.pairs.read import pair_files
from methods.training.pairs.record import BuildSettings, PairRecord

SPLIT = "pairs"


def mine(
    folder: Path,
    method: str,
    below: float,
    *,
    limit: int | None = None,
    device: str = "cpu",
    protocol: str = "lite-1",
    testset: Path | None = None,
    metric: str = "score",
) -> dict[str, float]:
    """Return the score of each pair that the method scores below `below` on; they are stored as `hard.json`.

    A pair that the method cannot edit at all counts as 0. `testset` is where the pairs are unpacked (default: beside
    the shards), together with the store, so that an interrupted mining goes on.
    """
    place = testset or folder / "mining"
    keys = usable(folder, read_manifest(folder))[:limit]
    if not keys:
        raise UserError(f"{folder}: no pair is usable; accept some with `bench pairs review {folder}`")
    as_testset(folder, place, keys)
    scores = _scores(place, method, device, protocol, metric)
    hard = {key: score for key, score in scores.items() if score < below}
    write_hard(folder, method, below, hard)
    return hard


def as_testset(folder: Path, out: Path, keys: list[str]) -> None:
    """Write pairs as a test set that `bench run --testset` takes; each is a source clip of its own."""
    settings = read_manifest(folder).settings
    info = {"name": "training-pairs", "version": f"seed-{settings.seed}", "title": "Training pairs"}
    out.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out / "clips", ignore_errors=True)
    cases = [_case(out, settings, record, files) for record, files in pair_files(folder, set(keys))]
    (out / "testset.json").write_text(json.dumps(info) + "\n", encoding="utf-8")
    (out / "cases.jsonl").write_text("".join(c.model_dump_json() + "\n" for c in cases), encoding="utf-8")


def _case(out: Path, settings: BuildSettings, record: PairRecord, files: dict[str, bytes]) -> EditCase:
    assets = {}
    for role in ("source", "target", "mask"):
        path = out / "clips" / f"{record.key}.{role}.mp4"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(files[f"{role}.mp4"])
        assets[role] = Asset(
            path=path.relative_to(out).as_posix(),
            sha256=file_digest(path),
            width=settings.width,
            height=settings.height,
            frames=settings.frames,
            fps=str(Fraction(settings.fps)),
        )
    return EditCase(
        id=f"pair-{record.key}",
        group=f"pair-{record.key}",
        scenario=record.scenario,
        vertical=record.vertical,
        source_prompt=record.source_caption.en,
        target_prompt=record.target_caption.en,
        instruction=record.instruction,
        attributes=(record.change,),
        split=SPLIT,
        **assets,
    )


def _scores(place: Path, method: str, device: str, protocol: str, metric: str) -> dict[str, float]:
    home = place / "home"
    where = ["--testset", str(place), "--split", SPLIT, "--protocol", protocol, "--home", str(home)]
    run = _bench("run", "--method", method, "--no-controls", "--device", device, *where)
    if run.returncode == 2:
        raise UserError(_last_line(run.stderr).removeprefix("error: "))
    if run.returncode not in (0, 1):  # 1: some cases failed, and count as 0
        raise BenchError(f"`bench run --method {method}` failed: {_last_line(run.stderr)}")
    exported = _bench("export", "--method", method, "--home", str(home))
    if exported.returncode:
        raise BenchError(f"`bench export` failed: {_last_line(exported.stderr)}")
    found: dict[str, float] = {}
    for edit in json.loads(exported.stdout)["edits"]:
        score = edit["scores"].get(metric, {})
        if edit["status"] == "ok" and "value" not in score:
            why = score.get("unscored", f"protocol {protocol} has no metric '{metric}'")
            raise UserError(f"{edit['case']} has no '{metric}' to mine by: {why}")
        found[edit["case"].removeprefix("pair-")] = score["value"] if edit["status"] == "ok" else 0.0
    return found


def _bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "bench.cli", *arguments], capture_output=True, text=True, check=False)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
