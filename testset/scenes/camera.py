"""Camera paths: where the eye is and what it looks at, per frame, and how far the product has turned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from testset.scenes.scene import TURNTABLE, Scene

HALF_ANGLE = math.atan(0.37)
"""Half the field of view of the shorter side."""


@dataclass(frozen=True, slots=True, eq=False)
class Path:
    """A camera path. Every path drifts a little sideways, so that even a round product moves in the picture."""

    eye: NDArray[np.float32]
    """T x 3."""
    target: NDArray[np.float32]
    """T x 3."""
    turn: NDArray[np.float32]
    """T, radians that the products have turned on their table."""


def facing(scene: Scene) -> float:
    """Return the azimuth (radians) that the camera starts from: things are placed as seen from there."""
    return scene.stream("camera").uniform(-0.55, 0.55)


def path(scene: Scene, frames: int, tall: bool = False) -> Path:
    """Return the scene's path over `frames` frames; it depends on the seed, the motion and the picture's form alone.

    In a `tall` picture the camera stands nearer and looks higher.
    """
    rng = scene.stream("camera")
    u = np.linspace(0.0, 1.0, frames) if frames > 1 else np.zeros(1)
    c = u - 0.5
    azimuth = rng.uniform(-0.55, 0.55) + 0 * u
    elevation = rng.uniform(0.18, 0.44) + 0 * u
    radius = rng.uniform(2.65, 2.95) * (0.85 if tall else 1.0) + 0 * u
    if scene.second is not None:
        radius = radius * 1.12
    drift = rng.choice((-1, 1)) * rng.uniform(0.16, 0.24)
    amount = rng.uniform(0.4, 0.65)
    side = drift * c
    lift = rng.uniform(0.44, 0.54) + (0.16 if tall else 0.0) + rng.uniform(-0.05, 0.05) * c
    turn = 0 * u
    wobble = [rng.uniform(0, 2 * math.pi) for _ in range(4)]
    motion = scene.motion
    if motion == "the camera orbits left":
        azimuth = azimuth + amount * c
    elif motion == "the camera orbits right":
        azimuth = azimuth - amount * c
    elif motion == "the camera pushes in":
        radius = radius * (1.22 - 0.38 * amount * u)
    elif motion == "the camera pulls back":
        radius = radius * (0.88 + 0.38 * amount * u)
    elif motion == "the camera rises":
        elevation = elevation - 0.12 + 0.5 * amount * u
    elif motion == "the camera pans across":
        side = np.sign(drift) * 0.62 * amount * c
    elif motion == "a hand-held camera follows":
        azimuth = azimuth + 0.3 * amount * c * np.sign(drift)
        side = side * 1.3 + 0.045 * np.sin(7.0 * u + wobble[0]) + 0.02 * np.sin(17.0 * u + wobble[1])
        lift = lift + 0.045 * np.sin(6.0 * u + wobble[2]) + 0.02 * np.sin(15.0 * u + wobble[3])
        radius = radius * (1.0 - 0.1 * amount * c)
    elif motion == TURNTABLE:
        turn = amount * 2.1 * u * np.sign(drift)
    right = np.stack([np.cos(azimuth), 0 * u, -np.sin(azimuth)], 1)
    target = right * side[:, None] + np.stack([0 * u, lift, 0 * u], 1)
    out = np.stack([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)], 1)
    eye = target + out * radius[:, None]
    eye[:, 1] = np.maximum(eye[:, 1], 0.12)
    return Path(eye.astype(np.float32), target.astype(np.float32), turn.astype(np.float32))
