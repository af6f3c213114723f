"""Ramps and noise that patterns are made of, the same on every device."""

# ruff: noqa: D103 - the names are the field's
from __future__ import annotations

import warp as wp

wp.set_module_options({"enable_backward": False, "fast_math": True})


@wp.func
def mix(a: wp.vec3, b: wp.vec3, t: float):
    return a + (b - a) * t


@wp.func
def ramp(a: float, b: float, x: float):
    t = wp.clamp((x - a) / (b - a), 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


@wp.func
def hash3(x: float, y: float, z: float):
    """A number in [0, 1) for whole x, y, z. Integer arithmetic: a sine of large numbers differs between devices."""
    h = wp.uint32(int(x)) * wp.uint32(374761393)
    h = h + wp.uint32(int(y)) * wp.uint32(668265263)
    h = h + wp.uint32(int(z)) * wp.uint32(1103515245)
    h = (h ^ (h >> wp.uint32(13))) * wp.uint32(1274126177)
    h = (h ^ (h >> wp.uint32(15))) * wp.uint32(1911520717)
    return float((h ^ (h >> wp.uint32(16))) >> wp.uint32(8)) / 16777216.0


@wp.func
def hash2(x: float, y: float):
    return hash3(x, y, 0.0)


@wp.func
def mottle(x: float, y: float):
    """Smooth noise in [0, 1] with one value for each whole x, y."""
    i = wp.floor(x)
    j = wp.floor(y)
    u = ramp(0.0, 1.0, x - i)
    v = ramp(0.0, 1.0, y - j)
    low = hash2(i, j) * (1.0 - u) + hash2(i + 1.0, j) * u
    high = hash2(i, j + 1.0) * (1.0 - u) + hash2(i + 1.0, j + 1.0) * u
    return low * (1.0 - v) + high * v


@wp.func
def swirl(p: wp.vec3):
    """Smooth pseudo-noise in about [-2, 2]: three warped sines, cheaper than a lattice noise."""
    return (
        wp.sin(p[0] * 1.7 + 1.1 * wp.sin(p[1] * 2.3 + p[2] * 0.9))
        + 0.5 * wp.sin(p[1] * 2.9 + 1.2 * wp.sin(p[2] * 1.9 + p[0] * 1.3))
        + 0.5 * wp.sin(p[2] * 3.1 + 1.3 * wp.sin(p[0] * 2.7 - p[1]))
    )


@wp.func
def vein(p: wp.vec3):
    """Veins of marble at p, 1 at their middle: two scales of the zero lines of a warped noise."""
    a = wp.abs(swirl(p + wp.vec3(0.35 * swirl(p * 2.1), 0.35 * swirl(p * 1.7 + wp.vec3(3.0, 1.0, 2.0)), 0.0)))
    b = wp.abs(swirl(p * 2.3 + wp.vec3(5.0, 2.0, 1.0)))
    return wp.clamp(wp.exp(-6.0 * a) + 0.45 * wp.exp(-9.0 * b), 0.0, 1.0)


@wp.func
def resolved(frequency: float, foot: float):
    """Share of a wave (radians per unit) that a lens leaves where a pixel is `foot` units wide."""
    x = 0.7 * frequency * foot
    return wp.exp(-0.5 * x * x)
