"""Distribution matching on Gaussians, where every quantity has a closed form."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from methods.training.dmd.loss import (
    classifier_loss,
    critic_loss,
    fooling_loss,
    masked_mean,
    matching_gradient,
    noised,
    predicted,
    regression_loss,
    student_loss,
)
from methods.training.dmd.networks import guided
from methods.training.dmd.simulate import sample, simulate, step
from methods.training.dmd.times import exit_step, score_sigmas, student_sigmas
from methods.wan.schedules import shifted_grid
from methods.wan.solvers import euler

SHIFT = 5.0
REAL = (1.0, 0.5)
"""Mean and deviation of the data that the teacher knows."""


def gaussian(mean, spread):
    """The exact velocity of data N(mean, spread^2); numbers or tensors, which gradients may pass."""

    def field(x, sigma):
        s = sigma.view(-1, *[1] * (x.ndim - 1))
        a = 1 - s
        variance = a**2 * spread**2 + s**2
        return (s - a * spread**2) / variance * (x - a * mean) - mean

    return field


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def at(sigma: float, count: int) -> torch.Tensor:
    return torch.full((count,), sigma)


@pytest.mark.parametrize(("sigma", "wanted"), [(0.1, -0.032941), (0.5, -0.56), (0.9, -0.697846)])
def test_the_gradient_between_equal_spreads_is_the_distance_of_the_means_whatever_x_is(
    sigma: float, wanted: float
) -> None:
    made = 0.3 + 0.5 * torch.randn(2000, 1, generator=generator(), dtype=torch.float64)
    noise = torch.randn(made.shape, generator=generator(1), dtype=torch.float64)
    s = torch.full((2000,), sigma, dtype=torch.float64)
    y = noised(made, noise, s)
    g = predicted(gaussian(0.3, 0.5), y, s) - predicted(gaussian(*REAL), y, s)
    variance = (1 - sigma) ** 2 * 0.25 + sigma**2
    assert float(g.mean()) == pytest.approx((0.3 - 1) * sigma**2 / variance, abs=1e-12)
    assert float(g.mean()) == pytest.approx(wanted, abs=1e-6)
    assert float(g.std()) < 1e-12


@pytest.mark.parametrize(("sigma", "wanted"), [(0.1, 0.0225), (0.5, 0.1522), (0.9, 0.0038)])
def test_the_gradient_of_too_wide_a_student_pulls_it_in_by_the_closed_form(sigma: float, wanted: float) -> None:
    c, s, a, n = 0.5, 0.8, 1 - sigma, 400_000
    closed = a**2 * s * sigma**2 * (s**2 - c**2) / ((a**2 * s**2 + sigma**2) * (a**2 * c**2 + sigma**2))
    assert closed == pytest.approx(wanted, abs=5e-5)
    z = torch.randn(n, 1, generator=generator())
    y = noised(1 + s * z, torch.randn(n, 1, generator=generator(1)), at(sigma, n))
    g = predicted(gaussian(1.0, s), y, at(sigma, n)) - predicted(gaussian(1.0, c), y, at(sigma, n))
    assert float((g * z).mean()) == pytest.approx(closed, abs=2e-3)


def test_the_difference_of_predictions_is_sigma_times_that_of_velocities() -> None:
    x, sigma = torch.randn(5, 3, generator=generator()), torch.rand(5, generator=generator(1))
    fake, real = gaussian(0.0, 1.0), gaussian(*REAL)
    difference = predicted(fake, x, sigma) - predicted(real, x, sigma)
    assert torch.allclose(difference, sigma[:, None] * (real(x, sigma) - fake(x, sigma)), atol=1e-6)


def test_guidance_is_the_same_in_velocity_prediction_and_noise() -> None:
    x, sigma, g = torch.randn(5, 3, generator=generator()), at(0.6, 5), 3.0
    c, u = gaussian(*REAL), gaussian(0.0, 1.0)
    v = guided(c, u, g)
    clean = predicted(u, x, sigma) + g * (predicted(c, x, sigma) - predicted(u, x, sigma))
    assert torch.allclose(predicted(v, x, sigma), clean, atol=1e-5)
    noise = [x + 0.4 * f(x, sigma) for f in (u, c, v)]
    assert torch.allclose(noise[2], noise[0] + g * (noise[1] - noise[0]), atol=1e-5)
    assert guided(c, u, 1.0) is c, "guidance 1 must not cost a second evaluation"


def test_the_loss_hands_the_gradient_on_over_the_number_of_counted_elements() -> None:
    made = torch.randn(4, 3, 5, 2, 2, generator=generator(), requires_grad=True)
    counted = torch.ones(4, 1, 5, 1, 1)
    counted[:2, :, 0] = 0
    fake, real = (torch.randn(made.shape, generator=generator(i)) for i in (1, 2))
    g = matching_gradient(made.detach(), fake, real, counted)
    loss = student_loss(made, g, counted)
    loss.backward()
    elements = float(counted.expand_as(made).sum())
    assert torch.allclose(made.grad, g / elements, atol=1e-9)
    assert float(loss) == pytest.approx(0.5 * float(g.square().sum()) / elements, rel=1e-5)
    assert float(g[:2, :, 0].abs().max()) == 0 < float(g[2:, :, 0].abs().min())


def test_the_normaliser_is_each_samples_own_and_leaves_a_given_first_frame_out() -> None:
    made = torch.zeros(2, 1, 3, 1, 1)
    real = torch.tensor([[100.0, 1.0, 3.0], [10.0, 10.0, 10.0]]).view(2, 1, 3, 1, 1)
    counted = torch.tensor([[0.0, 1.0, 1.0], [1.0, 1.0, 1.0]]).view(2, 1, 3, 1, 1)
    g = matching_gradient(made, real + 1, real, counted).flatten(1)
    assert g.tolist() == [[0.0, 0.5, 0.5], pytest.approx([0.1, 0.1, 0.1])]
    bad = torch.where(counted == 0, torch.nan, real)
    assert torch.isfinite(matching_gradient(made, bad, real, counted)).all()


def test_the_critics_loss_is_least_for_the_exact_velocity_of_the_students_samples() -> None:
    made = 0.3 + 0.7 * torch.randn(50_000, 1, generator=generator())
    noise = torch.randn(made.shape, generator=generator(1))
    sigma = torch.rand(len(made), generator=generator(2))
    counted = torch.ones_like(made)

    def mean(field) -> float:
        return float(critic_loss(field, made, noise, sigma, counted).mean())

    exact = mean(gaussian(0.3, 0.7))
    for other in (gaussian(0.4, 0.7), gaussian(0.3, 0.8), gaussian(0.3, 0.6)):
        assert mean(other) > exact + 1e-3
    some = torch.cat([counted[:10], torch.zeros(10, 1)])
    assert critic_loss(gaussian(0.3, 0.7), made[:20], noise[:20], sigma[:20], some)[10:].tolist() == [0.0] * 10


def train(exact_critic: bool, iterations: int = 400) -> tuple[float, float]:
    """Train a Gaussian student from (-0.5, 1) with Adam; return its mean and deviation at the end."""
    mean, log_spread = (torch.tensor(v, requires_grad=True) for v in (-0.5, 0.0))
    optimiser = torch.optim.Adam([mean, log_spread], lr=0.02)
    random = generator()
    for _ in range(iterations):
        made = mean + log_spread.exp() * torch.randn(64, 64, generator=random)
        sigma = score_sigmas(64, SHIFT, (0.02, 0.98), random)
        with torch.no_grad():
            y = noised(made, torch.randn(made.shape, generator=random), sigma)
            critic = gaussian(mean, log_spread.exp()) if exact_critic else gaussian(-0.5, 1.0)
            fake, real = predicted(critic, y, sigma), predicted(gaussian(*REAL), y, sigma)
        counted = torch.ones_like(made)
        loss = student_loss(made, matching_gradient(made.detach(), fake, real, counted), counted)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return float(mean), math.exp(float(log_spread))


def test_with_an_exact_critic_the_student_comes_to_the_teachers_mean_and_spread() -> None:
    assert train(exact_critic=True) == pytest.approx(REAL, abs=0.02)


def test_with_the_critic_frozen_the_student_does_not_converge() -> None:
    mean, spread = train(exact_critic=False)
    assert abs(mean - REAL[0]) > 0.3 or abs(spread - REAL[1]) > 0.2


def test_with_a_critic_that_learns_the_student_converges_too() -> None:
    class Critic(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean, self.log_spread = (nn.Parameter(torch.tensor(v)) for v in (-0.5, 0.0))

        def forward(self, x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
            return gaussian(self.mean, self.log_spread.exp())(x, sigma)

    mean, log_spread = (torch.tensor(v, requires_grad=True) for v in (-0.5, 0.0))
    critic, random = Critic(), generator()
    first = torch.optim.Adam([mean, log_spread], lr=0.02, betas=(0.0, 0.999))
    second = torch.optim.Adam(critic.parameters(), lr=0.04, betas=(0.0, 0.999))
    averages = []
    for update in range(400):
        for turn in range(6):
            made = mean + log_spread.exp() * torch.randn(32, 32, generator=random)
            sigma, noise = score_sigmas(32, SHIFT, (0.02, 0.98), random), torch.randn(32, 32, generator=random)
            counted = torch.ones_like(made)
            if turn < 5:
                loss, optimiser = critic_loss(critic, made, noise, sigma, counted).mean(), second
            else:
                with torch.no_grad():
                    y = noised(made, noise, sigma)
                    fake, real = predicted(critic, y, sigma), predicted(gaussian(*REAL), y, sigma)
                loss = student_loss(made, matching_gradient(made.detach(), fake, real, counted), counted)
                optimiser = first
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if update >= 300:
            averages.append((float(mean), math.exp(float(log_spread))))
    found = [sum(v) / len(averages) for v in zip(*averages, strict=True)]
    assert found == pytest.approx(REAL, abs=0.06)


@pytest.mark.parametrize(("steps", "spread"), [(4, 0.138), (8, 0.239)])
def test_the_teacher_run_as_a_few_step_student_keeps_the_mean_and_loses_the_spread(steps: int, spread: float) -> None:
    random = generator()
    x = torch.randn(200_000, 1, generator=random)
    field = gaussian(0.5, 0.5)
    made = sample(field, x, student_sigmas(steps, SHIFT), "sde", lambda: torch.randn(x.shape, generator=random))
    assert float(made.mean()) == pytest.approx(0.5, abs=5e-3)
    assert float(made.std()) == pytest.approx(spread, abs=5e-3)


def test_the_students_sigmas_are_the_published_lists() -> None:
    four = [1000, 937.5, 833.333, 625]
    eight = [1000, 972.222, 937.5, 892.857, 833.333, 750, 625, 416.667]
    assert [1000 * s for s in student_sigmas(4, 5.0)[:-1]] == pytest.approx(four, abs=1e-3)
    assert [1000 * s for s in student_sigmas(8, 5.0)[:-1]] == pytest.approx(eight, abs=1e-3)
    at_eight = [1, 0.9825, 0.96, 0.9302, 0.8889, 0.8276, 0.7273, 0.5333]
    assert student_sigmas(8, 8.0)[:-1] == pytest.approx(at_eight, abs=5e-5)
    assert student_sigmas(4, 5.0)[-1] == 0


def test_score_sigmas_are_shifted_thousandths_within_their_bounds() -> None:
    drawn = score_sigmas(200_000, 5.0, (0.02, 0.98), generator())
    assert float(drawn.min()) == pytest.approx(0.02) and float(drawn.max()) == pytest.approx(0.98)
    # P(sigma < 1/2) = P(u < 1/6)
    assert float((drawn < 0.5).float().mean()) == pytest.approx(1 / 6, abs=5e-3)


def test_every_process_trains_the_same_step_and_all_steps_get_their_turn() -> None:
    drawn = [exit_step(0, update, 0, 4) for update in range(2000)]
    assert drawn == [exit_step(0, update, 0, 4) for update in range(2000)]
    assert all(drawn.count(k) / 2000 == pytest.approx(0.25, abs=0.05) for k in range(4))
    assert drawn != [exit_step(0, update, 1, 4) for update in range(2000)]


def test_the_ode_sampler_is_euler_and_the_sde_sampler_renoises() -> None:
    x, field = torch.randn(6, 2, generator=generator()), gaussian(*REAL)
    sigmas = student_sigmas(4, SHIFT)
    walked = euler(x, sigmas, lambda x, s: field(x, at(s, 6)))
    assert torch.allclose(sample(field, x, sigmas, "ode", lambda: pytest.fail("no noise is needed")), walked, atol=1e-5)
    noise = torch.ones_like(x)
    clean = predicted(field, x, at(1.0, 6))
    assert torch.allclose(step(field, x, 1.0, 0.6, "sde", lambda: noise), 0.4 * clean + 0.6 * noise)


def test_a_simulated_sample_meets_the_samplers_inputs_and_has_the_last_steps_gradient_alone() -> None:
    calls: list[bool] = []
    mean = torch.tensor(0.3, requires_grad=True)

    def student(x: torch.Tensor, sigma: torch.Tensor) -> torch.Tensor:
        calls.append(torch.is_grad_enabled())
        return gaussian(mean, 0.5)(x, sigma)

    x, sigmas = torch.randn(4, 2, generator=generator()), student_sigmas(4, SHIFT)
    made = simulate(student, x, sigmas, 2, "ode", lambda: x)
    assert calls == [False, False, True] and made.requires_grad
    with torch.no_grad():
        before = sample(student, x, [*sigmas[:3]], "ode", lambda: x)
    assert torch.allclose(made, predicted(student, before, at(sigmas[2], 4)))


def test_teacher_trajectories_pass_the_students_sigmas() -> None:
    assert shifted_grid(24, 2.0)[::6] == pytest.approx(student_sigmas(4, 2.0))
    assert shifted_grid(24, 2.0)[::3] == pytest.approx(student_sigmas(8, 2.0))


def test_the_classifier_and_the_student_want_opposite_things() -> None:
    high, low = torch.full((4,), 3.0), torch.full((4,), -3.0)
    assert float(classifier_loss(high, low)) < float(classifier_loss(low, high))
    assert float(fooling_loss(high)) < float(fooling_loss(low))
    assert float(classifier_loss(torch.zeros(4), torch.zeros(4))) == pytest.approx(2 * math.log(2))
    counted = torch.tensor([[1.0], [0.0]])
    assert float(regression_loss(torch.ones(2, 3), torch.zeros(2, 3), counted)) == 1
    assert float(masked_mean(torch.tensor([[2.0], [50.0]]), counted)) == 2
