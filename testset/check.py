"""Is a test set what it says it is? Every fault of its records, files and card, each in one line."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import numpy as np

from bench.errors import CaseFailed
from bench.identity import file_digest
from bench.media import read_png
from bench.media.color import to_rgb
from bench.media.inspect import Inspection, inspect, jitter
from bench.testsets import assets_of, read_info, read_testset
from bench.types import SCENARIOS, Asset, EditCase, Frames, TestSet
from testset.card import stale
from testset.duplicates import Bits, fingerprint, moments, near_duplicates
from testset.importing import MAX_JITTER
from testset.table import is_name

Prints = dict[str, tuple[str, Bits]]
"""Group and fingerprint of each source and target, by path."""


def faults(folder: Path) -> tuple[TestSet, list[str]]:
    """Return the test set and every fault that was found; every frame of every clip is decoded.

    Raises `UserError` where records are no records at all.
    """
    testset, info = read_testset(folder), read_info(folder)
    prints: Prints | None = {} if "dropped" in info.generator else None  # one's own clips may be alike on purpose
    found = [*_records(testset.cases), *_subsets(testset), *_files(testset, prints), *_strangers(testset)]
    for a, b in near_duplicates(prints or {}):
        found.append(f"{a}: shows nearly what {b} shows, of another group")
    if (folder / "README.md").exists() or (folder / "SHA256SUMS").exists():
        found += stale(testset, info)
    return testset, found


def _records(cases: Sequence[EditCase]) -> Iterator[str]:
    """Yield what is wrong with the words of the cases, and between cases."""
    split_of: dict[str, str] = {}
    group_of: dict[str, str] = {}
    folded: dict[str, str] = {}
    for case in cases:
        if not is_name(case.id):
            yield f"{case.id!r}: the id is no file name; wanted letters, digits, '.', '_' or '-'"
        twin = folded.setdefault(case.id.casefold(), case.id)
        if twin != case.id:
            yield f"{case.id}: differs from {twin} in case only; file systems take them for one"
        for field in ("source_prompt", "target_prompt"):
            if not getattr(case, field).strip():
                yield f"{case.id}: {field} is empty"
        if not case.instruction.en.strip():
            yield f"{case.id}: the instruction is empty"
        if split_of.setdefault(case.group, case.split) != case.split:
            yield f"{case.id}: its source clip {case.group} is in split {split_of[case.group]} too; splits share none"
        if group_of.setdefault(case.source.sha256, case.group) != case.group:
            yield f"{case.id}: its source is that of group {group_of[case.source.sha256]} too; a clip has one group"
        for change in case.attributes:
            if change.source == change.target:
                yield f"{case.id}: {change.name} changes from {change.source} to itself"
        yield from _fits(case)


def _fits(case: EditCase) -> Iterator[str]:
    """Yield files of a case that have not the source's size, length and rate, by the record."""
    s = case.source
    for role, asset in assets_of(case).items():
        frames = 1 if role == "first_frame" else s.frames
        if (asset.width, asset.height, asset.frames) != (s.width, s.height, frames) or asset.fps != s.fps:
            yield f"{case.id}: {role} is {_described(asset)}, its source {_described(s)}"


def _described(asset: Asset) -> str:
    return f"{asset.width}x{asset.height}, {asset.frames} frames at {asset.fps}/s"


def _subsets(testset: TestSet) -> Iterator[str]:
    """Yield what is wrong with the named parts of splits."""
    by_name: dict[str, list[EditCase]] = defaultdict(list)
    for case in testset.cases:
        for name in case.subsets:
            by_name[name].append(case)
    for name, members in by_name.items():
        if len({case.split for case in members}) > 1:
            yield f"{name}: a named part lies within one split, found {', '.join(sorted({c.split for c in members}))}"
    smoke = sorted(case.scenario for case in by_name.get("smoke", ()))
    if smoke and smoke != sorted(SCENARIOS) and len({c.scenario for c in testset.cases}) == len(SCENARIOS):
        yield f"smoke: found {len(smoke)} cases of {len(set(smoke))} scenarios, wanted one of each of {len(SCENARIOS)}"


def _files(testset: TestSet, prints: Prints | None) -> list[str]:
    """Return what is wrong with the files, each decoded once however many cases name it; fill in the fingerprints."""
    uses: dict[str, tuple[EditCase, str, Asset]] = {}
    clashes = []
    for case in testset.cases:
        for role, asset in assets_of(case).items():
            first = uses.setdefault(asset.path, (case, role, asset))
            if first[2] != asset:
                clashes.append(f"{asset.path}: {case.id} records it otherwise than {first[0].id}")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        looked = pool.map(lambda use: list(_file(testset.root, *use, prints)), uses.values())
        return clashes + [fault for found in looked for fault in found]


def _file(root: Path, case: EditCase, role: str, asset: Asset, prints: Prints | None) -> Iterator[str]:
    path = root / asset.path
    where = f"{asset.path} ({role} of {case.id})"
    if not path.resolve().is_relative_to(root.resolve()):
        yield f"{where}: a link that leaves the folder"
        return
    if not path.is_file():
        yield f"{where}: missing"
        return
    if (digest := file_digest(path)) != asset.sha256:
        yield f"{where}: altered, found sha256 {digest[:12]}, wanted {asset.sha256[:12]}"
        return
    try:
        if role == "first_frame":
            found = _still(path, asset)
        elif prints is not None and role in ("source", "target"):
            facts, bits = _fingerprinted(path, asset)
            if bits is not None:
                prints[asset.path] = (case.group, bits)
            found = _clip(facts, asset)
        else:
            found = _clip(inspect(path), asset)
        yield from (f"{where}: {text}" for text in found)
    except CaseFailed as error:
        yield f"{where}: {error}"


def _fingerprinted(path: Path, asset: Asset) -> tuple[Inspection, Bits | None]:
    """Return what a clip is and its fingerprint from one decoding; None where it has not its record's length."""
    picked: list[Frames] = []

    def watch(index: int, frame: av.VideoFrame) -> None:
        if index in moments(asset.frames):
            picked.append(to_rgb(frame).to_ndarray())

    facts = inspect(path, watch=watch)
    return facts, fingerprint(np.stack(picked)) if len(picked) == len(moments(asset.frames)) else None


def _still(path: Path, asset: Asset) -> Iterator[str]:
    height, width = read_png(path).shape[:2]
    if (width, height) != (asset.width, asset.height):
        yield f"found {width}x{height}, the record says {asset.width}x{asset.height}"


def _clip(clip: Inspection, asset: Asset) -> Iterator[str]:
    found = (clip.width, clip.height, clip.frames)
    if found != (asset.width, asset.height, asset.frames) or str(clip.fps) != asset.fps:
        seen = f"{clip.width}x{clip.height}, {clip.frames} frames at {clip.fps}/s"
        yield f"found {seen}, the record says {_described(asset)}"
    if clip.rotation:
        yield f"players turn it by {clip.rotation} degrees"
    if jitter(clip.times) > MAX_JITTER:
        yield "its frame rate varies"


def _strangers(testset: TestSet) -> Iterator[str]:
    """Yield clips in the folder that no case names."""
    named = {asset.path for case in testset.cases for asset in assets_of(case).values()}
    for path in sorted((testset.root / "clips").rglob("*")):
        name = path.relative_to(testset.root).as_posix()
        if path.is_file() and name not in named:
            yield f"{name}: no case names it"
