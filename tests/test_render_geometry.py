"""Depth and flow come from the renderer: they move the pixels of one frame onto the next."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from testset.render import Renderer
from testset.render.geometry import geometry, write_geometry
from testset.scenes import Item, Scene
from testset.scenes.scene import TURNTABLE

SCENE = Scene(
    seed=18,
    item=Item("speaker", "orange", "wood", "silver"),
    setting="in a concrete loft",
    motion="the camera orbits left",
    prop="a gift box",
)
SCENES = {
    "orbit in a room": SCENE,
    "turntable": replace(SCENE, motion=TURNTABLE, setting="on a wooden table by a window"),
    "hand-held outdoors": replace(SCENE, motion="a hand-held camera follows", setting="on grass under a blue sky"),
    "push-in": replace(SCENE, motion="the camera pushes in", item=Item("handbag", "teal", "marble", "gold", "NOVA")),
}


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer("cpu")


@pytest.mark.parametrize("name", SCENES)
def test_flow_warps_a_frame_onto_the_next_within_a_fifth_of_a_pixel(renderer: Renderer, name: str) -> None:
    scene = SCENES[name]
    clip = renderer.clip(scene, 17, 192, 192, with_distance=True)
    found = geometry(scene, clip)
    assert found.flow.shape == (16, 192, 192, 2)
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    home = np.stack(np.meshgrid(np.arange(192), np.arange(192)), -1).astype(np.float32)
    left, moved = [], []
    for t in (3, 9):
        at = home + found.flow[t]
        back = cv2.remap(clip.frames[t + 1], at[..., 0], at[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        grey = [cv2.cvtColor(f, cv2.COLOR_RGB2GRAY) for f in (clip.frames[t], back)]
        # What an estimator still finds between the frame and the warped next one, where there is texture to find it by.
        rest = np.linalg.norm(dis.calc(*grey, None), axis=-1)
        steep = np.hypot(cv2.Sobel(grey[0], cv2.CV_32F, 1, 0), cv2.Sobel(grey[0], cv2.CV_32F, 0, 1)) > 40
        seen = cv2.erode((found.visible[t] & (clip.ids[t] >= -1)).astype(np.uint8), np.ones((7, 7))) > 0
        left.append(rest[steep & seen])
        moved.append(np.linalg.norm(found.flow[t], axis=-1)[steep & seen])
    assert np.concatenate(left).size > 500
    assert np.concatenate(left).mean() <= 0.2
    assert np.concatenate(moved).mean() > 3 * np.concatenate(left).mean()


def test_depth_is_nearer_on_the_product_than_behind_it_and_at_most_the_room(renderer: Renderer) -> None:
    clip = renderer.clip(SCENE, 2, 96, 96, with_distance=True)
    depth = geometry(SCENE, clip).depth
    assert np.isfinite(depth).all()
    assert depth.min() > 1.0
    assert depth.max() < 9.0
    assert np.median(depth[clip.ids == 0]) < np.median(depth[clip.ids == -2]) - 1.0


def test_what_leaves_the_picture_is_not_visible_and_a_still_scene_has_no_flow(renderer: Renderer) -> None:
    clip = renderer.clip(SCENE, 3, 64, 64, with_distance=True)
    found = geometry(SCENE, clip)
    inside = np.stack(np.meshgrid(np.arange(64), np.arange(64)), -1) + found.flow
    out = ((inside < -0.5) | (inside > 63.5)).any(-1)
    assert out.any()
    assert not (found.visible & out).any()
    assert 0.6 < found.visible.mean() < 1.0


def test_geometry_is_stored_in_half_precision_without_objects(renderer: Renderer, tmp_path: Path) -> None:
    clip = renderer.clip(SCENE, 3, 64, 64, with_distance=True)
    found = geometry(SCENE, clip)
    write_geometry(found, tmp_path / "aux" / "g.npz")
    with np.load(tmp_path / "aux" / "g.npz", allow_pickle=False) as stored:
        assert {k: stored[k].dtype.name for k in stored} == {"depth": "float16", "flow": "float16", "visible": "bool"}
        np.testing.assert_allclose(stored["flow"].astype(np.float32), found.flow, atol=0.02)
    assert [p.name for p in (tmp_path / "aux").iterdir()] == ["g.npz"]
