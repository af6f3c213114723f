"""The autoencoder's patch critic: its pull is in proportion, it learns, and a run with it goes on exactly."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from methods.training.clock import Clock
from methods.training.command import CONFIGS
from methods.training.config import Critic, VaeConfig, VaeLoss, read_config
from methods.training.critic import PatchCritic, critic_loss, pull
from methods.training.learner import Learner
from methods.training.session import Session
from methods.training.vae_loss import reconstruction_loss
from methods.training.vae_stage import VaeStage
from tests.moving_boxes import MovingBoxes

TINY = read_config(CONFIGS / "vae-tiny.yaml", VaeConfig)
CRITIC = Critic.model_validate(
    {"width": 8, "start": 0.5, "ramp": 0.25, "optimiser": TINY.optimiser.model_dump() | {"ema": 0.0}}
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def clips() -> torch.Tensor:
    return torch.rand(2, 3, 5, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1


def stage(out: Path, steps: int, **more) -> VaeStage:
    clock = Clock(steps=steps, until=more.pop("until", 1.0))
    config = TINY.model_copy(update={"critic": CRITIC})
    return VaeStage(Session(config, MovingBoxes(), out=out, clock=clock, **more))


def test_the_pull_has_its_share_of_the_other_gradient_and_leaves_the_critic_alone() -> None:
    critic, original = PatchCritic(8), clips()
    made, own = original * 0.5, torch.randn(original.shape)
    gradient = pull(critic, original, made, own, CRITIC)
    assert float(gradient.norm() / own.norm()) == pytest.approx(CRITIC.strength, rel=1e-4)
    assert all(w.grad is None for w in critic.parameters())
    down = pull(critic, original, made - gradient / gradient.norm(), own, CRITIC)
    assert torch.isfinite(down).all()


def test_the_pull_can_be_computed_in_bfloat16() -> None:
    critic, original = PatchCritic(8), clips()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(critic_loss(critic, original, original * 0.5, CRITIC))
        half = pull(critic, original, original * 0.5, torch.ones_like(original), CRITIC)
    full = pull(critic, original, original * 0.5, torch.ones_like(original), CRITIC)
    assert float(F.cosine_similarity(half.flatten(), full.flatten(), dim=0)) > 0.95


def test_the_critic_learns_to_tell_a_blurred_clip() -> None:
    torch.manual_seed(0)
    original = clips()
    blurred = F.avg_pool3d(original, (1, 3, 3), stride=1, padding=(0, 1, 1))
    learner = Learner(PatchCritic(8), CRITIC.optimiser)
    losses = []
    for _ in range(40):
        loss = critic_loss(learner.module, original, blurred, CRITIC)
        losses.append(float(loss.detach()))
        learner.update(loss, 0.0)
    assert losses[-1] < 0.5 * losses[0]
    real, fake = (learner.module(x)[0].mean() for x in (original, blurred))
    assert real > fake


def test_the_surrogate_has_the_losss_value_and_the_sum_of_both_gradients(tmp_path: Path) -> None:
    trained = stage(tmp_path, 4)
    pixels = clips()
    made = (pixels * 0.5).requires_grad_()
    judged = trained._judged(pixels, made, trained._blame, 1.0, learn=False)
    plain = trained._blame(pixels, made)
    assert float(judged.detach()) == pytest.approx(float(plain.detach()), rel=1e-4)
    (own,) = torch.autograd.grad(plain, made)
    (both,) = torch.autograd.grad(judged, made)
    wanted = own + pull(trained.critic.module, pixels, made, own, CRITIC)
    torch.testing.assert_close(both, wanted, rtol=1e-4, atol=1e-7)


def test_the_critic_waits_for_its_time_and_goes_on_exactly(tmp_path: Path) -> None:
    first = stage(tmp_path / "half", 4, until=0.5)
    first.run()
    assert first.critic.step == 0 and first._felt(4) == 0
    rest = stage(tmp_path / "rest", 4, resume=tmp_path / "half", until=0.9)
    rest.run()
    assert rest.critic.step == 3, "one step of the four starts at the very beginning of its time"
    again = stage(tmp_path / "again", 4, resume=tmp_path / "rest")
    kept, here = rest.critic.state(), again.critic.state()
    assert again.critic.step == 3 and kept.keys() == here.keys()
    assert all(torch.equal(kept[k], here[k]) for k in kept)


def test_of_the_terms_on_the_laplacian_only_the_squared_one_keeps_an_edge_that_may_lie_in_two_places() -> None:
    """An edge is here or one pixel further. Half an edge in each place is a third answer; none at all a fourth."""
    line = torch.zeros(2, 1, 1, 16, 32)
    line[0, ..., 12], line[1, ..., 15] = 1.0, 1.0
    both = line.expand(2, 3, 1, 16, 32)
    mean, nothing = both.mean(0, keepdim=True), torch.zeros_like(both[:1])
    silent = dict.fromkeys(VaeLoss.model_fields, 0.0) | {"edges": 0.0}

    def cost(answer: torch.Tensor, **weight: float) -> float:
        terms = VaeLoss(**(silent | weight))
        alone = VaeLoss(**silent)
        return float(
            reconstruction_loss(both, answer.expand_as(both), terms)
            - reconstruction_loss(both, answer.expand_as(both), alone)
        )

    assert cost(nothing, laplacian=1.0) <= cost(mean, laplacian=1.0) + 1e-6
    assert cost(mean, sharp=1.0) < 0.8 * cost(nothing, sharp=1.0)
