"""The renderer: exact edits, determinism, and pictures that are what the words say."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest

from testset.measure import edit_mask, outside_psnr
from testset.render import Renderer
from testset.scenes import Item, Scene, edited
from testset.scenes.vocabulary import MATERIALS, PRODUCTS, PROPS, SETTINGS, STYLES

SIZE = {"frames": 2, "height": 96, "width": 96}
SCENE = Scene(
    seed=8,
    item=Item("mug", "red", "ceramic", "gold"),
    setting="against a blue wall",
    motion="the camera orbits left",
)


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer("cpu")


def frames(renderer: Renderer, scene: Scene) -> np.ndarray:
    return renderer.render([scene], **SIZE)[0].numpy()


def test_the_same_scene_gives_the_same_bytes_alone_and_in_a_batch(renderer: Renderer) -> None:
    other = replace(SCENE, seed=10, prop="a lemon", second=Item("ring", "teal", "metal", "silver"))
    batch = renderer.render([other, SCENE, other], **SIZE).numpy()
    np.testing.assert_array_equal(batch[1], frames(renderer, SCENE))
    np.testing.assert_array_equal(batch[0], batch[2])
    assert batch.dtype == np.uint8
    assert batch.shape == (3, 2, 96, 96, 3)


@pytest.mark.parametrize(
    ("scenario", "value"),
    [("color", "green"), ("material", "wood"), ("product", "kettle"), ("add", "a lemon")],
)
def test_a_local_edit_leaves_the_rest_as_it_was_and_changes_the_inside(renderer, scenario, value) -> None:
    source, target = frames(renderer, SCENE), frames(renderer, edited(SCENE, scenario, value))
    mask = edit_mask(source, target)
    assert 0.005 < mask.mean() < 0.7
    assert outside_psnr(source, target, mask) >= 50
    assert np.abs(source.astype(int) - target.astype(int))[mask].mean() > 5


def test_removing_what_was_added_gives_the_source_back(renderer: Renderer) -> None:
    added = edited(SCENE, "add", "a candle")
    np.testing.assert_array_equal(frames(renderer, edited(added, "remove", "")), frames(renderer, SCENE))


def test_a_red_mug_is_red_and_a_green_one_green(renderer: Renderer) -> None:
    for color, channel in (("red", 0), ("green", 1), ("blue", 2)):
        out = renderer.render_with_ids([edited(SCENE, "color", color)], **SIZE)
        product = out.rgb[0].numpy()[out.ids[0].numpy() == 0].mean(0)
        assert product.argmax() == channel, (color, product)


def test_every_setting_style_and_prop_looks_different(renderer: Renderer) -> None:
    variants = [replace(SCENE, setting=s) for s in SETTINGS]
    variants += [replace(SCENE, style=s) for s in STYLES] + [replace(SCENE, prop=p) for p in PROPS]
    pictures = renderer.render(variants, frames=1, height=64, width=64)[:, 0].numpy().astype(int)
    for i in range(len(variants)):
        for j in range(i):
            if variants[i] != variants[j]:
                assert np.abs(pictures[i] - pictures[j]).mean() > 0.5, (variants[i], variants[j])


@pytest.mark.parametrize("color", ["white", "black", "teal"])
def test_every_material_looks_different_on_the_product_in_every_colour(renderer: Renderer, color: str) -> None:
    scene = replace(SCENE, item=replace(SCENE.item, color=color))
    out = renderer.render_with_ids([edited(scene, "material", m) for m in MATERIALS], 1, 96, 96)
    on = out.ids[0, 0].numpy() == 0
    looks = dict(zip(MATERIALS, out.rgb[:, 0].numpy().astype(int)[:, on], strict=True))
    names = list(looks)
    for i, a in enumerate(names):
        for b in names[:i]:
            apart = np.abs(looks[a] - looks[b]).mean()
            assert apart > 2, (a, b, apart)


def test_glass_throws_a_lighter_shadow_than_what_light_does_not_pass(renderer: Renderer) -> None:
    def shadow_of(material: str) -> np.ndarray:
        out = renderer.render_with_ids([edited(SCENE, "material", material)], 1, 96, 96)
        return np.where(out.ids[0, 0].numpy() == -1, out.rgb[0, 0].numpy().astype(int).sum(-1), 0)

    plain, glass = shadow_of("ceramic"), shadow_of("glass")
    assert (glass - plain).max() > 60
    assert (glass < plain - 30).mean() < 0.01


def test_more_rays_smooth_the_edges_and_keep_the_flats(renderer: Renderer) -> None:
    one = renderer.render([SCENE], samples=1, **SIZE)[0].numpy().astype(int)
    four = renderer.render([SCENE], samples=2, **SIZE)[0].numpy().astype(int)
    same = (one == four).all(-1).mean()
    assert 0.5 < same < 1.0


def test_a_longer_clip_walks_the_same_path_more_finely(renderer: Renderer) -> None:
    short = renderer.render([SCENE], frames=3, height=64, width=64)[0].numpy()
    long = renderer.render([SCENE], frames=5, height=64, width=64)[0].numpy()
    np.testing.assert_array_equal(short, long[::2])


def test_scenes_of_random_words_all_render(renderer: Renderer) -> None:
    from testset.scenes import sample_training_scene

    rng = random.Random(3)
    clips = renderer.render([sample_training_scene(rng) for _ in range(24)], frames=1, height=48, width=48)
    assert (clips.float().std(dim=(1, 2, 3, 4)) > 4).all()


def test_a_label_is_seen_and_stays_while_the_rest_of_its_product_changes(renderer: Renderer) -> None:
    labelled = replace(SCENE, item=replace(SCENE.item, label="NOVA"))
    other = replace(SCENE, item=replace(SCENE.item, label="HUSK"))
    a, b = frames(renderer, labelled).astype(int), frames(renderer, other).astype(int)
    letters = np.abs(a - b).max(-1) > 60
    assert 0.002 < letters.mean() < 0.05
    green = frames(renderer, edited(labelled, "color", "green")).astype(int)
    assert np.abs(a - green)[letters].mean() < 25  # what the red shines on stays, but for light at the edges
    assert np.abs(a - green).max(-1).max() > 60


def test_a_tall_picture_shows_the_product_larger_and_whole(renderer: Renderer) -> None:
    for product in ("handbag", "table lamp", "donut"):
        scene = replace(SCENE, item=Item(product, "red", PRODUCTS[product].materials[0], "gold"))
        out = renderer.render_with_ids([scene], 3, 176, 96)
        body = out.ids[0].numpy() == 0
        rows, columns = np.flatnonzero(body.any((0, 2))), np.flatnonzero(body.any((0, 1)))
        assert rows[0] > 0
        assert rows[-1] < 175
        assert columns[0] > 0
        assert columns[-1] < 95
        assert max(rows.size / 176, columns.size / 96) > 0.42, product
