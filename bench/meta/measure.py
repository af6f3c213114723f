"""Scores of every clip that pairs need, each made once: results are kept in a file and found again by content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import registry
from bench.executors.pool import end_with_parent, limit_threads
from bench.inputs import CaseReader, other_clip, wrong_answer
from bench.meta.damages import BY_NAME, Scene, reconstruction
from bench.meta.pairs import Member
from bench.types import EditCase, TestSet, Video

if TYPE_CHECKING:
    from bench.metrics import Sample

Values = dict[str, float | None]
BATCH = 8
"""Clips of one case that a worker scores in one go."""


class Results:
    """An append-only file of scores by key. A line that a crash cut short is passed over."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._found: dict[str, Values] = {}
        if path.is_file():
            for line in path.read_text(encoding="utf-8").splitlines():
                try:
                    record = json.loads(line)
                except ValueError:
                    continue
                self._found[record["key"]] = record["values"]

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def __getitem__(self, key: str) -> Values:
        return self._found[key]

    def add(self, key: str, values: Values) -> None:
        """Keep one clip's scores."""
        self._found[key] = values
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as stream:
            # A line of its own even after one that was cut short.
            stream.write("\n" * (stream.tell() > 0) + json.dumps({"key": key, "values": values}))


@dataclass(frozen=True, slots=True)
class Job:
    """Some clips of one case."""

    case: str
    members: tuple[tuple[str, Member], ...]
    """Each with its key."""


class Prober:
    """Makes and scores clips in one process."""

    def __init__(self, testset: TestSet, protocol: str) -> None:
        from bench.features.bank import FeatureBank

        self._testset = testset
        self._cases = {case.id: case for case in testset.cases}
        self._reader = CaseReader(testset.root)
        self._protocol = registry.protocol(protocol)
        self._features = FeatureBank()
        self._held: tuple[str, Sample, Scene, dict[str, Video]] | None = None

    def __call__(self, job: Job) -> list[tuple[str, Values]]:
        """Return the scores of a job's clips by key; None where a metric does not apply."""
        sample, scene, bases = self._opened(job.case)
        found = []
        for key, member in job.members:
            if member.base not in bases:
                bases[member.base] = reconstruction(scene.target)
            clip = bases[member.base]
            if member.family:
                family = BY_NAME[member.family]
                clip = family.harm(clip, scene, family.strengths[member.level])
            scores = self._protocol.score_edit(sample.with_edit(clip))
            found.append((key, {name: score.value for name, score in scores.items()}))
        return found

    def _opened(self, name: str) -> tuple[Sample, Scene, dict[str, Video]]:
        from bench.metrics import Sample

        if self._held is None or self._held[0] != name:
            case = self._cases[name]
            clips = self._reader.references(case, other_clip(case, self._testset.cases))
            assert clips.target is not None and clips.mask is not None
            sibling = wrong_answer(case, self._testset.cases)
            wrong = self._reader.video(sibling.target) if sibling and sibling.target else None
            sample = Sample(
                case=case,
                source=clips.source,
                edit=clips.source,
                target=clips.target,
                mask=clips.mask,
                product_mask=clips.product_mask,
                other=clips.other,
                vocabulary=self._testset.vocabulary,
                features=self._features,
            )
            scene = Scene(clips.source, clips.target, clips.mask, clips.other, wrong)
            self._held = (name, sample, scene, {"truth": clips.target})
        return self._held[1:]


def jobs(members: Iterable[tuple[str, Member]]) -> list[Job]:
    """Return the work in batches of one case each, case by case in the order of their first clips."""
    by_case: dict[str, list[tuple[str, Member]]] = {}
    for key, member in members:
        by_case.setdefault(member.case, []).append((key, member))
    return [
        Job(case, tuple(mine[start : start + BATCH]))
        for case, mine in by_case.items()
        for start in range(0, len(mine), BATCH)
    ]


_prober: Prober | None = None


def _start(testset: str, protocol: str) -> None:
    global _prober
    end_with_parent()
    limit_threads(1)
    _prober = Prober(registry.testset(testset), protocol)


def _work(job: Job) -> list[tuple[str, Values]]:
    assert _prober is not None
    return _prober(job)


def measured(work: Sequence[Job], testset: str, protocol: str, workers: int) -> Iterator[list[tuple[str, Values]]]:
    """Yield the scores of each job, made by so many processes of one thread each; 0 works in this process."""
    if workers == 0:
        prober = Prober(registry.testset(testset), protocol)
        for job in work:
            yield prober(job)
        return
    with ProcessPoolExecutor(workers, get_context("spawn"), _start, (testset, protocol)) as pool:
        for done in as_completed([pool.submit(_work, job) for job in work]):
            yield done.result()


def outside_shares(cases: Iterable[EditCase], reader: CaseReader, least: float) -> Mapping[str, bool]:
    """Return by case id whether at least that share of the clip lies outside the mask."""
    found: dict[str, Any] = {c.id: bool((~reader.mask(c.mask)).mean() >= least) for c in cases if c.mask}
    return found
