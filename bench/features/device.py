"""Where feature networks run: set once by a worker, the CPU unless it says otherwise."""

from __future__ import annotations

from bench.errors import UserError

_device = "cpu"


def check(name: str) -> None:
    """Raise UserError where PyTorch sees no GPU and `name` is one."""
    import torch

    if name.startswith("cuda") and not torch.cuda.is_available():
        raise UserError(f"--device {name}: PyTorch sees no GPU here; use --device cpu or install a CUDA build")


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
