"""Parts that bodies are built from, and bodies. Lengths in scene units (a product is about 1.2 high), degrees."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

Vec = tuple[float, float, float]

# Slots: every body has these four surfaces.
BODY, TRIM, DARK, LIGHT = range(4)


@dataclass(frozen=True, slots=True)
class Part:
    """One primitive: `shape` as in testset.render.layout, `size` its four lengths, `turn` yaw-pitch-roll in degrees."""

    shape: str
    at: Vec
    size: tuple[float, float, float, float]
    slot: int = BODY
    turn: Vec = (0.0, 0.0, 0.0)
    blend: float = 0.0
    cut: bool = False
    fold: str = ""
    """Mirrored in `x`, `z` or both."""

    @property
    def reach(self) -> float:
        """Radius of a sphere about `at` that holds the part."""
        a, b, c, _ = self.size
        if self.shape == "box":
            return math.hypot(a, b, c)
        if self.shape == "cone":
            return math.hypot(a, max(b, c))
        return max(a, b, c) if self.shape == "ellipsoid" else a + b

    def scaled(self, k: float) -> Part:
        """Return the part with every length times k (a torus keeps its opening angle)."""
        a, b, c, r = self.size
        c = c if self.shape == "torus" else c * k
        at = (self.at[0] * k, self.at[1] * k, self.at[2] * k)
        return replace(self, at=at, size=(a * k, b * k, c, r * k), blend=self.blend * k)


def box(at: Vec, half: Vec, r: float = 0.02, slot: int = BODY, **more) -> Part:
    """Return a rounded box by its half extents."""
    r = min(r, 0.98 * min(half))
    return Part("box", at, (*half, r), slot, **more)


def cone(at: Vec, half: float, low: float, high: float, r: float = 0.015, slot: int = BODY, **more) -> Part:
    """Return a rounded truncated cone along y."""
    r = min(r, 0.9 * half, 0.9 * min(low, high))
    return Part("cone", at, (half, low, high, r), slot, **more)


def torus(at: Vec, ring: float, tube: float, slot: int = BODY, opening: float = 0.0, **more) -> Part:
    """Return a ring about y; `opening` (degrees) keeps only the arc that far from +z to both sides."""
    return Part("torus", at, (ring, tube, math.radians(opening), 0.0), slot, **more)


def ellipsoid(at: Vec, axes: Vec, slot: int = BODY, **more) -> Part:
    """Return an ellipsoid by its half axes."""
    return Part("ellipsoid", at, (*axes, 0.0), slot, **more)


def capsule(at: Vec, half: float, r: float, slot: int = BODY, **more) -> Part:
    """Return a capsule along y."""
    return Part("capsule", at, (half, r, 0.0, 0.0), slot, **more)


def spot(x: float, y: float, half_width: float, slot: int = BODY) -> Part:
    """Return the place of a label on the front of a body: no solid, but it scales with the parts around it."""
    return Part("spot", (x, y, 0.0), (half_width, 0.0, 0.0, 0.0), slot)


@lru_cache(4096)
def rotation(turn: Vec) -> np.ndarray:
    """Return the 3 x 3 matrix of yaw about y, then pitch about x, then roll about z (each in the turned frame)."""
    y, p, r = (math.radians(a) for a in turn)
    about_y = np.array([[math.cos(y), 0, math.sin(y)], [0, 1, 0], [-math.sin(y), 0, math.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, math.cos(p), -math.sin(p)], [0, math.sin(p), math.cos(p)]])
    about_z = np.array([[math.cos(r), -math.sin(r), 0], [math.sin(r), math.cos(r), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z


def bounds(parts: tuple[Part, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners (low, high) of a box that holds the parts; cuts and folds respected."""
    lows, highs = [], []
    for p in parts:
        if p.cut or p.shape == "spot":
            continue
        at = np.array(p.at)
        a, b, c, _ = p.size
        half = {
            "box": (a, b, c),
            "cone": (max(b, c), a, max(b, c)),
            "torus": (a + b, b, a + b),
            "ellipsoid": (a, b, c),
            "capsule": (b, a + b, b),
        }[p.shape]
        ext = np.abs(rotation(p.turn)) @ np.array(half)
        lo, hi = at - ext, at + ext
        for axis, name in ((0, "x"), (2, "z")):
            if name in p.fold:
                far = max(abs(lo[axis]), abs(hi[axis]))
                lo[axis], hi[axis] = -far, far
        lows.append(lo)
        highs.append(hi)
    return np.min(lows, 0), np.max(highs, 0)


def fitted(parts: tuple[Part, ...], height: float, width: float) -> tuple[Part, ...]:
    """Return the parts scaled to fill about the same part of a picture: `height` high, or `width` wide, not both.

    Height and width over their limits lie on an ellipse, so that flat things are wide and tall ones high.
    """
    lo, hi = bounds(parts)
    k = 1.0 / math.hypot(hi[1] / height, max(hi[0] - lo[0], hi[2] - lo[2]) / width)
    return tuple(p.scaled(k) for p in parts)
