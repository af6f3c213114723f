"""Metrics on trial: the damages do what they say, every clip is scored once, and rates are counted right."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from bench import protocol
from bench.cli import app
from bench.meta import published
from bench.meta.damages import BY_NAME, FAMILIES, GENERATOR, LEVELS, Scene, reconstruction
from bench.meta.measure import Results
from bench.meta.pairs import Member, Pair, all_pairs, spread
from bench.meta.published import WANTED_PLAIN
from bench.meta.report import line, own_axes, prefers
from bench.score import AXES
from bench.testsets import read_testset
from bench.types import MetricCard, Video
from testset.loader import shopedit_300


@pytest.fixture(scope="module")
def scene() -> Scene:
    """A textured ground that drifts, and a disc on it whose colour is edited."""

    def filmed(seed: int, colour: tuple[int, int, int]) -> tuple[Video, np.ndarray]:
        ground = cv2.GaussianBlur(
            np.random.default_rng(seed).integers(0, 256, (120, 120, 3)).astype(np.uint8), (0, 0), 2
        )
        ground = cv2.normalize(ground, None, 30, 220, cv2.NORM_MINMAX)
        y, x = np.mgrid[:80, :80]
        frames, masks = [], []
        for t in range(9):
            disc = (y - 40) ** 2 + (x - 25 - 2 * t) ** 2 < 18**2
            frames.append(np.where(disc[..., None], colour, ground[t : t + 80, 2 * t : 2 * t + 80]).astype(np.uint8))
            masks.append(disc)
        return Video(np.stack(frames)), np.stack(masks)

    source, mask = filmed(1, (180, 40, 40))
    target, wrong, other = (
        filmed(seed, c)[0] for seed, c in ((1, (40, 60, 190)), (1, (40, 170, 60)), (2, (90, 90, 20)))
    )
    return Scene(source, target, mask, other, wrong)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.name)
def test_each_damage_grows_with_its_strength_and_stays_where_it_belongs(family, scene: Scene) -> None:
    made = [family.harm(scene.target, scene, s) for s in family.strengths]
    errors = [float(np.abs(m.frames.astype(float) - scene.target.frames).mean()) for m in made]
    assert 0 < errors[0] < errors[1] < errors[2] < errors[3]
    assert all(m.shape == scene.target.shape for m in made)
    again = family.harm(scene.target, scene, family.strengths[-1])
    assert (again.frames == made[-1].frames).all()
    changed = (made[-1].frames != scene.target.frames).any(-1)
    if family.axes == ("accuracy",):
        assert not changed[~scene.mask].any()
    if family.name == "leak":
        assert not changed[scene.mask].any()


def test_the_last_strength_of_holding_is_a_still_clip_and_of_disorder_a_reversed_one(scene: Scene) -> None:
    still = BY_NAME["frozen"].harm(scene.target, scene, BY_NAME["frozen"].strengths[-1])
    assert (still.frames == scene.target.frames[:1]).all()
    back = BY_NAME["shuffled"].harm(scene.target, scene, BY_NAME["shuffled"].strengths[-1])
    assert (back.frames == scene.target.frames[::-1]).all()


def test_the_generator_is_the_one_that_was_committed() -> None:
    """Families, axes and strengths were fixed before metrics were tuned: a change is another generator."""
    said = [(f.name, f.axes, f.strengths, f.needs, f.held_out) for f in FAMILIES]
    assert (GENERATOR, hashlib.sha256(repr(said).encode()).hexdigest()[:16]) == (1, PINNED)
    assert sum(f.held_out for f in FAMILIES) == 5 and len(FAMILIES) == 15


PINNED = "5721cf024dfce8b5"


def test_pairs_cover_every_case_family_and_level_and_a_beginning_is_a_sample_of_all(toyset: Path) -> None:
    cases = read_testset(toyset).cases
    every = all_pairs(cases, cases, {c.id: True for c in cases})
    assert len(set(every)) == len(every)
    assert Counter(p.family for p in every)["blur"] == len(cases) * 11
    assert {p.level for p in every} == set(LEVELS)
    shares = Counter(p.family for p in every[:300])
    assert set(shares) == {p.family for p in every} and max(shares.values()) < 60
    nothing_outside = all_pairs(cases, cases, {})
    assert "leak" not in {p.family for p in nothing_outside}
    targetless = [c.model_copy(update={"target": None}) for c in cases]
    assert all_pairs(targetless, targetless, {}) == []


def test_some_of_the_cases_cover_scenarios_and_source_clips_evenly() -> None:
    cases = shopedit_300().select("dev")
    chosen = spread(cases)
    assert sorted(c.id for c in chosen) == sorted(c.id for c in cases)
    assert spread(reversed(cases)) == chosen
    assert set(Counter(c.scenario for c in chosen[:14]).values()) == {2}
    assert len({c.group for c in chosen[:14]}) == 14


def test_the_better_one_of_a_pair_is_whole_or_damaged_one_step_less(toyset: Path) -> None:
    cases = read_testset(toyset).cases
    for pair in all_pairs(cases, cases, {}):
        assert pair.better.case == pair.worse.case and pair.better.base == pair.worse.base
        if pair.better.family:
            assert (pair.better.family, pair.better.level + 1) == (pair.worse.family, pair.worse.level)


CARD = MetricCard(name="m", title="", family="temporal", better="lower")


def pair(family: str, level: int, group: str = "g") -> Pair:
    return Pair(Member("case", "truth"), Member("case", "truth", family, level), group)


def test_rates_count_ties_as_no_preference_and_look_at_the_own_axis_alone() -> None:
    pairs = [
        (pair("flicker", 0), 1.0, 2.0),
        (pair("flicker", 3), 1.0, 1.0),
        (pair("jitter", 3), 2.0, 1.0),
        (pair("ghosts", 3), 1.0, 5.0),
        (pair("cast", 3), 9.0, 1.0),
    ]
    found = line(CARD, pairs)
    assert found is not None
    # Mean over families: flicker 1/2, jitter 0, ghosts 1; a cast is no matter of time.
    assert found.overall.rate.mean == pytest.approx(0.5)
    assert (found.overall.pairs, found.overall.ties) == (4, 1)
    assert found.tuned is not None and found.tuned.rate.mean == pytest.approx(0.25)
    assert found.held_out is not None and found.held_out.rate.mean == 1
    assert found.by_level["barely"].rate.mean == 1
    assert line(CARD.model_copy(update={"family": "cost"}), pairs) is None


@pytest.mark.parametrize(("better", "worse", "sign"), [(1.0, 2.0, 1), (2.0, 1.0, -1), (1e6, 1e6 + 1e-4, 0)])
def test_a_metric_prefers_what_lies_on_its_better_side(better: float, worse: float, sign: int) -> None:
    assert prefers(CARD, better, worse) == sign
    assert prefers(CARD.model_copy(update={"better": "higher"}), better, worse) == -sign


def test_every_metric_of_both_protocols_that_looks_at_pixels_has_an_own_axis() -> None:
    for name in ("lite-1", "full-1"):
        for card in protocol.load(name).cards:
            assert bool(own_axes(card)) == (card.family != "cost"), card.name


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_a_trial_resumes_where_it_was_and_workers_change_nothing(toy: Path, toyset: Path, tmp_path: Path) -> None:
    flags = ("meta-eval", "--testset", toyset, "--protocol", "toy", "--json")
    first = bench(*flags, "--pairs", 12, "--workers", 0)
    assert first.exit_code == 0, first.output
    stored = next((toy / "meta-eval").glob("*.jsonl"))
    with stored.open("a") as stream:
        stream.write('\n{"key": "cut sho')
    more = bench(*flags, "--pairs", 24, "--workers", 0)
    assert " 0 scored before" in first.stderr and " 0 scored before" not in more.stderr
    again = bench(*flags, "--pairs", 24, "--workers", 0)
    assert " 0 clips to score" in again.stderr
    assert json.loads(again.stdout) == json.loads(more.stdout)
    spread = bench(*flags, "--pairs", 24, "--workers", 2, "--home", tmp_path / "elsewhere")
    assert json.loads(spread.stdout) == json.loads(more.stdout)
    assert json.loads(first.stdout)["pairs"] == 12


def test_a_worker_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = tmp_path / "pool.py"
    script.write_text(
        "import os, signal\n"
        "from concurrent.futures import ProcessPoolExecutor\n"
        "from multiprocessing import get_context\n"
        "from bench.executors.pool import end_with_parent\n"
        "if __name__ == '__main__':\n"
        "    pool = ProcessPoolExecutor(1, get_context('spawn'), end_with_parent)\n"
        "    print(pool.submit(os.getpid).result(), flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert done.returncode == -signal.SIGKILL
    worker = Path("/proc") / done.stdout.strip()
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    waited = time.monotonic() + 30
    while worker.exists() and "Z (zombie)" not in (worker / "status").read_text():
        assert time.monotonic() < waited, "the worker lives on"
        time.sleep(0.05)


def test_a_metric_that_is_blind_is_found_out(toy: Path, toyset: Path) -> None:
    """The toy score is the mean error to the target, so it sees all damage; time it never looks at."""
    flags = ("--testset", toyset, "--protocol", "toy", "--workers", 0, "--json")
    found = json.loads(bench("meta-eval", *flags, "--pairs", 80).stdout)
    rates = {m["name"]: m for m in found["metrics"]}
    assert set(rates) == {"mae-target", "score"}
    assert rates["mae-target"]["all"]["rate"] > 0.8
    assert rates["score"]["all"]["pairs"] == 80


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--pairs", -1), "--pairs -1"),
        (("--cases", -7), "--cases -7"),
        (("--output", "nowhere/meta.json"), "there is no folder nowhere"),
    ],
)
def test_wrong_numbers_and_places_are_refused_in_one_line(toy: Path, toyset: Path, flags, said: str) -> None:
    refused = bench("meta-eval", "--testset", toyset, "--protocol", "toy", *flags)
    assert refused.exit_code == 2 and said in refused.stderr


def test_the_shipped_trial_is_of_the_shipped_protocol_and_carries_its_score() -> None:
    """What is published is what the protocol of that signature was found to do."""
    judge, found = protocol.load("lite-1"), published.record("lite-1")
    assert found is not None
    assert (found["signature"], found["generator"]) == (judge.signature, GENERATOR)
    assert found["pairs"] >= 1000 and {c.partition("-")[0] for c in found["cases"]} == {"dev"}
    by_name = {one["name"]: one for one in found["metrics"]}
    assert by_name.keys() == {card.name for card in judge.cards if own_axes(card)}
    verdicts = published.verdicts(judge.signature)
    weighing = {term.metric for term in judge.formula.terms if term.weight > 0} | {*AXES, "score"}
    assert {name for name, verdict in verdicts.items() if verdict.weighs} == weighing
    assert {name for name in weighing if not verdicts[name].trusted} == set()
    assert by_name["score"]["levels"]["plain"]["rate"] >= WANTED_PLAIN


@pytest.mark.parametrize("signature", ["lite-1:000000000000", "full-1:000000000000", "../lite-1:0", ""])
def test_a_trial_of_another_signature_says_nothing(signature: str) -> None:
    assert published.verdicts(signature) == {}


def test_the_documented_table_is_the_shipped_trial() -> None:
    found = published.record("lite-1")
    assert found is not None
    text = (Path(__file__).parent.parent / "docs" / "meta-eval.md").read_text(encoding="utf-8")
    rows = [[c.strip() for c in line.strip("| ").split("|")] for line in text.splitlines() if line.startswith("| `")]

    def percent(rate: dict[str, float] | None) -> str:
        return "-" if rate is None else f"{100 * rate['rate']:.1f}"

    def row(one: dict) -> list[str]:
        axis = one["axes"][0] if len(one["axes"]) == 1 else "all"
        overall = f"{percent(one['all'])} [{100 * one['all']['low']:.0f}, {100 * one['all']['high']:.0f}]"
        levels = [percent(one["levels"].get(level)) for level in LEVELS]
        counted = [str(one["all"]["pairs"]), overall, *levels, percent(one["held_out"]), str(one["all"]["ties"])]
        return [f"`{one['name']}`", "yes" if one["weighs"] else "", axis, *counted]

    assert rows == [row(one) for one in found["metrics"]]


def test_results_are_found_again_by_key(tmp_path: Path) -> None:
    results = Results(tmp_path / "deep" / "r.jsonl")
    results.add("a", {"m": 1.0, "n": None})
    results.add("b", {"m": 2.0})
    again = Results(tmp_path / "deep" / "r.jsonl")
    assert again["a"] == {"m": 1.0, "n": None} and "b" in again and "c" not in again


def test_the_imitated_autoencoder_loses_what_one_loses(scene: Scene) -> None:
    error = (reconstruction(scene.target).frames.astype(float) - scene.target.frames) ** 2
    assert 20 < 10 * np.log10(255**2 / error.mean()) < 36
