"""The solvers on flows whose answer is known: a Gaussian, and a mixture of two."""

import math
from itertools import pairwise

import numpy as np
import pytest

from methods.wan.schedules import grid_from, native_dpm, native_unipc, shifted_grid
from methods.wan.solvers import SOLVERS, ab2, dpmpp_2m, euler, euler_lagged, fireflow, heun, midpoint, uni_inv, unipc

MEAN = SPREAD = 0.5
ONE_EVALUATION = ("euler", "euler-lagged", "ab2", "dpmpp-2m", "unipc")
UP_AND_DOWN = ("euler", "midpoint", "heun", "ab2", "fireflow", "uni-inv")


def gaussian(x, sigma):
    """Velocity of data N(MEAN, SPREAD^2), exactly."""
    a = 1 - sigma
    return (sigma - a * SPREAD**2) / (a * a * SPREAD**2 + sigma**2) * (x - a * MEAN) - MEAN


def gaussian_map(x, start, end):
    """The exact flow: (x - (1 - sigma) m) / sqrt(V(sigma)) is conserved."""
    deviation = [math.hypot((1 - s) * SPREAD, s) for s in (start, end)]
    return (1 - end) * MEAN + (x - (1 - start) * MEAN) * deviation[1] / deviation[0]


def mixture(x, sigma):
    """Velocity of 0.4 N(-1, 0.3^2) + 0.6 N(0.8, 0.4^2)."""
    a = 1 - sigma
    weights, means, spreads = np.array([0.4, 0.6]), np.array([-1.0, 0.8]), np.array([0.3, 0.4])
    variance = a * a * spreads**2 + sigma**2
    gap = x[:, None] - a * means
    log_r = np.log(weights) - 0.5 * np.log(variance) - gap**2 / (2 * variance)
    r = np.exp(log_r - log_r.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    clean = (r * (means + a * spreads**2 / variance * gap)).sum(1)
    noise = (r * (sigma / variance * gap)).sum(1)
    return noise - clean


def slope(solver):
    """Order seen between 80 and 160 steps on the mixture, from sigma .999 to 0 without a shift."""
    x = np.linspace(-2, 2, 33)
    exact = midpoint(x, shifted_grid(2560, 1, 0.999), mixture)
    errors = [np.abs(solver(x, shifted_grid(n, 1, 0.999), mixture) - exact).max() for n in (80, 160)]
    return math.log(errors[0] / errors[1]) / math.log(2)


def round_trip(up, down, steps, shift=5.0, shift_up=5.0):
    """Largest change of 9 points that are inverted and generated again."""
    x = np.linspace(-1, 2, 9)
    noise = up(x, native_unipc(steps, shift_up)[::-1], gaussian)
    return np.abs(down(noise, native_unipc(steps, shift), gaussian) - x).max()


@pytest.mark.parametrize("solver", [midpoint, heun, ab2, fireflow])
def test_second_order_solvers_converge_with_slope_two(solver):
    assert 1.8 <= slope(solver) <= 2.2


@pytest.mark.parametrize("solver", [euler, uni_inv])
def test_first_order_solvers_converge_with_slope_one(solver):
    assert 0.9 <= slope(solver) <= 1.1


def test_unipc_converges_with_nearly_slope_two():
    assert slope(unipc) >= 1.7


def test_dpmpp_2m_converges_faster_than_first_order_solvers():
    """Its first-order last step to sigma = 0 still dominates at these steps."""
    assert slope(dpmpp_2m) >= 1.3


def test_every_solver_follows_the_exact_gaussian_flow():
    x = np.linspace(-1, 2, 9)
    grid = native_unipc(640, 5)
    for name, solver in SOLVERS.items():
        bound = 0.04 if name in ("euler", "euler-lagged", "uni-inv") else 1e-3
        assert np.abs(solver(x, grid, gaussian) - gaussian_map(x, grid[0], 0)).max() < bound, name


def test_the_taylor_step_of_rf_solver_is_the_midpoint_rule():
    x, sigmas, taylor = np.linspace(-1, 2, 9), native_unipc(10, 5), np.linspace(-1, 2, 9)
    for s, t in pairwise(sigmas):
        h = t - s
        v0 = mixture(taylor, s)
        vm = mixture(taylor + h / 2 * v0, s + h / 2)
        taylor = taylor + h * v0 + h * h / 2 * (vm - v0) / (h / 2)
    assert midpoint(x, sigmas, mixture) == pytest.approx(taylor, abs=1e-12)


def test_first_order_data_prediction_is_euler():
    x = np.linspace(-1, 2, 9)
    for s in (0.9998, 0.7, 0.1):
        for solver in (unipc, dpmpp_2m):
            assert solver(x, [s, 0.0], mixture) == pytest.approx(euler(x, [s, 0.0], mixture), abs=1e-12)
            assert solver(x, [s, s / 2], mixture) == pytest.approx(euler(x, [s, s / 2], mixture), abs=1e-12)


@pytest.mark.parametrize(
    ("solver", "scheduler", "options"),
    [
        (unipc, "UniPCMultistepScheduler", {}),
        (dpmpp_2m, "DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_type": "midpoint"}),
    ],
)
def test_a_multistep_solver_equals_the_scheduler_of_diffusers(solver, scheduler, options):
    torch = pytest.importorskip("torch")
    import diffusers

    flow = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
    theirs = getattr(diffusers, scheduler)(**flow, **options)
    theirs.set_timesteps(12)
    sigmas = [float(s) for s in theirs.sigmas]
    start = torch.linspace(-1, 2, 16, dtype=torch.float64).reshape(1, 1, 1, 4, 4)
    x = start
    for sigma, timestep in zip(sigmas, theirs.timesteps, strict=False):
        x = theirs.step(gaussian(x, sigma), timestep, x).prev_sample
    assert torch.allclose(solver(start, sigmas, gaussian), x, atol=2e-6)


def test_dpmpp_2m_starts_at_pure_noise_where_its_second_step_is_first_order_too():
    x, sigmas = np.linspace(-1, 2, 9), native_dpm(40, 5)
    assert sigmas[0] == 1
    first_two = euler(x, sigmas[:3], mixture)
    assert dpmpp_2m(x, sigmas[:3], mixture) == pytest.approx(first_two, abs=1e-12)
    assert np.abs(dpmpp_2m(x, sigmas, gaussian) - gaussian_map(x, 1, 0)).max() < 0.02


@pytest.mark.parametrize(("sigma", "share"), [(1.0, 1.0), (0.9, 0.9445), (0.7, 0.7905), (0.5, 0.5528), (0.2, 0.1056)])
def test_an_inversion_to_sigma_makes_the_share_of_an_edit_that_the_closed_form_says(sigma, share):
    """Between Gaussians of one spread; above the grid's own top the share is whole but for a thousandth."""
    x, move = np.linspace(-1, 2, 9), -1.2
    grid = grid_from(sigma, 400, 5)
    noise = midpoint(x, grid[::-1], gaussian)
    edit = midpoint(noise, grid, lambda x, s: gaussian(x - (1 - s) * move, s) - move)
    assert (edit - x) / move == pytest.approx(share, abs=1e-3)


def test_guidance_is_the_same_on_velocity_clean_clip_and_noise():
    """All three are affine in the velocity at one x and sigma."""
    x, sigma, scale = np.linspace(-1, 2, 9), 0.6, 3.5
    u, v = gaussian(x, sigma), mixture(x, sigma)
    guided = u + scale * (v - u)

    def clean(v):
        return x - sigma * v

    def noise(v):
        return x + (1 - sigma) * v

    assert clean(guided) == pytest.approx(clean(u) + scale * (clean(v) - clean(u)), abs=1e-12)
    assert noise(guided) == pytest.approx(noise(u) + scale * (noise(v) - noise(u)), abs=1e-12)


@pytest.mark.parametrize("solver", [unipc, dpmpp_2m])
def test_data_prediction_refuses_to_invert(solver):
    with pytest.raises(ValueError, match="descend"):
        solver(np.zeros(3), native_unipc(4, 5)[::-1], gaussian)


def test_solvers_in_velocity_invert_from_sigma_zero_without_nan():
    x = np.linspace(-1, 2, 9)
    for name in (*UP_AND_DOWN, "euler-lagged"):
        assert np.isfinite(SOLVERS[name](x, native_unipc(10, 5)[::-1], mixture)).all(), name


def test_midpoint_up_and_down_returns_within_a_thousandth():
    assert round_trip(midpoint, midpoint, 50) < 1e-3


def test_euler_up_and_down_loses_a_quarter():
    assert 0.2 <= round_trip(euler, euler, 50) <= 0.3


def test_uni_inv_undoes_euler():
    assert round_trip(uni_inv, euler, 50) < 5e-3


def test_the_same_solver_on_both_legs_beats_euler_at_the_same_steps():
    for solver in (midpoint, fireflow):
        assert round_trip(solver, solver, 25) < 0.1 * round_trip(euler, euler, 25)


def test_the_published_scheme_returns_as_closely_as_was_measured_of_it():
    """Lagged Euler on the unshifted grid up, UniPC at shift 5 down."""
    for steps, error in ((10, 0.62), (25, 0.17), (50, 0.045)):
        assert round_trip(euler_lagged, unipc, steps, shift_up=1.0) == pytest.approx(error, rel=0.1)


def test_each_solver_asks_for_as_many_velocities_as_it_says():
    calls = []

    def counted(x, sigma):
        calls.append(sigma)
        return gaussian(x, sigma)

    for name, solver in SOLVERS.items():
        calls.clear()
        solver(np.zeros(1), native_unipc(10, 5), counted)
        expected = 10 if name in ONE_EVALUATION else 11 if name in ("fireflow", "uni-inv") else 20
        assert len(calls) == expected, name


def test_the_lagged_inversion_never_asks_at_zero_and_only_at_whole_timesteps():
    asked = []
    euler_lagged(np.zeros(1), native_unipc(50, 1)[::-1], lambda x, s: asked.append(s) or x)
    assert asked[0] == 0.019
    assert all(1000 * s == pytest.approx(round(1000 * s)) for s in asked)
