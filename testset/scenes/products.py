"""The products: one function a kind, from a random source (proportions) to parts. The main surface is slot BODY."""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from testset.scenes.shapes import DARK, LIGHT, TRIM, Part, box, capsule, cone, ellipsoid, fitted, spot, torus

Parts = tuple[Part, ...]
SIDEWAYS = (0.0, 0.0, 90.0)  # a part's y axis along x
FACING = (0.0, 90.0, 0.0)  # a part's y axis along z


def _about(rng: random.Random, share: float = 0.12) -> float:
    return rng.uniform(1.0 - share, 1.0 + share)


def handbag(rng: random.Random) -> Parts:
    """A structured bag with flap, clasp and top handle."""
    w, h = 0.52 * _about(rng), 0.33 * _about(rng)
    return (
        box((0, h, 0), (w, h, 0.19), 0.09),
        box((0, 1.5 * h, 0.015), (1.02 * w, 0.52 * h, 0.2), 0.09, blend=0.015),
        torus((0, 1.9 * h, 0), 0.3 * w / 0.52, 0.032, turn=(0, -90, 0), opening=100),
        box((0, 1.36 * h, 0.21), (0.075, 0.06, 0.025), 0.02, TRIM),
        torus((0.3 * w / 0.52, 1.92 * h, 0), 0.05, 0.016, TRIM, turn=FACING, fold="x"),
        box((0, 0.1, 0), (1.005 * w, 0.018, 0.197), 0.015, TRIM),
        spot(0, 0.74 * h, 0.28),
    )


def backpack(rng: random.Random) -> Parts:
    """A rounded pack with front pocket, zips, top loop and straps."""
    w, h = 0.36 * _about(rng), 0.52 * _about(rng)
    return (
        box((0, h, 0), (w, h, 0.22), 0.17),
        box((0, 0.62 * h, 0.2), (0.8 * w, 0.45 * h, 0.12), 0.08, blend=0.02),
        torus((0, 2 * h - 0.02, -0.06), 0.09, 0.025, DARK, turn=(0, -90, 0), opening=100),
        box((0, 1.02 * h, 0.285), (0.62 * w, 0.012, 0.02), 0.01, TRIM),
        box((0, 1.38 * h, 0.19), (0.75 * w, 0.014, 0.05), 0.01, TRIM),
        box((0.55 * w, h, -0.25), (0.06, 0.8 * h, 0.035), 0.03, DARK, fold="x"),
        box((0.56 * w, 0.99 * h, 0.3), (0.018, 0.06, 0.018), 0.01, TRIM),
        spot(0, 0.6 * h, 0.23),
    )


def cap(rng: random.Random) -> Parts:
    """A baseball cap with brim, button and band."""
    r, top = 0.46 * _about(rng, 0.06), 0.5 * _about(rng, 0.08)
    return (
        ellipsoid((0, 0.08, 0), (r, top, 1.06 * r)),
        box((0, 0.1, -0.1), (r, 0.1, r), 0.09, blend=0.12),
        ellipsoid((0, 0.06, r), (0.82 * r, 0.045, 0.85 * r), turn=(0, 10, 0), blend=0.04),
        box((0, -0.5, 0), (2, 0.5, 2), 0.01, cut=True),
        ellipsoid((0, top + 0.08, 0), (0.05, 0.035, 0.05), TRIM),
        ellipsoid((0, 0.03, 1.02 * r), (0.83 * r, 0.03, 0.85 * r), TRIM, turn=(0, 10, 0)),
        spot(0, 0.3, 0.62 * r),
    )


def sneaker(rng: random.Random) -> Parts:
    """A low running shoe, seen from its side, with sole, laces and stripe."""
    length = 0.62 * _about(rng, 0.08)
    return (
        ellipsoid((0.52 * length, 0.19, 0), (0.47 * length, 0.16, 0.205)),
        ellipsoid((0.02 * length, 0.27, 0), (0.6 * length, 0.21, 0.19), blend=0.14),
        ellipsoid((-0.6 * length, 0.27, 0), (0.38 * length, 0.24, 0.185), blend=0.12),
        box((-0.55 * length, 0.46, 0), (0.32 * length, 0.13, 0.12), 0.11, blend=0.13),
        ellipsoid((-0.5 * length, 0.66, 0), (0.26 * length, 0.17, 0.085), cut=True),
        ellipsoid((-0.2 * length, 0.55, 0), (0.07, 0.12, 0.09), turn=(0, 0, 30), blend=0.02),
        ellipsoid((0.5 * length, 0.085, 0), (0.52 * length, 0.085, 0.235), LIGHT),
        ellipsoid((-0.5 * length, 0.1, 0), (0.53 * length, 0.1, 0.225), LIGHT, blend=0.12),
        box((0, 0.07, 0), (0.6 * length, 0.07, 0.2), 0.06, LIGHT, blend=0.08),
        capsule((-0.02 * length, 0.475, 0), 0.1, 0.021, TRIM, turn=FACING),
        capsule((0.14 * length, 0.435, 0), 0.1, 0.021, TRIM, turn=FACING),
        capsule((0.29 * length, 0.385, 0), 0.09, 0.021, TRIM, turn=FACING),
        box((-0.12 * length, 0.28, 0.178), (0.17, 0.028, 0.02), 0.015, TRIM, turn=(0, 0, 28), fold="z"),
        box((-0.34 * length, 0.29, 0.178), (0.15, 0.028, 0.02), 0.015, TRIM, turn=(0, 0, 28), fold="z"),
    )


def chair(rng: random.Random) -> Parts:
    """A dining chair: seat, back with rails, four legs."""
    w = 0.36 * _about(rng)
    back = 0.42 * _about(rng)
    return (
        box((0, 0.56, 0), (w, 0.055, w), 0.04),
        box((0, 0.62 + 1.25 * back, -w + 0.03), (w, 0.38 * back, 0.045), 0.035, turn=(0, -6, 0)),
        box(
            (w - 0.05, 0.6 + 0.72 * back, -w + 0.04),
            (0.04, 0.8 * back, 0.035),
            0.02,
            turn=(0, -6, 0),
            fold="x",
        ),
        box((0, 0.66 + 0.4 * back, -w + 0.05), (w - 0.05, 0.06, 0.03), 0.025),
        cone((w - 0.06, 0.27, w - 0.06), 0.27, 0.03, 0.045, 0.01, TRIM, fold="xz"),
        box((w - 0.06, 0.2, 0), (0.018, 0.018, w - 0.07), 0.01, TRIM, fold="x"),
    )


def armchair(rng: random.Random) -> Parts:
    """An upholstered armchair with cushion and short legs."""
    w = 0.5 * _about(rng)
    return (
        box((0, 0.3, 0), (w, 0.16, 0.44), 0.08),
        box((0, 0.66 * _about(rng, 0.06), -0.34), (0.92 * w, 0.38, 0.14), 0.12, turn=(0, -8, 0), blend=0.03),
        box((0.92 * w, 0.42, 0.02), (0.12, 0.24, 0.44), 0.11, fold="x", blend=0.03),
        box((0, 0.5, 0.07), (0.72 * w, 0.085, 0.37), 0.075),
        box((0.0, 0.72, -0.17), (0.25, 0.18, 0.07), 0.07, LIGHT, turn=(12, -14, 8)),
        cone((0.8 * w, 0.075, 0.34), 0.075, 0.025, 0.045, 0.01, TRIM, fold="xz"),
    )


def table_lamp(rng: random.Random) -> Parts:
    """A lamp: open shade, bulb, stem and foot."""
    h, r = 0.42 * _about(rng), 0.42 * _about(rng)
    return (
        cone((0, 2 * h + 0.2, 0), 0.24, r, 0.62 * r, 0.012),
        cone((0, 2 * h + 0.18, 0), 0.27, r - 0.02, 0.62 * r - 0.02, 0.005, cut=True),
        torus((0, 2 * h - 0.035, 0), r - 0.01, 0.014, TRIM),
        cone((0, h, 0), h, 0.035, 0.03, 0.01, TRIM),
        ellipsoid((0, h * 0.75, 0), (0.13, 0.24 * _about(rng), 0.13), TRIM, blend=0.05),
        cone((0, 0.035, 0), 0.035, 0.27, 0.24, 0.02, TRIM),
        ellipsoid((0, 2 * h + 0.12, 0), (0.085, 0.11, 0.085), LIGHT),
    )


def vase(rng: random.Random) -> Parts:
    """A bellied vase with neck, lip and foot."""
    r, y, neck = 0.4 * _about(rng, 0.18), 0.43 * _about(rng), 0.15 * _about(rng, 0.2)
    return (
        ellipsoid((0, y, 0), (r, y, r)),
        cone((0, 2 * y + 0.06, 0), 0.18, 1.25 * neck, neck, 0.02, blend=0.14),
        cone((0, 2 * y + 0.28, 0), 0.07, neck, 1.55 * neck, 0.015, blend=0.06),
        cone((0, 2 * y + 0.25, 0), 0.16, 0.7 * neck, 1.3 * neck, 0.005, cut=True),
        cone((0, 0.03, 0), 0.03, 0.55 * r, 0.5 * r, 0.012, TRIM),
        torus((0, 2 * y - 0.03, 0), 1.24 * neck, 0.022, TRIM),
        spot(0, 1.02 * y, 0.65 * r),
    )


def mug(rng: random.Random) -> Parts:
    """A mug with handle, coffee inside and a rim line."""
    r, h = 0.38 * _about(rng), 0.42 * _about(rng)
    return (
        cone((0, h, 0), h, r, r, 0.05),
        cone((0, h + 0.09, 0), h, r - 0.055, r - 0.055, 0.02, cut=True),
        torus((r + 0.04, h, 0), 0.23 * _about(rng), 0.055, turn=FACING, blend=0.05),
        cone((0, h, 0), h + 0.02, r - 0.05, r - 0.05, 0.02, cut=True),
        torus((0, 2 * h - 0.012, 0), r - 0.027, 0.03, TRIM),
        cone((0, 1.55 * h, 0), 0.012, r - 0.04, r - 0.04, 0.005, DARK),
        cone((0, 0.05, 0), 0.05, r - 0.02, r - 0.02, 0.02),
        spot(0, 0.95 * h, 0.72 * r),
    )


def kettle(rng: random.Random) -> Parts:
    """A stove kettle: belly, lid, knob, spout and arched handle."""
    r = 0.44 * _about(rng, 0.08)
    return (
        cone((0, 0.3, 0), 0.3, r, 0.72 * r, 0.13),
        cone((0.93 * r, 0.4, 0), 0.2, 0.085, 0.045, 0.02, turn=(0, 0, -52), blend=0.09),
        ellipsoid((0, 0.6, 0), (0.5 * r, 0.075, 0.5 * r), TRIM),
        ellipsoid((0, 0.71, 0), (0.06, 0.05, 0.06), DARK),
        torus((0, 0.6, 0), 0.8 * r, 0.04, DARK, turn=(0, -90, 0), opening=78),
        cone((0, 0.022, 0), 0.022, 1.01 * r, 1.01 * r, 0.015, TRIM),
        spot(0, 0.26, 0.62 * r),
    )


def headphones(rng: random.Random) -> Parts:
    """Over-ear headphones standing on their cups."""
    r = 0.4 * _about(rng, 0.06)
    return (
        torus((0, 0.34 + 0.12, 0), r, 0.045, turn=(0, -90, 0), opening=92),
        torus((0, 0.34 + 0.12, 0), r - 0.035, 0.035, DARK, turn=(0, -90, 0), opening=48),
        cone((r + 0.035, 0.27, 0), 0.07, 0.24, 0.21, 0.05, turn=(0, 0, -90), fold="x"),
        torus((r - 0.06, 0.27, 0), 0.16, 0.075, DARK, turn=SIDEWAYS, fold="x"),
        torus((r + 0.09, 0.27, 0), 0.14, 0.018, TRIM, turn=SIDEWAYS, fold="x"),
        box((r + 0.005, 0.45, 0), (0.025, 0.09, 0.035), 0.015, TRIM, fold="x"),
    )


def speaker(rng: random.Random) -> Parts:
    """A bookshelf speaker with woofer, tweeter and feet."""
    w, h = 0.35 * _about(rng), 0.56 * _about(rng, 0.1)
    return (
        box((0, h + 0.04, 0), (w, h, 0.3), 0.05),
        torus((0, 0.62 * h + 0.04, 0.3), 0.6 * w, 0.028, TRIM, turn=FACING),
        ellipsoid((0, 0.62 * h + 0.04, 0.285), (0.58 * w, 0.58 * w, 0.03), DARK),
        ellipsoid((0, 0.62 * h + 0.04, 0.31), (0.22 * w, 0.22 * w, 0.05), TRIM),
        torus((0, 1.5 * h + 0.04, 0.3), 0.3 * w, 0.02, TRIM, turn=FACING),
        ellipsoid((0, 1.5 * h + 0.04, 0.295), (0.28 * w, 0.28 * w, 0.035), LIGHT),
        cone((w - 0.08, 0.025, 0.2), 0.025, 0.045, 0.05, 0.01, DARK, fold="xz"),
    )


def perfume_bottle(rng: random.Random) -> Parts:
    """A flacon with label, collar and block cap."""
    w, h = 0.38 * _about(rng), 0.4 * _about(rng)
    return (
        box((0, h + 0.02, 0), (w, h, 0.2 * _about(rng)), 0.06),
        box((0, h, 0.2), (0.72 * w, 0.42 * h, 0.025), 0.008, LIGHT),
        box((0, 0.7 * h, 0.221), (0.5 * w, 0.02, 0.01), 0.004, DARK),
        spot(0, 1.08 * h, 0.68 * w, LIGHT),
        cone((0, 2 * h + 0.06, 0), 0.05, 0.12, 0.12, 0.01, TRIM),
        box((0, 2 * h + 0.25, 0), (0.15, 0.14, 0.13), 0.03, TRIM),
        torus((0, 2 * h + 0.03, 0), 0.13, 0.025, TRIM),
    )


def lipstick(rng: random.Random) -> Parts:
    """An open lipstick, its cap beside it; the bullet is the main surface."""
    h = 0.3 * _about(rng)
    return (
        capsule((0, 2 * h + 0.42, 0), 0.26, 0.135),
        box((0.12, 2 * h + 0.88, 0), (0.4, 0.2, 0.4), 0.01, turn=(0, 0, -38), cut=True),
        cone((0, 2 * h + 0.13, 0), 0.14, 0.165, 0.165, 0.015, TRIM),
        cone((0, h, 0), h, 0.21, 0.21, 0.02, DARK),
        torus((0, 2 * h - 0.02, 0), 0.2, 0.022, TRIM),
        capsule((0.52, 0.2, 0.12), 0.26, 0.2, DARK, turn=(25, 90, 0)),
        torus((0.6, 0.2, 0.29), 0.19, 0.022, TRIM, turn=(25, 90, 0)),
    )


def cream_jar(rng: random.Random) -> Parts:
    """A low jar with lid and label band."""
    r, h = 0.46 * _about(rng, 0.08), 0.23 * _about(rng)
    return (
        cone((0, h, 0), h, r, r, 0.07),
        cone((0, 2 * h + 0.12, 0), 0.12, 0.95 * r, 0.95 * r, 0.03, TRIM),
        torus((0, 2 * h + 0.02, 0), 0.93 * r, 0.02, DARK),
        cone((0, 0.95 * h, 0), 0.5 * h, r + 0.006, r + 0.006, 0.004, LIGHT),
        cone((0, 1.38 * h, 0), 0.04 * h, r + 0.012, r + 0.012, 0.004, DARK),
        cone((0, 0.52 * h, 0), 0.04 * h, r + 0.012, r + 0.012, 0.004, DARK),
        spot(0, 0.95 * h, 0.58 * r, LIGHT),
    )


def ring(rng: random.Random) -> Parts:
    """A standing ring with a set stone."""
    r, tube = 0.42 * _about(rng, 0.08), 0.075 * _about(rng, 0.2)
    top = 2 * r + 2 * tube
    return (
        torus((0, r + tube, 0), r, tube, turn=FACING),
        cone((0, top + 0.03, 0), 0.06, 0.1, 0.17, 0.015, TRIM),
        ellipsoid((0, top + 0.13, 0), (0.17, 0.11, 0.17), LIGHT),
        capsule((0.12, top + 0.11, 0.12), 0.06, 0.022, TRIM, fold="xz"),
        ellipsoid((0.28 * r / 0.42, top - 0.1, 0), (0.06, 0.06, 0.06), LIGHT, fold="x"),
    )


def wristwatch(rng: random.Random) -> Parts:
    """A watch standing on its closed strap, dial to the front."""
    r = 0.38 * _about(rng, 0.06)
    y = r + 0.1
    dial = 0.24 * _about(rng, 0.06)
    return (
        box((0, y + r, 0), (0.2, 0.035, 0.22), 0.025),
        torus((0.13, y, 0), r, 0.06, turn=SIDEWAYS, fold="x", blend=0.08),
        torus((0, y, 0), r, 0.06, turn=SIDEWAYS, blend=0.08),
        box((0, y + 0.04 + dial, r - 0.01), (0.17, 0.07, 0.05), 0.03, blend=0.04),
        box((0, y + 0.04 - dial, r - 0.01), (0.17, 0.07, 0.05), 0.03, blend=0.04),
        cone((0, y + 0.04, r + 0.05), 0.06, dial, 0.93 * dial, 0.02, TRIM, turn=FACING),
        cone((0, y + 0.04, r + 0.105), 0.015, 0.83 * dial, 0.83 * dial, 0.006, LIGHT, turn=FACING),
        box((0, y + 0.105, r + 0.125), (0.013, 0.065, 0.008), 0.006, DARK),
        box((0.042, y + 0.065, r + 0.125), (0.013, 0.05, 0.008), 0.006, DARK, turn=(0, 0, -60)),
        ellipsoid((dial + 0.02, y + 0.04, r + 0.05), (0.04, 0.035, 0.035), TRIM),
        box((0, y - r, 0.0), (0.13, 0.07, 0.09), 0.02, TRIM),
    )


def juice_bottle(rng: random.Random) -> Parts:
    """A bottle with shoulder, cap and label."""
    r, h = 0.29 * _about(rng), 0.4 * _about(rng)
    return (
        cone((0, h, 0), h, r, 0.97 * r, 0.06),
        cone((0, 2 * h + 0.14, 0), 0.17, 0.8 * r, 0.1, 0.03, blend=0.12),
        cone((0, 2 * h + 0.36, 0), 0.08, 0.1, 0.1, 0.02, blend=0.03),
        cone((0, 2 * h + 0.47, 0), 0.085, 0.13, 0.13, 0.02, TRIM),
        cone((0, h, 0), 0.5 * h, r + 0.004, r + 0.004, 0.004, LIGHT),
        cone((0, 1.4 * h, 0), 0.05 * h, r + 0.01, r + 0.01, 0.004, DARK),
        cone((0, 0.6 * h, 0), 0.05 * h, r + 0.01, r + 0.01, 0.004, DARK),
        spot(0, h, 0.75 * r, LIGHT),
    )


def donut(rng: random.Random) -> Parts:
    """A glazed ring leaning towards the camera, sprinkled; the glaze is the main surface."""
    r, tube = 0.42 * _about(rng, 0.06), 0.22 * _about(rng, 0.08)
    y = tube + 0.02
    sprinkles = tuple(
        capsule(
            (math.sin(a) * (r + 0.4 * tube * s), y + 0.99 * tube * c, math.cos(a) * (r + 0.4 * tube * s)),
            0.045,
            0.016,
            (TRIM, DARK, LIGHT)[i % 3],
            turn=(360 * rng.random(), 80, 0),
        )
        for i in range(9)
        for a, s, c in ((2 * math.pi * i / 9 + rng.uniform(-0.2, 0.2), 1 - 2 * (i % 2), 0.93),)
    )
    return (
        torus((0, y + 0.015, 0), r, 1.02 * tube),
        box((0, y - 0.5 + 0.03, 0), (2, 0.5, 2), 0.01, cut=True),
        torus((0, y, 0), r, tube, LIGHT),
        *sprinkles,
    )


def cupcake(rng: random.Random) -> Parts:
    """A cupcake: pleated wrapper, piped frosting, cherry; the frosting is the main surface."""
    r = 0.4 * _about(rng, 0.08)
    return (
        torus((0, 0.5, 0), 0.62 * r, 0.42 * r),
        torus((0, 0.66, 0), 0.42 * r, 0.36 * r, blend=0.03),
        torus((0, 0.8, 0), 0.2 * r, 0.3 * r, blend=0.03),
        ellipsoid((0, 0.9, 0), (0.3 * r, 0.14, 0.3 * r), blend=0.04),
        cone((0, 0.22, 0), 0.22, 0.68 * r, 0.98 * r, 0.02, LIGHT),
        torus((0, 0.42, 0), 0.96 * r, 0.024, TRIM),
        ellipsoid((0.02, 1.06, 0), (0.1, 0.1, 0.1), TRIM),
        capsule((0.06, 1.19, 0), 0.07, 0.012, DARK, turn=(0, 0, -25)),
    )


def toy_car(rng: random.Random) -> Parts:
    """A chunky car in side view: cabin, windows, wheels, lamps."""
    length = 0.62 * _about(rng, 0.08)
    return (
        box((0, 0.3, 0), (length, 0.15, 0.29), 0.1),
        box((-0.08 * length, 0.5, 0), (0.55 * length, 0.2, 0.24), 0.12, blend=0.07),
        box((-0.08 * length, 0.53, 0), (0.46 * length, 0.1, 0.252), 0.05, DARK),
        box((-0.08 * length, 0.53, 0), (0.56 * length, 0.09, 0.17), 0.05, DARK),
        cone((0.6 * length, 0.16, 0.25), 0.06, 0.16, 0.16, 0.03, DARK, turn=FACING, fold="xz"),
        cone((0.6 * length, 0.16, 0.3), 0.025, 0.085, 0.085, 0.01, TRIM, turn=FACING, fold="xz"),
        ellipsoid((length - 0.01, 0.32, 0.17), (0.035, 0.06, 0.06), LIGHT, fold="z"),
        box((0, 0.2, 0), (length + 0.03, 0.03, 0.25), 0.02, TRIM),
        spot(-0.08 * length, 0.335, 0.24),
    )


def teddy_bear(rng: random.Random) -> Parts:
    """A sitting bear with muzzle, eyes and bow."""
    k = _about(rng, 0.08)
    return (
        ellipsoid((0, 0.4, 0), (0.32 * k, 0.37, 0.28)),
        ellipsoid((0, 0.9, 0.03), (0.28, 0.26, 0.25), blend=0.08),
        ellipsoid((0.22, 1.12, 0), (0.1, 0.1, 0.06), fold="x", blend=0.03),
        ellipsoid((0.34 * k, 0.5, 0.1), (0.1, 0.22, 0.11), turn=(0, -25, 32), fold="x", blend=0.05),
        ellipsoid((0.2, 0.13, 0.32), (0.13, 0.13, 0.24), fold="x", blend=0.05),
        ellipsoid((0.2, 0.13, 0.53), (0.085, 0.085, 0.04), LIGHT, fold="x"),
        ellipsoid((0, 0.83, 0.25), (0.13, 0.1, 0.1), LIGHT),
        ellipsoid((0, 0.87, 0.345), (0.05, 0.035, 0.03), DARK),
        ellipsoid((0.1, 0.97, 0.25), (0.032, 0.036, 0.03), DARK, fold="x"),
        ellipsoid((0.09, 0.66, 0.25), (0.1, 0.06, 0.04), TRIM, fold="x"),
        ellipsoid((0, 0.66, 0.28), (0.04, 0.04, 0.04), TRIM),
    )


def toy_robot(rng: random.Random) -> Parts:
    """A tin robot with antenna, dial, arms and feet."""
    w = 0.27 * _about(rng)
    return (
        box((0, 0.55, 0), (w, 0.27, 0.2), 0.05),
        box((0, 1.03, 0), (0.85 * w, 0.17, 0.18), 0.05),
        cone((0.55 * w, 0.15, 0), 0.14, 0.085, 0.075, 0.02, fold="x"),
        box((0.55 * w, 0.05, 0.05), (0.1, 0.05, 0.15), 0.03, DARK, fold="x"),
        capsule((w + 0.1, 0.56, 0.04), 0.16, 0.062, fold="x", turn=(0, -15, 12)),
        ellipsoid((w + 0.14, 0.36, 0.09), (0.075, 0.075, 0.075), TRIM, fold="x"),
        cone((0, 0.85, 0), 0.04, 0.1, 0.1, 0.01, TRIM),
        ellipsoid((0.4 * w, 1.06, 0.175), (0.065, 0.065, 0.03), LIGHT, fold="x"),
        ellipsoid((0.4 * w, 1.06, 0.2), (0.028, 0.028, 0.02), DARK, fold="x"),
        box((0, 0.93, 0.18), (0.45 * w, 0.016, 0.012), 0.006, DARK),
        cone((0, 0.58, 0.2), 0.02, 0.13, 0.12, 0.01, LIGHT, turn=FACING),
        box((0.02, 0.62, 0.225), (0.012, 0.05, 0.008), 0.005, DARK, turn=(0, 0, -20)),
        capsule((0, 1.26, 0), 0.08, 0.014, TRIM),
        ellipsoid((0, 1.37, 0), (0.045, 0.045, 0.045), TRIM),
    )


_AT_HOME = (chair, armchair, table_lamp, vase, mug, kettle, headphones, speaker)
_ON_THE_BODY = (handbag, backpack, cap, sneaker, perfume_bottle, lipstick, cream_jar, ring, wristwatch)
_TO_EAT_OR_PLAY_WITH = (juice_bottle, donut, cupcake, toy_car, teddy_bear, toy_robot)
KINDS: dict[str, Callable[[random.Random], Parts]] = {
    kind.__name__.replace("_", " "): kind for kind in (*_AT_HOME, *_ON_THE_BODY, *_TO_EAT_OR_PLAY_WITH)
}
SQUARE, TALL = (1.26, 1.5), (1.62, 1.26)
"""The largest height and width of a product in a square and in a tall picture."""


def build(kind: str, rng: random.Random, tall: bool = False) -> Parts:
    """Return the parts of a product, standing on y = 0, as large as its picture allows."""
    return fitted(KINDS[kind](rng), *(TALL if tall else SQUARE))
