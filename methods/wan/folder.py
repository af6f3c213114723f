"""A model folder in diffusers' layout: where it is, whether it is whole, and what identifies it. No torch."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Iterable
from pathlib import Path, PurePath

from bench.errors import UserError, unknown

SHIPPED = Path(__file__).parent.parent / "weights"
"""Models that come with the package, one folder each."""
SUMS = "SHA256SUMS"
"""File of `<sha256>  <path>` lines in a model folder; what it lists is checked whenever weights are read."""
PARTS = ("transformer", "vae", "text_encoder", "tokenizer", "scheduler")
_CONFIG = {"tokenizer": "tokenizer_config.json", "scheduler": "scheduler_config.json"}
_WITHOUT_WEIGHTS = ("tokenizer", "scheduler")
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def resolve(model: str) -> Path:
    """Return the folder of a model: a shipped name, a path, or a hub id that has been downloaded before.

    Raises UserError when there is none on this machine; nothing is ever fetched.
    """
    shipped = SHIPPED / model
    for folder in (shipped, Path(model).expanduser()):
        if folder.is_dir():
            return folder
    if not _HUB_ID.fullmatch(model):
        raise unknown("model", model, [f.name for f in SHIPPED.glob("*/")] + ["a folder in diffusers' layout"])
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(model, local_files_only=True))
    except LocalEntryNotFoundError:
        raise UserError(
            f"model '{model}' is neither a folder nor in the local hub cache: download it first with "
            f"`hf download {model}`, or give the path of a folder in diffusers' layout"
        ) from None


def check_parts(folder: Path, parts: Iterable[str] = PARTS) -> None:
    """Raise UserError naming the first of `parts` (or its config, or a shard) that the folder lacks."""
    for part in parts:
        home = folder / part
        config = home / _CONFIG.get(part, "config.json")
        if not config.is_file():
            raise _lacks(folder, part, config)
        if part in _WITHOUT_WEIGHTS:
            continue
        if not any(home.glob("*.safetensors")):
            raise _lacks(folder, part, home / "*.safetensors")
        for index in home.glob("*.safetensors.index.json"):
            for shard in sorted(set(json.loads(index.read_text())["weight_map"].values())):
                if not (home / shard).is_file():
                    raise _lacks(folder, part, home / shard)


def layers(folder: Path) -> int:
    """Return the number of the transformer's blocks; UserError when the folder lacks its config."""
    check_parts(folder, ("transformer",))
    return int(json.loads((folder / "transformer" / "config.json").read_text())["num_layers"])


def flow_shift(folder: Path) -> float:
    """Return the schedule shift that the model was trained for; UserError when the folder lacks its scheduler."""
    check_parts(folder, ("scheduler",))
    return float(json.loads((folder / "scheduler" / "scheduler_config.json").read_text()).get("flow_shift", 1.0))


def digest(folder: Path) -> str:
    """Return the sha256 (hex) of the sorted `<sha256>  <path>` lines of the model's files.

    Cheap: the lines come from SHA256SUMS where there is one, else files are hashed once and remembered by
    size and time of change in the user's cache folder.
    """
    sums = _listed_sums(folder)
    if sums is None:
        sums = _remembered_sums(folder)
    return hashlib.sha256(format_sums(sums).encode()).hexdigest()


def verify(folder: Path) -> None:
    """Raise UserError when a part's file that SHA256SUMS lists is absent or altered; without a list, pass."""
    for name, expected in (_listed_sums(folder) or {}).items():
        path = folder / name
        found = hash_file(path) if path.is_file() else "no file"
        if found != expected:
            raise UserError(
                f"weights file {path}: expected sha256 {expected}, found {found}; "
                "restore the file (reinstall the package, or download it again)"
            )


def read_sums(path: Path) -> dict[str, str]:
    """Return {path relative to the folder: sha256 in hex} of a SHA256SUMS file."""
    lines = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
    return {name.lstrip("*"): value for value, name in lines}


def format_sums(sums: dict[str, str]) -> str:
    """Return the text of a SHA256SUMS file, sorted by path, as `sha256sum -c` reads it."""
    return "".join(f"{value}  {name}\n" for name, value in sorted(sums.items()))


def hash_file(path: Path) -> str:
    """Return the sha256 of a file, in hex."""
    state = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**22):
            state.update(block)
    return state.hexdigest()


def model_files(folder: Path) -> list[Path]:
    """Return the files that make up a model: the configs, vocabularies and weights of its parts."""
    files = (p for part in PARTS for p in (folder / part).rglob("*"))
    return sorted(p for p in files if p.is_file() and _counts(p.relative_to(folder)))


def _counts(path: PurePath) -> bool:
    """Tell whether a file, relative to the model's folder, can change what the model computes."""
    return path.parts[0] in PARTS and path.suffix in (".json", ".safetensors", ".txt", ".model")


def _listed_sums(folder: Path) -> dict[str, str] | None:
    """Return the hashes that SHA256SUMS states for the model's own files, or None where there is no list."""
    listed = folder / SUMS
    if not listed.is_file():
        return None
    return {name: value for name, value in read_sums(listed).items() if _counts(PurePath(name))}


def _remembered_sums(folder: Path) -> dict[str, str]:
    """Hash every file whose size or time differs from the last look; weights of 20 GB take half a minute."""
    from platformdirs import user_cache_path  # not needed where the hashes are listed

    key = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    memo = user_cache_path("shopedit-bench") / "digests" / f"{key}.json"
    seen: dict[str, list[str | int]] = {}
    with contextlib.suppress(OSError, ValueError):  # no cache yet, or half of one: hash again
        seen = json.loads(memo.read_text())
    now: dict[str, list[str | int]] = {}
    for path in model_files(folder):
        name, stat = path.relative_to(folder).as_posix(), path.stat()
        stamp = [stat.st_size, stat.st_mtime_ns]
        known = seen.get(name)
        now[name] = known if known and known[:2] == stamp else [*stamp, hash_file(path)]
    if now != seen:
        with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
            memo.parent.mkdir(parents=True, exist_ok=True)
            memo.write_text(json.dumps(now))
    return {name: str(entry[2]) for name, entry in now.items()}


def _lacks(folder: Path, part: str, wanted: Path) -> UserError:
    return UserError(
        f"model folder {folder} lacks its {part}: no {wanted.relative_to(folder)}; "
        f"a whole one has {', '.join(PARTS)}: download or export it again"
    )
