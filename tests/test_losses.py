"""`bench score losses`: the points of a column sum to 100, and go to the terms that cost them."""

from __future__ import annotations

import json
from math import log
from pathlib import Path

import pytest

from bench.losses import FAILED, losses, lost
from bench.score import AXES, Formula, Term, combine, place_all
from bench.store.read import Result
from bench.types import Score
from tests.test_compare import result
from tests.test_explain import bench, formula_registered, run  # noqa: F401

FORMULA = Formula(
    (
        Term("a", "accuracy", "higher", "source", weight=3),
        Term("b", "accuracy", "higher", "source", weight=1),
        Term("c", "preservation", "higher", "other", weight=1),
        Term("d", "temporal", "higher", "frozen", weight=1),
    ),
    accuracy=1.0,
    preservation=0.5,
    temporal=0.5,
)


def edit(clip: int = 0, **places: float) -> Result:
    scores = {name: Score(x, anchors=(0.0, 1.0)) for name, x in places.items()}
    scores |= combine(FORMULA, place_all(FORMULA, scores, 0.2))
    return result(clip, {}, scores=scores)


def test_points_go_by_the_logarithm_and_sum_to_what_is_missing() -> None:
    found = lost(edit(a=0.5, b=1.0, c=0.25, d=1.0), FORMULA)
    missing = 100 - 100 * 0.5**0.75 * 0.25**0.5
    parts = 0.75 * log(2), 0.5 * log(4)
    assert found == pytest.approx(
        {"a": missing * parts[0] / sum(parts), "b": 0, "c": missing * parts[1] / sum(parts), "d": 0}
    )


def test_a_perfect_edit_loses_nothing_and_a_worthless_one_by_what_is_zero_alone() -> None:
    assert set(lost(edit(a=1.0, b=1.0, c=1.0, d=1.0), FORMULA).values()) == {0.0}
    assert lost(edit(a=0.0, b=0.5, c=0.1, d=0.0), FORMULA) == pytest.approx({"a": 60, "b": 0, "c": 0, "d": 40})


def test_a_mean_weighs_scenarios_alike_and_keeps_failures() -> None:
    made = [edit(0, a=0.5, b=1.0, c=1.0, d=1.0), edit(1, a=0.5, b=1.0, c=1.0, d=1.0)]
    failed = result(2, dict.fromkeys((*AXES, "score"), 0.0), "style", ok=False)
    found = losses([*made, failed], FORMULA)
    each = 100 - 100 * 0.5**0.75
    assert found.overall == pytest.approx({FAILED: 50, "a": each / 2, "b": 0, "c": 0, "d": 0})
    assert next(iter(found.overall)) == FAILED
    assert found.by_scenario["color"]["a"] == pytest.approx(each)
    assert found.scores == pytest.approx({"color": 100 - each, "style": 0})
    assert found.score + sum(found.overall.values()) == pytest.approx(100)


def test_the_command_takes_stored_results_apart_and_agrees_with_their_score(
    formula_registered: None,  # noqa: F811
    toyset: Path,
) -> None:
    run(toyset, "--method", "blend")
    found = json.loads(bench("score", "losses", "blend", "--json").stdout)
    assert found["edits"] == 7 and 0 < found["score"] < 100
    assert found["score"] + sum(found["overall"].values()) == pytest.approx(100)
    table = bench("score", "losses", "blend").stdout
    assert f"{found['score']:.1f}" in table and all(name in table for name in found["overall"])
    refused = bench("score", "losses", "blend", "--split", "test")
    assert refused.exit_code == 2 and "'blend' has 7 results, none of --split test" in refused.stderr
