"""Rows of the registry: one YAML file each, naming a class and the parameters it runs with. No torch."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar

import yaml
from pydantic import ValidationError

from bench.errors import UserError
from bench.types import MethodCard, MethodEntry
from bench.yaml_text import read_yaml
from methods.parameters import Parameters


class Adapter:
    """What the classes that rows name have in common: parameters, some of which may be set otherwise."""

    Parameters: ClassVar[type[Parameters]] = Parameters

    @classmethod
    def variant(cls, card: MethodCard, changes: Mapping[str, Any]) -> MethodCard:
        """Return a row's card with some parameters set otherwise, under a name of its own (`bench run --set`).

        Raises UserError as `read_row`.
        """
        changed = card.model_copy(update={"parameters": {**card.parameters, **changes}})
        changed = completed(changed, cls.Parameters)  # messages name the row that was asked for
        told = json.dumps(dict(changes), sort_keys=True, default=str)
        return changed.model_copy(update={"name": f"{card.name}-{sha256(told.encode()).hexdigest()[:6]}"})


def read_rows(folder: Path) -> Mapping[str, MethodEntry]:
    """Return the rows of a folder's YAML files by name, sorted; raises as `read_row`."""
    rows = [read_row(path) for path in sorted(folder.glob("*.yaml"), key=lambda p: p.stem)]
    return {row.card.name: row for row in rows}


def read_row(path: Path) -> MethodEntry:
    """Return the row of one YAML file, whose stem is the row's name.

    Its parameters are completed with the class's defaults, so that they are the row's whole identity; its
    weights are the digest of its model's folder, or None while that is not on this machine. Raises UserError
    naming file and field when the row is malformed, or a parameter is unknown or out of range.
    """
    try:
        row = read_yaml(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    if not isinstance(row, dict) or "class" not in row:
        raise UserError(f"{path}: found no `class: package.module:Class`; a row names the class that runs it")
    target = str(row.pop("class"))
    if row.get("name") != path.stem:
        raise UserError(f"{path}: name is {row.get('name')!r}; wanted {path.stem!r}, the file's own")
    allowed = _allowed(path, target)
    if "weights" in row:
        raise UserError(f"{path}: weights are read from the model's folder; remove the field")
    if "needs" in row and not allowed.names_needs:
        raise UserError(f"{path}: needs follow from the parameters; remove the field")
    try:
        card = MethodCard.model_validate(row)
    except ValidationError as error:
        wrong = error.errors()[0]
        field = ".".join(map(str, wrong["loc"]))
        raise UserError(f"{path}: {field}: {wrong['msg']}, found {wrong['input']!r}") from None
    return MethodEntry(completed(card, allowed), target)


def completed(card: MethodCard, allowed: type[Parameters]) -> MethodCard:
    """Return a card with checked and complete parameters, its weights' digest and what they need."""
    checked = allowed.read(card.name, card.parameters)
    checked.check_track(card.name, card.track)
    checked.check_model(card.name)
    parameters = checked.model_dump(mode="json")
    needs = card.needs if allowed.names_needs else checked.needs
    return card.model_copy(update={"parameters": parameters, "weights": _weights(parameters), "needs": needs})


def _allowed(path: Path, target: str) -> type[Parameters]:
    """Return the parameters' class of the class that a row names."""
    module, _, name = target.partition(":")
    try:
        allowed: type[Parameters] = getattr(importlib.import_module(module), name).Parameters
        return allowed
    except (ImportError, AttributeError, ValueError) as error:
        raise UserError(f"{path}: class {target} cannot be had ({error}); wanted package.module:Class") from None


def _weights(parameters: Mapping[str, Any]) -> str | None:
    from methods.wan.folder import digest, resolve

    if "model" not in parameters:
        return None
    try:
        found = digest(resolve(parameters["model"]))
        if (student := parameters.get("student")) is None:
            return found
        from methods.wan import student as students

        return sha256(f"{found} {students.digest(students.find(student))}".encode()).hexdigest()
    except UserError:
        return None  # said when the row is loaded: a row can be listed without its weights
