"""Scenes into the flat records that the kernels read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from testset.render import layout
from testset.scenes.camera import HALF_ANGLE, Path, path
from testset.scenes.lettering import HEIGHT, LABELS, WIDTH
from testset.scenes.scene import Scene
from testset.scenes.shapes import BODY, Part, bounds
from testset.scenes.stage import Finish, Light, Thing, light, things

_SHAPES = {
    "box": layout.BOX,
    "cone": layout.CONE,
    "torus": layout.TORUS,
    "ellipsoid": layout.ELLIPSOID,
    "capsule": layout.CAPSULE,
}
_PATTERNS = {
    "plain": layout.PLAIN,
    "wood": layout.WOOD,
    "marble": layout.MARBLE,
    "leather": layout.LEATHER,
    "fabric": layout.FABRIC,
    "glaze": layout.GLAZE,
    "planks": layout.PLANKS,
    "grain": layout.GRAIN,
    "concrete": layout.CONCRETE,
    "stripes": layout.STRIPES,
    "sheet": layout.SHEET,
}
_BACKDROPS = {
    "seamless": layout.SEAMLESS,
    "window": layout.WINDOW,
    "tiles": layout.TILES,
    "meadow": layout.MEADOW,
    "beach": layout.BEACH,
    "brick": layout.BRICK,
    "bokeh": layout.BOKEH,
}
_STYLES = {
    None: layout.NO_STYLE,
    "moonlit night": layout.NO_STYLE,
    "watercolour": layout.WATERCOLOUR,
    "pencil sketch": layout.PENCIL,
    "cel-shaded cartoon": layout.CEL,
    "pop art": layout.POP_ART,
    "vintage film": layout.VINTAGE,
}


@dataclass(frozen=True, slots=True, eq=False)
class Packed:
    """One batch as structured NumPy arrays, in the kernels' layout."""

    worlds: np.ndarray
    cameras: np.ndarray
    bodies: np.ndarray
    parts: np.ndarray
    surfaces: np.ndarray
    yaw: np.ndarray
    """bodies x frames, radians."""


def _quaternion(turn: tuple[float, float, float]) -> tuple[float, float, float, float]:
    """(x, y, z, w) of yaw about y, then pitch about x, then roll about z (each in the turned frame)."""
    y, p, r = (math.radians(a) / 2 for a in turn)
    cy, sy, cp, sp, cr, sr = math.cos(y), math.sin(y), math.cos(p), math.sin(p), math.cos(r), math.sin(r)
    return (
        cy * sp * cr + sy * cp * sr,
        sy * cp * cr - cy * sp * sr,
        cy * cp * sr - sy * sp * cr,
        cy * cp * cr + sy * sp * sr,
    )


def _part(p: Part) -> tuple:
    fold = ("x" in p.fold) + 2 * ("z" in p.fold)
    op = layout.SUBTRACT if p.cut else layout.UNION
    return (_SHAPES[p.shape], p.slot, op, fold, p.at, _quaternion(p.turn), p.size, p.blend, p.reach)


def _surface(f: Finish) -> tuple:
    return (
        f.albedo,
        f.second,
        f.rough,
        f.metal,
        f.spec,
        _PATTERNS[f.pattern],
        f.scale,
        f.strength,
        f.transmission,
        f.bump,
        f.phase,
        f.soft,
        f.sheen,
    )


def _body(t: Thing, first: int, slot0: int) -> tuple:
    lo, hi = bounds(t.parts)
    lo[1] = max(lo[1], -0.05)
    spot = next((p for p in t.parts if p.shape == "spot"), None)
    label, slot, box = -1, 0, (0.0, 0.0, 0.0, 0.0)
    if spot is not None and t.label is not None:
        label, slot = LABELS.index(t.label), spot.slot
        box = (spot.at[0], spot.at[1], spot.size[0], spot.size[0] * HEIGHT / WIDTH)
    return (
        first,
        len(_solids(t)),
        slot0,
        (t.x, 0.0, t.z),
        (lo + hi) / 2,
        (hi - lo) / 2 + 0.005,
        label,
        slot,
        box,
    )


def _solids(t: Thing) -> list[Part]:
    return [p for p in t.parts if p.shape != "spot"]


def _world(scene: Scene, lit: Light, first: int, count: int, glass: int, pixel: float) -> tuple:
    s = lit.setting
    return (
        first,
        count,
        _PATTERNS[s.floor],
        s.floor_a,
        s.floor_b,
        s.scale,
        s.gloss,
        _BACKDROPS[s.backdrop],
        s.low,
        s.high,
        s.extra,
        s.fade[0],
        s.fade[1],
        s.ambient,
        lit.key_dir,
        s.key,
        s.softness,
        s.rim,
        s.exposure,
        lit.phase,
        _STYLES[scene.style],
        s.wall,
        glass,
        pixel,
    )


def _cameras(p: Path) -> list[tuple]:
    k = math.tan(HALF_ANGLE)
    forward = p.target - p.eye
    forward = forward / np.linalg.norm(forward, axis=1, keepdims=True)
    right = np.cross(forward, np.array([0.0, 1.0, 0.0]))
    right = right / np.linalg.norm(right, axis=1, keepdims=True)
    up = np.cross(right, forward)
    return [(e, f, k * r, k * u) for e, f, r, u in zip(p.eye, forward, right, up, strict=True)]


def pack(scenes: Sequence[Scene], frames: int, height: int, width: int) -> Packed:
    """Return the batch of `scenes`, each over `frames` frames of that size."""
    tall, pixel = height > 1.2 * width, 2.0 * math.tan(HALF_ANGLE) / min(height, width)
    worlds, cameras, bodies, parts, surfaces, yaw = [], [], [], [], [], []
    for scene in scenes:
        stage, way = things(scene, tall), path(scene, frames, tall)
        glass = len(surfaces) + BODY if stage[0].finishes[BODY].transmission > 0 else -2
        worlds.append(_world(scene, light(scene), len(bodies), len(stage), glass, pixel))
        cameras.append(_cameras(way))
        for t in stage:
            bodies.append(_body(t, len(parts), len(surfaces)))
            parts.extend(_part(p) for p in _solids(t))
            surfaces.extend(_surface(f) for f in t.finishes)
            yaw.append(t.yaw + (way.turn if t.turns else 0 * way.turn))
    return Packed(
        np.array(worlds, layout.World.numpy_dtype()),
        np.array(cameras, layout.Camera.numpy_dtype()),
        np.array(bodies, layout.Body.numpy_dtype()),
        np.array(parts, layout.Part.numpy_dtype()),
        np.array(surfaces, layout.Surface.numpy_dtype()),
        np.array(yaw, np.float32),
    )
