"""The props that an edit adds or removes: parts and their four surfaces, about 0.45 high."""

from __future__ import annotations

import math
import random

from testset.scenes.shapes import BODY, DARK, LIGHT, TRIM, Part, box, capsule, cone, ellipsoid, torus

Paint = tuple[tuple[float, float, float], float, float]  # linear RGB, roughness, metalness
Prop = tuple[tuple[Part, ...], dict[int, Paint]]


def potted_plant(rng: random.Random) -> Prop:
    """A terracotta pot with a tuft of leaves."""
    leaves = tuple(
        ellipsoid(
            (0.1 * math.sin(a), 0.34 + 0.05 * (i % 2), 0.1 * math.cos(a)),
            (0.035, 0.15, 0.06),
            TRIM,
            turn=(math.degrees(a), 32 - 14 * (i % 2), 0),
        )
        for i in range(7)
        for a in (2 * math.pi * i / 7 + rng.uniform(-0.2, 0.2),)
    )
    pot = (
        cone((0, 0.1, 0), 0.1, 0.09, 0.13, 0.01),
        cone((0, 0.2, 0), 0.025, 0.145, 0.145, 0.01),
        cone((0, 0.22, 0), 0.01, 0.12, 0.12, 0.005, DARK),
    )
    paint = {
        BODY: ((0.5, 0.17, 0.07), 0.8, 0.0),
        TRIM: ((0.04, 0.22, 0.04), 0.5, 0.0),
        DARK: ((0.03, 0.018, 0.01), 1.0, 0.0),
    }
    return pot + leaves, paint


def candle(_: random.Random) -> Prop:
    """A pillar candle with flame on a dish."""
    parts = (
        cone((0, 0.17, 0), 0.15, 0.105, 0.105, 0.02),
        cone((0, 0.014, 0), 0.014, 0.17, 0.18, 0.008, TRIM),
        capsule((0, 0.335, 0), 0.02, 0.008, DARK),
        ellipsoid((0, 0.4, 0), (0.03, 0.065, 0.03), LIGHT),
    )
    paint = {
        BODY: ((0.75, 0.68, 0.5), 0.5, 0.0),
        TRIM: ((0.75, 0.5, 0.18), 0.25, 1.0),
        DARK: ((0.02, 0.02, 0.02), 0.9, 0.0),
        LIGHT: ((3.0, 1.7, 0.45), 1.0, 0.0),
    }
    return parts, paint


def books(rng: random.Random) -> Prop:
    """Three books, each turned a little."""
    parts = []
    for i, slot in enumerate((BODY, TRIM, DARK)):
        y, turn = 0.05 + 0.1 * i, (rng.uniform(-18, 18), 0.0, 0.0)
        parts.append(box((0, y, 0), (0.2 - 0.02 * i, 0.045, 0.15), 0.012, slot, turn=turn))
        parts.append(box((0.012, y, 0.01), (0.195 - 0.02 * i, 0.033, 0.148), 0.004, LIGHT, turn=turn))
    paint = {
        BODY: ((0.05, 0.13, 0.3), 0.6, 0.0),
        TRIM: ((0.42, 0.06, 0.05), 0.6, 0.0),
        DARK: ((0.06, 0.2, 0.13), 0.6, 0.0),
        LIGHT: ((0.75, 0.7, 0.58), 0.9, 0.0),
    }
    return tuple(parts), paint


def lemon(rng: random.Random) -> Prop:
    """A lemon with a leaf."""
    yaw = rng.uniform(-50, 50)
    parts = (
        ellipsoid((0, 0.15, 0), (0.2, 0.15, 0.15), turn=(yaw, 0, 0)),
        ellipsoid(
            (0.19 * math.cos(math.radians(yaw)), 0.15, -0.19 * math.sin(math.radians(yaw))),
            (0.05, 0.04, 0.04),
            blend=0.06,
        ),
        ellipsoid((-0.05, 0.31, 0.02), (0.1, 0.012, 0.05), TRIM, turn=(yaw, 0, 20)),
    )
    return parts, {BODY: ((0.85, 0.62, 0.03), 0.4, 0.0), TRIM: ((0.05, 0.26, 0.05), 0.5, 0.0)}


def gift_box(rng: random.Random) -> Prop:
    """A wrapped box with ribbon and bow."""
    h = 0.15 * rng.uniform(0.9, 1.1)
    parts = (
        box((0, h, 0), (0.19, h, 0.19), 0.012),
        box((0, h, 0), (0.035, h + 0.006, 0.196), 0.004, TRIM),
        box((0, h, 0), (0.196, h + 0.006, 0.035), 0.004, TRIM),
        torus((0.075, 2 * h + 0.05, 0), 0.055, 0.02, TRIM, turn=(0, 90, 0), fold="x"),
        ellipsoid((0, 2 * h + 0.035, 0), (0.035, 0.03, 0.03), TRIM),
    )
    return parts, {BODY: ((0.1, 0.38, 0.42), 0.45, 0.0), TRIM: ((0.8, 0.62, 0.2), 0.3, 0.4)}


def seashell(_: random.Random) -> Prop:
    """A scallop standing on its edge, ribs radiating."""
    ribs = tuple(
        ellipsoid(
            (0.12 * math.sin(a), 0.06 + 0.13 * math.cos(a), 0.0),
            (0.035, 0.14, 0.05),
            BODY,
            turn=(0, 0, -math.degrees(a)),
            blend=0.012,
        )
        for a in (math.radians(d) for d in (-66, -44, -22, 0, 22, 44, 66))
    )
    hinge = (box((0, 0.045, 0), (0.075, 0.045, 0.045), 0.02, TRIM),)
    return ribs + hinge, {BODY: ((0.8, 0.5, 0.38), 0.35, 0.0), TRIM: ((0.75, 0.6, 0.48), 0.4, 0.0)}


KINDS = {
    "a small potted plant": potted_plant,
    "a candle": candle,
    "a stack of books": books,
    "a lemon": lemon,
    "a gift box": gift_box,
    "a seashell": seashell,
}
