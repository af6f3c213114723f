"""A distilled student: where it is, what it was trained to be sampled with, and a transformer that has it.

Three layouts: a folder that `bench train export-student` wrote (`student.json` says everything), a published model
folder in diffusers' layout (FastWan2.2), and a LoRA file. The last two do not say how they are sampled: FastWan's
recipe is known by its pipeline's name, for others the row has to say. No torch here before weights are read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from bench.errors import UserError
from methods.wan.folder import SHIPPED, SUMS, format_sums, hash_file, read_sums, resolve
from methods.wan.folder import digest as folder_digest

if TYPE_CHECKING:
    from diffusers import WanTransformer3DModel

CARD = "student.json"
LORA = "pytorch_lora_weights.safetensors"
"""diffusers' own name for a LoRA file in a folder."""
Sampler = Literal["ode", "sde"]
Sigma = Annotated[float, Field(gt=0, le=1)]
KNOWN: dict[str, tuple[Sampler, tuple[float, ...]]] = {"WanDMDPipeline": ("sde", (1.0, 0.757, 0.522))}
"""How models of a published pipeline are sampled: FastWan steps at 1000, 757 and 522 and re-noises in between."""
SHAPE = (
    "patch_size",
    "num_attention_heads",
    "attention_head_dim",
    "in_channels",
    "out_channels",
    "text_dim",
    "ffn_dim",
    "num_layers",
    "qk_norm",
    "cross_attn_norm",
)
"""Entries of a transformer's config in which a student must agree with its model."""


def descending(sigmas: Sequence[float]) -> bool:
    """Tell whether sigmas go down, all above 0."""
    return bool(sigmas) and sigmas[-1] > 0 and all(a > b for a, b in pairwise(sigmas))


class Student(BaseModel):
    """`student.json`, and what stands for it in other layouts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    kind: Literal["lora", "full"]
    sampler: Sampler
    """`ode` follows the velocity from sigma to sigma; `sde` re-noises the prediction with fresh noise."""
    sigmas: tuple[Sigma, ...] = Field(min_length=1)
    """Where it is evaluated, descending from at most 1; after the last comes 0."""
    base: str | None = None
    """Digest of the model it was distilled from (`methods.wan.folder.digest`), where that is known."""
    model: str = ""
    """That model's name, for people."""
    guidance: float = Field(1.0, ge=1)
    """Guidance scale that was distilled into it."""

    @field_validator("sigmas")
    @classmethod
    def _descend(cls, sigmas: tuple[float, ...]) -> tuple[float, ...]:
        if not descending(sigmas):
            raise ValueError(f"sigmas must descend, found {list(sigmas)}")
        return sigmas


def up_to(sigmas: Sequence[float], strength: float, row: str) -> list[float]:
    """Return a student's sigmas that are not above `strength`, and 0; UserError when that leaves no step."""
    kept = [s for s in sigmas if s <= strength]
    if not kept:
        raise UserError(
            f"method '{row}': strength {strength:g} is below the last sigma, which leaves no step; "
            f"wanted one from {sigmas[-1]} to 1"
        )
    return [*kept, 0.0]


def find(student: str) -> Path:
    """Return the folder or file of a student: a shipped name or a path. UserError when there is none."""
    for place in (SHIPPED / student, Path(student).expanduser()):
        if place.exists():
            return place
    raise UserError(
        f"no student '{student}': wanted a shipped name, a folder with {CARD} or transformer/, or a LoRA file"
    )


def read(where: Path, sampler: Sampler | None = None, sigmas: Sequence[float] | None = None) -> Student:
    """Return what a student is and how it is sampled; no weights are read.

    `sampler` and `sigmas` stand in where the student does not say, and must agree where it does: a student that is
    sampled otherwise than it was trained gets worse and nobody sees why. UserError in one line otherwise.
    """
    if (where / CARD).is_file():
        student = _card(where / CARD)
    else:
        kind = _kind(where)
        known = KNOWN.get(_pipeline(where))
        if known is None and (sampler is None or not sigmas):
            raise UserError(
                f"student {where} does not say how it is sampled: set `sampler` (ode or sde) and `sigmas` in the row"
            )
        its_sampler, its_sigmas = known or (sampler, tuple(sigmas or ()))
        student = _checked(where, {"kind": kind, "sampler": its_sampler, "sigmas": its_sigmas})
    if sampler not in (None, student.sampler):
        raise UserError(f"student {where} was trained for the {student.sampler} sampler, the row says {sampler}")
    if sigmas and tuple(sigmas) != student.sigmas:
        raise UserError(f"student {where} was trained at sigmas {list(student.sigmas)}, the row says {list(sigmas)}")
    return student


def weight_files(where: Path, kind: str) -> list[Path]:
    """Return the safetensors of a student, sorted."""
    if where.is_file():
        return [where]
    return sorted((where / "transformer").glob("*.safetensors")) if kind == "full" else [where / LORA]


def digest(where: Path) -> str:
    """Return the sha256 (hex) over the student's card and weights."""
    if where.is_file():
        return hash_file(where)
    if not (where / CARD).is_file():
        return folder_digest(where)
    files = [f for f in where.rglob("*") if f.name == CARD or f.suffix == ".safetensors"]
    sums = {f.relative_to(where).as_posix(): hash_file(f) for f in files}
    return hashlib.sha256(format_sums(sums).encode()).hexdigest()


def mounted(student: Student, name: str, model: str, base: WanTransformer3DModel) -> WanTransformer3DModel:
    """Return `apply` for a row's own names of student and model."""
    return apply(student, find(name), base, folder_digest(resolve(model)))


def apply(student: Student, where: Path, base: WanTransformer3DModel, base_digest: str) -> WanTransformer3DModel:
    """Return a new transformer with the student's weights, on the base's device and in its precision.

    The base is left as it is. UserError when the student belongs to another model or architecture, or a file is
    altered.
    """
    import copy

    _verify(where)
    if student.base not in (None, base_digest):
        raise UserError(
            f"student {where} was distilled from {student.model or 'another model'} ({str(student.base)[:12]}), the "
            f"row's model is {base_digest[:12]}: name the model it was distilled from"
        )
    made = copy.deepcopy(base)
    if student.kind == "lora":
        from methods.wan.lora import merge, read_lora

        merge(made, read_lora(weight_files(where, "lora")[0]), f"student {where}")
        return made
    _check_shape(where, base)
    _load_whole(where, made)
    return made


def _verify(where: Path) -> None:
    if not (where / SUMS).is_file():
        return
    for name, expected in read_sums(where / SUMS).items():
        found = hash_file(where / name) if (where / name).is_file() else "no file"
        if found != expected:
            raise UserError(
                f"student file {where / name}: expected sha256 {expected[:12]}, found {found[:12]}; copy it again"
            )


def _check_shape(where: Path, base: WanTransformer3DModel) -> None:
    config = json.loads((where / "transformer" / "config.json").read_text(encoding="utf-8"))
    for name in SHAPE:
        own, wanted = config.get(name), base.config.get(name)
        if name in config and own != (list(wanted) if isinstance(wanted, tuple) else wanted):
            raise UserError(
                f"student {where} is of another architecture: {name} is {own}, the model has {wanted}; "
                "name the model it was distilled from"
            )


def _load_whole(where: Path, into: WanTransformer3DModel) -> None:
    from safetensors.torch import load_file

    weights = {name.replace(".embedder.", "."): p for name, p in into.state_dict(keep_vars=True).items()}
    found = {name: t for file in weight_files(where, "full") for name, t in load_file(file).items()}
    if wrong := sorted(found.keys() ^ weights.keys()):
        whose = "only the student has" if wrong[0] in found else "the student lacks"
        raise UserError(f"student {where} is of another architecture: {whose} the weight '{wrong[0]}'")
    for name, tensor in found.items():
        if tensor.shape != weights[name].shape:
            sizes = f"{tuple(tensor.shape)}, the model has {tuple(weights[name].shape)}"
            raise UserError(f"student {where} is of another architecture: '{name}' is {sizes}")
        weights[name].data.copy_(tensor)


def _kind(where: Path) -> Literal["lora", "full"]:
    if where.is_file() and where.suffix == ".safetensors":
        return "lora"
    if (where / "transformer" / "config.json").is_file():
        return "full"
    if (where / LORA).is_file():
        return "lora"
    raise UserError(f"{where} is no student: wanted {CARD}, transformer/config.json, {LORA} or a .safetensors file")


def _pipeline(where: Path) -> str:
    index = where / "model_index.json"
    return str(json.loads(index.read_text(encoding="utf-8")).get("_class_name", "")) if index.is_file() else ""


def _card(path: Path) -> Student:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); export the student again") from None
    return _checked(path, values)


def _checked(where: Path, values: dict[str, object]) -> Student:
    try:
        return Student.model_validate(values)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"]))
        raise UserError(f"student {where}: {field}: {wrong['msg']}") from None
