"""`bench score explain`: the printed terms multiply to the stored score, from real edits and by closed form."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner
from typer.testing import Result as Done

from bench.cli import app
from bench.errors import UserError
from bench.explain import explain
from bench.metrics import Sample
from bench.protocol import LITE_1, Protocol
from bench.score import Formula, Term
from bench.types import MetricCard, Score
from tests.fixtures import ENVIRONMENT, Closeness
from tests.test_compare import result


@dataclass(frozen=True)
class Kept:
    """Mean absolute difference to the source where the mask lets nothing change."""

    card = MetricCard(name="kept", title="Kept", family="structure", better="lower", needs=("mask",))

    def score(self, sample: Sample) -> Score:
        if sample.mask is None or sample.mask.all():
            return Score(unscored="nothing lies outside the mask")
        gap = np.abs(sample.edit.frames.astype(float) - sample.source.frames).mean(-1)
        return Score(float(gap[~sample.mask].mean()))


@dataclass(frozen=True)
class Motion:
    """How far the change from frame to frame is from the target's."""

    card = MetricCard(name="motion", title="Motion", family="temporal", better="lower", needs=("target",))

    def score(self, sample: Sample) -> Score:
        if sample.target is None:
            return Score(unscored="needs a target")
        steps = [np.diff(clip.frames.astype(float), axis=0) for clip in (sample.edit, sample.target)]
        return Score(float(np.abs(steps[0] - steps[1]).mean()))


FORMULA = Formula(
    (
        Term("mae-target", "accuracy", "lower", "source", weight=2, least_span=0.5),
        Term("kept", "preservation", "lower", "other", weight=3, where="outside"),
        Term("motion", "preservation", "lower", "frozen", weight=1),
        Term("motion", "temporal", "lower", "frozen", weight=1),
    ),
    accuracy=1.0,
    preservation=0.5,
    temporal=0.25,
)


def small() -> Protocol:
    return Protocol("small", (Closeness(), Kept(), Motion()), FORMULA)


def small_changed() -> Protocol:
    return Protocol("small", (Closeness(), Kept(), Motion()), replace(FORMULA, temporal=0.5))


@pytest.fixture
def formula_registered(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + ",protocols:small=tests.test_explain:small"
    )


def bench(*arguments: object) -> Done:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def run(toyset: Path, *arguments: object, protocol: str = "small") -> None:
    done = bench("run", "--testset", toyset, "--protocol", protocol, "--no-controls", *arguments)
    assert done.exit_code in (0, 1), done.output


def exported(method: str, case: str) -> float:
    edits = json.loads(bench("export", "--method", method).stdout)["edits"]
    return float(next(e for e in edits if e["case"] == case)["scores"]["score"]["value"])


def test_the_terms_of_a_real_edit_multiply_to_its_axes_and_these_to_its_score(formula_registered, toyset: Path) -> None:
    run(toyset, "--method", "blend")
    found = json.loads(bench("score", "explain", "blend", "clip0-background", "--json").stdout)
    for axis in found["axes"]:
        assert axis["value"] == pytest.approx(prod(term["factor"] for term in axis["terms"]))
        assert axis["factor"] == pytest.approx(axis["value"] ** axis["exponent"])
        assert sum(term["share"] for term in axis["terms"]) == pytest.approx(1)
        for term in axis["terms"]:
            assert term["factor"] == pytest.approx(term["x"] ** term["share"])
            worse = abs(term["truth"] - term["value"]) / term["span"]
            assert term["x"] == pytest.approx(min(max(1 - worse, 0), 1))
    score = 100 * prod(axis["factor"] for axis in found["axes"])
    assert 0 < score < 100
    assert found["score"] == pytest.approx(score)
    assert sum(term["lost"] for axis in found["axes"] for term in axis["terms"]) == pytest.approx(100 - score)
    assert found["score"] == exported("blend", "clip0-background")
    weights = {t["metric"]: t["share"] for t in found["axes"][1]["terms"]}
    assert weights == {"kept": 0.75, "motion": 0.25}


def test_the_printed_product_comes_out_at_the_printed_score(formula_registered, toyset: Path) -> None:
    run(toyset, "--method", "blend", "--limit", 1)
    shown = bench("score", "explain", "blend", "clip0-background")
    assert shown.exit_code == 0, shown.output
    line = next(line for line in shown.stdout.splitlines() if line.startswith("score "))
    score, factors = float(line.split()[1]), re.findall(r"[\d.]+", line.rpartition("= 100 x ")[2])
    assert 100 * prod(map(float, factors)) == pytest.approx(score, abs=0.03)
    assert all(name in shown.stdout for name in ("mae-target", "kept", "motion", "other clip", "frozen", "source"))


def test_a_failed_edit_is_explained_by_its_reason(formula_registered, toyset: Path) -> None:
    run(toyset, "--method", "fails-once")
    shown = bench("score", "explain", "fails-once", "clip0-background").stdout
    assert "score 0: failed at edit: velocity is NaN at step 3; counts 0 on every axis" in shown
    found = json.loads(bench("score", "explain", "fails-once", "clip0-background", "--json").stdout)
    assert (found["score"], found["axes"], found["status"]) == (0, [], "failed")


def test_of_several_seeds_one_has_to_be_named(formula_registered, toyset: Path) -> None:
    for seed in (0, 1):
        run(toyset, "--method", "blend", "--limit", 1, "--seed", seed)
    refused = bench("score", "explain", "blend", "clip0-background")
    assert refused.exit_code == 2
    assert "has edits of seed 0, 1" in refused.stderr
    assert json.loads(bench("score", "explain", "blend", "clip0-background", "--seed", 1, "--json").stdout)["seed"] == 1
    older = next(r["id"] for r in json.loads(bench("list", "runs", "--json").stdout) if r["spec"]["seed"] == 0)
    chosen = bench("score", "explain", "blend", "clip0-background", "--run", older, "--json")
    assert json.loads(chosen.stdout)["seed"] == 0


def test_a_case_that_is_not_there_names_the_nearest(formula_registered, toyset: Path) -> None:
    run(toyset, "--method", "blend", "--limit", 2)
    refused = bench("score", "explain", "blend", "clip0-backgrund")
    assert refused.exit_code == 2
    assert "no result on a case 'clip0-backgrund': it has 2 cases; nearest clip0-background" in refused.stderr


def test_a_score_of_another_formula_is_not_explained_by_this_one(formula_registered, toyset: Path, monkeypatch) -> None:
    run(toyset, "--method", "blend", "--limit", 1)
    changed = ",protocols:small=tests.test_explain:small_changed"
    monkeypatch.setenv("SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + changed)
    refused = bench("score", "explain", "blend", "clip0-background")
    assert refused.exit_code == 2
    assert small().signature in refused.stderr and small_changed().signature in refused.stderr


def test_a_protocol_without_terms_cannot_be_explained(toy: Path, toyset: Path) -> None:
    run(toyset, "--method", "blend", "--limit", 1, protocol="toy")
    assert "no formula of terms and axes" in bench("score", "explain", "blend", "clip0-background").stderr


def lite_scores(where: str, x: float) -> dict[str, Score]:
    """Return scores that place every term of lite-1 that counts at x, with the score that follows from it."""
    found = {}
    for term in LITE_1.terms:
        if term.where in ("always", where):
            worse = (1 - x) * term.least_span if term.least_span else 1 - x
            sign, span = (-1, term.least_span or 1) if term.better == "higher" else (1, term.least_span or 1)
            found[term.metric] = Score(5.0 + sign * worse, anchors=(5.0 + sign * span, 5.0))
        else:
            found[term.metric] = Score(7.0)
    return found | {"score": Score(100 * x * x**0.5 * x**0.5)}


@pytest.mark.parametrize("where", ["outside", "whole"])
def test_lite_1_is_explained_by_closed_form_and_terms_of_other_masks_say_why_they_do_not_count(where: str) -> None:
    edit = replace(result(0, {}), scores=lite_scores(where, 0.81))
    found = explain(edit, LITE_1)
    assert [axis.value for axis in found.axes] == pytest.approx([0.81] * 3)
    assert [axis.factor for axis in found.axes] == pytest.approx([0.81, 0.9, 0.9])
    assert all(part.placed.x == pytest.approx(0.81) for axis in found.axes for part in axis.parts)
    skipped = {t.metric for t in LITE_1.terms if t.where not in ("always", where)}
    assert found.left_out.keys() == skipped
    side = "above" if where == "outside" else "up to"
    assert set(found.left_out.values()) == {f"counts only where the mask covers {side} 90 %"}


def test_a_metric_without_a_value_gives_its_own_reason_and_its_weight_to_the_others() -> None:
    scores = lite_scores("outside", 0.5) | {"perc-effl0-outside": Score(unscored="needs effl0, run bench weights")}
    found = explain(replace(result(0, {}), scores=scores), LITE_1)
    assert found.left_out["perc-effl0-outside"] == "needs effl0, run bench weights"
    assert [part.share for part in found.axes[1].parts] == pytest.approx([2 / 3, 1 / 3])


def test_a_stored_score_that_its_terms_do_not_give_is_refused() -> None:
    scores = lite_scores("outside", 0.5) | {"score": Score(99.0)}
    with pytest.raises(
        UserError, match=r"stored score is 99\.0, its terms give (24\.9{6}|25\.0)\d*; the store was altered"
    ):
        explain(replace(result(0, {}), scores=scores), LITE_1)


def test_an_axis_without_a_metric_leaves_the_edit_unscored_and_says_so() -> None:
    always = {t.metric for t in LITE_1.terms if t.axis == "temporal"}
    scores = {k: Score(unscored="needs x") if k in always else v for k, v in lite_scores("outside", 0.5).items()}
    scores["score"] = Score(unscored="needs temporal")
    found = explain(replace(result(0, {}), scores=scores), LITE_1)
    assert (found.score.unscored, found.axes[2].value, found.axes[2].factor) == ("needs temporal", None, None)


def test_an_edit_that_could_not_be_scored_is_to_be_run_again() -> None:
    with pytest.raises(UserError, match=r"has no score \(scoring failed: decoder died\): run it again"):
        explain(replace(result(0, {}), reason="decoder died"), LITE_1)
