"""What compiling only the transformer's blocks saves: `python -m tests.benchmarks.compile_blocks [--layers 8]`.

The first training step of the flow (forward and backward, the seconds of compiling included) and the least of the next
ones, with the whole step compiled and with its blocks, each without a cache. Minutes on a CPU.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
import torch._inductor.config
from torch import Tensor, nn

from methods.training.config import TransformerShape
from methods.training.flow_loss import flow_loss
from methods.training.models import build_transformer

STEPS = 5


def measured(step: Callable[[], Tensor], model: nn.Module) -> tuple[float, float]:
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    times = []
    for _ in range(1 + STEPS):
        start = clock()
        model.zero_grad()
        step().backward()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        times.append(clock() - start)
    return times[0], min(times[1:])


def main(layers: int, batch: int, device: str) -> None:
    # Compiled in this process and not kept: workers' seconds would not be counted.
    torch._inductor.config.compile_threads = 1
    torch._inductor.config.force_disable_caches = True
    torch.set_num_threads(1)
    torch.manual_seed(0)
    clean, noise = torch.randn(2, batch, 44, 5, 16, 16, device=device)
    t, given = torch.rand(batch, device=device), torch.rand(batch, device=device) > 0.3
    context = torch.randn(batch, 64, 256, device=device)
    found = {}
    for name in ("eager", "blocks", "whole"):
        torch._dynamo.reset()
        model = build_transformer(TransformerShape(layers=layers, ffn_dim=1272), 44, 256).to(device)
        objective = flow_loss
        if name == "blocks":
            for block in model.blocks:
                block.compile(dynamic=False)
        elif name == "whole":
            objective = torch.compile(flow_loss, dynamic=False)
        found[name] = measured(lambda model=model, f=objective: f(model, clean, noise, t, given, context), model)
        print(f"{name:<8} first step {found[name][0]:7.1f} s, then {found[name][1]:6.2f} s a step", flush=True)
    saved = found["whole"][0] / found["blocks"][0]
    print(f"the first step of a whole compilation takes {saved:.1f} times as long as that of the blocks")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--layers", type=int, default=8)
    options.add_argument("--batch", type=int, default=2)
    options.add_argument("--device", default="cpu")
    main(**vars(options.parse_args()))
