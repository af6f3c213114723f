"""`bench results`: rows of the board as files that a reviewer can read in a diff."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import DbOption, HomeOption

if TYPE_CHECKING:
    from bench.results import Found
    from bench.results_clips import Copies

app = typer.Typer(no_args_is_help=True, help="Rows of the board as reviewable files: write, check, load.")
FolderArgument = Annotated[Path, typer.Argument(help="Folder of results.")]


@app.command("write")
def write(
    folder: FolderArgument,
    split: Annotated[str, typer.Option(help="Split or part of one; only methods that have all of its cases.")],
    method: Annotated[list[str] | None, typer.Option(help="Only this method; repeat for more.")] = None,
    run: Annotated[str | None, typer.Option(help="Of the board of this run. Default: of the newest.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the edits.")] = 0,
    cost: Annotated[
        bool, typer.Option("--cost", help="Keep measured seconds and memory: only where nothing else ran meanwhile.")
    ] = False,
    clips: Annotated[
        bool, typer.Option("--clips", help="Write small copies of the edits too, for the board's player.")
    ] = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write one file per method version, beside what the folder holds already."""
    from bench import results_clips
    from bench.blobs import BlobStore
    from bench.cli.console import err, escape, out
    from bench.cli.table import board_of
    from bench.errors import UserError
    from bench.home import open_home
    from bench.results import write as put
    from bench.store.access import open_reader

    place = open_home(home)
    reader = open_reader(place, db)
    boards = reader.boards()
    if not boards:
        raise UserError("the store holds no run; make one with `bench run --method NAME`")
    board = board_of(reader, run) if run else boards[0]
    chosen = frozenset(method) if method else None
    runs = [r for r in reader.runs() if (r.testset_digest, r.signature) == (board.testset_digest, board.signature)]
    results = [r for r in reader.results(board, split=split, seed=seed, methods=chosen) if r.scores]
    cases = {r.case.id for r in results}
    covered: dict[str, set[str]] = {}
    for result in results:
        covered.setdefault(result.method.name, set()).add(result.case.id)
    whole = {name for name, found in covered.items() if found == cases}
    whole -= {r.method.name for r in results if r.method.family == "submitted"}  # theirs are accepted manifests
    around = {split, *(r.case.split for r in results)}
    if not whole or not any(r.split in around and not r.partial for r in runs):
        raise UserError(f"no method has all of split '{split}': make it with `bench run --method NAME --split {split}`")
    for name in sorted(covered.keys() - whole):
        err().print(f"{escape(name)} is left out: {len(covered[name])} of {len(cases)} cases, or a submission")
    kept = [r for r in results if r.method.name in whole]
    sets = reader.sets(board, split, seed)
    there, *files = put(folder, board, kept, sets, reader.metrics(), runs, split, cost=cost)
    for path in (there, *files):
        out().print(escape(str(path)), soft_wrap=True)
    for path in files if clips else ():
        out().print(escape(str(results_clips.write(path, BlobStore(place.blobs)))), soft_wrap=True)


@app.command("check")
def check(folder: FolderArgument) -> None:
    """Say what is wrong with a folder of results, a line per file; exit 2 where anything is."""
    from bench.cli.console import out

    found, copies = _found(folder)
    faults = len(found.faults) + len(copies.faults)
    out().print(f"{len(found.rows)} rows, {len(copies.clips)} clips, {faults} faults")
    raise typer.Exit(2 if faults else 0)


@app.command("load")
def load(folder: FolderArgument, home: HomeOption = None, db: DbOption = None) -> None:
    """Take the rows and clips of a folder into a store; what was run there itself takes precedence."""
    from bench.cli.console import out
    from bench.home import open_home
    from bench.results_clips import put_copies
    from bench.results_journal import put_journals
    from bench.store.access import open_store

    found, copies = _found(folder)
    place = open_home(home)
    new = put_journals(found, place.journals)
    clips = put_copies(copies, place.copies)
    open_store(place, db)
    out().print(f"{new} rows and {clips} clips loaded, {len(found.rows) - new} rows were there already")
    raise typer.Exit(2 if found.faults or copies.faults else 0)


def _found(folder: Path) -> tuple[Found, Copies]:
    from bench.cli.console import problem
    from bench.errors import UserError
    from bench.results import read
    from bench.results_clips import read as read_clips

    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; `bench results write` makes one")
    found, copies = read(folder), read_clips(folder, decode=True)
    for fault in (*found.faults, *copies.faults):
        problem(fault)
    return found, copies
