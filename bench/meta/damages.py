"""Families of damage with four strengths each, from barely visible to plain.

Written down before any metric was tuned on them; `HELD_OUT` families were never looked at while tuning and are reported
apart. All are pure: the same clips and strength give the same frames. Change one, and `GENERATOR` must rise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from bench.metrics import damage
from bench.types import Axis, Frames, Mask, Video

GENERATOR = 1
LEVELS = ("barely", "slight", "clear", "plain")


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """The clips a damage may draw on, all of one size and length."""

    source: Video
    target: Video
    mask: Mask
    other: Video | None
    """Another clip's source."""
    wrong: Video | None
    """The target of another edit of the same clip."""


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of damage: what it does at a strength, and which axes it makes worse."""

    name: str
    axes: tuple[Axis, ...]
    strengths: tuple[float, float, float, float]
    """For `LEVELS`, in the unit of the damage."""
    harm: Callable[[Video, Scene, float], Video]
    needs: tuple[str, ...] = ()
    """Of `outside` (a tenth of the clip or more lies outside the mask), `other`, `wrong`."""
    held_out: bool = False


def _clip(video: Video, pixels: NDArray[np.floating]) -> Video:
    return Video(np.clip(np.rint(pixels), 0, 255).astype(np.uint8), video.fps)


def _moved(frame: Frames, dx: float, dy: float) -> Frames:
    height, width = frame.shape[:2]
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    return np.asarray(
        cv2.warpAffine(frame, move, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def jitter(video: Video, scene: Scene, pixels: float) -> Video:
    """Shift every frame by its own random part of up to `pixels` either way."""
    shifts = np.random.default_rng(0).uniform(-pixels, pixels, (len(video.frames), 2))
    return Video(np.stack([_moved(f, *s) for f, s in zip(video.frames, shifts, strict=True)]), video.fps)


def held(video: Video, scene: Scene, frames: float) -> Video:
    """Hold each frame for so many; from the clip's length on it stands still."""
    return Video(video.frames[np.arange(len(video.frames)) // int(frames) * int(frames)], video.fps)


def disordered(video: Video, scene: Scene, window: float) -> Video:
    """Reverse the order inside windows of so many frames."""
    count, size = len(video.frames), int(window)
    order = np.concatenate([np.arange(i, min(i + size, count))[::-1] for i in range(0, count, size)])
    return Video(video.frames[order], video.fps)


def half_done(video: Video, scene: Scene, undone: float) -> Video:
    """Draw the clip towards the source inside the mask."""
    mixed = (1 - undone) * video.frames + undone * scene.source.frames
    return _clip(video, np.where(scene.mask[..., None], mixed, video.frames))


def wrong_edit(video: Video, scene: Scene, share: float) -> Video:
    """Draw the clip towards another edit of the same source inside the mask: another attribute was changed."""
    assert scene.wrong is not None
    mixed = (1 - share) * video.frames + share * scene.wrong.frames
    return _clip(video, np.where(scene.mask[..., None], mixed, video.frames))


def wrong_object(video: Video, scene: Scene, share: float) -> Video:
    """Draw the clip towards another clip's content inside the mask."""
    assert scene.other is not None
    mixed = (1 - share) * video.frames + share * scene.other.frames
    return _clip(video, np.where(scene.mask[..., None], mixed, video.frames))


def wobble(video: Video, scene: Scene, pixels: float) -> Video:
    """Bend every frame along a smooth random field of `pixels`, as a poor decoder bends edges."""
    rng = np.random.default_rng(1)
    height, width = video.shape[1:]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found = []
    for frame in video.frames:
        small = rng.normal(0, pixels, (12, 12, 2)).astype(np.float32)
        field = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        bent = cv2.remap(frame, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
        found.append(bent)
    return Video(np.stack(found).astype(np.uint8), video.fps)


def blocks(video: Video, scene: Scene, quality: float) -> Video:
    """Code every frame as JPEG of so little quality."""
    found = []
    for frame in video.frames:
        done, data = cv2.imencode(
            ".jpg", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, int(quality)]
        )
        assert done
        found.append(cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))
    return Video(np.stack(found).astype(np.uint8), video.fps)


def ghosts(video: Video, scene: Scene, share: float) -> Video:
    """Let each frame keep a share of what was shown before it."""
    shown = video.frames[0].astype(np.float32)
    found = []
    for frame in video.frames:
        shown = share * shown + (1 - share) * frame
        found.append(shown)
    return _clip(video, np.stack(found))


def drift(video: Video, scene: Scene, levels: float) -> Video:
    """Let red rise and blue fall over the clip, by so many grey levels at its end."""
    ramp = np.linspace(0, levels, len(video.frames))[:, None, None]
    pixels = video.frames.astype(np.float32)
    pixels[..., 0] += ramp
    pixels[..., 2] -= ramp
    return _clip(video, pixels)


def _cast(video: Video, scene: Scene, share: float) -> Video:
    return damage.cast(video, (24.0 * share, -6.0 * share, -24.0 * share))


PIXELS: tuple[Axis, ...] = ("accuracy", "preservation")
FAMILIES: tuple[Family, ...] = (
    Family("blur", PIXELS, (0.5, 1.0, 1.8, 3.0), lambda v, s, x: damage.blur(v, x)),
    Family("noise", PIXELS, (2, 5, 10, 20), lambda v, s, x: damage.noise(v, x)),
    Family("cast", PIXELS, (0.12, 0.25, 0.5, 1.0), _cast),
    Family("half-done", ("accuracy",), (0.1, 0.25, 0.5, 0.8), half_done),
    Family("wrong-attribute", ("accuracy",), (0.1, 0.25, 0.5, 1.0), wrong_edit, ("wrong",)),
    Family(
        "leak", ("preservation",), (0.03, 0.08, 0.18, 0.35), lambda v, s, x: damage.leak(v, s.mask, x), ("outside",)
    ),
    Family("jitter", ("temporal",), (0.3, 0.8, 1.6, 4.0), jitter),
    Family("flicker", ("temporal",), (0.01, 0.03, 0.06, 0.12), lambda v, s, x: damage.flicker(v, x)),
    Family("frozen", ("temporal",), (2, 4, 8, 1000), held),
    Family("shuffled", ("temporal",), (2, 4, 8, 1000), disordered),
    Family("wrong-object", ("accuracy",), (0.1, 0.25, 0.5, 1.0), wrong_object, ("other",), held_out=True),
    Family("blocks", PIXELS, (60, 30, 15, 6), blocks, held_out=True),
    Family("wobble", ("preservation", "temporal"), (0.3, 0.8, 1.6, 3.0), wobble, held_out=True),
    Family("ghosts", ("temporal",), (0.15, 0.3, 0.5, 0.75), ghosts, held_out=True),
    Family("drift", ("preservation", "temporal"), (3, 6, 12, 24), drift, held_out=True),
)
BY_NAME = {family.name: family for family in FAMILIES}


def reconstruction(video: Video, seed: int = 0) -> Video:
    """Return the clip as a small video autoencoder gives it back, at about 30 to 34 dB, without its weights.

    Modelled on the errors of one: locally varying blur, edges that wobble, ghosts inside groups of four frames, a
    faint drift of colour.
    """
    rng = np.random.default_rng(seed)
    count, height, width = video.shape

    def field(channels: int, cells: int) -> NDArray[np.float32]:
        """A smooth random field, T x H x W x channels, that changes every four frames."""
        keys = rng.normal(size=((count - 1) // 4 + 2, cells, cells, channels)).astype(np.float32)
        large = [cv2.resize(k, (width, height), interpolation=cv2.INTER_CUBIC) for k in keys]
        smooth = np.stack(large).reshape(len(keys), height, width, channels)
        place = np.arange(count) / 4
        first = place.astype(int)
        share = (place - first)[:, None, None, None].astype(np.float32)
        return np.asarray((1 - share) * smooth[first] + share * smooth[first + 1], np.float32)

    shift, softness, tint = 0.45 * field(2, 16), np.clip(0.45 + 0.25 * field(1, 8), 0, 1), 0.8 * field(3, 6)
    pixels = video.frames.astype(np.float32)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    found = []
    for t in range(count):
        before, after = pixels[max(t - 1, 0)], pixels[min(t + 1, count - 1)]
        frame = 0.7 * pixels[t] + 0.15 * before + 0.15 * after
        moved = cv2.remap(
            frame, x + shift[t, ..., 0], y + shift[t, ..., 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE
        )
        sharp, soft = cv2.GaussianBlur(moved, (0, 0), 0.7), cv2.GaussianBlur(moved, (0, 0), 2.6)
        found.append((1 - softness[t]) * sharp + softness[t] * soft + tint[t])
    return _clip(video, np.stack(found))
