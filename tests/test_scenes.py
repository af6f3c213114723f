"""Scenes: closed vocabularies, exact edits, seeds that never meet."""

from __future__ import annotations

import random
from dataclasses import asdict

import numpy as np
import pytest

from bench.types import SCENARIOS
from testset.cases import candidates, scenarios_of
from testset.scenes import caption, choices, instruction, sample_edit, sample_scene, sample_training_scene
from testset.scenes.camera import path
from testset.scenes.products import KINDS, build
from testset.scenes.props import KINDS as PROP_KINDS
from testset.scenes.scene import TURNTABLE
from testset.scenes.shapes import bounds
from testset.scenes.vocabulary import COLORS, MATERIALS, PRODUCTS, PROPS, SCENARIO_ATTRIBUTE, SETTINGS, STYLES


def drawn(count: int = 200):
    rng = random.Random(11)
    return [sample_scene(rng, 2 * i) for i in range(count)]


def test_every_word_of_the_vocabularies_has_something_to_show() -> None:
    assert set(KINDS) == set(PRODUCTS)
    assert set(PROP_KINDS) == set(PROPS)
    assert all(set(p.materials) <= set(MATERIALS) for p in PRODUCTS.values())
    assert len({p.vertical for p in PRODUCTS.values()}) == 7
    assert len(PRODUCTS) >= 16


@pytest.mark.parametrize("kind", sorted(PRODUCTS))
def test_a_product_stands_on_the_floor_inside_its_frame(kind: str) -> None:
    for seed in range(5):
        low, high = bounds(build(kind, random.Random(seed)))
        assert -0.6 <= low[1] <= 0.1  # what lies below is cut off
        assert high[1] <= 1.2 + 1e-6
        assert max(high[0] - low[0], high[2] - low[2]) <= 1.15 + 1e-6


def test_captions_name_every_attribute_in_both_languages() -> None:
    rng = random.Random(0)
    for scene in drawn():
        item = scene.item
        for text in (caption(scene), caption(scene, rng)):
            for word in (item.product, item.color, item.material, scene.setting, scene.motion, scene.prop, scene.style):
                assert word is None or word in text
        for text in (caption(scene, lang="zh"), caption(scene, rng, lang="zh")):
            assert PRODUCTS[item.product].zh in text
            assert COLORS[item.color][0] in text
            assert MATERIALS[item.material].zh in text
            assert SETTINGS[scene.setting].zh in text
            assert scene.style is None or STYLES[scene.style].zh in text


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_an_edit_changes_one_attribute_and_says_so(scenario: str) -> None:
    rng = random.Random(5)
    for scene in drawn(60):
        source, target, named = sample_edit(scene, rng, scenario)
        assert named == scenario
        before, after = asdict(source), asdict(target)
        changed = [k for k in before if before[k] != after[k]]
        attribute = SCENARIO_ATTRIBUTE[scenario]
        assert changed == (["item"] if attribute in ("product", "color", "material") else [attribute])
        if changed == ["item"]:
            assert [k for k in before["item"] if before["item"][k] != after["item"][k]] == [attribute]
        both = instruction(source, target, scenario)
        assert both.en.endswith(".")
        assert both.zh.endswith("。")


def test_values_offered_for_an_edit_differ_from_the_source() -> None:
    for scene in drawn(60):
        assert scene.item.color not in choices(scene, "color")
        assert scene.item.product not in choices(scene, "product")
        assert scene.setting not in choices(scene, "background")
        if scene.motion == TURNTABLE:
            assert not any(PRODUCTS[p].symmetric for p in choices(scene, "product"))


def test_training_scenes_and_split_scenes_never_share_a_seed() -> None:
    rng = random.Random(0)
    assert all(sample_training_scene(rng).seed % 2 == 1 for _ in range(500))
    for number in range(16):
        for plan in candidates("dev", number, 4, 0):
            assert plan.source.seed == plan.target.seed
            assert plan.source.seed % 2 == 0


def test_the_camera_path_is_a_function_of_seed_and_motion_alone() -> None:
    for scene in drawn(30):
        source, target, _ = sample_edit(scene, random.Random(scene.seed), "product")
        a, b = path(source, 17), path(target, 17)
        np.testing.assert_array_equal(a.eye, b.eye)
        np.testing.assert_array_equal(a.turn, b.turn)


def test_every_group_has_four_scenarios_and_the_split_covers_all() -> None:
    groups = [scenarios_of(n, 4) for n in range(16)]
    assert all(len(set(g)) == 4 for g in groups)
    counts = {s: sum(s in g for g in groups) for s in SCENARIOS}
    assert min(counts.values()) >= 8
