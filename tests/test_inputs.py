"""A method sees what its track gives it, and nothing that leads further."""

from __future__ import annotations

import gc
from pathlib import Path
from types import BuiltinFunctionType, FunctionType, ModuleType

import numpy as np
import pytest

from bench.errors import CaseFailed
from bench.inputs import CaseReader, given, other_clip, refusal, wrong_answer
from bench.media import read_mask, read_video
from bench.testsets import read_testset
from bench.types import MethodCard, OracleRequest, TestSet


@pytest.fixture
def testset(toyset: Path) -> TestSet:
    return read_testset(toyset)


def card(**fields: object) -> MethodCard:
    return MethodCard(name="m", family="f", **fields)


def reachable(root: object) -> list[object]:
    """Everything an object leads to, array bases included; not through types, modules and code."""
    seen: dict[int, object] = {}
    queue = [root]
    while queue:
        thing = queue.pop()
        if id(thing) in seen or isinstance(thing, (type, ModuleType, FunctionType, BuiltinFunctionType)):
            continue
        seen[id(thing)] = thing
        queue += gc.get_referents(thing)
        if isinstance(thing, np.ndarray) and thing.base is not None:
            queue.append(thing.base)
    return list(seen.values())


def arrays(root: object) -> list[np.ndarray]:
    return [thing for thing in reachable(root) if isinstance(thing, np.ndarray)]


def holds(root: object, wanted: np.ndarray) -> bool:
    """Whether any array in reach is the wanted clip or holds one of its frames from the second on."""
    frames = wanted[1:]
    for array in arrays(root):
        for part in [array] if array.ndim == frames.ndim - 1 else array if array.ndim == frames.ndim else []:
            if part.shape == frames[0].shape and any(np.array_equal(part, frame) for frame in frames):
                return True
    return False


@pytest.mark.parametrize("track", ["text", "first-frame", "mask"])
def test_nothing_in_reach_of_a_request_is_an_answer(testset: TestSet, track: str) -> None:
    reader = CaseReader(testset.root)
    case = testset.cases[0]
    wrong = wrong_answer(case, testset.cases)
    reader.references(case, other_clip(case, testset.cases))  # everything is decoded and cached by now
    request = reader.request(card(track=track), case, wrong, seed=0)
    for sibling in testset.cases:
        assert not holds(request, read_video(testset.root / sibling.target.path).frames), sibling.id
    assert holds(request, read_mask(testset.root / case.mask.path)) == (track == "mask")
    assert holds(request, read_video(testset.root / case.source.path).frames)
    secrets = {a.path for c in testset.cases for a in (c.target, c.mask)} | {str(testset.root)}
    assert not [t for t in reachable(request) if isinstance(t, (str, Path)) and str(t) in secrets]


def test_the_probe_above_would_see_a_leak(testset: TestSet) -> None:
    case = testset.cases[0]
    request = CaseReader(testset.root).request(card(oracle=True), case, None, seed=0)
    assert holds(request, read_video(testset.root / case.target.path).frames)
    view = read_video(testset.root / case.target.path).frames[0]
    assert holds([view], read_video(testset.root / case.target.path).frames)


def test_the_first_frame_track_gives_the_first_frame_of_the_target(testset: TestSet) -> None:
    case = testset.cases[0]
    request = CaseReader(testset.root).request(card(track="first-frame"), case, None, seed=3)
    assert np.array_equal(request.first_frame, read_video(testset.root / case.target.path).frames[0])
    assert (request.mask, request.seed, request.instruction) == (None, 3, case.instruction.en)


def test_a_method_that_scribbles_on_its_input_harms_nobody(testset: TestSet) -> None:
    reader = CaseReader(testset.root)
    case = testset.cases[0]
    reader.request(card(), case, None, 0).source.frames[:] = 0
    assert reader.references(case, None).source.frames.any()
    with pytest.raises(ValueError, match="read-only"):
        reader.references(case, None).source.frames[:] = 0


def test_a_control_is_given_the_answer_and_a_wrong_one(testset: TestSet) -> None:
    case, sibling = testset.cases[:2]
    wrong = wrong_answer(case, testset.cases)
    assert wrong == sibling
    request = CaseReader(testset.root).request(card(oracle=True, control=True), case, wrong, 0)
    assert isinstance(request, OracleRequest)
    assert np.array_equal(request.target.frames, read_video(testset.root / case.target.path).frames)
    assert np.array_equal(request.wrong_target.frames, read_video(testset.root / sibling.target.path).frames)


def test_the_wrong_answer_is_never_of_the_same_scenario(testset: TestSet) -> None:
    same = [c.model_copy(update={"scenario": "color"}) for c in testset.cases]
    assert wrong_answer(same[0], same) is None


def test_the_other_clip_is_the_same_whatever_part_is_run(testset: TestSet) -> None:
    pairs = {case.group: other_clip(case, testset.cases).group for case in testset.cases}
    assert sorted(pairs) == sorted(pairs.values())  # a permutation
    assert all(group != other for group, other in pairs.items())


def test_a_case_without_what_a_track_gives_is_refused(testset: TestSet) -> None:
    bare = testset.cases[0].model_copy(update={"target": None, "mask": None})
    assert refusal(card(track="text"), bare, None) is None
    assert refusal(card(track="first-frame"), bare, None) == "the case has no first frame"
    assert refusal(card(track="mask"), bare, None) == "the case has no mask"
    assert refusal(card(oracle=True), bare, None) == "the case has no target"
    assert set(given(card(track="text"), testset.cases[0], None)) == {"source"}


def test_a_case_without_the_words_a_method_needs_is_refused(testset: TestSet) -> None:
    wordless = testset.cases[0].model_copy(update={"source_prompt": "  "})
    assert refusal(card(needs=("source_prompt",)), wordless, None) == "the case has no source prompt"
    assert refusal(card(), wordless, None) is None
    assert refusal(card(needs=("source_prompt",)), testset.cases[0], None) is None


def test_a_clip_unlike_its_record_fails_with_both_sizes(testset: TestSet) -> None:
    case = testset.cases[0]
    longer = case.source.model_copy(update={"frames": 17})
    with pytest.raises(CaseFailed, match="decodes to 5 frames of 48x32, its record says 17 frames of 48x32"):
        CaseReader(testset.root).video(longer)


def test_without_a_target_nobody_asks_for_another_clip(toyset: Path, testset: TestSet) -> None:
    reader = CaseReader(toyset)
    case = testset.cases[0]
    other = other_clip(case, testset.cases)
    assert reader.references(case, other).other is not None
    assert reader.references(case.model_copy(update={"target": None}), other).other is None
