"""The first frame along the motion, and source pixels where nothing changed: what moves is known here to the pixel."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest

from bench.errors import CaseFailed, UserError
from bench.types import EditRequest, Frames, Video
from methods import zoo
from methods.pasting import PastingParameters, edited, pasted
from methods.propagation import PropagatedFrame, PropagationParameters, propagated
from methods.ti2v_v2 import TI2VV2

STEP = 2
"""Pixels a frame, to the right."""


def texture(seed: int, width: int) -> Frames:
    noise = np.random.default_rng(seed).uniform(0, 255, (96, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    low, high = smooth.min(), smooth.max()
    return ((smooth - low) * (255 / (high - low))).astype(np.uint8)


def pan(picture: Frames, frames: int = 5) -> Frames:
    """A window that moves over the picture: things in it move to the right."""
    starts = [STEP * (frames - 1 - t) for t in range(frames)]
    return np.stack([picture[:, s : s + 96] for s in starts])


@pytest.fixture
def clips() -> tuple[Frames, Frames]:
    """A source, and the same clip in other colours."""
    picture = texture(1, 96 + STEP * 4)
    return pan(picture), pan(255 - picture // 2)


def request(source: Frames, first: Frames | None) -> EditRequest:
    return EditRequest("case", Video(source, Fraction(8)), "", "", "", 0, first_frame=first)


def test_a_recoloured_first_frame_goes_along_with_the_source(clips: tuple[Frames, Frames]) -> None:
    source, target = clips
    made = propagated(source, source, target[0], PropagationParameters())
    inside = np.s_[1:, 12:-12, 20:-12]
    assert np.abs(made[inside].astype(float) - target[inside]).mean() < 3
    assert np.abs(source[inside].astype(float) - target[inside]).mean() > 40


def test_what_comes_into_the_picture_stays_the_edits(clips: tuple[Frames, Frames]) -> None:
    source, target = clips
    edit = np.full_like(source, 7)
    made = propagated(edit, source, target[0], PropagationParameters())
    assert np.abs(made[-1, :, :3].astype(int) - 7).max() <= 2  # these columns were outside the first frame


def test_a_still_clip_shows_the_first_frame_to_the_bit() -> None:
    still = np.repeat(texture(2, 96)[None], 3, axis=0)
    first = texture(3, 96)
    made = propagated(still, still, first, PropagationParameters())
    assert (made[1:, 2:-2, 2:-2] == first[2:-2, 2:-2]).all()
    assert (made[0] == first).all()


def test_frames_that_disagree_along_the_flow_are_not_covered(clips: tuple[Frames, Frames]) -> None:
    source, target = clips
    cut = source.copy()
    cut[2:] = texture(9, 96)  # another shot
    edit = np.full_like(source, 7)
    made = propagated(edit, cut, target[0], PropagationParameters())
    assert np.abs(made[2:].astype(int) - 7).mean() < 25


def test_pixels_are_the_sources_where_nothing_changed_and_the_edits_where_it_did(clips: tuple[Frames, Frames]) -> None:
    source, _ = clips
    noise = np.random.default_rng(4).integers(-9, 10, source.shape)  # what an autoencoder gets wrong, everywhere
    edit = np.clip(source + noise, 0, 255).astype(np.uint8)
    edit[:, 30:60, 30:60] = (255, 0, 0)
    made = pasted(edit, source, PastingParameters())
    assert (made[:, 32:58, 32:58] == edit[:, 32:58, 32:58]).all()
    assert (made[:, :10] == source[:, :10]).all()
    share = edited(edit, source, PastingParameters())
    assert share.min() == 0 and share.max() == pytest.approx(1)


def test_an_untouched_clip_is_the_source_again(clips: tuple[Frames, Frames]) -> None:
    source, _ = clips
    assert (pasted(source, source, PastingParameters()) == source).all()


def test_the_row_without_a_model_needs_a_first_frame_of_the_sources_size(clips: tuple[Frames, Frames]) -> None:
    source, target = clips
    method = PropagatedFrame(zoo()["propagated-frame"].card)
    method.load("cpu")
    made = method.edit(request(source, target[0]))
    assert (made.video.frames[0] == target[0]).all() and made.nfe == 0
    for first in (None, target[0, :50]):
        with pytest.raises(CaseFailed, match="no edited first frame of the source's size"):
            method.edit(request(source, first))


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"propagate": "target"}, "propagate = 'target' is not allowed; wanted none, source"),
        ({"propagate_slack": 0.0}, "propagate_slack = 0.0 is not allowed; wanted a distance > 0"),
    ],
)
def test_a_wrong_parameter_is_one_line(values: dict, wanted: str) -> None:
    with pytest.raises(UserError, match=wanted):
        PropagationParameters.read("row", values)


def test_a_seam_that_runs_backwards_is_refused_when_the_row_is_read() -> None:
    card = zoo()["ti2v-v2"].card
    backwards = card.model_copy(update={"parameters": {**card.parameters, "paste_from": 20.0, "paste_to": 10.0}})
    with pytest.raises(UserError, match="paste_to 10 is not above paste_from 20; wanted a larger number"):
        TI2VV2(backwards)
