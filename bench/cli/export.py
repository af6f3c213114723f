"""`bench export`: results out of the store, on stdout or into a file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bench.cli.options import DbOption, HomeOption

if TYPE_CHECKING:
    from bench.store.read import Board, Reader, SetResult

EXAMPLES = (
    "Examples: [bold]bench export --format csv --output edits.csv[/] · "
    "[bold]bench export --format markdown --split smoke[/] · [bold]bench export --canonical | sha256sum[/]"
)


def export(
    form: Annotated[
        Literal["json", "csv", "markdown"],
        typer.Option("--format", help="One object or line per edit, or one table row per method (markdown)."),
    ] = "json",
    canonical: Annotated[
        bool, typer.Option("--canonical", help="JSON without measured cost and provenance: the same for the same runs.")
    ] = False,
    run: Annotated[str | None, typer.Option(help="Only what this run covered.")] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only this method; repeat for more.")] = None,
    split: Annotated[str | None, typer.Option(help="Only this split or part.")] = None,
    output: Annotated[Path | None, typer.Option(help="Write here instead of stdout.")] = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write results of the test set and protocol that were used last, or of one run."""
    from bench.cli.console import write
    from bench.cli.table import board_of, metrics_shown
    from bench.errors import UserError
    from bench.export import to_csv, to_json, to_markdown
    from bench.home import open_home
    from bench.store.access import open_reader
    from bench.summary import rows

    if canonical and form != "json":
        raise UserError(f"--canonical writes JSON, found --format {form}; leave one of them out")
    reader = open_reader(open_home(home), db)
    boards = reader.boards()
    if not boards:
        raise UserError("the store holds no run; make one with `bench run --method NAME`")
    board = board_of(reader, run) if run else boards[0]
    results = reader.results(board, run=run, split=split, methods=frozenset(method) if method else None)
    sets = _sets(reader, board, run, split, {r.method_key for r in results})
    cards = reader.metrics()
    if form == "csv":
        text = to_csv(results)
    elif form == "markdown":
        made = rows(results, sets if run or split else ())
        text = to_markdown(made, metrics_shown(cards, made))
    else:
        text = to_json(board, results, cards, canonical=canonical, sets=sets)
    if output:
        output.write_text(text, encoding="utf-8", newline="")
    else:
        write(text)


def _sets(reader: Reader, board: Board, run: str | None, split: str | None, methods: set[str]) -> list[SetResult]:
    """Return the scores of sets that belong to the selection: of its split, or of all that were run whole."""
    covered = next((r for r in reader.runs() if r.id == run), None) if run else None
    if covered is not None and covered.partial:
        return []
    chosen = covered.split if covered else split
    seed = covered.spec.get("seed") if covered else None
    return [one for one in reader.sets(board, chosen, seed) if one.method_key in methods]
