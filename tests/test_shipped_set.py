"""The test set as it ships: whole, moving, and annotated truly."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from bench.media.decode import read_mask, read_video
from bench.testsets import assets_of, verify_assets
from bench.types import SCENARIOS, EditCase, TestSet
from testset.duplicates import near_duplicates, read_fingerprint
from testset.loader import shopedit_300
from testset.measure import MIN_FLOW, flow_of
from testset.scenes.vocabulary import SCENARIO_ATTRIBUTE


@pytest.fixture(scope="module")
def shipped() -> TestSet:
    return shopedit_300()


def of(shipped: TestSet, case: EditCase) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    source, target = (read_video(shipped.root / a.path).frames for a in (case.source, case.target))
    mask, product = (read_mask(shipped.root / a.path) for a in (case.mask, case.product_mask))
    return source, target, mask, product


def test_every_file_is_as_published(shipped: TestSet) -> None:
    files = {a.path for c in shipped.cases for a in assets_of(c).values()}
    assert verify_assets(shipped, shipped.cases) == len(files)
    assert sum((shipped.root / f).stat().st_size for f in files) <= 40 * 2**20


def test_no_two_source_clips_show_nearly_the_same(shipped: TestSet) -> None:
    clips = {a.path: (c.group, a) for c in shipped.cases for a in (c.source, c.target)}
    prints = {path: (group, read_fingerprint(shipped.root / path, a.frames)) for path, (group, a) in clips.items()}
    assert near_duplicates(prints) == []


def test_the_splits_have_their_sizes_and_cover_every_scenario(shipped: TestSet) -> None:
    assert len(shipped.select("dev")) >= 60
    assert len(shipped.select("mini")) == 30
    assert sorted(c.scenario for c in shipped.select("smoke")) == sorted(SCENARIOS)
    assert len({c.group for c in shipped.select("smoke")}) == 7
    assert min(Counter(c.scenario for c in shipped.select("dev")).values()) >= 8
    assert min(Counter(c.scenario for c in shipped.select("mini")).values()) >= 4


def test_annotations_agree_with_each_other(shipped: TestSet) -> None:
    for case in shipped.cases:
        (change,) = case.attributes
        assert change.name == SCENARIO_ATTRIBUTE[case.scenario]
        assert change.source != change.target
        if change.source != "none":
            assert change.source in case.source_prompt
        if change.target != "none":
            assert change.target in case.target_prompt
        assert change.source not in case.keep
        assert case.instruction.en
        assert case.instruction.zh


@pytest.mark.parametrize("subset", ["smoke", pytest.param("dev", marks=pytest.mark.slow)])
def test_targets_move_and_differ_inside_the_mask_but_not_outside(shipped: TestSet, subset: str) -> None:
    for case in shipped.select(subset):
        source, target, mask, product = of(shipped, case)
        assert source.shape == target.shape == (*mask.shape, 3)
        assert flow_of(target, product) >= 0.9 * MIN_FLOW, case.id
        apart = np.abs(source.astype(int) - target.astype(int)).mean(-1)
        assert apart[mask].mean() > 4, case.id
        if (~mask).any():
            assert apart[~mask].mean() < 2.5, case.id  # what is left is the encoder's, most where little lies outside
