"""Ratings are the maximum of the model's likelihood, their intervals are over voters, and nonsense is refused."""

from __future__ import annotations

import choix
import numpy as np
import pytest

from bench.errors import UserError
from bench.preference import CENTRE, POINTS, Vote, rate

NAMES = ("a", "b", "c", "d", "e")
TRUTH = np.array([-0.8, -0.3, 0.0, 0.4, 0.7])


def simulated(count: int, tie: float, voters: int = 30, seed: int = 0) -> list[Vote]:
    rng = np.random.default_rng(seed)
    votes = []
    for _ in range(count):
        i, j = rng.choice(len(NAMES), 2, replace=False)
        odds = np.exp([TRUTH[i], np.log(tie or 1e-300) + (TRUTH[i] + TRUTH[j]) / 2, TRUTH[j]])
        votes.append(Vote(f"v{rng.integers(voters)}", NAMES[i], NAMES[j], int(1 - rng.choice(3, p=odds / odds.sum()))))
    return votes


def strengths(ratings) -> np.ndarray:
    return np.array([(r.rating - CENTRE) / POINTS for r in sorted(ratings.methods, key=lambda r: r.name)])


def test_without_ties_the_ratings_are_those_of_another_implementation() -> None:
    votes = simulated(600, 0.0)
    pairs = [(v.a, v.b) if v.outcome == 1 else (v.b, v.a) for v in votes]
    data = [(NAMES.index(won), NAMES.index(lost)) for won, lost in pairs]
    reference = choix.ilsr_pairwise(len(NAMES), data, alpha=0)
    found = rate(votes, resamples=2, prior=1e8)
    assert strengths(found) == pytest.approx(reference - reference.mean(), abs=1e-7)
    assert found.tie == 0.0


def test_with_ties_the_ratings_maximise_davidsons_likelihood() -> None:
    from scipy.optimize import minimize

    votes = simulated(600, 0.8)

    def loss(x: np.ndarray) -> float:
        total = 0.0
        for v in votes:
            i, j = NAMES.index(v.a), NAMES.index(v.b)
            odds = np.array([x[i], x[5] + (x[i] + x[j]) / 2, x[j]])
            total -= odds[1 - v.outcome] - np.logaddexp.reduce(odds)
        return total

    best = minimize(loss, np.zeros(6), method="BFGS").x
    found = rate(votes, resamples=2, prior=1e8)
    assert strengths(found) == pytest.approx(best[:5] - best[:5].mean(), abs=1e-4)
    assert found.tie == pytest.approx(np.exp(best[5]), rel=1e-3)


def test_simulated_ratings_come_back_within_their_intervals() -> None:
    inside = 0
    for seed in range(12):
        ratings = rate(simulated(1500, 0.6, seed=seed), resamples=200)
        truth = dict(zip(NAMES, CENTRE + POINTS * (TRUTH - TRUTH.mean()), strict=True))
        inside += sum(r.low <= truth[r.name] <= r.high for r in ratings.methods)
    assert 0.85 <= inside / 60 <= 1.0


def test_two_voters_who_agree_with_themselves_alone_make_wide_intervals() -> None:
    one_sided = [Vote(f"v{i % 2}", "a", "b", 1 if i % 2 else -1) for i in range(200)]
    spread = [Vote(f"v{i}", "a", "b", 1 if i % 2 else -1) for i in range(200)]
    widths = [r.high - r.low for votes in (one_sided, spread) for r in rate(votes).methods[:1]]
    assert widths[0] > 4 * widths[1]


def test_ratings_depend_on_the_votes_and_not_on_their_order_or_sides() -> None:
    votes = simulated(200, 0.5)
    turned = [Vote(v.voter, v.b, v.a, -v.outcome) for v in reversed(votes)]
    first, second = rate(votes, resamples=50), rate(turned, resamples=50)
    assert strengths(first) == pytest.approx(strengths(second), abs=1e-9)


def test_a_method_that_won_every_vote_has_a_finite_rating_first() -> None:
    ratings = rate([Vote("v", "a", "b", 1), Vote("w", "a", "c", 1), Vote("v", "b", "c", 0)])
    assert ratings.methods[0].name == "a"
    assert np.isfinite([r.rating for r in ratings.methods]).all()
    assert {r.standing for r in ratings.methods} == {"preliminary"}
    assert (ratings.methods[0].wins, ratings.methods[1].wins) == (2.0, 0.5)


def test_methods_that_were_never_compared_are_refused_by_name() -> None:
    with pytest.raises(UserError, match=r"never compared with each other: a, b \| c, d"):
        rate([Vote("v", "a", "b", 1), Vote("v", "c", "d", 1)])
    with pytest.raises(UserError, match="ratings need votes"):
        rate([])
