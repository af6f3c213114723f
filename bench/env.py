"""What a run was made on: provenance, never identity."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = (
    "shopedit-bench",
    "numpy",
    "torch",
    "diffusers",
    "transformers",
    "timm",
    "av",
    "opencv-python-headless",
    "scikit-image",
    "scipy",
    "sqlalchemy",
    "pydantic",
)


def environment(device: str) -> dict[str, Any]:
    """Return versions, commit and hardware as JSON-ready facts; what cannot be told is None.

    Where there is no checkout, as in an image, the environment variable SHOPEDIT_COMMIT says which commit was copied.
    """
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "device": device,
        "gpu": _gpu(device),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": _git("rev-parse", "HEAD") or os.environ.get("SHOPEDIT_COMMIT"),
        "dirty": None if changed is None else bool(changed),
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(*arguments: str) -> str | None:
    """Return git's answer about the checkout this module lies in, or None outside one."""
    folder = Path(__file__).resolve().parent.parent
    if not (folder / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu() -> str | None:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or None


def _gpu(device: str) -> dict[str, Any] | None:
    if not device.startswith("cuda"):
        return None
    device = device.partition(",")[0]
    import torch

    if not torch.cuda.is_available():
        return None
    facts = torch.cuda.get_device_properties(device)
    return {"name": facts.name, "memory": facts.total_memory, "cuda": torch.version.cuda}
