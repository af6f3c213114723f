"""Control rows: clips that are no edits, or the answer itself. They give scores a meaning; never ranked."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from pydantic import Field

from bench.errors import CaseFailed
from bench.types import Edit, EditRequest, Frames, MethodCard, OracleRequest, Video
from methods.cost import measured
from methods.parameters import Parameters
from methods.rows import Adapter


class Control(Adapter, ABC):
    """A control. A subclass says which frames it shows."""

    def __init__(self, card: MethodCard) -> None:
        self.card = card
        self.parameters = self.Parameters.read(card.name, card.parameters)

    def load(self, device: str) -> None:
        """Note the device; there is nothing to read."""
        self._device = device

    def edit(self, request: EditRequest) -> Edit:
        """Return the control's clip, of the source's length and size; CaseFailed when the case lacks it."""
        with measured(self._device) as cost:
            frames = self.frames(request)
        return Edit(Video(frames, request.source.fps), cost.seconds, nfe=0, peak_memory=cost.peak_memory)

    @abstractmethod
    def frames(self, request: EditRequest) -> Frames:
        """Return the frames to show, uint8 T x H x W x 3."""


class CopySource(Control):
    """The source, unedited: keeps everything, edits nothing."""

    def frames(self, request: EditRequest) -> Frames:
        """Return the source's frames."""
        return request.source.frames


class FirstFrame(Control):
    """The edited first frame, frozen: what a model that ignores motion would show."""

    def frames(self, request: EditRequest) -> Frames:
        """Return the edited first frame, repeated to the source's length."""
        if request.first_frame is None:
            raise CaseFailed(f"{self.card.name}: no edited first frame; wanted track first-frame")
        return np.repeat(request.first_frame[None], len(request.source.frames), axis=0)


class GroundTruth(Control):
    """The target itself: the top of every scale."""

    def frames(self, request: EditRequest) -> Frames:
        """Return the target's frames."""
        return target(self.card, request).frames


class WrongEdit(Control):
    """The target of a sibling edit: a perfect edit of the right clip, but not the one that was asked."""

    def frames(self, request: EditRequest) -> Frames:
        """Return the frames of the sibling's target."""
        if not isinstance(request, OracleRequest) or request.wrong_target is None:
            raise CaseFailed(f"{self.card.name}: the source clip has no other edit that could stand in")
        return request.wrong_target.frames


class VaeParameters(Parameters):
    """Which model's VAE."""

    model: str = Field("shopedit-mini", description="a shipped model, a folder in diffusers' layout, or a hub id")


class VaeSource(Control):
    """The source through the VAE and back: what a latent method loses before it edits anything."""

    Parameters: ClassVar[type[Parameters]] = VaeParameters
    parameters: VaeParameters

    def load(self, device: str) -> None:
        """Read the VAE onto `device`; UserError when it is not there, not whole or altered."""
        from methods.wan.load import load_vae

        super().load(device)
        self._vae = load_vae(self.parameters.model, device)

    def frames(self, request: EditRequest) -> Frames:
        """Return the source's frames, encoded and decoded."""
        return self.through_vae(request.source)

    def through_vae(self, video: Video) -> Frames:
        """Return a clip's frames, encoded and decoded; UserError when its size does not fit the VAE."""
        import torch

        from methods.wan.vae import decode_video, encode_video

        with torch.inference_mode():
            latents = encode_video(self._vae, torch.tensor(video.frames))
            frames: Frames = decode_video(self._vae, latents)[0].cpu().numpy()
        return frames


class VaeTarget(VaeSource):
    """The target through the VAE and back: the ceiling of every method that works in this VAE's latents."""

    def frames(self, request: EditRequest) -> Frames:
        """Return the target's frames, encoded and decoded."""
        return self.through_vae(target(self.card, request))


def target(card: MethodCard, request: EditRequest) -> Video:
    """Return the case's target; CaseFailed when the request holds none."""
    if not isinstance(request, OracleRequest) or request.target is None:
        raise CaseFailed(f"{card.name}: the case has no ground-truth target")
    return request.target
