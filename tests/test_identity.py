"""Identities change exactly when what they stand for does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import identity
from bench.testsets import read_testset
from bench.types import EditCase, MethodCard, MetricCard

GOLDEN = Path(__file__).with_name("golden") / "identity.json"


def method_card(**changes: Any) -> MethodCard:
    return MethodCard(**{"name": "m", "family": "f", "parameters": {"steps": 25}, "weights": "ab"} | changes)


def metric_card(**changes: Any) -> MetricCard:
    fields = {"name": "psnr", "title": "PSNR", "family": "structure", "better": "higher"}
    return MetricCard(**fields | changes)


@pytest.fixture
def case(toyset: Path) -> EditCase:
    return read_testset(toyset).cases[0]


def golden() -> list[dict[str, Any]]:
    return json.loads(GOLDEN.read_text())["inputs"]


@pytest.mark.parametrize("item", golden(), ids=lambda item: item["name"])
def test_pinned_identities_have_not_moved(item: dict[str, Any]) -> None:
    """Where this fails on purpose, raise IDENTITY_VERSION and write the new values into the file."""
    given = item["given"]
    if item["kind"] == "value":
        found = identity.digest(given)
    elif item["kind"] == "method":
        found = identity.method_key(MethodCard(**given))
    elif item["kind"] == "metric":
        found = identity.metric_key(MetricCard(**given))
    elif item["kind"] == "job":
        found = identity.job_key(
            MethodCard(**given["method"]), EditCase(**given["case"]), given["assets"], given["seed"]
        )
    else:
        found = identity.score_key(
            given["edit"], given["references"], MetricCard(**given["metric"]), given["signature"]
        )
    assert found == item["key"]


def test_the_golden_file_belongs_to_this_version() -> None:
    assert json.loads(GOLDEN.read_text())["version"] == identity.IDENTITY_VERSION
    assert len(golden()) >= 30


@pytest.mark.parametrize(
    "change",
    [
        {"name": "n"},
        {"version": 2},
        {"parameters": {"steps": 26}},
        {"parameters": {"steps": 25, "guidance": 1}},
        {"weights": None},
        {"track": "mask"},
        {"oracle": True},
    ],
    ids=lambda change: "-".join(change),
)
def test_what_defines_a_method_changes_its_key(change: dict[str, Any]) -> None:
    assert identity.method_key(method_card(**change)) != identity.method_key(method_card())


@pytest.mark.parametrize("change", [{"description": "new"}, {"paper": "x"}, {"licence": "MIT"}, {"family": "g"}])
def test_what_only_describes_a_method_does_not(change: dict[str, Any]) -> None:
    assert identity.method_key(method_card(**change)) == identity.method_key(method_card())


def test_an_edit_is_identified_by_case_words_files_and_seed(case: EditCase) -> None:
    def key(case: EditCase = case, sha256: str = "aa", seed: int = 0) -> str:
        return identity.job_key(method_card(), case, {"source": sha256}, seed)

    others = [
        key(seed=1),
        key(sha256="bb"),
        key(case.model_copy(update={"id": "other"})),
        key(case.model_copy(update={"version": 2})),
        key(case.model_copy(update={"target_prompt": "a blue square"})),
    ]
    assert len({key(), *others}) == 6
    assert key(case.model_copy(update={"tags": ("glass",), "subsets": (), "vertical": "food"})) == key()


def test_a_score_is_identified_by_edit_references_metric_and_protocol() -> None:
    def key(edit: str | None = "e", references: str = "r", signature: str = "s", **card: Any) -> str:
        return identity.score_key(edit, {"source": references}, metric_card(**card), signature)

    others = [key("f"), key(None), key(references="q"), key(signature="t"), key(version=2), key(weights="w")]
    assert len({key(), *others}) == 7
    assert key(title="Another title", description="words") == key()


def test_a_test_set_is_another_when_one_word_of_one_case_is(toyset: Path) -> None:
    testset = read_testset(toyset)
    first, *rest = testset.cases
    reworded = replace(testset, cases=(first.model_copy(update={"source_prompt": "x"}), *rest))
    shuffled = replace(testset, cases=tuple(reversed(testset.cases)))
    assert identity.testset_digest(reworded) != identity.testset_digest(testset)
    assert identity.testset_digest(shuffled) == identity.testset_digest(testset)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(), values, max_size=5))
def test_the_order_of_keys_and_a_trip_through_json_change_nothing(value: dict[str, Any]) -> None:
    backwards = dict(reversed(list(value.items())))
    assert identity.digest(backwards) == identity.digest(value)
    assert identity.digest(json.loads(json.dumps(value))) == identity.digest(value)


def test_two_and_two_point_zero_are_one_parameter() -> None:
    assert identity.digest({"guidance": 2}) == identity.digest({"guidance": 2.0})
    assert identity.digest({"guidance": 2}) != identity.digest({"guidance": "2"})
    assert identity.digest(1) != identity.digest(True)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, {1, 2}, b"x", object()])
def test_what_has_no_stable_spelling_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="identity"):
        identity.digest(value)
