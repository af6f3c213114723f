"""Depth and optical flow of a rendered clip: from where its rays ended, not estimated from its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from testset.render.pack import pack
from testset.render.renderer import Clip
from testset.scenes.scene import Scene

Floats = NDArray[np.float32]
HORIZON = 6.0
"""Radius of the round backdrop, as in `shade.backdrop`."""


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """What the camera saw, per pixel's centre; through glass it is the glass."""

    depth: Floats
    """T x H x W, along the optical axis, scene units (a product is about 1.2 high)."""
    flow: Floats
    """T-1 x H x W x 2, pixels to the right and down that the surface seen in frame t moves until frame t+1."""
    visible: NDArray[np.bool_]
    """T-1 x H x W, True where that surface is still seen in frame t+1."""


def geometry(scene: Scene, clip: Clip) -> Geometry:
    """Return the geometry of a scene's clip, as `Renderer.clip` gave it with distances."""
    assert clip.distance is not None
    frames, height, width = clip.ids.shape
    p = pack([scene], frames, height, width)
    cameras = [_Camera(record, height, width) for record in p.cameras[0]]
    points = np.stack([_points(c, clip.ids[t], clip.distance[t], p.worlds[0]["wall"]) for t, c in enumerate(cameras)])
    depth = np.stack([(points[t] - c.eye) @ c.forward for t, c in enumerate(cameras)])
    flow, visible = [], []
    home = np.stack(np.meshgrid(np.arange(width), np.arange(height)), -1)
    for t in range(frames - 1):
        moved = points[t].copy()
        for body, record in enumerate(p.bodies):
            here = clip.ids[t] == body
            moved[here] = _turned(moved[here], record["at"], float(p.yaw[body, t + 1] - p.yaw[body, t]))
        at, reach = cameras[t + 1].project(moved)
        u, v = (np.rint(at[..., k]).astype(int) for k in (0, 1))
        inside = (u >= 0) & (u < width) & (v >= 0) & (v < height) & (reach > 0)
        u, v = np.where(inside, u, 0), np.where(inside, v, 0)
        near = np.abs(depth[t + 1][v, u] - reach) < 0.02 * reach
        flow.append(at - home)
        visible.append(inside & near & (clip.ids[t + 1][v, u] == clip.ids[t]))
    return Geometry(depth.astype(np.float32), np.stack(flow).astype(np.float32), np.stack(visible))


def write_geometry(found: Geometry, path: Path) -> None:
    """Write `depth` and `flow` (float16) and `visible` as npz, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with part.open("wb") as file:
        depth, flow = found.depth.astype(np.float16), found.flow.astype(np.float16)
        np.savez_compressed(file, depth=depth, flow=flow, visible=found.visible)
    part.replace(path)


class _Camera:
    """A pinhole camera at one frame: rays through pixel centres, and points to pixels."""

    def __init__(self, record: np.void, height: int, width: int) -> None:
        self.eye, self.forward, self.right, self.up = (
            np.array(record[name], np.float64) for name in ("eye", "forward", "right", "up")
        )
        self.size = (height, width)

    def rays(self) -> NDArray[np.float64]:
        height, width = self.size
        m = min(self.size)
        x = (2 * np.arange(width) + 1 - width) / m
        y = (height - 2 * np.arange(height) - 1) / m
        ray = self.forward + x[None, :, None] * self.right + y[:, None, None] * self.up
        return ray / np.linalg.norm(ray, axis=-1, keepdims=True)

    def project(self, points: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixel (x, y) and depth of points."""
        height, width = self.size
        m = min(self.size)
        way = points - self.eye
        depth = way @ self.forward
        ahead = np.maximum(depth, 1e-6)
        x = way @ self.right / (self.right @ self.right) / ahead
        y = way @ self.up / (self.up @ self.up) / ahead
        return np.stack([(x * m + width - 1) / 2, (height - 1 - y * m) / 2], -1), depth


def _points(camera: _Camera, ids: NDArray[np.int8], distance: Floats, wall: float) -> NDArray[np.float64]:
    """Where the rays of one frame ended, H x W x 3; rays into the backdrop end on its wall or round horizon."""
    rays = camera.rays()
    far = _to_wall(camera.eye, rays, wall) if wall > 0 else _to_horizon(camera.eye, rays)
    reach = np.where((ids == -2) | (distance <= 0), far, distance)
    return camera.eye + rays * reach[..., None]


def _to_horizon(eye: NDArray[np.float64], rays: NDArray[np.float64]) -> NDArray[np.float64]:
    a = np.maximum(rays[..., 0] ** 2 + rays[..., 2] ** 2, 1e-4)
    b = eye[0] * rays[..., 0] + eye[2] * rays[..., 2]
    c = eye[0] ** 2 + eye[2] ** 2 - HORIZON**2
    return (-b + np.sqrt(np.maximum(b * b - a * c, 0))) / a


def _to_wall(eye: NDArray[np.float64], rays: NDArray[np.float64], wall: float) -> NDArray[np.float64]:
    hits = [(wall - eye[k] * np.sign(rays[..., k])) / np.maximum(np.abs(rays[..., k]), 1e-5) for k in (0, 2)]
    return np.minimum(*hits)


def _turned(points: NDArray[np.float64], at: NDArray[np.float32], angle: float) -> NDArray[np.float64]:
    """Points after their body has turned about its vertical axis."""
    c, s = np.cos(angle), np.sin(angle)
    q = points - at
    return np.stack([c * q[:, 0] + s * q[:, 2], q[:, 1], c * q[:, 2] - s * q[:, 0]], -1) + at
