"""Contact sheets: rows of five frames, small enough to be looked at and kept beside the figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

COLUMNS = 5
LIMIT = 2_000_000
"""Bytes of a sheet."""


def write_sheet(
    path: Path, blocks: Sequence[Sequence[Tensor]], across: int = 2, titles: Sequence[str] | None = None
) -> None:
    """Write blocks of clips (uint8 [T, H, W, 3]) as a PNG of at most 2 MB.

    Each clip is a row of five frames evenly spaced in time, the rows of a block lie under each other, and
    `across` blocks lie side by side, each under its title where there are any. The sheet is scaled down until it fits
    the limit.
    """
    from PIL import Image

    tiles = [torch.cat([_row(clip) for clip in block]) for block in blocks]
    if titles is not None:
        tiles = [torch.cat([_title(text, tile.shape[1]), tile]) for text, tile in zip(titles, tiles, strict=True)]
    height = max(t.shape[0] for t in tiles)
    padded = [torch.nn.functional.pad(t, (0, 0, 4, 4, 4, height - t.shape[0] + 4), value=255) for t in tiles]
    while len(padded) % across:
        padded.append(torch.full_like(padded[0], 255))
    rows = [torch.cat(padded[i : i + across], dim=1) for i in range(0, len(padded), across)]
    image = Image.fromarray(torch.cat(rows).numpy())
    scale = min(1.0, (LIMIT / (image.width * image.height)) ** 0.5)  # a byte a pixel, or so
    while True:
        size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
        data = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(data, format="PNG")
        if data.tell() <= LIMIT or scale < 0.05:
            break
        scale *= 0.8
    path.write_bytes(data.getvalue())


def _row(clip: Tensor) -> Tensor:
    """Return five frames side by side, [H, 5 W, 3] on the CPU."""
    picks = torch.linspace(0, clip.shape[0] - 1, COLUMNS).round().long()
    return torch.cat(list(clip.cpu()[picks]), dim=1)


def _title(text: str, width: int) -> Tensor:
    """Return a line of text on white, [36, width, 3]."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    line = Image.new("RGB", (width, 36), "white")
    ImageDraw.Draw(line).text((6, 4), text, "black", ImageFont.load_default(26))
    return torch.from_numpy(np.array(line))
