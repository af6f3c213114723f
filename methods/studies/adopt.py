"""Write what a study chose into the rows: `python -m methods.studies.adopt STUDY_JSON`.

The study `presets` chooses the presets of `ti2v-v2` and its text row, `borrowing` settings of the rows that borrow.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
import yaml

from bench.errors import UserError
from methods.rows import read_row
from methods.studies.presets import ROW
from methods.studies.study import one_line_errors

HEAD = "  presets:"
PRESET = (ROW, f"{ROW}-text")
"""Rows that have one set of presets."""
ZOO = Path(__file__).parent.parent / "zoo"


def adopted(study: Path, zoo: Path) -> dict[Path, str]:
    """Return the new text of every row that the study changes.

    UserError when the file is of no study that chooses, or a row has no presets at its end.
    """
    try:
        document = json.loads(study.read_text(encoding="utf-8"))
        presets, rows = document.get("chosen"), document.get("chosen_rows", {})
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(f"{study}: no study ({error}); wanted the JSON of `presets` or `borrowing`") from None
    if presets is None and "chosen_rows" not in document:
        raise UserError(f"{study}: this study chooses nothing; wanted the JSON of `presets` or `borrowing`")
    texts = {path: _with_parameters(_read(path), rows[path.stem]) for path in (zoo / f"{name}.yaml" for name in rows)}
    if presets is not None:
        texts |= {path: _with_presets(path, presets) for path in (zoo / f"{name}.yaml" for name in PRESET)}
    return texts


def _read(row: Path) -> str:
    if not row.is_file():
        raise UserError(f"{row}: no such row; wanted the folder that has the rows which the study is about")
    return row.read_text(encoding="utf-8")


def _with_presets(path: Path, presets: dict[str, Any]) -> str:
    """Return a row's text with other presets, which have to be its last parameter."""
    before, found, _ = _read(path).partition(f"\n{HEAD}")
    if not found:
        raise UserError(f"{path}: has no line '{HEAD}'; wanted a row whose last parameter is presets")
    lines = yaml.safe_dump({"presets": presets}, sort_keys=False, default_flow_style=None, width=110).splitlines()
    return "\n".join((before, *(f"  {line}" for line in lines))) + "\n"


def _with_parameters(text: str, changes: dict[str, Any]) -> str:
    """Return a row's text with other values; a comment behind a value that changes goes with it."""
    for name, value in changes.items():
        line = f"  {name}: {json.dumps(value)}".replace('"', "")
        text, found = re.subn(rf"^  {name}: .*$", line, text, flags=re.MULTILINE)
        if not found:
            text += f"{line}\n"
    return text


def main(
    study: Annotated[Path, typer.Argument(help="presets.json or borrowing.json.")],
    zoo: Annotated[Path, typer.Option(help="Folder of the rows to be changed.")] = ZOO,
) -> None:
    """Write what a study chose into the rows."""
    with one_line_errors():
        texts = adopted(study, zoo)
        with TemporaryDirectory() as beside:
            for path, text in texts.items():
                draft = Path(beside) / path.name
                draft.write_text(text, encoding="utf-8")
                read_row(draft)
        for path, text in texts.items():
            path.write_text(text, encoding="utf-8")
            typer.echo(path)


if __name__ == "__main__":
    typer.run(main)
