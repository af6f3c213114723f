"""Closed vocabularies travel with a test set: to the probe at build, to metrics, into the identity of scores."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import numpy as np
import pytest

from bench import metrics, registry
from bench.plan import make
from bench.testsets import read_info, read_testset
from bench.types import EditCase, TestSet
from testset.card import card_text
from testset.cases import Plan
from testset.reading import Reader
from testset.scenes import prompts, sample_edit, sample_training_scene

VOCABULARY = prompts()
NEEDS = {"plain": (), "text": ("prompts",), "probe": ("vocabulary",)}


@pytest.fixture(scope="module")
def shipped() -> TestSet:
    return registry.testset("shopedit-300")


def test_a_test_set_brings_its_vocabulary(tmp_path: Path, shipped: TestSet) -> None:
    info = json.loads((shipped.root / "testset.json").read_text()) | {"vocabulary": VOCABULARY}
    (tmp_path / "testset.json").write_text(json.dumps(info))
    (tmp_path / "cases.jsonl").write_text(shipped.cases[0].model_dump_json())
    found = read_testset(tmp_path).vocabulary
    assert {name: dict(values) for name, values in found.items()} == VOCABULARY


def test_the_builder_is_told_what_cannot_be_read() -> None:
    rng = Random(5)
    source, target, _ = sample_edit(sample_training_scene(rng), rng, "color")
    plan = Plan("p", "g", "color", source, target)
    frames, mask = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8), bool)
    asked: list[tuple[str, bool]] = []

    def reader(*answers: str) -> Reader:
        said = iter(answers)

        def answer(frames: object, attribute: str, values: object, region: object) -> str:
            asked.append((attribute, region is mask))
            return next(said)

        return Reader(answer, VOCABULARY, "0" * 64)

    was, now = plan.changes[0].source, plan.changes[0].target
    good = reader(now, was)
    assert good.faults(plan, frames, frames, ~mask, mask) == []
    nothing = {"weights": "0" * 64, "unreliable": {}, "confusions": []}
    assert good.report() == nothing | {"asked": {"color": 1}, "unread": {"color": 0}}
    bad = reader("beige", now)
    assert bad.faults(plan, frames, frames, ~mask, mask) == [
        f"target's color is read as beige, wanted {now}",
        f"source's color is read as {now} already",
    ]
    assert bad.report()["unread"] == {"color": 1}
    assert bad.report()["confusions"] == [["color", now, "beige", 1], ["color", was, now, 1]]
    assert set(asked) == {("color", True)}


def test_an_attribute_that_the_probe_reads_badly_is_not_judged_by_it() -> None:
    rng = Random(5)
    plan = Plan("p", "g", "color", *sample_edit(sample_training_scene(rng), rng, "color")[:2])
    frames, mask = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8), bool)
    weak = Reader(lambda *_: pytest.fail("asked"), VOCABULARY, "0" * 64, {"color": 0.5})
    assert weak.faults(plan, frames, frames, mask, mask) == []
    assert weak.report()["unreliable"] == {"color": 0.5} and weak.report()["asked"] == {"color": 0}


def test_other_words_make_another_score_only_of_metrics_that_read_them(shipped: TestSet) -> None:
    case = shipped.select("smoke")[0]
    entry = registry.method("copy-source")
    psnr = metrics.registered()["psnr"].card
    cards = {name: psnr.model_copy(update={"name": name, "needs": needs}) for name, needs in NEEDS.items()}

    def references(case: EditCase, testset: TestSet) -> dict[str, dict[str, str]]:
        (job,) = make([entry], [case], testset, list(cards.values()), "-", 0, {}, {}, {}).jobs
        return {name: job.references(card) for name, card in cards.items()}

    plain = references(case, shipped)
    reworded = references(case.model_copy(update={"target_prompt": "something else"}), shipped)
    other = references(case, replace(shipped, vocabulary={"color": {"red": ("red",)}}))
    changed = [{n for n in cards if plain[n] != them[n]} for them in (reworded, other)]
    assert changed == [{"text"}, {"probe"}]


def test_the_card_says_what_the_probe_took_for_what(shipped: TestSet) -> None:
    info = read_info(shipped.root)
    probe = {
        "weights": "ab" * 32,
        "unreliable": {"material": 0.694},
        "asked": {"color": 9},
        "unread": {"color": 2},
        "confusions": [["color", "red", "pink", 2]],
    }
    text = card_text(shipped, info.model_copy(update={"generator": info.generator | {"probe": probe}}))
    assert f"`{'ab' * 32}`" in text and "| color | 9 | 2 |" in text and "| color | red | pink | 2 |" in text
    assert "does not judge material, which it reads right in 69% of held-out renders only" in text
    assert "probe:" not in text  # not told a second time as a record
