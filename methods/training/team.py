"""The processes of a run: one, or several that hold the same weights and average their gradients."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from methods.training.clock import Clock


@dataclass(frozen=True, slots=True)
class Team:
    """This process among its fellows, and what they agree on."""

    rank: int
    size: int
    device: str
    average: Callable[[Sequence[Tensor]], None]
    """Replace tensors by their mean over the processes."""
    agree: Callable[[float], float]
    """Return the first process's number to all."""

    def clock(self, clock: Clock) -> Clock:
        """Return the first process's clock for all: who stopped an update early would leave the others waiting."""
        if self.size == 1:
            return clock
        return replace(clock, now=lambda: self.agree(time.monotonic()), started=self.agree(clock.started))

    @property
    def leads(self) -> bool:
        """True for the one process that logs, evaluates and saves."""
        return self.rank == 0


def alone(device: str) -> Team:
    """Return a team of one."""
    return Team(0, 1, device, lambda _: None, lambda number: number)


@contextmanager
def join(device: str) -> Iterator[Team]:
    """Yield the team that `accelerate launch` or torchrun started this process in, or a team of one; leave it together.

    A process that went home while others still talk would take its sockets with it, and the others would die of that:
    they meet at the end and part in order. After an error nobody waits, so that the launcher sees it and ends the rest.

    Weights are not wrapped in DistributedDataParallel: with adapters, student and critic of a distillation live in one
    module and take turns, and a plain module compiles as it is. Gradients are averaged by one flat reduction before
    each optimiser step, which for these sizes (20 to 90 MB) is a few hundred microseconds between two GPUs of a host.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        yield alone(device)
        return
    from accelerate import Accelerator
    from torch import distributed

    accelerator = Accelerator(cpu=device == "cpu")
    # Numbers are agreed on between the hosts' processors: over the devices each would wait until all steps are done.
    talk = distributed.new_group(backend="gloo")

    def average(tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([t.flatten() for t in tensors])
        mean = accelerator.reduce(flat, reduction="mean")
        parts = mean.split([t.numel() for t in tensors])
        torch._foreach_copy_(list(tensors), [part.view_as(t) for part, t in zip(parts, tensors, strict=True)])

    def agree(number: float) -> float:
        told = torch.tensor([number], dtype=torch.float64)
        distributed.broadcast(told, 0, group=talk)
        return float(told)

    where = "cpu" if device == "cpu" else str(accelerator.device)
    yield Team(accelerator.process_index, accelerator.num_processes, where, average, agree)
    accelerator.wait_for_everyone()
    accelerator.end_training()
