"""Metrics of whole sets: their numerics against closed forms and references, and their way through a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from bench import protocol
from bench.cli import app
from bench.features.bank import FeatureBank
from bench.home import open_home
from bench.metrics import Population, SetMetric, registered
from bench.metrics.frechet import frechet
from bench.metrics.mmd import discrepancy
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader, open_store
from bench.store.verify import problems
from bench.types import SetScore, Video
from tests.fixtures import Redness


def test_frechet_of_two_normals_is_the_closed_form_in_one_dimension() -> None:
    # For normals in one dimension: (m1 - m2)^2 + (s1 - s2)^2, with the sample's own moments.
    rng = np.random.default_rng(0)
    x, y = rng.normal(1, 2, (40, 1)), rng.normal(-1, 3, (25, 1))
    wanted = (x.mean() - y.mean()) ** 2 + (x.std(ddof=1) - y.std(ddof=1)) ** 2
    assert frechet(x, y) == pytest.approx(wanted, rel=1e-10)
    assert frechet(x, x) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("rows", [300, 40])
def test_frechet_equals_pytorch_fid_given_the_same_features(rows: int) -> None:
    from pytorch_fid.fid_score import calculate_frechet_distance

    rng = np.random.default_rng(1)
    mix = rng.normal(size=(64, 64)) / 8
    x, y = rng.normal(size=(rows, 64)) @ mix + 0.3, rng.normal(size=(rows + 9, 64)) @ mix * 1.2
    wanted = calculate_frechet_distance(x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    # Below 65 rows covariances are singular, where the reference's matrix root loses digits.
    assert frechet(x, y) == pytest.approx(wanted, rel=1e-8 if rows > 64 else 1e-4)


def test_the_kernel_distance_is_the_mean_over_pairs_of_different_clips() -> None:
    rng = np.random.default_rng(2)
    x, y, groups = rng.normal(size=(7, 3)), rng.normal(size=(7, 3)), ["a", "a", "b", "c", "c", "c", "d"]

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / 3 + 1) ** 3)

    pairs = [(i, j) for i in range(7) for j in range(7) if groups[i] != groups[j]]
    terms = [k(x[i], x[j]) + k(y[i], y[j]) - k(x[i], y[j]) - k(x[j], y[i]) for i, j in pairs]
    assert discrepancy(x, y, groups).value == pytest.approx(np.mean(terms))


def true_discrepancy(shift: float) -> float:
    """E k(X, X') + E k(Y, Y') - 2 E k(X, Y) for X ~ N(0, 1), Y ~ N(shift, 1): the kernel's powers give moments."""
    x, y = (0.0, 1.0, 0.0), (shift, 1 + shift**2, 3 * shift + shift**3)
    return sum(c * (a - b) ** 2 for c, a, b in zip((3, 3, 1), x, y, strict=True))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_kernel_distance_is_unbiased_at_any_size_though_clips_repeat_and_edits_follow_targets(shift: float) -> None:
    rng = np.random.default_rng(3)
    for clips in (6, 24):
        found = []
        for _ in range(600):
            clip = np.repeat(rng.normal(size=(clips, 1)), 3, 0)
            x = np.sqrt(0.5) * clip + np.sqrt(0.5) * rng.normal(size=clip.shape)
            # The edit is its target, shifted: as dependent as the two can be.
            found.append(discrepancy(x, x + shift, [str(i // 3) for i in range(len(x))], subsamples=2).value)
        assert np.mean(found) == pytest.approx(true_discrepancy(shift), abs=4 * np.std(found) / np.sqrt(600) + 1e-9)


def test_the_kernel_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(4)
    hits = 0
    for trial in range(150):
        x, y = rng.normal(size=(60, 1)), 0.6 + rng.normal(size=(60, 1))
        found = discrepancy(x, y, [str(i // 2) for i in range(60)], subsamples=400, seed=trial)
        hits += found.low <= true_discrepancy(0.6) <= found.high
    assert 0.85 <= hits / 150 <= 1.0


def population(edits: int, groups: int, whole_test: bool, shift: float = 0.0, width: int = 5) -> Population:
    rng = np.random.default_rng(5)
    targets = {f"case-{i:03d}": rng.normal(size=(2, width)).astype(np.float32) for i in range(edits)}
    moved = {name: rows + np.float32(shift) for name, rows in targets.items()}
    return Population(moved, targets, {n: f"g{i % groups}" for i, n in enumerate(targets)}, 0, whole_test)


def of_sets(name: str) -> SetMetric:
    metric = registered()[name]
    assert isinstance(metric, SetMetric)
    return metric


@pytest.mark.parametrize("name", ["fid-effl0", "fvd-effl0t"])
def test_a_frechet_distance_needs_a_whole_test_split_of_256_edits(name: str) -> None:
    metric = of_sets(name)
    assert metric.reduce(population(256, 64, True)).value == pytest.approx(0, abs=1e-6)
    for few in (population(255, 64, True), population(300, 64, False)):
        found = metric.reduce(few)
        assert found.value is None
        assert (found.unscored or "").startswith("needs a whole `test` split of 256 edits or more, found ")


def test_every_lite_metric_of_sets_sees_damage_and_forgives_none() -> None:
    rng = np.random.default_rng(6)
    clips = [Video(rng.integers(0, 256, (3, 64, 64, 3)).astype(np.uint8)) for _ in range(6)]
    dull = [
        Video(np.broadcast_to(c.frames.mean((1, 2), keepdims=True), c.frames.shape).astype(np.uint8)) for c in clips
    ]
    bank = FeatureBank()
    for metric in protocol.load("lite-1").sets:
        names = [f"c{i}" for i in range(264)]
        rows = {n: metric.features(clips[i % 6], bank) for i, n in enumerate(names)}
        ruined = {n: metric.features(dull[i % 6], bank) for i, n in enumerate(names)}
        groups = {n: f"g{i % 6}" for i, n in enumerate(names)}
        same, worse = (metric.reduce(Population(e, rows, groups, 0, True)) for e in (rows, ruined))
        assert same.value == pytest.approx(0, abs=1e-3)
        assert worse.value is not None and worse.value > 1
        if worse.low is not None and worse.high is not None:
            assert worse.low <= worse.value <= worse.high


def drive(toyset: Path, *methods: str, **changes: object) -> str:
    options = {"split": "smoke", "testset": str(toyset), "protocol": "toy", "controls": False} | changes
    return run(prepare(RunSpec(methods, **options), open_home())).run


def stored(**query: object) -> dict[str, SetScore]:
    reader = open_reader(open_home(), None)
    return {one.method: one.score for one in reader.sets(reader.boards()[0], **query)}


def test_a_run_scores_the_set_of_each_method_and_looks_at_each_clip_once(toy: Path, toyset: Path) -> None:
    Redness.looked = 0
    drive(toyset, "copy", "truth")
    found = stored(split="smoke")
    assert found["truth"].value == 0 and (found["copy"].value or 0) > 0.5
    assert (found["copy"].edits, found["copy"].failed) == (7, 0)
    looked = Redness.looked
    drive(toyset, "copy", "truth")
    assert Redness.looked == looked
    assert list(problems(open_home())) == []


def test_another_version_of_the_same_cases_has_set_scores_of_its_own(toy: Path, toyset: Path, tmp_path: Path) -> None:
    """The clips are the same, and so are the keys; a board without the row would show a gap."""
    newer = tmp_path / "newer"
    shutil.copytree(toyset, newer)
    (newer / "testset.json").write_text(json.dumps({"name": "toy", "version": "1.1"}))
    drive(toyset, "copy")
    drive(newer, "copy")
    reader = open_reader(open_home(), None)
    found = {board.version: [one.score.value for one in reader.sets(board)] for board in reader.boards()}
    assert found.keys() == {"1.0", "1.1"}
    assert found["1.0"] == found["1.1"] != []


def test_a_failed_edit_counts_as_its_source(toy: Path, toyset: Path) -> None:
    drive(toyset, "too-short", "copy")
    found = stored()
    assert (found["too-short"].failed, found["copy"].failed) == (7, 0)
    assert found["too-short"].value == pytest.approx(found["copy"].value)


def test_a_partial_run_and_a_method_without_all_outcomes_have_no_score_of_their_set(toy: Path, toyset: Path) -> None:
    drive(toyset, "copy", limit=3)
    drive(toyset, "no-weights")
    assert stored() == {}


def test_set_scores_are_exported_and_survive_a_rebuild(toy: Path, toyset: Path) -> None:
    drive(toyset, "blend")
    bench = CliRunner()
    whole = json.loads(bench.invoke(app, ["export", "--canonical"]).stdout)["sets"]
    assert [(one["method"], one["metric"], one["split"]) for one in whole] == [("blend", "set-redness", "smoke")]
    assert whole[0]["low"] <= whole[0]["value"] <= whole[0]["high"]
    assert bench.invoke(app, ["store", "rebuild"]).exit_code == 0
    assert json.loads(bench.invoke(app, ["export", "--canonical"]).stdout)["sets"] == whole


def test_emptied_tables_are_filled_from_the_journals_with_scores_of_sets(toy: Path, toyset: Path) -> None:
    drive(toyset, "blend")
    before = stored()
    open_store(open_home(), None).rebuild()
    assert stored() == before != {}
