"""LPIPS v0.1 with AlexNet, by the `lpips` package on the official trunk."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.features import device
from bench.types import Mask, Video

STRIDE = 2
"""Every second frame is looked at."""


@cache
def _network(path: str, where: str) -> Any:
    import lpips
    import torch

    network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)  # linear heads come with the package
    stored = torch.load(path, map_location="cpu", weights_only=True)
    trunk = {key: stored[f"features.{key.partition('.')[2]}"] for key in network.net.state_dict()}
    network.net.load_state_dict(trunk, strict=True)
    return network.eval().requires_grad_(False).to(where)


def distance(a: Video, b: Video, region: Mask | None = None) -> NDArray[np.float64]:
    """Return LPIPS (Zhang et al. 2018) per looked-at frame; with a region, the mean of its map over that.

    The map is made of whole pictures and only averaged over the region, so nothing is blanked out. Frames without
    region are left out. Raises MissingWeights.
    """
    import torch

    network = _network(str(weights.find("alexnet")), device.current())
    found = []
    for t in range(0, len(a.frames), STRIDE):
        if region is not None and not region[t].any():
            continue
        with torch.inference_mode():
            network.spatial = region is not None
            value = network(*(_pixels(v.frames[t]) for v in (a, b))).double().cpu().numpy()[0, 0]
        found.append(float(value[region[t]].mean() if region is not None else value.mean()))
    return np.asarray(found)


def _pixels(frame: NDArray[np.uint8]) -> Any:
    import torch

    pixels = torch.tensor(frame, device=device.current()).permute(2, 0, 1)[None]
    return pixels.float().div_(127.5).sub_(1)
