"""Where an edit may change the clip: masks in latents, regions found, feathers and tokens."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from methods.inversion import Branches
from methods.region import RegionParameters, feathered, found, given, kept_tokens

torch.set_num_threads(1)
SHAPE = (1, 4, 3, 8, 8)
"""Latents of 9 frames of 128x128 pixels."""


def parameters(**changes):
    return RegionParameters.read("row", {"region_draws": 1} | changes)


def pixel(frame, y, x):
    mask = np.zeros((9, 128, 128), bool)
    mask[frame, y, x] = True
    return given(mask, 16)


@pytest.mark.parametrize(("frame", "latent"), [(0, 0), (1, 1), (4, 1), (5, 2), (8, 2)])
def test_one_pixel_frees_the_latent_that_holds_it(frame, latent):
    region = pixel(frame, 17, 47)
    assert region.shape == (1, 1, 3, 8, 8)
    assert region.nonzero().tolist() == [[0, 0, latent, 1, 2]]


def test_a_mask_of_one_frame_is_a_region_of_one():
    assert given(np.ones((1, 32, 32), bool), 16).shape == (1, 1, 1, 2, 2)


@pytest.mark.parametrize("radius", [0, 1, 2])
def test_a_feather_fades_outwards_and_leaves_the_region_whole(radius):
    region = torch.zeros(1, 1, 1, 16, 16)
    region[..., 6:10, 6:10] = 1
    soft = feathered(region, radius)
    assert torch.allclose(soft[region == 1], torch.ones(16))
    profile = soft[0, 0, 0, 8]
    assert (profile > 0).sum() == 4 + 4 * radius
    assert profile[9:].tolist() == sorted(profile[9:].tolist(), reverse=True)
    assert torch.allclose(feathered(torch.ones(1, 1, 2, 4, 4), radius), torch.ones(1, 1, 2, 4, 4))


def branches(difference, first=None):
    """Branches whose target velocity is the source's plus a given difference."""
    source = torch.randn(SHAPE, generator=torch.Generator().manual_seed(0))
    first = source[:, :, :1] if first is None else first
    return Branches(source, first, lambda x, s: x, lambda x, s: 0 / 0, lambda x, s: x + difference)


def test_a_region_is_found_where_the_velocities_differ():
    difference = torch.zeros(SHAPE)
    difference[:, :, 1:, 2:6, 2:6] = 0.01
    region = found(parameters(region_threshold=0.5), branches(difference), seed=0)
    assert region.shape == (1, 1, 3, 8, 8)
    assert torch.equal(region[:, :, 1:, 3:5, 3:5], torch.ones(1, 1, 2, 2, 2)), "whatever the size of the difference"
    assert region[:, :, 1:, 0].eq(0).all() and region[:, :, 1:, :, 7].eq(0).all()
    assert region[:, :, 0].eq(0).all(), "the first frames are the same"


def test_in_frame_zero_the_first_frames_are_compared():
    plain = branches(torch.zeros(SHAPE))
    first = plain.first.clone()
    first[..., 6:, 6:] += 1
    region = found(parameters(), replace(plain, first=first), seed=0)
    assert region[0, 0, 0, 7, 7] == 1 and region[0, 0, 0, 0, 0] == 0
    assert region[:, :, 1:].eq(0).all()


def test_a_higher_threshold_finds_less_and_the_noise_follows_the_seed():
    slope = torch.linspace(0, 1, 8)
    bent = replace(branches(torch.zeros(SHAPE)), v_free=lambda x, s: x + slope * torch.sin(3 * x))
    sizes = [float(found(parameters(region_threshold=t), bent, seed=0).sum()) for t in (0.3, 0.6, 0.9)]
    assert sizes[0] > sizes[1] > sizes[2] > 0
    again = [found(parameters(), bent, seed) for seed in (0, 0, 1)]
    assert torch.equal(again[0], again[1]) and not torch.equal(again[0], again[2])


def test_a_token_is_held_only_where_all_its_latents_are_and_frame_zero_never():
    region = torch.zeros(1, 1, 3, 8, 8)
    region[0, 0, 1, 5, 2] = 0.75
    keep = kept_tokens(region, torch.zeros(SHAPE), patch=2).reshape(3, 4, 4)
    expected = torch.ones(3, 4, 4)
    expected[0], expected[1, 2, 1] = 0, 0.25
    assert torch.equal(keep, expected)
    everything = kept_tokens(None, torch.zeros(SHAPE), patch=2).reshape(3, 4, 4)
    assert everything[0].eq(0).all() and everything[1:].eq(1).all()
