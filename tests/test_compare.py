"""`bench compare`: paired, corrected, with its power, and never across protocols, test sets or case sets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from itertools import count
from math import sqrt
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student
from typer.testing import CliRunner
from typer.testing import Result as Done

from bench import stats
from bench.cli import app
from bench.compare import Side, detectable, least_p, side, versus
from bench.errors import UserError
from bench.store.read import Board, Result
from bench.types import Asset, EditCase, Instruction, MethodCard, MetricCard, Score
from leaderboard.text import EN
from leaderboard.versus import verdict
from tests.fixtures import ENVIRONMENT, ToyProtocol

BOARD = Board("toy", "1.0", "d" * 64, "toy", "toy:000000000001", "run")
SCORE = MetricCard(name="score", title="Score", family="score", better="higher")
ERROR = MetricCard(name="error", title="Error", family="ground-truth", better="lower")


def result(clip: int, values: dict[str, float | None], scenario: str = "color", **changes: object) -> Result:
    asset = Asset(path="a.mp4", sha256="0" * 64, width=8, height=8)
    case = EditCase(
        id=f"clip{clip:02d}-{scenario}",
        group=f"clip{clip:02d}",
        scenario=scenario,
        vertical="toys",
        source=asset,
        source_prompt="a",
        target_prompt="b",
        instruction=Instruction(en="Make it b.", zh="变成 b。"),
        split="dev",
        subsets=("smoke",) if clip < 2 else (),
    )
    made = Result(
        key=case.id,
        case=case,
        method=MethodCard(name="m", family="toy"),
        method_key="k",
        seed=0,
        ok=True,
        stage=None,
        reason=None,
        sha256=None,
        frames=None,
        width=None,
        height=None,
        fps=None,
        seconds=None,
        nfe=None,
        peak_memory=None,
        notes={},
        run="run",
        device="cpu",
        finished="",
        scores={k: Score(unscored="needs x") if v is None else Score(v) for k, v in values.items()},
    )
    return replace(made, **changes)


def one(label: str, scores: Sequence[float], board: Board = BOARD) -> Side:
    return Side(label, board, tuple(result(clip, {"score": value}) for clip, value in enumerate(scores)))


def test_the_difference_is_paired_so_hard_cases_drop_out_of_it() -> None:
    b = [10.0, 90.0, 40.0, 70.0, 25.0, 55.0]
    line = versus(one("a", [v + 3 for v in b]), one("b", b), [SCORE]).overall[0]
    assert (line.difference.mean, line.difference.low, line.difference.high) == pytest.approx((3, 3, 3))
    assert line.a - line.b == pytest.approx(3)
    assert line.p == pytest.approx(2 / 2**6)
    assert line.winner == "a"


@pytest.mark.parametrize(("clips", "p"), [(6, "p = 0.031 corrected"), (40, "p < 0.001 corrected")])
def test_the_board_says_the_outcome_in_a_sentence(clips: int, p: str) -> None:
    found = versus(one("a", [13.0 + c for c in range(clips)]), one("b", [10.0 + c for c in range(clips)]), [SCORE])
    told = verdict(found, EN)
    assert told is not None and told.startswith("A is better: the score differs by 3.0") and p in told


def test_the_overall_difference_is_the_mean_over_scenarios_and_each_is_shown() -> None:
    kinds, values = ("add", "color", "color", "color"), (1.0, 5.0, 6.0, 7.0)
    a = Side("a", BOARD, tuple(result(c, {"score": 9.0}, kinds[c]) for c in range(4)))
    b = Side("b", BOARD, tuple(result(c, {"score": values[c]}, kinds[c]) for c in range(4)))
    found = versus(a, b, [SCORE])
    assert found.overall[0].difference.mean == pytest.approx((8 + 3) / 2)
    assert {line.scenario: line.difference.mean for line in found.scenarios} == pytest.approx({"color": 3, "add": 8})
    assert [line.scenario for line in found.scenarios] == ["color", "add"]


def test_where_less_is_better_the_smaller_wins() -> None:
    a = Side("a", BOARD, tuple(result(c, {"error": 5.0 + c}) for c in range(8)))
    b = Side("b", BOARD, tuple(result(c, {"error": 2.0 + c}) for c in range(8)))
    assert versus(a, b, [ERROR]).overall[0].winner == "b"
    assert versus(b, a, [ERROR]).overall[0].winner == "a"


def test_p_values_are_corrected_for_the_lines_of_their_own_table() -> None:
    rng = np.random.default_rng(0)

    def some(shift: float) -> Side:
        cells = [(clip, scenario) for clip in range(8) for scenario in ("add", "style")]
        drawn = [{"score": shift + rng.normal(), "error": rng.normal()} for _ in cells]
        return Side("m", BOARD, tuple(result(c, v, s) for (c, s), v in zip(cells, drawn, strict=True)))

    found = versus(some(2), some(0), [SCORE, ERROR])
    for lines, number in ((found.overall, 2), (found.scenarios, 4)):
        assert len(lines) == number
        assert [line.p_holm for line in lines] == stats.holm([line.p for line in lines])
    assert any(line.p_holm > line.p for line in found.overall)


def test_the_seeds_of_a_case_are_averaged_before_pairing() -> None:
    a = [result(c, {"score": 10.0 + 4 * seed}, seed=seed) for c in range(3) for seed in (0, 1)]
    found = versus(Side("a", BOARD, tuple(a)), one("b", [10, 10, 10]), [SCORE])
    assert found.cases == 3
    assert found.overall[0].difference.n == 3
    assert found.overall[0].difference.mean == pytest.approx(2)


def test_a_failed_edit_stays_in_the_score_and_drops_out_of_what_it_has_no_value_for() -> None:
    good = [result(c, {"score": 50.0, "error": 1.0}) for c in range(4)]
    bad = [*good[:3], result(3, {"score": 0.0, "error": None}, ok=False)]
    found = versus(Side("a", BOARD, tuple(good)), Side("b", BOARD, tuple(bad)), [SCORE, ERROR])
    assert [(line.metric, line.difference.n) for line in found.overall] == [("score", 4), ("error", 3)]
    assert found.overall[0].difference.mean == pytest.approx(50 / 4)


def test_a_metric_that_no_case_has_on_both_sides_is_named() -> None:
    found = versus(one("a", [1, 2]), one("b", [1, 2]), [SCORE, ERROR])
    assert found.unpaired == ("error",)
    assert [line.metric for line in found.overall] == ["score"]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"signature": "toy:000000000002"}, ("toy:000000000001", "toy:000000000002")),
        ({"version": "1.1", "testset_digest": "e" * 64}, ("toy 1.0 (dddddddddddd)", "toy 1.1 (eeeeeeeeeeee)")),
        ({"testset_digest": "e" * 64}, ("dddddddddddd", "eeeeeeeeeeee")),
    ],
)
@pytest.mark.parametrize("intersection", [False, True])
def test_other_protocols_and_test_sets_are_refused_with_both_named(
    change: dict[str, str], wanted: tuple[str, str], intersection: bool
) -> None:
    with pytest.raises(UserError) as caught:
        versus(one("a", [1, 2]), one("b", [1, 2], replace(BOARD, **change)), [SCORE], intersection)
    assert all(text in str(caught.value) for text in wanted)
    assert "\n" not in str(caught.value)


def test_other_case_sets_are_refused_with_both_named_unless_the_common_ones_are_asked_for() -> None:
    a, b = one("a", [1, 2, 3]), one("b", [0] * 12)
    with pytest.raises(UserError) as caught:
        versus(a, b, [SCORE])
    text = str(caught.value)
    assert "'a' has 3 cases (" in text and "'b' has 12 cases (" in text and "\n" not in text
    assert "only the first: none" in text
    assert "only the second: clip03-color, clip04-color" in text and "and 4 more" in text
    found = versus(a, b, [SCORE], intersection=True)
    assert (found.cases, found.only_a, len(found.only_b)) == (3, (), 9)
    assert found.overall[0].difference.mean == pytest.approx(2)


def test_nothing_in_common_is_refused_even_as_an_intersection() -> None:
    b = Side("b", BOARD, (result(7, {"score": 1.0}),))
    with pytest.raises(UserError, match="no case in common"):
        versus(one("a", [1, 2]), b, [SCORE], intersection=True)


def test_two_splits_are_not_averaged_and_a_part_can_be_chosen() -> None:
    results = list(one("a", [1, 2, 3]).results)
    assert list(side("a", BOARD, results, "smoke").cases) == ["clip00-color", "clip01-color"]
    with pytest.raises(UserError, match="'smoek': did you mean smoke"):
        side("a", BOARD, results, "smoek")
    test_case = results[0].case.model_copy(update={"split": "test"})
    with pytest.raises(UserError, match="splits dev, test: name one with --split"):
        side("a", BOARD, [*results, replace(results[0], case=test_case)], None)


def test_the_detectable_difference_is_the_textbook_one_with_one_edit_per_clip() -> None:
    differences = np.random.default_rng(1).normal(3, 5, 20)
    found = detectable(differences.tolist(), [str(i) for i in range(20)], ["color"] * 20)
    error = differences.std(ddof=1) / sqrt(20)
    assert found == pytest.approx((student.ppf(0.975, 19) + student.ppf(0.8, 19)) * error)


def test_copies_of_an_edit_in_its_clip_detect_nothing_smaller() -> None:
    differences = np.random.default_rng(2).normal(0, 5, 12).tolist()
    clips, kinds = [str(i) for i in range(12)], ["color"] * 12
    assert detectable(differences * 3, clips * 3, kinds * 3) == pytest.approx(detectable(differences, clips, kinds))


def test_a_true_difference_of_that_size_is_found_in_about_four_of_five_repetitions() -> None:
    rng = np.random.default_rng(3)
    clips = [str(i // 2) for i in range(60)]

    def noise() -> np.ndarray:
        return np.repeat(rng.normal(0, 3, 30), 2) + rng.normal(0, 2, 60)

    sizes = [detectable(noise().tolist(), clips, ["color"] * 60) or 0.0 for _ in range(50)]
    shift = float(np.mean(sizes))
    tests = [stats.compare((noise() + shift).tolist(), [0.0] * 60, clips, resamples=400, seed=i) for i in range(200)]
    assert 0.70 <= np.mean([test.p < 0.05 for test in tests]) <= 0.90


@pytest.mark.parametrize("clips", [1, 2, 5, 6, 14, 15])
def test_the_least_p_value_is_what_the_clearest_difference_gets(clips: int) -> None:
    names = [str(i) for i in range(clips)]
    found = stats.compare([9.0] * clips, [1.0] * clips, names).p
    # Above 14 clips flips are drawn, so the observed one turns up by chance now and then.
    assert found == pytest.approx(least_p(clips)) if clips <= 14 else found <= 10 * least_p(clips)
    assert (detectable([1.0, 2.0, 3.0] * clips, names * 3, ["color"] * 3 * clips) is None) == (clips <= 5)


class OtherProtocol(ToyProtocol):
    signature = "toy:000000000002"


def other_protocol() -> OtherProtocol:
    return OtherProtocol()


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs of one second are named, and so listed, in the order they were made."""
    numbers = count()
    monkeypatch.setattr("bench.run.secrets.token_hex", lambda _: f"{next(numbers):06x}")


def bench(*arguments: object) -> Done:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def run(toyset: Path, *arguments: object) -> str:
    """Run without controls and return the run's id."""
    done = bench("run", "--testset", toyset, "--no-controls", *arguments)
    assert done.exit_code == 0, done.output
    return str(json.loads(bench("list", "runs", "--json").stdout)[0]["id"])


def test_stored_results_are_compared_from_the_command_line(toy: Path, toyset: Path) -> None:
    run(toyset, "--protocol", "toy", "--method", "blend", "--method", "still")
    done = bench("compare", "blend", "still", "--split", "smoke", "--metric", "mae-target", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    edits = json.loads(bench("export").stdout)["edits"]
    means = {
        name: np.mean([e["scores"]["score"]["value"] for e in edits if e["method"] == name])
        for name in ("blend", "still")
    }
    overall = {line["metric"]: line for line in found["overall"]}
    assert set(overall) == {"score", "mae-target"}
    assert overall["score"]["difference"]["mean"] == pytest.approx(means["blend"] - means["still"])
    assert means["blend"] > means["still"]
    assert overall["mae-target"]["difference"]["mean"] < 0
    assert (found["cases"], found["clips"], found["a"]["track"]) == (7, 4, "first-frame")
    assert len(found["scenarios"]) == 14
    shown = bench("compare", "blend", "still").stdout
    assert "7 cases of 4 source clips, paired" in shown
    assert "4 source clips give no p below 0.12" in shown
    assert "input tracks differ" in shown


def test_two_runs_of_one_method_can_be_compared(in_order, toy: Path, toyset: Path) -> None:
    first = run(toyset, "--protocol", "toy", "--method", "blend")
    second = run(toyset, "--protocol", "toy", "--method", "blend", "--seed", 1)
    found = json.loads(bench("compare", f"blend@{first}", f"blend@{second}", "--json").stdout)
    assert (found["a"]["seeds"], found["b"]["seeds"]) == ([0], [1])
    assert found["overall"][0]["difference"]["mean"] == 0
    assert found["overall"][0]["winner"] is None


def test_the_common_cases_are_compared_when_that_is_asked_for_and_it_says_so(toy: Path, toyset: Path) -> None:
    run(toyset, "--protocol", "toy", "--method", "blend")
    run(toyset, "--protocol", "toy", "--method", "still", "--limit", 3)
    refused = bench("compare", "blend", "still")
    assert refused.exit_code == 2
    assert "'blend' has 7 cases (" in refused.stderr and "'still' has 3 cases (" in refused.stderr
    shown = bench("compare", "blend", "still", "--intersection")
    assert shown.exit_code == 0
    assert "only the cases in common: 4 of A and 0 of B are left out" in shown.stdout


def test_the_newest_run_of_each_counts_so_another_protocol_is_refused(in_order, toy, toyset, monkeypatch) -> None:
    old = run(toyset, "--protocol", "toy", "--method", "blend", "--method", "still")
    other = ",protocols:other=tests.test_compare:other_protocol"
    monkeypatch.setenv("SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + other)
    run(toyset, "--protocol", "other", "--method", "blend")
    refused = bench("compare", "blend", "still")
    assert refused.exit_code == 2
    assert "toy:000000000001" in refused.stderr and "toy:000000000002" in refused.stderr
    assert bench("compare", f"blend@{old}", "still").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["blend", "still"], "the store holds no run of 'still': make one with bench run --method still"),
        (["blnd", "blend"], "unknown method 'blnd': did you mean blend"),
        (["blend", "blend", "--metric", "mae-targt"], "unknown metric 'mae-targt': did you mean mae-target"),
        (["blend@nope", "blend"], "unknown run 'nope'"),
    ],
)
def test_what_is_not_there_is_a_plain_mistake(toy: Path, toyset: Path, arguments: list[str], message: str) -> None:
    run(toyset, "--protocol", "toy", "--method", "blend", "--limit", 1)
    done = bench("compare", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
