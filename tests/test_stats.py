"""Statistics against closed forms and brute force."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from bench.stats import compare, holm, interval, macro_average, rank_sets


def test_the_macro_average_gives_a_small_scenario_the_weight_of_a_large_one() -> None:
    assert macro_average([100, 0, 0, 0], ["a", "b", "b", "b"]) == 50


def test_with_one_edit_per_clip_the_interval_is_that_of_the_normal_theory() -> None:
    values = np.random.default_rng(1).normal(50, 10, 400)
    found = interval(values.tolist(), [str(i) for i in range(400)])
    half = 1.96 * values.std() / 20
    assert found.mean == pytest.approx(values.mean())
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_copies_of_an_edit_in_one_clip_do_not_narrow_the_interval() -> None:
    values = np.random.default_rng(2).normal(50, 10, 40).tolist()
    clips = [str(i) for i in range(40)]
    once, four_times = interval(values, clips), interval(values * 4, clips * 4)
    assert (four_times.low, four_times.high) == pytest.approx((once.low, once.high))
    assert (four_times.n, four_times.groups) == (160, 40)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    groups = [str(i // 4) for i in range(160)]
    hits = 0
    for trial in range(200):
        clip_effects = np.repeat(rng.normal(0, 8, 40), 4)
        found = interval((60 + clip_effects + rng.normal(0, 4, 160)).tolist(), groups, resamples=1000, seed=trial)
        hits += found.low <= 60 <= found.high
    assert 0.90 <= hits / 200 <= 0.98


def test_the_same_input_gives_the_same_interval() -> None:
    values, groups = [1.0, 5.0, 2.0, 8.0], ["a", "a", "b", "c"]
    assert interval(values, groups) == interval(values, groups)


def test_the_sign_flip_p_value_equals_enumeration_by_hand() -> None:
    differences = np.array([3.0, 1.0, -0.5, 2.0, 4.0])
    flips = [abs(np.dot(s, differences)) >= abs(differences.sum()) - 1e-9 for s in product((1, -1), repeat=5)]
    found = compare(differences.tolist(), [0.0] * 5, list("abcde"))
    assert found.p == pytest.approx(np.mean(flips))
    assert found.difference.mean == pytest.approx(differences.mean())


def test_clusters_flip_together_so_one_clip_can_prove_nothing() -> None:
    assert compare([9.0] * 20, [1.0] * 20, ["one clip"] * 20).p == 1.0


def test_a_method_against_itself_is_no_evidence() -> None:
    values = list(range(30))
    found = compare(values, values, [str(v) for v in values])
    assert found.p == 1.0
    assert (found.difference.low, found.difference.high) == (0, 0)


def test_p_values_under_the_null_are_about_uniform() -> None:
    rng = np.random.default_rng(4)
    groups = [str(i // 3) for i in range(60)]
    found = [
        compare(rng.normal(size=60).tolist(), rng.normal(size=60).tolist(), groups, resamples=400, seed=i).p
        for i in range(200)
    ]
    assert 0.01 <= np.mean(np.array(found) < 0.05) <= 0.10


def test_holm_equals_the_worked_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []


def test_rank_sets_separate_what_differs_and_tie_what_does_not() -> None:
    rng = np.random.default_rng(5)
    base = rng.normal(50, 10, 60)
    scores = {
        "best": (base + 20 + rng.normal(0, 2, 60)).tolist(),
        "twin-a": (base + rng.normal(0, 2, 60)).tolist(),
        "twin-b": (base + rng.normal(0, 2, 60)).tolist(),
        "worst": (base - 20 + rng.normal(0, 2, 60)).tolist(),
    }
    sets = rank_sets(scores, [str(i // 2) for i in range(60)], resamples=2000)
    assert sets == {"best": (1, 1), "twin-a": (2, 3), "twin-b": (2, 3), "worst": (4, 4)}


@pytest.mark.parametrize("values", [[], [1.0, float("nan")]])
def test_nothing_and_nan_are_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match=r"no values|NaN"):
        interval(values, ["a"] * len(values))
