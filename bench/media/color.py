"""Between RGB and YUV without losing more than the pixel format forces one to.

The scaler's defaults take the nearest chroma sample. On smooth frames that costs 4.1 of 255 on average where
bicubic chroma with exact rounding costs 0.5, so both directions name their flags. `BITEXACT` makes every
CPU give the same bytes. What 4:2:0 itself costs stays: a colourful 256x256 clip keeps 34 dB through yuv420p
and 52 dB through yuv444p, so ground truth is kept in yuv444p.
"""

from __future__ import annotations

import av
from av.video.reformatter import ColorRange, Colorspace, Interpolation

EXACT = (
    Interpolation.BICUBIC
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
    | Interpolation.ACCURATE_RND
    | Interpolation.BITEXACT
)
BT709 = int(Colorspace.ITU709)
_UNTAGGED = 2
_HD_HEIGHT = 720


def matrix_of(frame: av.VideoFrame) -> int:
    """Return the YUV matrix of a frame: its tag, else BT.709 from 720 lines up, else BT.601."""
    tag = int(frame.colorspace)
    if tag in {int(c) for c in Colorspace}:
        return tag
    return BT709 if tag == _UNTAGGED and frame.height >= _HD_HEIGHT else int(Colorspace.ITU601)


def to_rgb(frame: av.VideoFrame) -> av.VideoFrame:
    """Return the frame as rgb24, full range. RGB frames come through bit for bit."""
    if frame.format.is_rgb:
        return frame.reformat(format="rgb24")
    full = frame.color_range == ColorRange.JPEG or frame.format.name.startswith("yuvj")
    return frame.reformat(
        format="rgb24",
        src_colorspace=matrix_of(frame),
        src_color_range=ColorRange.JPEG if full else ColorRange.MPEG,
        dst_color_range=ColorRange.JPEG,
        interpolation=EXACT,
        threads=1,
    )


def to_yuv(frame: av.VideoFrame, pix_fmt: str) -> av.VideoFrame:
    """Return an rgb24 frame as limited-range BT.709 in `pix_fmt`."""
    return frame.reformat(
        format=pix_fmt,
        dst_colorspace=BT709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=EXACT,
        threads=1,
    )
