"""The whole check of a submission: the same for a folder and a zip, offline and on upload."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import registry
from bench.errors import UserError
from bench.identity import file_digest
from bench.types import EditCase, TestSet
from submissions.archive import plan, unpack
from submissions.clips import clip_problems
from submissions.folder import scan
from submissions.manifest import FILE, MAX_BYTES, Edited, Manifest, Reading, read_manifest
from submissions.quarantine import quarantine
from submissions.rules import Problem, breach, mib

VIDEOS = "videos/"
SUFFIX = ".mp4"
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. A submission may be sent when there is no problem."""

    manifest: Manifest | None
    """None where it could not be read."""
    clips: int
    """Clips whose frames were read."""
    problems: tuple[Problem, ...]
    """Every breach found, in the order of files."""
    peak_kib: int = 0
    """The most memory that reading any clip took."""


def check(path: Path, testset: str | None = None, progress: Progress = lambda _done, _all: None) -> Report:
    """Return every problem of the submission at `path`, a folder or a zip.

    `testset` is the name or folder of the test set it must be for; by default the one the manifest names.
    `progress` is called with the clips read and all clips. Nothing is written but inside a quarantine that is
    gone on return. An archive that breaks a rule of archives is not unpacked, so nothing more is said of it.
    Raises `UserError` where there is nothing at `path` or the test set is not there.
    """
    if not (path.is_file() or path.is_dir()):
        raise UserError(f"{path}: no such file or folder; a submission is a folder with {FILE}, or a zip of one")
    try:
        with _files(path) as (folder, sizes, problems):
            # Links and odd names in a folder are never opened; the rest of it is checked all the same.
            if folder is None:
                return Report(None, 0, problems)
            return check_files(folder, sizes, problems, testset, progress)
    except PermissionError as error:
        raise UserError(f"{error.filename}: may not be read; allow it with chmod u+r") from error


@contextmanager
def _files(path: Path) -> Iterator[tuple[Path | None, dict[str, int], tuple[Problem, ...]]]:
    """Yield the folder the files lie in (None for a refused archive), their sizes and the problems so far."""
    if path.is_dir():
        yield path, *scan(path)
        return
    planned = plan(path)
    if planned.problems:
        yield None, planned.sizes, planned.problems
        return
    with quarantine(sum(planned.sizes.values())) as folder:
        problems = unpack(planned, folder)
        yield (None if problems else folder), planned.sizes, problems


def check_files(
    folder: Path,
    sizes: dict[str, int],
    problems: tuple[Problem, ...],
    testset: str | None,
    progress: Progress,
) -> Report:
    """Return every problem of the files in a folder, with what `problems` says of them already.

    `sizes` are the files that may be opened, in bytes; `testset` and `progress` as for `check`.
    """
    read = _manifest(folder, sizes)
    odd = {p.file for p in problems}
    known, of_testset = _testset(read.edited, testset)
    cases, of_split = _cases(read.edited, known)
    found = (*problems, *read.problems, *of_testset, *of_split, *_layout_problems(sizes, odd))
    if cases is None:
        return Report(read.manifest, 0, found)
    clips = {name.removeprefix(VIDEOS).removesuffix(SUFFIX): name for name in sizes if _is_clip(name)}
    wanted = {case.id: case for case in cases}
    found = (*found, *_case_problems(clips, wanted), *_hash_problems(folder, clips, read.manifest))
    jobs = [(name, wanted[case]) for case, name in sorted(clips.items()) if case in wanted and name not in odd]
    of_clips, peak = _read(folder, jobs, progress)
    return Report(read.manifest, len(jobs), (*found, *of_clips), peak)


def _manifest(folder: Path, sizes: dict[str, int]) -> Reading:
    if FILE not in sizes:
        return Reading(None, None, (breach(FILE, "manifest-missing", "no such file", f"{FILE} at the top"),))
    if sizes[FILE] > MAX_BYTES:
        return Reading(None, None, (breach(FILE, "manifest-size", mib(sizes[FILE]), mib(MAX_BYTES)),))
    return read_manifest((folder / FILE).read_bytes())


def _is_clip(name: str) -> bool:
    return name.startswith(VIDEOS) and name.endswith(SUFFIX) and name.count("/") == 1


def _layout_problems(sizes: dict[str, int], odd: set[str]) -> Iterator[Problem]:
    for name in sizes:
        if name != FILE and not _is_clip(name) and name not in odd:
            yield breach(name, "layout-unexpected", "a file that belongs to no case", f"{FILE} and {VIDEOS}*{SUFFIX}")


def _testset(edited: Edited | None, given: str | None) -> tuple[TestSet | None, tuple[Problem, ...]]:
    """Return the test set to check against. A given one that is missing is the caller's mistake; one that only
    the manifest names is a problem of the manifest, and never taken for a path.
    """
    if given is not None:
        testset = registry.testset(given)
    if edited is None:
        return None, ()
    found = f"{edited.name} {edited.version}"
    if given is None:
        names = registry.plugins("testsets")
        if edited.name not in names:
            wanted = f"one of {', '.join(names)}; any other by --testset"
            return None, (breach(f"{FILE}: testset.name", "manifest-testset", edited.name, wanted),)
        testset = names[edited.name].load()()
    wanted = f"{testset.name} {testset.version}"
    if found != wanted:
        return None, (breach(f"{FILE}: testset", "manifest-testset", found, wanted),)
    return testset, ()


def _cases(edited: Edited | None, testset: TestSet | None) -> tuple[tuple[EditCase, ...] | None, tuple[Problem, ...]]:
    """Return the cases of the split, or None where nobody says which they are."""
    if edited is None or testset is None:
        return None, ()
    cases = testset.select(edited.split)
    if not cases:
        where, wanted = f"{FILE}: testset.split", f"one of {', '.join(testset.splits)}"
        return None, (breach(where, "manifest-split", edited.split, wanted),)
    return cases, ()


def _case_problems(clips: dict[str, str], wanted: dict[str, EditCase]) -> Iterator[Problem]:
    for case in sorted(clips.keys() - wanted.keys()):
        yield breach(clips[case], "case-unknown", case, f"one of the {len(wanted)} case ids of the split")
    for case in sorted(wanted.keys() - clips.keys()):
        yield breach(f"{VIDEOS}{case}{SUFFIX}", "case-missing", "no such file", f"all {len(wanted)} cases")


def _hash_problems(folder: Path, clips: dict[str, str], manifest: Manifest | None) -> Iterator[Problem]:
    for case, declared in (manifest.sha256 if manifest else {}).items():
        found = file_digest(folder / clips[case]) if case in clips else "no such clip"
        if found != declared:
            yield breach(f"{FILE}: sha256.{case}", "manifest-sha256", found, declared)


def _read(folder: Path, jobs: list[tuple[str, EditCase]], progress: Progress) -> tuple[list[Problem], int]:
    """Probe the clips, as many at once as there are cores; problems come in the order of `jobs`."""
    problems: list[Problem] = []
    peak = 0
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        answers = pool.map(lambda job: clip_problems(folder / job[0], job[0], job[1]), jobs)
        for done, (found, kib) in enumerate(answers, 1):
            problems += found
            peak = max(peak, kib)
            progress(done, len(jobs))
    return problems, peak
