"""What a run leaves on disk: small model shards for use, and the full state for going on.

    OUT/state.json                    stage, step, position in the schedule, config, figures, names and hashes
    OUT/model-<step>-1of3.safetensors bfloat16 weights (the average), shards of at most 15 MiB
    STATE/resume-<step>.safetensors   float32 weights, averages, optimiser moments, generator state

`state.json` is replaced last and atomically: a run that is killed while saving keeps its last checkpoint.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from torch import Tensor, bfloat16

from bench.errors import UserError

SHARD_BYTES = 15 * 2**20
STATE = "state.json"


@dataclass(slots=True)
class Snapshot:
    """Where a stage stands. All of it is JSON."""

    stage: str
    step: int
    progress: float
    """Position in the schedule, [0, 1]."""
    seconds: float
    """Training time so far, all commands, without setup and evaluation."""
    rendered: int
    """Scenes used so far; the next command goes on with fresh ones."""
    config: dict[str, Any]
    figures: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)
    """What the stage needs besides weights: latent statistics, the tokenizer."""


def save(
    out: Path,
    state: Path,
    snapshot: Snapshot,
    model: Mapping[str, Tensor],
    resume: Mapping[str, Tensor] | None = None,
) -> None:
    """Write a checkpoint and drop the one before it. `model` is stored as bfloat16, `resume` as it is."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    state.mkdir(parents=True, exist_ok=True)
    shards = _shards({name: t.detach().to("cpu", bfloat16).contiguous() for name, t in model.items()})
    files: list[Path] = []
    for i, shard in enumerate(shards, 1):
        files.append(out / f"model-{snapshot.step:06d}-{i}of{len(shards)}.safetensors")
        save_file(shard, files[-1])
    if resume is not None:
        files.append(state / f"resume-{snapshot.step:06d}.safetensors")
        save_file({name: t.detach().cpu().contiguous() for name, t in resume.items()}, files[-1])
    record = asdict(snapshot) | {"files": {f.name: _sha256(f) for f in files}}
    draft = out / (STATE + ".tmp")
    draft.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(out / STATE)
    for old in {*out.glob("model-*.safetensors"), *state.glob("resume-*.safetensors")} - set(files):
        old.unlink()


def amend(out: Path, snapshot: Snapshot) -> None:
    """Replace figures and extra of a checkpoint that is already written, its weights untouched."""
    record = json.loads((out / STATE).read_text(encoding="utf-8"))
    record |= {"figures": snapshot.figures, "extra": snapshot.extra}
    draft = out / (STATE + ".tmp")
    draft.write_text(json.dumps(record, indent=1, ensure_ascii=False), encoding="utf-8")
    draft.replace(out / STATE)


def read_snapshot(folder: Path, stage: str) -> Snapshot:
    """Return where the run in a folder stands; UserError when there is none or it is another stage's."""
    record = _record(folder)
    try:
        snapshot = Snapshot(**{name: value for name, value in record.items() if name != "files"})
    except TypeError as error:
        raise UserError(f"{folder / STATE} is of another version ({error}): train the stage again") from error
    if snapshot.stage != stage:
        raise UserError(f"{folder} holds a run of stage '{snapshot.stage}', wanted one of stage '{stage}'")
    return snapshot


def read_model(folder: Path) -> dict[str, Tensor]:
    """Return the bfloat16 weights of a run; a shard that is lacking or altered is a UserError."""
    names = [name for name in _record(folder)["files"] if name.startswith("model-")]
    return _read(folder, [folder], names)


def read_resume(folder: Path, state: Path) -> dict[str, Tensor] | None:
    """Return the full state of a run from its folder or from `state`; None when it was not kept."""
    names = [name for name in _record(folder)["files"] if name.startswith("resume-")]
    places = [p for p in (folder, state) if names and (p / names[0]).is_file()]
    return _read(folder, places, names) if places else None


def _record(folder: Path) -> dict[str, Any]:
    path = folder / STATE
    if not path.is_file():
        raise UserError(f"no training run in {folder}: it holds no {STATE}; name the --out of an earlier run")
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}): copy it again, or train the stage again") from error
    return record


def _read(folder: Path, places: list[Path], names: list[str]) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    expected = _record(folder)["files"]
    tensors: dict[str, Tensor] = {}
    for name in names:
        path = next((p / name for p in places if (p / name).is_file()), None)
        if path is None:
            raise UserError(f"{folder / name} is missing: copy it there, or train the stage again")
        if (found := _sha256(path)) != expected[name]:
            raise UserError(f"{path} is altered: sha256 {found[:12]}, expected {expected[name][:12]}; copy it again")
        tensors |= load_file(path)
    return tensors


def _shards(tensors: dict[str, Tensor]) -> list[dict[str, Tensor]]:
    shards: list[dict[str, Tensor]] = [{}]
    size = 0
    for name, tensor in tensors.items():
        if shards[-1] and size + tensor.nbytes > SHARD_BYTES - 2**16:  # room for the header
            shards.append({})
            size = 0
        shards[-1][name] = tensor
        size += tensor.nbytes
    return shards


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest()
