"""Scores of whole sets of edits, made when the edits of a run are there.

A set is all edits of one method over the run's split, at the run's seed. Each clip's features are extracted once and
kept by the content of its file, so a score that is due costs the reading of small arrays and one reduction. A partial
run (`--limit`) covers no split and gets none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.blobs import BlobStore
from bench.errors import CaseFailed, UserError
from bench.features.bank import FeatureBank
from bench.identity import metric_key, missing_key, set_key
from bench.inputs import CaseReader
from bench.media import read_video
from bench.store.records import SetRecord
from bench.types import EditCase, SetScore, Video

if TYPE_CHECKING:
    from bench.metrics import Population, SetMetric
    from bench.store.read import Result

TEST = "test"
_log = logging.getLogger(__name__)
Features = NDArray[np.float32]


def features_of(metric: SetMetric, bank: FeatureBank, sha256: str, video: Callable[[], Video]) -> Features:
    """Return a clip's features for a metric of sets, from the bank or from the clip that `video` decodes."""
    found = bank.recall(f"set-{metric.look}-{sha256}", lambda: {"rows": metric.features(video(), bank)})
    return np.asarray(found["rows"], np.float32)


class SetScorer:
    """Scores methods over one split."""

    def __init__(self, reader: CaseReader, blobs: BlobStore, bank: FeatureBank) -> None:
        self._reader = reader
        self._blobs = blobs
        self._bank = bank

    def due(
        self,
        results: Sequence[Result],
        cases: Sequence[EditCase],
        metrics: Sequence[SetMetric],
        signature: str,
        split: str,
        seed: int,
        stored: set[str],
        run: str,
    ) -> Iterator[SetRecord]:
        """Yield a record for every metric and method whose score is not stored yet.

        A method counts once it has an outcome on every case: a clip, or its own failure to make one.
        """
        inventory = weights.inventory()
        by_method: dict[str, dict[str, Result]] = {}
        for result in results:
            if result.sha256 or result.stage == "edit":
                by_method.setdefault(result.method_key, {})[result.case.id] = result
        for method, made in by_method.items():
            if made.keys() != {case.id for case in cases}:
                continue
            clips = {case.id: (made[case.id].sha256 or case.source.sha256, _target(case)) for case in cases}
            for metric in metrics:
                key = set_key(method, metric.card, signature, seed, clips)
                lacking = missing_key(key, inventory)
                score = None if {key, lacking} & stored else self._score(metric, cases, made, split)
                if score is not None:
                    if score.unscored and score.unscored.startswith(weights.MISSING):
                        key = lacking
                    yield SetRecord(
                        run=run,
                        method=method,
                        metric=metric_key(metric.card),
                        key=key,
                        split=split,
                        seed=seed,
                        value=score.value,
                        unscored=score.unscored,
                        low=score.low,
                        high=score.high,
                        edits=score.edits,
                        groups=score.groups,
                        failed=score.failed,
                    )

    def _score(
        self, metric: SetMetric, cases: Sequence[EditCase], made: Mapping[str, Result], split: str
    ) -> SetScore | None:
        """Return the score, or None where a stored clip cannot be read now: it stays due."""
        failed = sum(made[case.id].sha256 is None for case in cases)
        if lacking := sum(case.target is None for case in cases):
            reason = f"needs a target for every case, {lacking} have none"
            return SetScore(None, reason, None, None, len(cases), len({c.group for c in cases}), failed)
        try:
            return metric.reduce(self._population(metric, cases, made, failed, split))
        except UserError as error:
            return SetScore(None, str(error), None, None, len(cases), len({c.group for c in cases}), failed)
        except CaseFailed as error:
            _log.warning("%s is left for the next run: %s", metric.card.name, error)
            return None

    def _population(
        self, metric: SetMetric, cases: Sequence[EditCase], made: Mapping[str, Result], failed: int, split: str
    ) -> Population:
        from bench.metrics import Population

        edits, targets = {}, {}
        for case in cases:
            assert case.target is not None
            sha256, target = made[case.id].sha256, case.target
            if sha256:
                edits[case.id] = features_of(metric, self._bank, sha256, partial(read_video, self._blobs.path(sha256)))
            else:
                source = case.source
                edits[case.id] = features_of(metric, self._bank, source.sha256, partial(self._reader.video, source))
            targets[case.id] = features_of(metric, self._bank, target.sha256, partial(self._reader.video, target))
        whole = split == TEST and all(case.split == TEST for case in cases)
        return Population(edits, targets, {case.id: case.group for case in cases}, failed, whole)


def _target(case: EditCase) -> str:
    return case.target.sha256 if case.target else ""
