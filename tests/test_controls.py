"""The controls show exactly what their names say."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

from bench.errors import CaseFailed
from bench.types import EditMethod, MethodCard, OracleRequest, Video
from methods.controls import CopySource, FirstFrame, GroundTruth, VaeSource, VaeTarget, WrongEdit
from tests.tiny_model import build

torch.set_num_threads(1)
rng = np.random.default_rng(0)


def clip():
    return Video(rng.integers(0, 256, (5, 32, 64, 3), dtype=np.uint8), Fraction(8))


REQUEST = OracleRequest(
    case_id="case",
    source=clip(),
    source_prompt="a red mug",
    target_prompt="a blue mug",
    instruction="make the mug blue",
    seed=0,
    first_frame=rng.integers(0, 256, (32, 64, 3), dtype=np.uint8),
    target=clip(),
    wrong_target=clip(),
)


def make(cls, track="first-frame", **parameters):
    control = cls(MethodCard(name="row", family="control", control=True, track=track, parameters=parameters))
    control.load("cpu")
    assert isinstance(control, EditMethod)
    return control


@pytest.mark.parametrize(
    ("cls", "frames"),
    [
        (CopySource, REQUEST.source.frames),
        (FirstFrame, np.stack([REQUEST.first_frame] * 5)),
        (WrongEdit, REQUEST.wrong_target.frames),
        (GroundTruth, REQUEST.target.frames),
    ],
)
def test_a_control_shows_what_it_is_named_for(cls, frames):
    edit = make(cls).edit(REQUEST)
    assert np.array_equal(edit.video.frames, frames)
    assert edit.video.fps == REQUEST.source.fps
    assert edit.nfe == 0


def test_vae_controls_are_one_pass_through_the_vae(tmp_path):
    model = str(build(tmp_path))
    source, answer = make(VaeSource, model=model), make(VaeTarget, model=model)
    assert source.edit(REQUEST).video.shape == REQUEST.source.shape
    swapped = replace(REQUEST, source=REQUEST.target)
    assert np.array_equal(source.edit(swapped).video.frames, answer.edit(REQUEST).video.frames)


def test_a_control_whose_case_lacks_the_answer_fails_with_the_reason():
    blind = replace(REQUEST, target=None, wrong_target=None, first_frame=None)
    for cls, reason in (
        (GroundTruth, "no ground-truth target"),
        (WrongEdit, "no other edit"),
        (FirstFrame, "no edited first frame"),
    ):
        with pytest.raises(CaseFailed, match=reason):
            make(cls).edit(blind)
