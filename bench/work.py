"""What a worker does for one job: edit, check, store, score."""

from __future__ import annotations

import gc
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import crash, registry
from bench.blobs import BlobStore
from bench.errors import BenchError, CaseFailed, UserError
from bench.inputs import CaseReader, References
from bench.media import read_video, write_lossless
from bench.plan import Job
from bench.sets import features_of
from bench.store.records import EditFacts, Stage, Status
from bench.types import Edit, EditMethod, Score, Video, Vocabulary

if TYPE_CHECKING:
    from bench.metrics import Metric, Sample
    from bench.protocol import Protocol

_log = logging.getLogger(__name__)

BLANK = 4
"""Grey levels. A clip that spans no more shows nothing: black, as pixels that are no numbers come out of a decoder."""


@dataclass(frozen=True, slots=True)
class Setup:
    """All a worker needs to start, in this process or another."""

    testset_root: Path
    protocol: str
    extra_metrics: tuple[str, ...]
    """Registered metrics outside the protocol, scored besides it."""
    blobs: Path
    cache: Path
    device: str
    """Of the worker; of several, between commas, each slot takes the next."""
    vocabulary: Vocabulary = field(default_factory=dict)
    """Of the test set."""

    def start(self, slot: int = 0) -> Worker:
        """Return a slot's worker; called once per process."""
        devices = self.device.split(",")
        return Worker(replace(self, device=devices[slot % len(devices)]))


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What came out of a job; every job has exactly one."""

    job: Job
    status: Status
    stage: Stage | None = None
    """Where it failed. A failure at `edit` is the method's own and scores 0."""
    reason: str | None = None
    edit: EditFacts | None = None
    scores: Mapping[str, Score] = field(default_factory=dict)


class _Failed(BenchError):
    def __init__(self, stage: Stage, error: Exception) -> None:
        super().__init__(reason_of(error))
        self.stage: Stage = stage


def reason_of(error: Exception) -> str:
    """Return an error in one line: its message if this project raised it on purpose, else its type too."""
    text = " ".join(str(error).split()) or "no message"
    return text if isinstance(error, BenchError) else f"{type(error).__name__}: {text}"


class Worker:
    """Runs jobs one after another, holding one model at a time and one feature cache for all."""

    def __init__(self, setup: Setup) -> None:
        from bench.features import device
        from bench.features.bank import FeatureBank

        device.use(setup.device)
        self._device = setup.device
        self._vocabulary = setup.vocabulary
        self._reader = CaseReader(setup.testset_root)
        self._blobs = BlobStore(setup.blobs)
        self._protocol: Protocol = registry.protocol(setup.protocol)
        offered = registry.metrics() if setup.extra_metrics else {}
        self._extras: list[Metric] = [offered[name] for name in setup.extra_metrics]
        self._features = FeatureBank(setup.cache / "features")
        self._method: EditMethod | None = None
        self._unloadable: dict[str, str] = {}

    def __call__(self, job: Job) -> Outcome:
        """Return the job's outcome. Raises `UserError` only for what would fail every job, such as a full
        disk.
        """
        facts = job.stored
        try:
            references = self._references(job)
            video, facts = self._stored(job, facts) if facts else self._edited(job)
            return Outcome(job, "ok", edit=facts, scores=self._scored(job, references, video, facts))
        except _Failed as failure:
            reason = str(failure)
            scores = self._protocol.failed_scores(reason, job.case) if failure.stage == "edit" else {}
            # A clip that exists stays, so that the next run has only its scores to make.
            kept = facts if failure.stage == "score" else None
            return Outcome(job, "failed", failure.stage, reason, kept, scores)

    def _references(self, job: Job) -> References:
        try:
            return self._reader.references(job.case, job.other)
        except CaseFailed as error:
            raise _Failed("input", error) from error

    def _loaded(self, job: Job) -> EditMethod:
        card = job.entry.card
        if self._method is not None and self._method.card == card:
            return self._method
        if card.name in self._unloadable:
            raise _Failed("load", UserError(self._unloadable[card.name]))
        if self._method is not None:
            self._method = None
            gc.collect()  # the last model's memory is free before the next one's is taken
        try:
            method = registry.create(job.entry)
            method.load(self._device)
        except Exception as error:
            _log.debug("loading %s failed", card.name, exc_info=True)
            self._unloadable[card.name] = reason_of(error)
            raise _Failed("load", error) from error
        self._method = method
        return method

    def _edited(self, job: Job) -> tuple[Video, EditFacts]:
        method = self._loaded(job)
        try:
            request = self._reader.request(job.entry.card, job.case, job.wrong, job.seed)
        except CaseFailed as error:
            raise _Failed("input", error) from error
        source = job.case.source
        try:
            edit = method.edit(request)
            wanted = (source.frames, source.height, source.width)
            if edit.video.shape != wanted:
                raise CaseFailed(f"the edit is {_size(edit.video.shape)}, its source {_size(wanted)}")
            low, high = int(edit.video.frames.min()), int(edit.video.frames.max())
            if high - low <= BLANK:
                raise CaseFailed(f"the edit shows nothing: all its levels lie between {low} and {high}")
        except Exception as error:
            _log.debug("%s on %s failed", job.entry.card.name, job.case.id, exc_info=True)
            raise _Failed("edit", error) from error
        crash.here("after-edit")
        video = Video(edit.video.frames, request.source.fps)
        return video, self._keep(edit, video)

    def _keep(self, edit: Edit, video: Video) -> EditFacts:
        sha256 = edit.stored
        if sha256 is None or sha256 not in self._blobs:
            sha256 = self._blobs.add(lambda path: write_lossless(video, path))
        crash.here("after-blob")
        frames, height, width = video.shape
        return EditFacts(
            sha256=sha256,
            size=self._blobs.path(sha256).stat().st_size,
            frames=frames,
            width=width,
            height=height,
            fps=str(video.fps),
            seconds=edit.seconds,
            nfe=edit.nfe,
            peak_memory=edit.peak_memory,
            notes=dict(edit.notes),
        )

    def _stored(self, job: Job, facts: EditFacts) -> tuple[Video, EditFacts]:
        """Return the edit made earlier; one whose clip was lost or damaged is made again."""
        try:
            return read_video(self._blobs.path(facts.sha256)), facts
        except CaseFailed as error:
            _log.warning("stored edit %s is made again: %s", facts.sha256[:12], error)
            self._blobs.path(facts.sha256).unlink(missing_ok=True)
            return self._edited(job)

    def _scored(self, job: Job, references: References, video: Video, facts: EditFacts) -> dict[str, Score]:
        from bench.metrics import measure

        sample = self._sample(job, references, video, facts)
        scores: dict[str, Score] = {}
        try:
            if job.due & {card.name for card in self._protocol.cards}:
                scores = dict(self._protocol.score_edit(sample))
            for metric in self._extras:
                if metric.card.name in job.due:
                    scores[metric.card.name] = measure(metric, sample)
            self._look(job, references, video, facts)
        except Exception as error:
            _log.debug("scoring %s on %s failed", job.entry.card.name, job.case.id, exc_info=True)
            raise _Failed("score", error) from error
        crash.here("after-score")
        return scores

    def _look(self, job: Job, references: References, video: Video, facts: EditFacts) -> None:
        """Extract what metrics of whole sets will need, while the clips are decoded and their features warm."""
        clips = {facts.sha256: video}
        if job.case.target is not None and references.target is not None:
            clips[job.case.target.sha256] = references.target
        for metric in self._protocol.sets:
            try:
                for sha256, clip in clips.items():
                    features_of(metric, self._features, sha256, partial(_itself, clip))
            except UserError as error:
                _log.debug("%s: %s", metric.card.name, error)  # said once for the set, when the run ends

    def _sample(self, job: Job, references: References, video: Video, facts: EditFacts) -> Sample:
        from bench.metrics import Cost, Sample

        return Sample(
            case=job.case,
            source=references.source,
            edit=video,
            target=references.target,
            mask=references.mask,
            product_mask=references.product_mask,
            other=references.other,
            vocabulary=self._vocabulary,
            cost=Cost(facts.seconds, facts.nfe, facts.peak_memory or None),
            features=self._features,
        )


def _itself(clip: Video) -> Video:
    return clip


def _size(shape: tuple[int, int, int]) -> str:
    frames, height, width = shape
    return f"{frames} frames of {width}x{height}"
