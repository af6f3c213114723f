"""Variants of a registry row: its parameters with some changed, as a row of its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from methods import zoo
from methods.rows import read_rows


@dataclass(frozen=True, slots=True)
class Variant:
    """One setting that a study tries."""

    name: str
    """Of the row, lower-kebab; without changes it is the base row itself, and its stored edits are used."""
    base: str
    series: str
    """Which line or group of the plot it belongs to."""
    x: float | str
    """Its place on the plot's axis."""
    changes: Mapping[str, Any] = field(default_factory=dict)


def swept(study: str, base: str, parameter: str, values: Iterable[float], **more: Any) -> list[Variant]:
    """Return a variant of `base` for each value of a parameter; `more` is changed in all of them."""
    return [
        Variant(f"{study}-{base}-{f'{value:g}'.replace('.', 'p')}", base, base, value, {parameter: value, **more})
        for value in values
    ]


def write_rows(folder: Path, variants: Iterable[Variant]) -> None:
    """Write each variant with changes as a YAML row; UserError where a changed parameter is not allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.yaml"):
        old.unlink()
    rows = zoo()
    for variant in variants:
        if not variant.changes:
            continue
        entry = rows[variant.base]
        row = {
            "name": variant.name,
            "version": entry.card.version,
            "class": entry.target,
            "family": entry.card.family,
            "track": entry.card.track,
            "description": f"{variant.base} with {', '.join(f'{k}: {v}' for k, v in variant.changes.items())}",
            "parameters": {**entry.card.parameters, **variant.changes},
        }
        text = yaml.safe_dump(row, sort_keys=False, allow_unicode=True)
        (folder / f"{variant.name}.yaml").write_text(text, encoding="utf-8")
    read_rows(folder)
