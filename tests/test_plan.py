"""A plan holds what is left to do, in the order that loads each model once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench import plan
from bench.errors import UserError
from bench.identity import score_key
from bench.inputs import compared_with, other_clip
from bench.store.records import EditFacts
from bench.store.repo import Known
from bench.testsets import read_testset, select
from bench.types import TestSet
from tests.fixtures import ToyProtocol, zoo

CARDS = ToyProtocol.cards
FACTS = EditFacts(sha256="ab" * 32, size=1, frames=5, width=48, height=32, fps="8", seconds=1.0, nfe=4, peak_memory=0)


@pytest.fixture
def testset(toyset: Path) -> TestSet:
    return read_testset(toyset)


def make(testset: TestSet, *names: str, known=None, elsewhere=None, history=None, seed=0, cards=CARDS) -> plan.Plan:
    entries = [zoo()[name] for name in names]
    cases = select(testset, "smoke")
    return plan.make(entries, cases, testset, cards, "toy:1", seed, known or {}, elsewhere or {}, history or {})


def done(testset: TestSet, name: str, cards=CARDS) -> tuple[dict[str, Known], dict[str, EditFacts]]:
    """What a store would say after the method has run on every case."""
    known = {}
    for job in make(testset, name).jobs:
        references = {
            role: a.sha256 for role, a in compared_with(job.case, other_clip(job.case, testset.cases)).items()
        }
        scores = frozenset(score_key(FACTS.sha256, references, card, "toy:1") for card in cards)
        known[job.key] = Known(True, FACTS.sha256, scores)
    return known, dict.fromkeys(known, FACTS)


def test_jobs_come_method_by_method_and_case_by_case(testset: TestSet) -> None:
    jobs = make(testset, "copy", "blend").jobs
    assert [job.entry.card.name for job in jobs] == ["copy"] * 7 + ["blend"] * 7
    assert [job.case.id for job in jobs[7:]] == sorted(job.case.id for job in jobs[7:])
    assert len({job.key for job in jobs}) == 14


def test_controls_are_put_first_and_a_method_named_twice_runs_once() -> None:
    chosen = plan.choose(zoo(), ["still", "blend", "still", "copy"], controls=True)
    assert [entry.card.name for entry in chosen] == ["copy", "truth", "still", "blend"]
    assert [entry.card.name for entry in plan.choose(zoo(), ["still"], controls=False)] == ["still"]


def test_nothing_is_left_of_what_is_done(testset: TestSet) -> None:
    known, elsewhere = done(testset, "blend")
    made = make(testset, "blend", known=known, elsewhere=elsewhere)
    assert (made.jobs, made.done) == ((), 7)


def test_one_more_metric_leaves_only_its_own_scores(testset: TestSet) -> None:
    known, elsewhere = done(testset, "blend", cards=CARDS[:2])
    made = make(testset, "blend", known=known, elsewhere=elsewhere)
    assert made.edits == 0
    assert {job.due for job in made.jobs} == {frozenset({CARDS[2].name})}
    assert all(job.stored == FACTS for job in made.jobs)


def test_a_failed_edit_is_due_again(testset: TestSet) -> None:
    known, elsewhere = done(testset, "blend")
    first = next(iter(known))
    known[first], _ = Known(False, None, frozenset()), elsewhere.pop(first)
    made = make(testset, "blend", known=known, elsewhere=elsewhere)
    assert [job.key for job in made.jobs] == [first]
    assert made.edits == 1


def test_an_edit_made_on_another_version_of_the_test_set_is_only_scored(testset: TestSet) -> None:
    _, elsewhere = done(testset, "blend")
    made = make(testset, "blend", elsewhere=elsewhere)
    assert (len(made.jobs), made.edits) == (7, 0)


def test_another_seed_is_another_edit(testset: TestSet) -> None:
    known, elsewhere = done(testset, "blend")
    assert make(testset, "blend", known=known, elsewhere=elsewhere, seed=1).edits == 7


def test_a_changed_source_makes_exactly_its_own_edits_due(testset: TestSet) -> None:
    known, elsewhere = done(testset, "still")
    first, *rest = testset.cases
    changed = first.model_copy(update={"source": first.source.model_copy(update={"sha256": "00" * 32})})
    made = make(replace(testset, cases=(changed, *rest)), "still", known=known, elsewhere=elsewhere)
    assert [job.case.id for job in made.jobs if job.stored is None] == [first.id]


def test_a_case_that_lacks_what_the_track_gives_is_refused_with_its_reason(testset: TestSet) -> None:
    first, *rest = testset.cases
    bare = replace(testset, cases=(first.model_copy(update={"target": None}), *rest))
    made = make(bare, "blend", "truth", "still")
    assert [(r.method, r.case, r.reason) for r in made.refused] == [
        ("blend", first.id, "the case has no first frame"),
        ("truth", first.id, "the case has no target"),
    ]
    assert len(made.jobs) == 6 + 6 + 7


def test_a_method_that_fits_no_case_is_a_mistake_but_a_control_is_not(testset: TestSet) -> None:
    bare = replace(testset, cases=tuple(c.model_copy(update={"target": None}) for c in testset.cases))
    assert make(bare, "truth", "still").jobs
    with pytest.raises(UserError, match=r"method 'blend' \(track first-frame\) fits no case here"):
        make(bare, "blend")


def test_the_estimate_follows_what_was_measured(testset: TestSet) -> None:
    made = make(testset, "blend", history={"blend": 10.0})
    assert made.seconds == pytest.approx(7 * (10 + plan.scoring_seconds(5 * 32 * 48 / plan.LITE_PIXELS)))
    assert made.size == pytest.approx(7 * 5 * 48 * 32 * 3 * plan.STORED_SHARE, abs=1)


def test_the_estimate_grows_with_the_clips() -> None:
    small, large = plan.scoring_seconds(1.0), plan.scoring_seconds(81 * 704 * 1280 / plan.LITE_PIXELS)
    assert small == pytest.approx(2.4)
    assert 20 * small < large < 40 * small
