"""I3D trained on Kinetics-400, the TorchScript file of StyleGAN-V: logits of a clip, as FVD takes them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.errors import UserError
from bench.features import device
from bench.features.bank import FeatureBank
from bench.types import Video

LEAST_FRAMES = 10


@cache
def _network(path: str, where: str) -> Any:
    import torch

    # TorchScript is a program: only the file of the known hash is ever run.
    return torch.jit.load(path, map_location=where).eval()  # type: ignore[no-untyped-call]


class I3dClip:
    """One row of 400 per clip, all frames, squashed to 224 x 224 inside the file: portrait clips are not cropped."""

    identity = "i3d-v1-bec6519f66ea"

    def rows(self, video: Video, bank: FeatureBank) -> NDArray[np.float32]:
        """Return 1 x 400. Raises MissingWeights; UserError for fewer than ten frames."""
        import torch

        if len(video.frames) < LEAST_FRAMES:
            raise UserError(
                f"needs {LEAST_FRAMES} frames for I3D, the clip has {len(video.frames)}; leave the metric out"
            )
        network = _network(str(weights.find("i3d")), device.current())
        pixels = torch.from_numpy(video.frames).permute(3, 0, 1, 2)[None].float().to(device.current())
        with torch.inference_mode():
            found = network(pixels, rescale=True, resize=True, return_features=True)
        return np.asarray(found.float().cpu().numpy(), np.float32)
