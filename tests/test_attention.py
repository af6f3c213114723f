"""Taps on the transformer: what is recorded can be given back, and where nothing is given nothing changes."""

from itertools import product
from typing import get_args

import pytest
import torch

from methods.injection import Loan, Tap
from methods.wan.attention import Site, injecting, recording
from methods.wan.load import load
from methods.wan.schedules import grid_from
from methods.wan.solvers import SOLVERS
from methods.wan.trace import Trace
from tests.tiny_model import CHANNELS, build

torch.set_num_threads(1)
SITES = get_args(Site)
LAYERS = (0, 1)
EVERYWHERE = tuple(product(LAYERS, SITES))
TOKENS = 3 * 2 * 3


@pytest.fixture(scope="module")
def wan(tmp_path_factory):
    return load(str(build(tmp_path_factory.mktemp("model"))), "cpu")


@pytest.fixture(autouse=True)
def no_gradients():
    with torch.inference_mode():
        yield


def noise(seed=0):
    return torch.randn(1, CHANNELS, 3, 4, 6, generator=torch.Generator().manual_seed(seed))


def weight(value=1.0):
    return torch.full((1, TOKENS, 1), value)


def record(wan, x, places=EVERYWHERE, prompt="a red mug", sigma=0.6):
    with recording(wan.transformer, places) as features:
        v = wan.velocity(x, sigma, wan.encode_text(prompt))
    return v, features


def hooks(wan):
    return sum(len(module._forward_hooks) for module in wan.transformer.modules())


def test_every_place_gives_a_feature_for_every_token(wan):
    _, features = record(wan, noise())
    assert set(features) == set(EVERYWHERE)
    assert all(feature.shape[:2] == (1, TOKENS) for feature in features.values())


def test_a_tap_is_a_hook_for_each_place_and_none_is_left_behind(wan):
    before = hooks(wan)
    with recording(wan.transformer, EVERYWHERE):
        assert hooks(wan) - before == len(EVERYWHERE) == 12
    _, features = record(wan, noise())
    with pytest.raises(ZeroDivisionError), injecting(wan.transformer, features, weight()):
        raise ZeroDivisionError
    assert hooks(wan) == before


def test_recording_changes_nothing_bit_for_bit(wan):
    v, _ = record(wan, noise())
    assert torch.equal(v, wan.velocity(noise(), 0.6, wan.encode_text("a red mug")))


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("share", [0.3, 1.0])
def test_features_of_the_same_forward_change_nothing_bit_for_bit(wan, site, share):
    v, features = record(wan, noise(), [(layer, site) for layer in LAYERS])
    with injecting(wan.transformer, features, weight(share)):
        again = wan.velocity(noise(), 0.6, wan.encode_text("a red mug"))
    assert torch.equal(again, v)


@pytest.mark.parametrize("site", SITES)
def test_features_of_another_clip_change_the_velocity_and_at_weight_zero_do_not(wan, site):
    context, (_, features) = wan.encode_text("a red mug"), record(wan, noise(1), [(layer, site) for layer in LAYERS])
    own = wan.velocity(noise(), 0.6, context)
    for share, same in ((0.0, True), (0.5, False), (1.0, False)):
        with injecting(wan.transformer, features, weight(share)):
            assert torch.equal(wan.velocity(noise(), 0.6, context), own) == same, share


def test_the_last_block_s_output_given_whole_is_the_other_clip_s_velocity(wan):
    """After it come only the norm and the projection, which look at each token and at sigma."""
    theirs, features = record(wan, noise(1), [(1, "block")])
    with injecting(wan.transformer, features, weight()):
        assert torch.equal(wan.velocity(noise(), 0.6, wan.encode_text("a steel chair")), theirs)


def test_only_the_weighed_tokens_are_replaced(wan):
    only = torch.zeros(1, TOKENS, 1)
    only[:, 6:12] = 1  # latent frame 1
    context, (theirs, features) = wan.encode_text("a red mug"), record(wan, noise(1), [(1, "block")])
    own = wan.velocity(noise(), 0.6, context)
    with injecting(wan.transformer, features, only):
        mixed = wan.velocity(noise(), 0.6, context)
    assert torch.equal(mixed[:, :, 1], theirs[:, :, 1])
    assert torch.equal(mixed[:, :, [0, 2]], own[:, :, [0, 2]])


@pytest.mark.parametrize("batched", [0, 1024])
def test_both_branches_of_guidance_are_given_the_features(wan, monkeypatch, batched):
    monkeypatch.setattr("methods.wan.velocity.BATCHED_TOKENS", batched)
    theirs, features = record(wan, noise(1), [(1, "block")])
    context, negative = wan.encode_text("a steel chair"), wan.encode_text("")
    with injecting(wan.transformer, features, weight()):
        guided = wan.velocity(noise(), 0.6, context, guidance=4.0, negative=negative)
    assert torch.allclose(guided, theirs, atol=1e-5), "with equal branches guidance has nothing to steer"


def test_features_of_two_forwards_are_refused(wan, monkeypatch):
    monkeypatch.setattr("methods.wan.velocity.BATCHED_TOKENS", 0)
    context, negative = wan.encode_text("a red mug"), wan.encode_text("")
    with pytest.raises(ValueError, match="guidance must be 1"), recording(wan.transformer, [(0, "value")]):
        wan.velocity(noise(), 0.6, context, guidance=2.0, negative=negative)


@pytest.mark.parametrize("solver", ["euler", "midpoint", "fireflow", "ab2", "dpmpp-2m", "unipc"])
@pytest.mark.parametrize("sites", [("value",), ("key", "value"), ("output", "block"), SITES])
def test_a_generation_given_its_own_features_is_itself_bit_for_bit(wan, solver, sites):
    context, sigmas, solve = wan.encode_text("a red mug"), grid_from(1.0, 4, 2.0), SOLVERS[solver]
    loan = Loan(wan, (Tap(LAYERS, sites, 1.0, 1.0),), sigmas, weight())

    def velocity(x, sigma):
        return wan.velocity(x, sigma, context, noise(1)[:, :, :1])

    once = solve(noise(), sigmas, loan.recorded(velocity, 0.0))
    assert torch.equal(once, solve(noise(), sigmas, velocity))
    assert torch.equal(once, solve(noise(), sigmas, loan.injected(velocity)))
    other = solve(noise(2), sigmas, loan.injected(velocity))
    assert not torch.equal(other, solve(noise(2), sigmas, velocity))


def test_stored_features_are_those_computed_beside_bit_for_bit(wan):
    """With two taps: one forward of the source feeds both, and neither touches it."""
    source, target = wan.encode_text("a red mug"), wan.encode_text("a steel chair")
    sigmas, path = grid_from(1.0, 6, 2.0), Trace()
    taps = (Tap((0,), ("output",), 1.0, 1.0), Tap((1,), ("key", "value"), 0.7, 1.0))
    loan = Loan(wan, taps, sigmas, weight())

    def v_src(x, sigma):
        return wan.velocity(x, sigma, source)

    def v_tar(x, sigma):
        return wan.velocity(x, sigma, target)

    SOLVERS["euler"](noise(), sigmas[::-1], loan.recorded(path.watching(v_src), sigmas[1]))
    stored, beside = loan.injected(v_tar), loan.beside(v_src, path, v_tar)
    for sigma in sigmas[1:-1]:
        before = wan.nfe
        assert torch.equal(stored(noise(3), sigma), beside(noise(3), sigma))
        assert wan.nfe - before == 1 + 2
        assert not torch.equal(stored(noise(3), sigma), v_tar(noise(3), sigma))


def test_a_tap_lends_in_the_noisiest_share_of_the_steps(wan):
    sigmas = grid_from(1.0, 10, 2.0)
    for share, steps in ((0.01, 1), (0.3, 3), (1.0, 10)):
        assert Tap((0,), ("value",), 1.0, share).last(sigmas) == sigmas[steps]
    loan = Loan(wan, (Tap((0,), ("value",), 1.0, 0.3), Tap((), ("key",), 1.0, 1.0)), sigmas, weight())
    assert [bool(loan._active(sigma)) for sigma in sigmas] == [True] * 3 + [False] * 8


def test_what_does_not_fit_beside_the_model_goes_to_the_cpu_and_comes_back(wan, monkeypatch):
    monkeypatch.setattr("methods.injection.ON_DEVICE", 0)
    moved = []
    monkeypatch.setattr(torch.Tensor, "cpu", lambda self: moved.append(1) or self.clone())
    loan = Loan(wan, (Tap((0,), ("value",), 1.0, 1.0),), [0.9, 0.5, 0.0], weight())

    def velocity(x, sigma):
        return wan.velocity(x, sigma, wan.encode_text("a red mug"))

    v = loan.recorded(velocity, 0.5)(noise(), 0.9)
    assert len(moved) == 1
    assert torch.equal(loan.injected(velocity)(noise(), 0.9), v)
