"""Optical flow by RAFT-large (Teed and Deng 2020) through torchvision, in the shape of `bench.features.flow`."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.features import device
from bench.features.bank import Arrays
from bench.features.flow import seen_along
from bench.types import Video


@cache
def _network(path: str, where: str) -> Any:
    import torch
    from torchvision.models.optical_flow import raft_large

    network = raft_large(weights=None, progress=False)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    return network.eval().requires_grad_(False).to(where)


class RaftLarge:
    """Extractor of `forward` (float16, T-1 x H x W x 2, pixels) and `seen` (bool), as `bench.features.flow.DisFlow`."""

    identity = "raft-large-v1-ff5fadd56d26"

    def extract(self, video: Video) -> Arrays:
        """Return the flow of every pair of neighbouring frames. Raises MissingWeights."""
        network = _network(str(weights.find("raft-large")), device.current())
        forward, seen = [], []
        for now, then in pairwise(video.frames):
            ahead, back = _flow(network, now, then), _flow(network, then, now)
            forward.append(ahead.astype(np.float16))
            seen.append(seen_along(ahead, back))
        return {"forward": np.stack(forward), "seen": np.stack(seen)}


def _flow(network: Any, now: NDArray[np.uint8], then: NDArray[np.uint8]) -> NDArray[np.float32]:
    import torch
    from torch.nn import functional

    height, width = now.shape[:2]
    # RAFT wants multiples of 8 and 128 pixels at least; the border is repeated and cut off again.
    pad = (0, max(-width % 8, 128 - width), 0, max(-height % 8, 128 - height))
    pixels = [torch.from_numpy(np.ascontiguousarray(f)).permute(2, 0, 1)[None].float() / 127.5 - 1 for f in (now, then)]
    with torch.inference_mode():
        found = network(*(functional.pad(p, pad, mode="replicate").to(device.current()) for p in pixels))[-1]
    return np.asarray(found[0, :, :height, :width].permute(1, 2, 0).float().cpu().numpy(), np.float32)


EXTRACTOR = RaftLarge()
