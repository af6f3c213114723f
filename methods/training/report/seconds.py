"""Section `seconds`: how long one clip takes to encode and decode, and one forward of the transformer."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

import torch

from methods.wan.vae import decode_video, encode_video
from methods.wan.velocity import Backbone

REPEATS = 5


@torch.no_grad()
def measure(backbone: Backbone, frames: int, size: tuple[int, int]) -> dict[str, Any]:
    """Return the median and the least of REPEATS of each, in seconds, after one for warming up; batch 1.

    `cores` is the least of what all cores together spent: on a busy machine the wall tells more of other programs.
    """
    clip = torch.randint(0, 256, (1, frames, *size, 3), dtype=torch.uint8)
    latents = encode_video(backbone.vae, clip)
    context = backbone.encode_text("")
    found = {
        "encode": _times(lambda: encode_video(backbone.vae, clip), backbone.device),
        "decode": _times(lambda: decode_video(backbone.vae, latents), backbone.device),
        "forward": _times(lambda: backbone.velocity(latents, 0.5, context, latents[:, :, :1]), backbone.device),
    }
    values = {
        name: {"median": median(walls), "least": min(walls), "cores": min(cores)}
        for name, (walls, cores) in found.items()
    }
    return values | {"threads": torch.get_num_threads()}


def _times(work: Callable[[], object], device: torch.device) -> tuple[list[float], list[float]]:
    def once() -> tuple[float, float]:
        wall, cores = time.perf_counter(), time.process_time()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter() - wall, time.process_time() - cores

    once()
    walls, cores = zip(*(once() for _ in range(REPEATS)), strict=True)
    return list(walls), list(cores)
