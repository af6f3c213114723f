"""Where feature networks run: set once by a worker, the CPU unless it says otherwise."""

from __future__ import annotations

_device = "cpu"


def use(name: str) -> None:
    """Let networks run on `cpu`, `cuda`, `cuda:1` ...; features are the same to 1e-4, so it is no part of identity."""
    global _device
    if name.startswith("cuda"):
        import torch

        # TensorFloat-32 would move features by 1e-3, more than metrics may differ between machines.
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cuda.matmul.allow_tf32 = False
    _device = name


def current() -> str:
    """Return the device."""
    return _device
