"""The given first frame, carried along the motion of the clip: what it shows need not be made again.

Optical flow from each frame to the first says where a pixel came from. Where flow there and back meet, and the frames
agree along it, the edited first frame's own pixel is taken, with its colour and detail; elsewhere, at what was hidden
or left the picture, the edit stays. Painting one frame and letting motion carry it is an old craft (EbSynth; with a
generator, Rerender A Video, Yang et al., arXiv 2306.07954); the flow is DIS (Kroeger et al., arXiv 1603.03590).
It asks for no mask and no evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from bench.errors import CaseFailed
from bench.types import EditRequest
from methods.controls import Control
from methods.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy import floating
    from numpy.typing import NDArray

    from bench.types import Frames

Guide = Literal["none", "source", "edit"]


class PropagationParameters(Parameters):
    """How a row carries its first frame along."""

    propagate: Guide = Field(
        "none",
        description="none, source (along the source's motion: where shapes stay) or edit (along the edit's own)",
    )
    propagate_slack: float = Field(
        1.0, gt=0, description="a distance > 0 in pixels, of a frame of 256, by which flow there and back may miss"
    )
    propagate_levels: float = Field(
        20.0, gt=0, description="a difference > 0 of levels by which frames may disagree along the flow"
    )


def propagated(edit: Frames, guide: Frames, first: Frames, p: PropagationParameters) -> Frames:
    """Return the edit T x H x W x 3: frame 0 is the first frame, later ones have its pixels where motion takes them."""
    import numpy as np

    made = [first.astype(np.float32)]
    for frame, (share, carried) in zip(edit[1:], _carried(guide, first, p), strict=True):
        made.append(share * carried + (1 - share) * frame)
    frames: Frames = np.clip(np.rint(np.stack(made)), 0, 255).astype(np.uint8)
    return frames


def _carried(
    guide: Frames, first: Frames, p: PropagationParameters
) -> Iterator[tuple[NDArray[floating], NDArray[floating]]]:
    """Yield for each later frame the flow's trust H x W x 1 in [0, 1], and the first frame carried to it."""
    import cv2
    import numpy as np

    height, width = guide.shape[1:3]
    unit = min(height, width) / 256
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    flow = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in guide]

    def warped(picture: NDArray[floating], to: NDArray[floating]) -> NDArray[floating]:
        where = columns + to[..., 0], rows + to[..., 1]
        return cv2.remap(picture, *where, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    back = there = None
    for t in range(1, len(guide)):
        back = flow.calc(grey[t], grey[0], back)  # from the last frame's flow on: motion grows with time
        there = flow.calc(grey[0], grey[t], there)
        missed = np.linalg.norm(back + warped(there, back), axis=2) / (p.propagate_slack * unit)
        apart = cv2.GaussianBlur(warped(guide[0].astype(np.float32), back) - guide[t], (0, 0), 1.5 * unit)
        off = np.abs(apart).max(axis=2) / p.propagate_levels
        x, y = columns + back[..., 0], rows + back[..., 1]
        inside = (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)
        share = cv2.GaussianBlur((np.exp(-(missed**2) - off**2) * inside).astype(np.float32), (0, 0), unit)
        yield share[..., None], warped(first.astype(np.float32), back)


class PropagatedFrame(Control):
    """The first frame along the source's motion, the source where that does not reach: no model, as a control has none.

    It is an edit all the same, and ranked.
    """

    Parameters: ClassVar[type[Parameters]] = PropagationParameters
    parameters: PropagationParameters

    def frames(self, request: EditRequest) -> Frames:
        """Return the edit's frames; CaseFailed without a first frame of the source's size."""
        source, first = request.source.frames, request.first_frame
        if first is None or first.shape != source.shape[1:]:
            raise CaseFailed("no edited first frame of the source's size: give one (track first-frame)")
        return propagated(source, source, first, self.parameters)
