"""What all adapters on the Wan backbone share: parameters, loading, checks, cost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bench.errors import CaseFailed, UserError
from bench.types import Edit, EditRequest, Frames, MethodCard, Need, Track, Video
from methods.cost import measured
from methods.parameters import Parameters
from methods.rows import Adapter
from methods.wan.padding import cut, fits, padded
from methods.wan.schedules import NATIVE_TOP, grid_from

if TYPE_CHECKING:
    from torch import Tensor

    from methods.wan.velocity import Backbone

Generation = Literal["euler", "midpoint", "heun", "ab2", "fireflow", "dpmpp-2m", "unipc"]
"""Solvers that may walk down a grid."""


class WanParameters(Parameters):
    """What every row on the backbone may set."""

    model: str = Field("shopedit-mini", description="a shipped model, a folder in diffusers' layout, or a hub id")
    generation_steps: int = Field(25, ge=1, description="a whole number of steps >= 1")
    generation_solver: Generation = Field(
        "euler", description="one of euler, midpoint, heun, ab2, fireflow, dpmpp-2m, unipc"
    )
    guidance: float = Field(2.0, ge=1, description="a guidance scale >= 1; 1 is no guidance")
    negative_prompt: str = Field("", description="the text that guidance steers away from")
    shift: float | None = Field(
        None, ge=0.01, le=100, description="a schedule shift in [0.01, 100], or null for the model's own"
    )
    strength: float = Field(
        1.0, gt=0, le=1, description="the sigma in (0, 1] up to which the clip is re-made; 1 is all of it"
    )
    first_frame: Literal["target", "source", "edited"] = Field(
        "target",
        description="target (the edited first frame, track first-frame), source (the clip's own) or edited (the "
        "clip's own, edited by the model itself)",
    )
    first_frame_guidance: float = Field(
        2.0, ge=1, description="a guidance scale >= 1 of the edit of the first frame; used where first_frame is edited"
    )
    fit: Literal["refuse", "pad"] = Field(
        "refuse", description="refuse (clips of a size that the model does not take fail) or pad (edges are repeated)"
    )

    @property
    def needs(self) -> tuple[Need, ...]:
        """The source prompt, where the model edits the first frame itself (`methods.first_frame`)."""
        return ("source_prompt",) if self.first_frame == "edited" else ()

    def check_track(self, row: str, track: Track) -> None:
        """Raise UserError where the row wants an edited first frame that its track does not give."""
        super().check_track(row, track)
        if self.first_frame == "target" and track != "first-frame":
            raise UserError(
                f"method '{row}': track {track} gives no edited first frame; "
                "wanted first_frame: source, first_frame: edited, or track: first-frame"
            )


class WanMethod(Adapter, ABC):
    """An adapter on the backbone. A subclass says how the edit's latents come about; the rest is here."""

    Parameters: ClassVar[type[WanParameters]] = WanParameters

    def __init__(self, card: MethodCard) -> None:
        self.card = card
        self.parameters = self.Parameters.read(card.name, card.parameters)
        self.parameters.check_track(card.name, card.track)

    def load(self, device: str) -> None:
        """Read the model onto `device`; UserError when it is not there, not whole or altered."""
        from methods.wan.load import load

        self._device = device
        self.wan = load(self.parameters.model, device)

    def edit(self, request: EditRequest) -> Edit:
        """Return the edit, of the source's length and size.

        Raises CaseFailed when the source's size does not fit the model, when the track's first frame is
        lacking, or when the model's velocity is not finite.
        """
        import torch

        self._check(request)
        whole = padded(request, self.wan.side_step)
        before = self.wan.nfe
        with torch.inference_mode(), measured(self._device) as cost:
            made = self.finished(self.wan.decode(self.latents(self.wan, whole)), whole)
            frames = cut(made, request.source.shape)
        return Edit(
            video=Video(frames, request.source.fps),
            seconds=cost.seconds,
            nfe=self.wan.nfe - before,
            peak_memory=cost.peak_memory,
        )

    def finished(self, frames: Frames, request: EditRequest) -> Frames:
        """Return the decoded clip T x H x W x 3 as it is handed in."""
        return frames

    @abstractmethod
    def latents(self, wan: Backbone, request: EditRequest) -> Tensor:
        """Return the edit's latents [1, C, T', h, w]."""

    def shift(self, wan: Backbone) -> float:
        """Return the row's schedule shift, or the model's where the row leaves it open."""
        return wan.shift if self.parameters.shift is None else self.parameters.shift

    def grid(self, wan: Backbone, steps: int | None = None, shift: float | None = None) -> list[float]:
        """Return the descending sigmas of `steps` steps (the row's by default) from the row's strength.

        DPM++ walks Wan's own grid for it, which starts at sigma = 1; all others start where UniPC does.
        """
        p = self.parameters
        top = 1.0 if p.generation_solver == "dpmpp-2m" else NATIVE_TOP
        return grid_from(p.strength, steps or p.generation_steps, self.shift(wan) if shift is None else shift, top)

    def first_latent(self, wan: Backbone, request: EditRequest, source: Tensor) -> Tensor:
        """Return the clean latent [1, C, 1, h, w] of the chosen first frame, given the source's latents."""
        if self.parameters.first_frame == "edited":
            from methods.first_frame import edited_first

            p = self.parameters
            negative = self.negative(wan, p.first_frame_guidance)
            return edited_first(wan, request, source, self.grid(wan), p.first_frame_guidance, negative)
        if self.parameters.first_frame == "source" or request.first_frame is None:
            return source[:, :, :1]
        return wan.encode(request.first_frame[None])

    def negative(self, wan: Backbone, guidance: float) -> Tensor | None:
        """Return the negative prompt's text states, or None where the guidance does without them."""
        return None if guidance == 1 else wan.encode_text(self.parameters.negative_prompt)

    def _check(self, request: EditRequest) -> None:
        frames, height, width = request.source.shape
        step = self.wan.side_step
        if self.parameters.fit == "refuse" and not fits(request.source.shape, step):
            raise CaseFailed(
                f"source of {frames} frames, {width}x{height}: wanted 4n + 1 frames and sides that are "
                f"multiples of {step}; cut or resize the clip, or set fit: pad"
            )
        if self.parameters.first_frame != "target":
            return
        if request.first_frame is None:
            raise CaseFailed("no edited first frame: give one (track first-frame), or set first_frame: source")
        if request.first_frame.shape[:2] != (height, width):
            found = "x".join(str(n) for n in reversed(request.first_frame.shape[:2]))
            raise CaseFailed(f"edited first frame is {found}; wanted the source's {width}x{height}")
