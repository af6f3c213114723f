"""What exporting the transformer would bring on this machine's CPU: ratios to the eager forward, taken in one run.

    python -m tests.benchmarks.compiled_forward [--rounds 15] [--threads 2]

One forward of `shopedit-mini` at batch 1 on a clip of 256x256x17, first frame given: eager, TorchScript (traced,
frozen, optimised for inference), `torch.compile` (Inductor) and, where `onnx` and `onnxscript` are installed, ONNX
Runtime. Forwards take turns and the median counts: of wall seconds, or with one thread of processor seconds, which
what else runs hardly moves. An export is worth its second code path from 1.3 times on. Each prints its error, too.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from methods.wan.load import load

SIZE = (5, 16, 16)
"""Latent frames, height and width of the clip."""


class Plain(nn.Module):
    """The transformer as a function of tensors alone."""

    def __init__(self, transformer: nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, x: Tensor, timestep: Tensor, context: Tensor) -> Tensor:
        return self.transformer(x, timestep, context, return_dict=False)[0]


def inputs(wan) -> tuple[Tensor, Tensor, Tensor]:
    x = torch.randn(1, wan.transformer.config.in_channels, *SIZE, generator=torch.Generator().manual_seed(0))
    _, high, wide = wan.transformer.config.patch_size
    tokens = SIZE[0] * (SIZE[1] // high) * (SIZE[2] // wide)
    timestep = torch.full((1, tokens), 500.0)
    timestep[:, : tokens // SIZE[0]] = 0
    return x, timestep, wan.encode_text("a red leather handbag on a marble table")


def onnx_runtime(module: nn.Module, given: tuple[Tensor, ...], threads: int) -> Callable[..., Tensor]:
    import onnxruntime

    file = io.BytesIO()
    torch.onnx.export(module, given, file, input_names=["x", "t", "c"], output_names=["v"], dynamo=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    return lambda *a: torch.from_numpy(session.run(None, dict(zip(names, (t.numpy() for t in a), strict=True)))[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    clock = time.process_time if args.threads == 1 else time.perf_counter
    torch.set_num_threads(args.threads)
    wan = load("shopedit-mini", "cpu")
    given, module = inputs(wan), Plain(wan.transformer).eval()
    makers: dict[str, Callable[[], Callable[..., Tensor]]] = {
        "TorchScript": lambda: torch.jit.optimize_for_inference(torch.jit.trace(module, given, check_trace=False)),
        "torch.compile": lambda: torch.compile(module),
        "ONNX Runtime": lambda: onnx_runtime(module, given, args.threads),
    }
    with torch.inference_mode():
        ways: dict[str, Callable[..., Tensor]] = {"eager": module}
        for name, make in makers.items():
            try:
                way = make()
                way(*given)
                way(*given)
            except Exception as error:  # a way that does not work here is a finding, too
                print(f"{name}: does not work here: {type(error).__name__}: {str(error).splitlines()[0][:120]}")
                continue
            ways[name] = way
        spent: dict[str, list[float]] = {name: [] for name in ways}
        wanted = module(*given)
        for _ in range(args.rounds):
            for name, way in ways.items():
                start = clock()
                way(*given)
                spent[name].append(clock() - start)
        eager = median(spent["eager"])
        for name, seconds in spent.items():
            far = float((ways[name](*given) - wanted).abs().max() / wanted.abs().max())
            print(f"{name:<14} {eager / median(seconds):.2f} times as fast ({median(seconds):.3f} s), error {far:.1e}")


if __name__ == "__main__":
    main()
