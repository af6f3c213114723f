"""What other weights would do to a ranking, from stored places and by closed form."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench.errors import UserError
from bench.score import Formula, Term
from bench.sensitivity import leave_one_out, rescored, sensitivity
from bench.store.read import Result
from bench.types import Score
from tests.test_compare import result
from tests.test_explain import bench, formula_registered, run  # noqa: F401

FORMULA = Formula(
    (
        Term("made", "accuracy", "higher", "source", 1),
        Term("kept", "preservation", "higher", "other", 1),
        Term("calm", "preservation", "higher", "other", 1),
        Term("moves", "temporal", "higher", "frozen", 1),
    ),
    accuracy=1.0,
    preservation=0.5,
    temporal=0.5,
)


def of(**places: float) -> list[Result]:
    """Twelve edits whose metrics all lie at these places between 0 and 1."""
    scores = {name: Score(value, anchors=(0.0, 1.0)) for name, value in places.items()}
    return [replace(result(i, {}), scores=scores) for i in range(12)]


def test_a_stored_edit_is_rescored_by_closed_form() -> None:
    edit = of(made=0.5, kept=0.64, calm=0.36, moves=0.25)[0]
    assert rescored(edit, FORMULA) == pytest.approx(100 * 0.5 * (0.64 * 0.36) ** 0.25 * 0.5)
    without = dict(leave_one_out(FORMULA))
    assert rescored(edit, without["without calm"]) == pytest.approx(100 * 0.5 * 0.8 * 0.5)
    assert rescored(edit, without["without made"]) == pytest.approx(100 * (0.64 * 0.36) ** 0.25 * 0.5)
    assert rescored(replace(edit, ok=False), FORMULA) == 0


def test_methods_that_lead_on_every_axis_keep_their_rank_and_others_trade_places() -> None:
    methods = {
        "best": of(made=0.9, kept=0.9, calm=0.9, moves=0.9),
        "bold": of(made=0.8, kept=0.3, calm=0.3, moves=0.5),
        "shy": of(made=0.3, kept=0.9, calm=0.9, moves=0.5),
    }
    found = sensitivity(methods, FORMULA)
    assert found.base.ranks == {"best": 1, "bold": 2, "shy": 3}
    assert found.span("best", (*found.grid, *found.without)) == (1, 1)
    assert found.span("bold", found.grid) == (2, 3)
    named = {v.name: v for v in (*found.grid, *found.without)}
    assert named["without made"].ranks == {"best": 1, "shy": 2, "bold": 3}
    assert named["without made"].tau == pytest.approx(1 / 3)
    assert named["a 1, p 0.5, t 0.5"].ranks == found.base.ranks and named["a 1, p 0.5, t 0.5"].tau == 1
    assert len(found.grid) == 27 and len(found.without) == 4


def test_methods_on_different_cases_and_single_methods_are_refused() -> None:
    with pytest.raises(UserError, match="wanted two of one track"):
        sensitivity({"one": of(made=1)}, FORMULA)
    with pytest.raises(UserError, match="'short' has 11 cases, others 12"):
        sensitivity({"one": of(made=1), "short": of(made=1)[1:]}, FORMULA)


def test_the_command_ranks_what_is_stored_and_agrees_with_its_scores(formula_registered, toyset) -> None:  # noqa: F811
    run(toyset, "--method", "blend", "--method", "fails-once")
    found = json.loads(bench("score", "sensitivity", "--json").stdout)
    assert found["base"]["ranks"] == {"blend": 1, "fails-once": 2}
    edits = json.loads(bench("export", "--method", "blend").stdout)["edits"]
    assert found["base"]["means"]["blend"] == pytest.approx(sum(e["scores"]["score"]["value"] for e in edits) / 7)
    shown = bench("score", "sensitivity").stdout
    assert "30 variants give another order" in shown and "by tests" in shown
    assert bench("score", "sensitivity", "--track", "text").exit_code == 2
