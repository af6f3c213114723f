"""Whether a sweep that was edited and scored on a GPU says the same on a CPU: `python -m methods.studies.agreement`.

    python -m methods.studies.agreement docs/studies/cost-curve-edits.json --row steps-ti2v-v2-12

A study leaves the score of every edit beside its JSON (`<name>-edits.json`), so a GPU machine has to bring back nothing
else. Here one of its rows is edited and scored again on this machine's CPU, on the 30 cases of `mini`, and compared
case by case: no score may differ by more than 0.1 points.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.errors import UserError
from methods.studies.runs import Where, run
from methods.studies.study import EDITS, Home, one_line_errors

WITHIN = 0.1
"""Points of score."""


def compared(path: Path, row: str | None, split: str, home: Path | None) -> dict[str, Any]:
    """Return how far the scores of one row (the study's first by default) are from those made again here.

    UserError when the file is of no study, the row is not in it, or the test set or protocol here is another.
    """
    try:
        study = json.loads(path.read_text(encoding="utf-8"))
        told = {edit["case"]: edit["score"] for edit in study["edits"] if edit["method"] == (row or study["rows"][0])}
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(f"{path}: not the edits of a study ({error}); wanted a file that ends in {EDITS}") from None
    row = row or study["rows"][0]
    if not told:
        raise UserError(f"{path}: no edits of '{row}'; wanted one of {', '.join(study['rows'])}")
    name = path.name.removesuffix(EDITS)
    where = Where(split, study["testset"], "cpu", study["protocol"], home=home)
    here = run([row], path.parent / "rows" / name, where)
    for key in ("testset_digest", "signature"):
        if here[key] != study[key]:
            raise UserError(f"{path}: {key} is {study[key][:12]}, here {here[key][:12]}; run the study again")
    made = {edit["case"]: edit["scores"]["score"].get("value") for edit in here["edits"]}
    if absent := sorted(made.keys() - told.keys()):
        raise UserError(f"{path}: has no score of {absent[0]}; wanted a study of a split that holds '{split}'")
    apart = {case: _apart(told[case], score) for case, score in sorted(made.items())}
    worst = max(apart, key=lambda case: apart[case])
    return {
        "study": name,
        "row": row,
        "device": study["device"],
        "cases": len(apart),
        "worst": apart[worst],
        "worst_case": worst,
        "mean": sum(apart.values()) / len(apart),
        "agree": apart[worst] <= WITHIN,
    }


def _apart(one: float | None, other: float | None) -> float:
    if one is None or other is None:
        return 0.0 if one is other else float("inf")
    return abs(one - other)


def main(
    edits: Annotated[Path, typer.Argument(help=f"File of a study that ends in {EDITS}.")],
    row: Annotated[str | None, typer.Option(help="Which of its rows; the first by default.")] = None,
    split: Annotated[str, typer.Option(help="Split or part to make again.")] = "mini",
    home: Home = None,
) -> None:
    """Make some of a study's edits again on a CPU, and say whether their scores agree."""
    with one_line_errors():
        found = compared(edits, row, split, home)
    typer.echo(json.dumps(found, indent=1))
    raise typer.Exit(0 if found["agree"] else 1)


if __name__ == "__main__":
    typer.run(main)
