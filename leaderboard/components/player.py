"""Several clips in step under one set of controls."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from leaderboard.clips import Clip
from leaderboard.components.asset import element


@dataclass(frozen=True, slots=True)
class Tile:
    """One clip of the player, with the words above it. All text is shown as text."""

    role: Literal["source", "target", "edit"]
    label: str
    note: str
    clip: Clip


def player(
    tiles: Sequence[Tile],
    mask: Clip | None,
    fps: Fraction,
    frames: int,
    size: tuple[int, int],
    words: Mapping[str, str],
    key: str,
) -> None:
    """Draw the player: play, scrub, frame step and speed act on all clips at once.

    `frames` is the length in frames, `size` the clips' own height and width in pixels. `mask` (white where the edit
    may change pixels) enables the overlay that dims the rest.
    """
    clips = [_encoded(tile.clip) for tile in tiles]
    shade = _encoded(mask) if mask else None
    element("player")(
        data={
            "id": hashlib.sha256("|".join([*(t.label for t in tiles), *(c or "" for c in clips)]).encode()).hexdigest(),
            "tiles": [
                {"role": t.role, "label": t.label, "note": t.note, "clip": clip, "reason": t.clip.reason}
                for t, clip in zip(tiles, clips, strict=True)
            ],
            "mask": shade,
            "fps": float(fps),
            "frames": frames,
            "height": size[0],
            "width": size[1],
            "words": dict(words),
        },
        key=key,
    )


def _encoded(clip: Clip) -> str | None:
    return None if clip.data is None else base64.b64encode(clip.data).decode()
