"""From words to things: the bodies, surfaces and light that a scene stands for."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from testset.scenes import products, props
from testset.scenes.camera import facing
from testset.scenes.scene import Item, Scene
from testset.scenes.shapes import BODY, DARK, LIGHT, TRIM, Part
from testset.scenes.vocabulary import ACCENTS, COLORS, MATERIALS, SETTINGS, Rgb, Setting


@dataclass(frozen=True, slots=True)
class Finish:
    """A surface as the renderer takes it; fields as `testset.render.layout.Surface`."""

    albedo: Rgb
    second: Rgb = (0.0, 0.0, 0.0)
    rough: float = 0.5
    metal: float = 0.0
    spec: float = 1.0
    pattern: str = "plain"
    scale: float = 1.0
    strength: float = 0.0
    transmission: float = 0.0
    bump: float = 0.0
    phase: float = 0.0
    soft: float = 0.0
    sheen: float = 0.0


_Finishes = tuple[Finish, Finish, Finish, Finish]


@dataclass(frozen=True, slots=True)
class Thing:
    """A body on the floor: parts, its four finishes, place, first yaw (radians) and whether it is on the turntable."""

    parts: tuple[Part, ...]
    finishes: _Finishes
    x: float
    z: float
    yaw: float
    turns: bool
    label: str | None = None
    """Word on its label, at the part of shape `spot`."""


@dataclass(frozen=True, slots=True)
class Light:
    """Direction to the key light and the setting it falls on (a night restyles the setting)."""

    key_dir: Rgb
    setting: Setting
    phase: float


_OWN_PAINT: dict[str, dict[int, Finish]] = {
    "donut": {LIGHT: Finish((0.56, 0.3, 0.11), rough=0.7), DARK: Finish((0.1, 0.35, 0.6), rough=0.5)},
    "cupcake": {LIGHT: Finish((0.62, 0.42, 0.24), (0.35, 0.2, 0.1), rough=0.9, pattern="stripes", strength=0.2)},
    "mug": {DARK: Finish((0.045, 0.018, 0.008), rough=0.15)},
    "ring": {LIGHT: Finish((0.55, 0.75, 0.9), rough=0.02, spec=3.0, metal=0.35)},
    "table lamp": {LIGHT: Finish((2.2, 1.8, 1.2), rough=1.0, spec=0.0)},
    "teddy bear": {
        LIGHT: Finish((0.66, 0.48, 0.3), rough=0.95, spec=0.2),
        DARK: Finish((0.015, 0.012, 0.01), rough=0.15),
    },
    "wristwatch": {LIGHT: Finish((0.8, 0.8, 0.78), rough=0.25)},
}


def main_finish(item: Item, shade: float, phase: float) -> Finish:
    """Return the finish of the main surface; `shade` is a brightness factor near 1."""
    m = MATERIALS[item.material]
    c = np.array(COLORS[item.color][1]) * shade
    luma = float(c @ np.array((0.21, 0.72, 0.07)))
    second = c * m.shade + m.offset
    if m.pattern == "wood":  # stained: the grain shows through, and on black it is what the stain left light
        second = np.array((0.09, 0.055, 0.032)) if luma < 0.04 else 0.14 * c + np.array((0.055, 0.026, 0.01))
        c = c * np.array((0.95, 0.86, 0.74)) + np.array((0.02, 0.01, 0.004))
    elif m.pattern == "marble":  # veins that stand out: light ones in dark stone, dark ones in light stone
        second = 0.2 * c + 0.03 if luma > 0.3 else 0.3 * c + 0.5
    elif m.pattern == "glaze":  # iron specks in a light glaze, ash in a dark one
        second = 0.1 * c + np.array((0.03, 0.018, 0.012)) if luma > 0.16 else 0.3 * c + np.array((0.45, 0.4, 0.32))
    elif m.pattern == "fabric" and luma < 0.04:
        second = c + 0.05
    elif m.metal > 0:  # a metal of a dark colour mirrors more than paint of it
        c = c * max(1.0, 0.6 / c.max()) * 0.85 + 0.09 if luma > 0.04 else c + 0.16
    return Finish(
        albedo=tuple(c),
        second=tuple(second),
        rough=m.rough,
        metal=m.metal,
        spec=m.spec,
        pattern=m.pattern,
        scale=m.scale,
        strength=m.strength,
        transmission=m.transmission,
        bump=m.bump,
        phase=phase,
        soft=m.soft,
        sheen=m.sheen,
    )


def _finishes(item: Item, shade: float, phase: float) -> _Finishes:
    rgb, rough, metal = ACCENTS[item.accent]
    four = [
        main_finish(item, shade, phase),
        Finish(rgb, rough=rough, metal=metal),
        Finish((0.022, 0.022, 0.025), rough=0.5),
        Finish((0.74, 0.72, 0.68), rough=0.5),
    ]
    for slot, finish in _OWN_PAINT.get(item.product, {}).items():
        four[slot] = finish
    return tuple(four)


@dataclass(frozen=True, slots=True)
class _Layout:
    """Where things stand, as seen from the camera: x to its right, z towards it."""

    first: tuple[float, float]
    second: tuple[float, float]
    prop: tuple[float, float]
    share: float
    """Size of a product, 1 where it is alone."""


def _layout(two: bool, tall: bool, side: int) -> _Layout:
    """Return the places; `side` is -1 or 1. In a tall picture things stand behind each other more than abreast."""
    if two:
        x, z = (0.3, 0.5) if tall else (0.5, 0.26)
        near = (0.36, 0.66) if tall else (0.4, 0.52)
        return _Layout((side * x, z), (-side * x, -z), (-side * near[0], near[1]), 0.8 if tall else 0.74)
    return _Layout((0.0, 0.0), (0.0, 0.0), (side * 0.38, 0.76) if tall else (side * 0.62, 0.52), 1.0)


def things(scene: Scene, tall: bool = False) -> tuple[Thing, ...]:
    """Return the product, then the second product, then the prop, as they stand in a square or a tall picture."""
    place = scene.stream("place")
    yaw = place.uniform(-0.5, 0.5) * (0.5 if scene.item.label else 1.0)
    x, side = place.uniform(-0.05, 0.05), place.choice((-1, 1))
    jitter, prop_yaw = place.uniform(-0.03, 0.03), place.uniform(-0.4, 0.4)
    shade, phase = place.uniform(0.88, 1.12), place.uniform(0, 20)
    where, azimuth = _layout(scene.second is not None, tall, side), facing(scene)

    def stand(parts: tuple[Part, ...], finishes: _Finishes, at: tuple[float, float], turn: float, **more) -> Thing:
        c, s = math.cos(azimuth), math.sin(azimuth)
        return Thing(parts, finishes, c * at[0] + s * at[1], c * at[1] - s * at[0], azimuth + turn, **more)

    def product(item: Item, stream: str) -> tuple[Part, ...]:
        return tuple(p.scaled(where.share) for p in products.build(item.product, scene.stream(stream), tall))

    first = product(scene.item, "product")
    at = (where.first[0] + x, where.first[1])
    out = [stand(first, _finishes(scene.item, shade, phase), at, yaw, turns=True, label=scene.item.label)]
    if scene.second is not None:
        other = product(scene.second, "second")
        out.append(stand(other, _finishes(scene.second, shade, phase + 3), where.second, -yaw, turns=False))
    if scene.prop is not None:
        parts, paint = props.KINDS[scene.prop](scene.stream("prop"))
        four = tuple(
            Finish(*paint[s][:1], rough=paint[s][1], metal=paint[s][2]) if s in paint else Finish((0.5, 0.5, 0.5))
            for s in (BODY, TRIM, DARK, LIGHT)
        )
        out.append(stand(parts, four, (where.prop[0] + jitter, where.prop[1]), prop_yaw, turns=False))
    return tuple(out)


def light(scene: Scene) -> Light:
    """Return the light of the scene; `moonlit night` turns it down and blue."""
    rng = scene.stream("light")
    azimuth = facing(scene) + rng.choice((-1, 1)) * rng.uniform(0.45, 1.1)
    height = rng.uniform(0.62, 1.0)
    key_dir = (math.cos(height) * math.sin(azimuth), math.sin(height), math.cos(height) * math.cos(azimuth))
    strength, phase = rng.uniform(0.88, 1.12), rng.uniform(0, 40)
    setting = SETTINGS[scene.setting]
    setting = replace(setting, key=tuple(strength * k for k in setting.key))
    if scene.style == "moonlit night":
        dim = np.array((0.05, 0.075, 0.16))
        setting = replace(
            setting,
            low=tuple(np.array(setting.low) * dim + 0.004),
            high=tuple(np.array(setting.high) * dim * 0.6 + 0.002),
            extra=tuple(np.array(setting.extra) * dim),
            key=(0.5, 0.68, 1.15),
            rim=(0.45, 0.6, 1.0),
            ambient=0.16,
        )
    return Light(key_dir, setting, phase)
