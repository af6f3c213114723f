"""What `bench doctor` looks at: one function per thing a run needs."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from bench.errors import BenchError

NEEDED = ("torch", "diffusers", "transformers", "timm", "av", "sqlalchemy", "alembic", "scikit-image")
FREE_BYTES = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Check:
    """One thing, whether it is well, and what was found (with the remedy where it is not)."""

    name: str
    ok: bool
    found: str


def checks(home: Path | None, db: str | None, testset: str, protocol: str) -> Iterator[Check]:
    """Yield the checks in the order a run would meet what they look at."""
    looks: list[tuple[str, Callable[[], str]]] = [
        ("python", _python),
        ("packages", _packages),
        ("codecs", _codecs),
        ("state folder", lambda: _home(home)),
        ("store", lambda: _store(home, db)),
        ("methods", _methods),
        ("protocol", lambda: _protocol(protocol)),
        ("test set", lambda: _testset(testset)),
        ("device", _device),
    ]
    for name, look in looks:
        try:
            yield Check(name, True, look())
        except BenchError as error:
            yield Check(name, False, str(error))
        except Exception as error:  # a check that breaks is itself the finding
            yield Check(name, False, f"{type(error).__name__}: {error}")


def _python() -> str:
    return f"{platform.python_version()} on {platform.platform()}"


def _packages() -> str:
    found, missing = [], []
    for package in NEEDED:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            missing.append(package)
    if missing:
        raise BenchError(f"missing {', '.join(missing)}: pip install {' '.join(missing)}")
    return ", ".join(found)


def _codecs() -> str:
    import av

    missing = {"libx264", "libx264rgb", "h264"} - av.codec.codecs_available
    if missing:
        raise BenchError(
            f"PyAV lacks {', '.join(sorted(missing))}: install its wheel, pip install --force-reinstall av"
        )
    return f"PyAV {av.__version__} with H.264 in YUV and RGB"


def _home(folder: Path | None) -> str:
    from bench.home import open_home

    root = open_home(folder).root
    free = shutil.disk_usage(root).free
    if free < FREE_BYTES:
        raise BenchError(
            f"{root}: {free / 2**30:.1f} GiB free, wanted {FREE_BYTES / 2**30:.0f}; make room or use --home"
        )
    return f"{root}, {free / 2**30:.0f} GiB free"


def _store(folder: Path | None, db: str | None) -> str:
    from bench.home import open_home
    from bench.store.access import open_reader

    runs = open_reader(open_home(folder), db).runs()
    return f"{len(runs)} runs"


def _methods() -> str:
    from bench import registry

    found = registry.methods()
    if not found:
        raise BenchError("no method is registered: pip install -e . once more, so that entry points are written")
    controls = sum(entry.card.control for entry in found.values())
    return f"{len(found) - controls} methods, {controls} controls"


def _protocol(name: str) -> str:
    from bench import registry

    protocol = registry.protocol(name)
    return f"{protocol.signature}, {len(protocol.cards)} metrics"


def _testset(name: str) -> str:
    from bench import registry
    from bench.testsets import verify_assets

    testset = registry.testset(name)
    files = verify_assets(testset, testset.cases)
    return f"{testset.name} {testset.version}, {len(testset.cases)} cases, {files} files with the right hash"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return f"CPU only, {torch.get_num_threads()} threads"
