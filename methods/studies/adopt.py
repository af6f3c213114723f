"""Write the presets that the study `presets` chose into the row: `python -m methods.studies.adopt PRESETS_JSON`."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
import yaml

from bench.errors import BenchError, UserError
from methods.rows import read_row

HEAD = "  presets:"
ROW = Path(__file__).parent.parent / "zoo" / "ti2v-v2.yaml"


def adopted(study: Path, row: Path) -> str:
    """Return the row's text with the study's presets in place of its own, which have to be its last parameter.

    UserError when the file is of no such study, or the row has no presets at its end.
    """
    try:
        chosen = json.loads(study.read_text(encoding="utf-8"))["chosen"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{study}: not the study `presets` ({error}); wanted a JSON that it wrote") from None
    text = row.read_text(encoding="utf-8")
    before, found, _ = text.partition(f"\n{HEAD}")
    if not found:
        raise UserError(f"{row}: has no line '{HEAD}'; wanted a row whose last parameter is presets")
    lines = yaml.safe_dump({"presets": chosen}, sort_keys=False, default_flow_style=None, width=110).splitlines()
    return "\n".join((before, *(f"  {line}" for line in lines))) + "\n"


def main(
    study: Annotated[Path, typer.Argument(help="presets.json of the study.")],
    row: Annotated[Path, typer.Option(help="Row to be changed.")] = ROW,
) -> None:
    """Write the presets of a study into a row."""
    try:
        text = adopted(study, row)
        with TemporaryDirectory() as beside:
            draft = Path(beside) / row.name
            draft.write_text(text, encoding="utf-8")
            read_row(draft)
        row.write_text(text, encoding="utf-8")
    except BenchError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    typer.echo(row)


if __name__ == "__main__":
    typer.run(main)
