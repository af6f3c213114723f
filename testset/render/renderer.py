"""Scenes to clips: packs a batch, launches the kernels, hands back uint8 frames."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import warp as wp
from numpy.typing import NDArray

from testset.render import kernels, layout, styles
from testset.render.pack import Packed, pack
from testset.scenes.lettering import atlas
from testset.scenes.scene import Scene

EDGE = 0.05
"""Difference of display values to a neighbour from which a pixel is traced again with more rays."""
BLOCK = 128
"""Threads of a block on a GPU: the rays of a block end at different times, and a small one waits less for its last."""
TOGETHER = 16
"""Scenes of one launch: enough to fill a GPU, few enough that packing them hides behind the last launch."""


@dataclass(frozen=True, slots=True, eq=False)
class Rendering:
    """A rendered batch: `rgb` uint8 [B, T, H, W, 3], `ids` int8 [B, T, H, W] (0.. bodies, -1 floor, -2 backdrop)."""

    rgb: Any
    ids: Any


@dataclass(frozen=True, slots=True, eq=False)
class Clip:
    """One rendered scene as NumPy arrays."""

    frames: NDArray[np.uint8]
    """T x H x W x 3, RGB."""
    ids: NDArray[np.int8]
    """T x H x W: which body a pixel's centre ray met (0 is the product), -1 for the floor, -2 for the backdrop."""
    distance: NDArray[np.float32] | None = None
    """T x H x W: how far it went, scene units; 0 where it met the backdrop. None where it was not asked for."""


class Renderer:
    """Sphere tracer of product scenes; the same kernels on `cpu` and `cuda`.

    Pixels at edges are traced with `samples` x `samples` rays, all others with one.
    """

    def __init__(self, device: str = "cpu") -> None:
        wp.config.quiet = True
        wp.init()
        self.device = wp.get_device(device)
        self._words = wp.array(atlas(), dtype=float, device=self.device)

    def render(
        self, scenes: Sequence[Scene], frames: int = 17, height: int = 256, width: int = 256, samples: int = 2
    ) -> Any:
        """Return a torch uint8 tensor [B, T, H, W, 3], RGB, on the renderer's device."""
        return self.render_with_ids(scenes, frames, height, width, samples).rgb

    def render_with_ids(
        self, scenes: Sequence[Scene], frames: int = 17, height: int = 256, width: int = 256, samples: int = 2
    ) -> Rendering:
        """Return frames and, per pixel, which body its centre ray met, as torch tensors on the renderer's device."""
        out, ids, _ = self.trace(scenes, frames, height, width, samples)
        return Rendering(wp.to_torch(out).view(*ids.shape, 3), wp.to_torch(ids))

    def clip(
        self, scene: Scene, frames: int = 17, height: int = 256, width: int = 256, *, with_distance: bool = False
    ) -> Clip:
        """Return one scene in the host's memory, without torch."""
        out, ids, aux = self.trace([scene], frames, height, width, samples=2)
        distance = aux.numpy()[0, ..., 3].copy() if with_distance else None
        return Clip(out.numpy().reshape(frames, height, width, 3), ids.numpy()[0], distance)

    def trace(self, scenes: Sequence[Scene], frames: int, height: int, width: int, samples: int = 2) -> tuple:
        """Return warp arrays: frames [B, T, H, 3 W], ids [B, T, H, W], normal and distance [B, T, H, W] of vec4."""
        shape = (len(scenes), frames, height, width)
        d = self.device
        out = wp.empty((len(scenes), frames, height, 3 * width), dtype=wp.uint8, device=d)
        ids = wp.empty(shape, dtype=wp.int8, device=d)
        aux = wp.empty(shape, dtype=wp.vec4, device=d)
        parts = [slice(i, min(i + TOGETHER, len(scenes))) for i in range(0, len(scenes), TOGETHER)]
        with ThreadPoolExecutor(1) as ahead:  # packs the next scenes while the device traces these
            packed = ahead.map(lambda part: pack(scenes[part], frames, height, width), parts)
            for part, scene in zip(parts, packed, strict=True):
                self._trace(scene, samples, out[part], ids[part], aux[part])
        wp.synchronize_device(d)  # torch reads the frames on a stream of its own
        return out, ids, aux

    def _trace(self, p: Packed, samples: int, out: wp.array, ids: wp.array, aux: wp.array) -> None:
        d, shape = self.device, ids.shape
        count, frames, height, width = shape
        worlds = wp.array(p.worlds, dtype=layout.World, device=d)
        scene = [
            worlds,
            wp.array(p.cameras, dtype=layout.Camera, device=d),
            wp.array(p.bodies, dtype=layout.Body, device=d),
            wp.array(p.parts, dtype=layout.Part, device=d),
            wp.array(p.surfaces, dtype=layout.Surface, device=d),
            wp.array(p.yaw, dtype=float, device=d),
            self._words,
        ]
        tiles = (count, frames, -(-height // 4) * -(-width // 8), 32)
        rgb = wp.empty(shape, dtype=wp.vec3, device=d)
        wp.launch(kernels.first_pass, tiles, [*scene, height, width, rgb, aux, ids], device=d, block_dim=BLOCK)
        smooth = rgb
        if samples > 1:
            smooth = wp.empty(shape, dtype=wp.vec3, device=d)
            queue = wp.empty(count * frames * height * width, dtype=wp.int32, device=d)
            found = wp.zeros(1, dtype=wp.int32, device=d)
            wp.launch(
                kernels.find_edges,
                tiles,
                [height, width, EDGE, rgb, ids, smooth, queue, found],
                device=d,
                block_dim=BLOCK,
            )
            edges = int(found.numpy()[0])
            wp.launch(kernels.refine, edges, [*scene, height, width, samples, queue, smooth], device=d, block_dim=BLOCK)
        wp.launch(styles.stylize, shape, [worlds, height, width, smooth, aux, ids, out], device=d)
