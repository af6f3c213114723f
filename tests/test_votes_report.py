"""A report says what the votes say: simulated voters' preferences come back, and noise comes back as noise."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy.orm import Session

from bench.errors import UserError
from bench.preference import rate
from bench.store.db import open_engine
from bench.store.vote_rows import BallotRow, RatingRow, StudyRow, VoterRow
from bench.types import MetricCard
from bench.votes.agreement import agreement, alpha
from bench.votes.counted import Answer, votes_of
from bench.votes.page import as_markdown
from bench.votes.refit import refit
from bench.votes.report import report
from bench.votes.rules import AXES, Rules
from bench.votes.studies import study

METHODS = {"k1": "good", "k2": "poor", "k3": "fair"}
PUBLISHED = {"accuracy": 1, "preservation": 0.5, "temporal": 0.5}
STRENGTH = {"good": 0.9, "fair": 0.0, "poor": -0.9}


def choose(rng: np.random.Generator, difference: float, tie: float = 0.4) -> int:
    odds = np.exp([difference / 2, np.log(tie), -difference / 2])
    return 1 - int(rng.choice(3, p=odds / odds.sum()))


def simulated(url: str, cases: int = 56, voters: int = 20, each: int = 40, careless: int = 4) -> None:
    """Write a study in which `careless` voters answer at random, catch trials too."""
    rng = np.random.default_rng(1)
    engine = open_engine(url)
    with Session(engine) as session, session.begin():
        facts = {
            f"case{i:02}": {
                "id": f"case{i:02}",
                "group": f"clip{i // 4}",
                "scenario": "color",
                "instruction": {"en": "x", "zh": "x"},
                "seconds": 2.0,
                "source": "s",
                "clips": {k: f"{k}{i}" for k in METHODS},
                "catches": {},
            }
            for i in range(cases)
        }
        row = StudyRow(
            name="sim",
            state="closed",
            created="2030-01-01T00:00:00+00:00",
            testset_digest="d",
            signature="lite-1:000000000000",
            split="dev",
            methods=METHODS,
            cases=facts,
            rules=Rules().model_dump(),
        )
        session.add(row)
        session.flush()
        pairs = [(c, a, b) for c in facts for a, b in (("k1", "k2"), ("k1", "k3"), ("k2", "k3"))]
        for v in range(voters):
            voter = VoterRow(account=f"a{v}", pseudonym=f"v-{v}", joined="2030-01-01")
            session.add(voter)
            session.flush()
            for n, index in enumerate(rng.choice(len(pairs), each, replace=False)):
                case, low, high = pairs[index]
                difference = 0.0 if v < careless else STRENGTH[METHODS[low]] - STRENGTH[METHODS[high]]
                answers = {axis: choose(rng, 2 * difference) for axis in AXES}
                common = {"study_id": row.id, "voter_id": voter.id, "case_id": case, "swapped": False, "seconds": 9.0}
                when = {"issued": "2030-01-01T00:00:00+00:00", "answered": f"2030-01-01T00:{n:02}:09+00:00"}
                session.add(BallotRow(token=f"{v}-{n}", low=low, high=high, **common, **when, **answers))
            for n in range(8):
                right = rng.random() < 0.4 if v < careless else True
                trial = dict.fromkeys(AXES, 0) | {"edit_done": -1 if right else 1}
                names = {"low": "catch:source", "high": "catch:truth", "catch_axis": "edit_done", "catch_answer": -1}
                session.add(
                    BallotRow(token=f"{v}-c{n}", **(common | {"case_id": f"case{n:02}"}), **when, **names, **trial)
                )
            marks = {"case_id": "case00", "method": "k1", "seconds": 9.0} | dict.fromkeys(AXES, 4)
            session.add(RatingRow(token=f"r{v}", study_id=row.id, voter_id=voter.id, **when, **marks))
    engine.dispose()


def test_a_report_of_simulated_voters_finds_their_ranking_and_leaves_the_careless_out(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    simulated(url)
    engine = open_engine(url)
    found = report(engine, study(engine, "sim"))
    assert found.cases >= 50
    assert [r.name for r in found.ratings["overall"].methods] == ["good", "fair", "poor"]
    assert [r.ranks for r in found.ratings["overall"].methods] == [(1, 1), (2, 2), (3, 3)]
    assert len(found.votes.answers) == 16 * 40
    assert found.votes.left_out == 4 * 40
    assert found.marks == {"good": dict.fromkeys(AXES, 4.0)}
    assert 0.2 < found.alpha["overall"] < 0.8
    assert found.refit is None
    assert "0 votes on 0 clips have all three axes" in found.no_refit
    page = as_markdown(found)
    assert "640 votes of 16 voters" in page
    assert "160 votes of\n4 voters, who missed catch trials" in page
    with pytest.raises(UserError, match="a report needs 57"):
        report(engine, study(engine, "sim"), least=57)


def test_votes_that_do_not_count_can_be_told_from_those_that_do(store_url: str) -> None:
    simulated(store_url, voters=6, careless=2)
    engine = open_engine(store_url)
    turnout = {t.voter: t for t in votes_of(engine, study(engine, "sim")).turnout}
    assert {v for v, t in turnout.items() if t.counts(Rules())} == {"v-2", "v-3", "v-4", "v-5"}
    assert all(t.ballots == 40 and t.catches == 8 for t in turnout.values())


def test_alpha_is_the_published_example() -> None:
    """Krippendorff (2011), Computing Krippendorff's alpha-reliability, data C: ordinal alpha 0.815."""
    observers = {
        "A": [1, 2, 3, 3, 2, 1, 4, 1, 2, None, None, None],
        "B": [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, None, 3],
        "C": [None, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, None],
        "D": [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, None],
    }
    units = {(str(i),): {o: row[i] for o, row in observers.items() if row[i] is not None} for i in range(12)}
    assert alpha(units) == pytest.approx(0.815, abs=5e-4)
    assert alpha({("1",): {"A": 1}}) is None
    assert alpha({("1",): {"A": 1, "B": 1}}) is None


def answers(rng: np.random.Generator, values: dict, exponents: tuple[float, float, float], count: int) -> list[Answer]:
    found = []
    cases = sorted({case for _, case in values})
    for i in range(count):
        case = cases[rng.integers(len(cases))]
        a, b = rng.choice(sorted({m for m, _ in values}), 2, replace=False)
        logs = [np.log([values[m, case][x] for x in ("accuracy", "preservation", "temporal")]) for m in (a, b)]
        outcome = choose(rng, 4 * float(np.dot(exponents, logs[0] - logs[1])))
        found.append(Answer(f"v{i % 17}", case, case[:6], "color", a, b, dict.fromkeys(AXES, outcome), 9.0, "", a))
    return found


def axes(rng: np.random.Generator) -> dict:
    names = ("accuracy", "preservation", "temporal")
    return {
        (method, f"clip{clip:02}-{edit}"): dict(zip(names, rng.uniform(0.2, 1.0, 3), strict=True))
        for method in "abcd"
        for clip in range(20)
        for edit in range(3)
    }


def test_weights_that_made_the_votes_are_found_again_and_never_negative() -> None:
    rng = np.random.default_rng(0)
    values = axes(rng)
    found = refit(
        answers(rng, values, (1.5, 0.0, 0.5), 2000), values, {"accuracy": 1, "preservation": 0.5, "temporal": 0.5}
    )
    fitted = found.refitted.exponents
    assert fitted == pytest.approx({"accuracy": 1.5, "preservation": 0.0, "temporal": 0.5}, abs=0.12)
    assert min(fitted.values()) >= 0
    assert found.refitted.loss < found.published.loss < np.log(2) + 0.2
    assert found.refitted.right > 0.6


def test_on_votes_by_chance_no_weights_beat_a_coin() -> None:
    rng = np.random.default_rng(0)
    values = axes(rng)
    found = refit(answers(rng, values, (0, 0, 0), 600), values, PUBLISHED)
    assert found.refitted.loss == pytest.approx(np.log(2), abs=0.01)
    assert abs(found.refitted.right - 0.5) < 0.07


def test_weights_need_votes_with_all_axes_on_enough_clips() -> None:
    rng = np.random.default_rng(0)
    values = axes(rng)
    with pytest.raises(UserError, match="49 votes on 17 clips have all three axes; weights are fitted from 50"):
        refit(answers(rng, values, (1, 1, 1), 49), values, PUBLISHED)


def test_a_metric_that_voters_follow_agrees_and_one_of_chance_does_not() -> None:
    rng = np.random.default_rng(0)
    values = axes(rng)
    for facts in values.values():
        facts["noise"] = rng.random()
        facts["error"] = -facts["accuracy"]
    votes = answers(rng, values, (2.0, 0, 0), 1500)
    cards = [
        MetricCard(name="error", title="", family="accuracy", better="lower", axis="accuracy"),
        MetricCard(name="noise", title="", family="accuracy", better="higher"),
    ]
    ratings = {axis: rate([*_votes(votes)], resamples=20) for axis in AXES}
    found = {(a.metric, a.axis): a for a in agreement(votes, ratings, values, cards)}
    assert set(found) == {("error", "edit_done"), ("error", "overall"), ("noise", "overall")}
    assert found["error", "overall"].share.low > 0.7
    assert found["noise", "overall"].share.low < 0.5 < found["noise", "overall"].share.high
    assert found["error", "overall"].tau is not None


def _votes(found: list[Answer]):
    from bench.preference import Vote

    return (Vote(a.voter, a.a, a.b, a.outcomes["overall"]) for a in found)


def test_a_ruined_clip_is_of_the_clips_size_and_far_from_it() -> None:
    from bench.types import Video
    from bench.votes.studies import ruined

    clip = Video(np.full((5, 33, 50, 3), 40, np.uint8), Fraction(8))
    bad = ruined(clip)
    assert bad.shape == clip.shape
    assert np.abs(bad.frames[1].astype(int) - clip.frames[1]).mean() > 100
