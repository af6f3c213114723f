"""The losses of DMD2 in flow form (Yin et al., arXiv 2405.14867, sections 3 and 4).

sigma in [0, 1] with 1 pure noise, x = (1 - sigma) clean + sigma noise, velocity = noise - clean. A field is any
function (x, sigma [B]) -> velocity in x's shape. `counted` is 1 where an element takes part and 0 where it does not
(a given first frame), broadcast over x's shape; the first dimension is the batch.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Field = Callable[[Tensor, Tensor], Tensor]


def over(sigma: Tensor, like: Tensor) -> Tensor:
    """Return sigma [B] in as many dimensions as `like`."""
    return sigma.view(-1, *[1] * (like.ndim - 1))


def noised(clean: Tensor, noise: Tensor, sigma: Tensor) -> Tensor:
    """Return (1 - sigma) clean + sigma noise."""
    s = over(sigma, clean)
    return (1 - s) * clean + s * noise


def predicted(field: Field, x: Tensor, sigma: Tensor) -> Tensor:
    """Return the clean sample that a field predicts at x: x - sigma v."""
    return x - over(sigma, x) * field(x, sigma)


def matching_gradient(made: Tensor, fake: Tensor, real: Tensor, counted: Tensor, floor: float = 1e-6) -> Tensor:
    """Return the DMD gradient (fake - real) / mean |made - real|, 0 where nothing counts or is not finite.

    `made` is the student's sample, `fake` and `real` what critic and teacher predict from it under the same noise. The
    mean is over the counted elements of each sample. Up to that factor it is the gradient of the Kullback-Leibler
    divergence of the student from the teacher: (sigma^2 / (1 - sigma)) (score of the critic - score of the teacher).
    """
    counted = counted.expand_as(made)
    dims = tuple(range(1, made.ndim))
    size = ((made - real).abs() * counted).sum(dims, keepdim=True) / counted.sum(dims, keepdim=True).clamp(min=1)
    return torch.nan_to_num((fake - real) / size.clamp(min=floor) * counted, 0.0, 0.0, 0.0)


def student_loss(made: Tensor, gradient: Tensor, counted: Tensor) -> Tensor:
    """Return a loss whose derivative by `made` is `gradient` over the number of counted elements.

    Its value, half the mean squared gradient, says nothing of convergence.
    """
    wanted = (made - gradient).detach()
    return 0.5 * masked_mean((made.float() - wanted.float()).square(), counted)


def critic_loss(critic: Field, made: Tensor, noise: Tensor, sigma: Tensor, counted: Tensor) -> Tensor:
    """Return the flow-matching loss of the critic on the student's samples: mean (v - (noise - made))^2, per sample.

    The result is [B]: the mean over the counted elements of each sample.
    """
    made = made.detach()
    error = (critic(noised(made, noise, sigma), sigma) - (noise - made)).square()
    counted = counted.expand_as(error)
    dims = tuple(range(1, error.ndim))
    return (error * counted).sum(dims) / counted.sum(dims).clamp(min=1)


def regression_loss(made: Tensor, wanted: Tensor, counted: Tensor) -> Tensor:
    """Return the mean squared distance to the end of the teacher's trajectory."""
    return masked_mean((made - wanted).square(), counted)


def classifier_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return softplus(-real) + softplus(fake) of logits: what the GAN head minimises."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def fooling_loss(fake: Tensor) -> Tensor:
    """Return softplus(-fake): what the student minimises."""
    return F.softplus(-fake).mean()


def masked_mean(values: Tensor, counted: Tensor) -> Tensor:
    """Return the mean over the counted elements of the whole batch."""
    counted = counted.expand_as(values)
    return (values * counted).sum() / counted.sum().clamp(min=1)
