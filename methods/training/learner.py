"""A module under training: its weights, their running average, the optimiser and the learning rate."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from bench.errors import BenchError, UserError
from methods.training.config import Optimiser

WORDS = ("shared.weight", "token_embedding.weight")
"""The names of UMT5's and of open_clip's word embeddings end so."""


class Diverged(BenchError):
    """The loss or the weights are not finite; the last checkpoint is the last good one."""


class Learner:
    """Steps `module` by AdamW and keeps `average`, the exponential moving average of its weights."""

    def __init__(self, module: nn.Module, config: Optimiser) -> None:
        self.module = module
        self.average = copy.deepcopy(module).requires_grad_(False).eval()
        self.step = 0
        self.share: Callable[[Sequence[Tensor]], None] | None = None
        """Given a process's gradients, replaces them by those of all processes."""
        self._config = config
        self._warm_from = 0
        self._weights = dict(module.named_parameters())
        self._averages = dict(self.average.named_parameters())
        self._optimiser = torch.optim.AdamW(
            self._weights.values(),
            lr=config.lr,
            betas=config.betas,
            weight_decay=config.weight_decay,
            fused=next(module.parameters()).is_cuda,
        )

    def rate(self, progress: float) -> float:
        """Return the learning rate at a position of the schedule: linear warm-up, then a cosine."""
        c = self._config
        warm = min(1.0, (self.step - self._warm_from + 1) / max(1, c.warmup))
        cosine = 0.5 + 0.5 * math.cos(math.pi * progress)
        return c.lr * warm * (c.final_lr + (1 - c.final_lr) * cosine)

    def update(self, loss: Tensor, progress: float) -> Tensor:
        """Take one step down `loss`; return the gradient's norm before clipping (on the device, no wait)."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate(progress)
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if self.share is not None:
            self.share([w.grad for w in self._weights.values() if w.grad is not None])
        norm = nn.utils.clip_grad_norm_(self._weights.values(), self._config.clip)
        self._optimiser.step()
        self.step += 1
        # Early averages forget faster, or the random start would stay in them for hundreds of steps.
        decay = min(self._config.ema, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self._averages.values()), [w.detach() for w in self._weights.values()], 1 - decay)
        return norm

    def check_finite(self) -> None:
        """Raise Diverged when a weight is not finite; call before saving (waits for the device)."""
        norms = torch._foreach_norm(list(self._weights.values()))
        if not torch.isfinite(torch.stack(norms)).all():
            raise Diverged(f"weights are not finite at step {self.step}: the last checkpoint is kept")

    def weights(self, *, average: bool) -> dict[str, Tensor]:
        """Return the weights by name: the trained ones, or their average."""
        return dict(self._averages if average else self._weights)

    def state(self) -> dict[str, Tensor]:
        """Return all that going on needs, as flat tensors."""
        tensors = {f"weight.{k}": v for k, v in self._weights.items()}
        tensors |= {f"average.{k}": v for k, v in self._averages.items()}
        for name, weight in self._weights.items():
            for key, value in self._optimiser.state.get(weight, {}).items():
                tensors[f"{key}.{name}"] = value
        return tensors

    def restore(self, state: Mapping[str, Tensor], step: int) -> None:
        """Go on exactly from `state()`, taken after `step` steps."""
        _copy(self._weights, {k[7:]: v for k, v in state.items() if k.startswith("weight.")})
        _copy(self._averages, {k[8:]: v for k, v in state.items() if k.startswith("average.")})
        moments: dict[int, dict[str, Tensor]] = {}
        for i, (name, weight) in enumerate(self._weights.items()):
            if f"step.{name}" not in state:
                continue
            moments[i] = {"step": state[f"step.{name}"].clone()}
            for key in ("exp_avg", "exp_avg_sq"):
                # The fused kernel walks memory, so moments must lie as their weight does (channels last).
                moments[i][key] = torch.empty_like(weight).copy_(state[f"{key}.{name}"])
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": moments, "param_groups": groups})
        self.step = step

    def begin_from(self, weights: Mapping[str, Tensor]) -> list[str]:
        """Start a new run from another's weights; return the names that do not fit and stay as they were drawn.

        The table of words keeps the rows it has in common with a smaller or larger vocabulary's.
        """
        fresh = self._weights.keys() - weights.keys()
        with torch.no_grad():
            for name in self._weights.keys() & weights.keys():
                given, here = weights[name], self._weights[name]
                grown = name.endswith(WORDS) and given.shape[1:] == here.shape[1:]
                if given.shape != here.shape and not grown:
                    fresh.add(name)
                    continue
                rows = slice(min(len(given), len(here))) if grown else ...
                here[rows].copy_(given[rows])
                self._averages[name][rows].copy_(given[rows])
        return sorted(fresh)

    def restart(self, weights: Mapping[str, Tensor], step: int) -> None:
        """Go on from weights alone, after `step` steps: fresh moments, and a new warm-up for their sake."""
        _copy(self._weights, weights)
        _copy(self._averages, weights)
        self.step = self._warm_from = step


def _copy(into: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    if into.keys() != values.keys():
        name = min(into.keys() ^ values.keys())
        raise UserError(f"the checkpoint does not fit the model: weight '{name}' is on one side only")
    with torch.no_grad():
        for name, tensor in into.items():
            if tensor.shape != values[name].shape:
                found, wanted = tuple(values[name].shape), tuple(tensor.shape)
                raise UserError(f"the checkpoint does not fit the model: '{name}' is {found}, wanted {wanted}")
            tensor.copy_(values[name])
