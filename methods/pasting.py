"""Source pixels where an edit changed nothing: what the autoencoder and a drifting inversion lose there comes back.

The finished clip is compared with its source after both are blurred, so that lost detail counts for nothing and a new
colour, shade or thing for all. Where they are alike the source's own pixels are handed in, where they are not the
edit's, and a soft seam lies between (the pixel-space composite that Blended Diffusion ends with, Avrahami et al.,
arXiv 2111.14818, with a region that is read off the finished clip). It asks for no mask and no evaluation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from bench.errors import UserError
from bench.types import Track
from methods.parameters import Parameters

if TYPE_CHECKING:
    from numpy import floating
    from numpy.typing import NDArray

    from bench.types import Frames


class PastingParameters(Parameters):
    """How a row comes to source pixels."""

    paste: bool = Field(False, description="whether pixels that the edit did not change are the source's own")
    paste_from: float = Field(
        10.0, gt=0, le=255, description="a difference in (0, 255] of blurred levels up to which a place is unchanged"
    )
    paste_to: float = Field(
        20.0, gt=0, le=255, description="a larger one, from which on a place is edited; the seam lies between"
    )
    paste_reach: int = Field(
        6, ge=0, description="a whole number >= 0 of pixels, of a frame of 256, by which the edited places grow"
    )

    def check_track(self, row: str, track: Track) -> None:
        """Raise UserError where the seam would run backwards."""
        super().check_track(row, track)
        if self.paste_to <= self.paste_from:
            raise UserError(
                f"method '{row}': paste_to {self.paste_to:g} is not above paste_from {self.paste_from:g}; "
                "wanted a larger number"
            )


def pasted(edit: Frames, source: Frames, p: PastingParameters) -> Frames:
    """Return the edit T x H x W x 3 with the source's pixels where the two are alike."""
    import numpy as np

    share = edited(edit, source, p)[..., None]
    frames: Frames = np.rint(share * edit + (1 - share) * source).astype(np.uint8)
    return frames


def edited(edit: Frames, source: Frames, p: PastingParameters) -> NDArray[floating]:
    """Return T x H x W in [0, 1]: how far each pixel belongs to the edit, its neighbours in time included."""
    import cv2
    import numpy as np

    unit = min(edit.shape[1:3]) / 256
    reach = 2 * round(p.paste_reach * unit) + 1
    shares = []
    for one, other in zip(edit, source, strict=True):
        apart = cv2.GaussianBlur(one.astype(np.float32) - other, (0, 0), 3 * unit)
        share = np.clip((np.abs(apart).max(axis=2) - p.paste_from) / (p.paste_to - p.paste_from), 0, 1)
        wide = cv2.dilate(share, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
        shares.append(cv2.GaussianBlur(wide, (0, 0), 1.5 * unit))
    each = np.stack(shares)
    later, earlier = np.roll(each, -1, axis=0), np.roll(each, 1, axis=0)
    later[-1], earlier[0] = each[-1], each[0]
    return np.maximum(each, np.maximum(later, earlier))
