"""Scenes: closed vocabularies, exact edits, seeds that never meet."""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import pytest

from bench.types import SCENARIOS
from testset.cases import EDITS, GROUPS, HARD, Plan, candidates, scenarios_of, tags
from testset.scenes import (
    Item,
    Scene,
    caption,
    choices,
    edited,
    instruction,
    sample_edit,
    sample_scene,
    sample_training_scene,
)
from testset.scenes.camera import path
from testset.scenes.lettering import LABELS, STROKES, atlas
from testset.scenes.products import KINDS, SQUARE, TALL, build
from testset.scenes.props import KINDS as PROP_KINDS
from testset.scenes.scene import TURNTABLE, readable
from testset.scenes.shapes import bounds
from testset.scenes.vocabulary import ALIKE, COLORS, MATERIALS, PRODUCTS, PROPS, SCENARIO_ATTRIBUTE, SETTINGS, STYLES


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
        for tall, (height, width) in ((False, SQUARE), (True, TALL)):
            low, high = bounds(build(kind, random.Random(seed), tall))
            assert -0.65 <= low[1] <= 0.1  # what lies below is cut off
            share = math.hypot(high[1] / height, max(high[0] - low[0], high[2] - low[2]) / width)
            assert share == pytest.approx(1.0)


@pytest.mark.parametrize("kind", sorted(PRODUCTS))
def test_a_product_has_a_place_for_a_label_exactly_where_the_vocabulary_says_so(kind: str) -> None:
    spots = [p for p in build(kind, random.Random(1)) if p.shape == "spot"]
    assert len(spots) == PRODUCTS[kind].label


def test_label_words_are_alike_in_at_most_two_places_and_have_strokes() -> None:
    assert all(set(word) <= set(STROKES) and len(word) == 4 for word in LABELS)
    for a in LABELS:
        for b in LABELS:
            assert a == b or sum(x == y for x, y in zip(a, b, strict=True)) <= 2
    words = atlas()
    assert words.shape == (len(LABELS), 40, 100)
    assert ((words < 0.6).mean((1, 2)) > 0.1).all()  # ink
    assert (words[:, [0, -1]] > 1.3).all()  # margin


def test_a_sampled_scene_never_hides_a_product_in_its_setting() -> None:
    black = Item("handbag", "black", "leather", "gold")
    scene = Scene(seed=2, item=black, setting="in a white studio", motion=TURNTABLE)
    assert readable(scene)
    assert "in a dark studio" not in choices(scene, "background")
    assert "moonlit night" not in choices(scene, "style")
    assert not readable(replace(scene, setting="in a dark studio"))
    assert "black" not in choices(replace(scene, setting="in a dark studio"), "color")
    assert not readable(replace(scene, second=Item("handbag", "red", "leather", "gold")))
    assert all(readable(s) for s in drawn())


def test_a_labelled_product_gives_way_only_to_products_with_a_label() -> None:
    labelled = [s for s in drawn() if s.item.label is not None]
    assert 10 < len(labelled) < 80
    for scene in labelled:
        assert all(PRODUCTS[p].label for p in choices(scene, "product"))
        assert scene.item.label in caption(scene)
        assert scene.item.label in caption(scene, lang="zh")
        assert edited(scene, "color", choices(scene, "color")[0]).item.label == scene.item.label


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


def plans(split: str) -> list[Plan]:
    return [p for number in range(GROUPS[split]) for p in candidates(split, number, EDITS, 0)]


def test_the_test_split_is_planned_as_promised() -> None:
    found = plans("test")
    groups = {p.group: p.source for p in found}
    assert len(groups) >= 75
    assert len(found) >= 300
    counts = Counter(p.scenario for p in found)
    assert min(counts[s] for s in SCENARIOS) >= 40
    assert len({p.source.item.product for p in found}) >= 16
    assert len({PRODUCTS[p.source.item.product].vertical for p in found}) == 7
    assert abs(sum(p.tall for p in found) / len(found) - 1 / 3) < 0.02
    hard = Counter(t for p in found for t in tags(p.target))
    assert set(hard) == set(HARD)
    assert min(hard.values()) >= 12, hard
    assert len({(p.source, p.target) for p in found}) == len(found)


def test_the_dev_split_is_planned_as_promised() -> None:
    found = plans("dev")
    assert len(found) >= 60
    counts = Counter(p.scenario for p in found)
    assert min(counts[s] for s in SCENARIOS) >= 8
    assert sum(p.tall for p in found) * 3 == len(found)
    assert {t for p in found for t in tags(p.target)} == set(HARD)


@pytest.mark.parametrize("split", sorted(GROUPS))
def test_every_edit_of_a_split_is_readable_and_changes_one_thing(split: str) -> None:
    for plan in plans(split):
        assert readable(plan.source), plan.id
        assert readable(plan.target), plan.id
        (change,) = plan.changes
        assert change.source != change.target
        assert frozenset((change.source, change.target)) not in ALIKE
        assert change.source not in plan.keep


def test_every_group_has_four_scenarios() -> None:
    assert all(len(set(scenarios_of(n, EDITS))) == EDITS for n in range(100))
