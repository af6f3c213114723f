"""FID's Inception (TensorFlow's of 2015) through pytorch-fid: pooled features of frames."""

from __future__ import annotations

import threading
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.features import device
from bench.features.bank import FeatureBank
from bench.types import Video

STRIDE = 4
_patching = threading.Lock()


@cache
def _network(path: str, where: str) -> Any:
    import torch
    from pytorch_fid import inception

    with _patching:
        # The package's constructor downloads; it is handed the file that was checked instead.
        download = inception.load_state_dict_from_url
        inception.load_state_dict_from_url = lambda *_, **__: torch.load(path, map_location="cpu", weights_only=True)
        try:
            network = inception.InceptionV3([inception.InceptionV3.BLOCK_INDEX_BY_DIM[2048]])
        finally:
            inception.load_state_dict_from_url = download
    return network.eval().requires_grad_(False).to(where)


class InceptionFrames:
    """One row of 2048 per looked-at frame. Frames are squashed to 299 x 299 as pytorch-fid does, not cropped."""

    identity = f"inception-fid-v1-6726825d0af5-every{STRIDE}"

    def rows(self, video: Video, bank: FeatureBank) -> NDArray[np.float32]:
        """Return n x 2048. Raises MissingWeights."""
        import torch

        network = _network(str(weights.find("inception-fid")), device.current())
        found = []
        with torch.inference_mode():
            for frame in video.frames[::STRIDE]:
                pixels = torch.from_numpy(np.ascontiguousarray(frame)).permute(2, 0, 1)[None].to(device.current())
                found.append(network(pixels.float() / 255)[0][0, :, 0, 0].cpu().numpy())
        return np.stack(found)
