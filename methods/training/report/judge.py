"""What a clip shows, in the eyes of the text-image model. For reports: nothing that trains may ask it."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
from torch import Tensor

from bench.features import device, text_image
from bench.features.bank import FeatureBank
from bench.features.probe import read
from bench.types import Video


class Judge:
    """Reads whole frames of clips over the closed vocabularies of a source."""

    def __init__(self, prompts: Mapping[str, Mapping[str, tuple[str, ...]]], where: str) -> None:
        device.use(where)
        text_image.check()
        self._prompts = prompts
        self.unreliable = {name for name in text_image.unreliable() if name in prompts}
        """Attributes that it reads wrong too often on renders."""

    def readings(self, clip: Tensor, asked: Mapping[str, str]) -> dict[str, str]:
        """Return the value read for each attribute that is asked of a clip, uint8 [T, H, W, 3]."""
        video = Video(frames=np.ascontiguousarray(clip.cpu().numpy()), fps=Fraction(8))
        bank = FeatureBank()
        return {name: read(bank, video, name, self._prompts[name]) for name in asked if name in self._prompts}
