"""`bench votes`: open and close studies, export and report what was voted, forget a voter."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import DEFAULT_TESTSET, DbOption, HomeOption, JsonOption, TestSetOption

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from bench.home import Home

app = typer.Typer(no_args_is_help=True, help="Human evaluation: studies, exports, reports, forgetting.")
NameArgument = Annotated[str, typer.Argument(metavar="STUDY", help="Name of a study.")]


@app.command("open")
def open_(
    name: NameArgument,
    split: Annotated[str, typer.Option(help="Split whose stored edits are voted on.")] = "dev",
    method: Annotated[
        list[str] | None, typer.Option(help="A method to vote on; repeat for more. Default: all but controls.")
    ] = None,
    testset: TestSetOption = DEFAULT_TESTSET,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Open a study: fix its methods, cases and rules, and prepare its clips."""
    from bench import registry
    from bench.cli.console import escape, out
    from bench.errors import UserError
    from bench.identity import testset_digest
    from bench.store.access import open_reader
    from bench.votes.clips import prepare
    from bench.votes.studies import open_study

    engine, place = _opened(home, db)
    known = registry.testset(testset)
    digest = testset_digest(known)
    board = next((b for b in open_reader(place, db).boards() if b.testset_digest == digest), None)
    if board is None:
        raise UserError(f"no run of {known.name} {known.version} is stored here; `bench run --method NAME` first")
    study = open_study(engine, place, known, name, board, split, tuple(method or ()))
    prepare(place, study)
    out().print(
        escape(f"{name}: {len(study.methods)} methods, {len(study.cases)} cases, {len(study.pairs)} pairs to vote on"),
        soft_wrap=True,
    )


@app.command()
def close(name: NameArgument, home: HomeOption = None, db: DbOption = None) -> None:
    """Close a study: its votes stay, no more are taken."""
    from bench.cli.console import escape, out
    from bench.votes.studies import close_study

    engine, _ = _opened(home, db)
    out().print(escape(f"{close_study(engine, name).name}: closed"))


@app.command("list")
def list_(as_json: JsonOption = False, home: HomeOption = None, db: DbOption = None) -> None:
    """List studies with their votes, newest first."""
    from rich.table import Table

    from bench.cli.console import escape, out, write_json
    from bench.votes.counted import votes_of
    from bench.votes.studies import studies

    engine, _ = _opened(home, db)
    rows = []
    for study in studies(engine):
        votes = votes_of(engine, study)
        facts = {"study": study.name, "state": study.state, "split": study.split, "created": study.created}
        counts = {"methods": len(study.methods), "cases": len(study.cases), "votes": len(votes.answers)}
        rows.append(facts | counts | {"left_out": votes.left_out, "voters": len(votes.turnout)})
    if as_json:
        write_json(rows)
        return
    table = Table(*(rows[0] if rows else ("no study yet",)), box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row.values()))
    out().print(table)


@app.command()
def export(
    name: NameArgument,
    out_file: Annotated[Path | None, typer.Option("--out", help="JSON file to write; without, stdout.")] = None,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write every answer of a study as JSON, voters under pseudonyms, those that do not count included."""
    import json

    from bench.cli.console import write_json
    from bench.votes.people import export as values
    from bench.votes.studies import study

    engine, _ = _opened(home, db)
    found = values(engine, study(engine, name))
    if out_file is None:
        write_json(found)
    else:
        out_file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


@app.command()
def report(
    name: NameArgument,
    least: Annotated[int, typer.Option(help="Cases that must have votes that count.")] = 50,
    out_file: Annotated[Path | None, typer.Option("--out", help="Markdown file to write; without, stdout.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Report a study: ratings with intervals, agreement of voters, of metrics with voters, and of the weights."""
    from bench.cli.console import write, write_json
    from bench.votes.page import as_markdown
    from bench.votes.report import as_json as values
    from bench.votes.report import report as make
    from bench.votes.studies import study

    engine, _ = _opened(home, db)
    found = make(engine, study(engine, name), least)
    if as_json:
        write_json(values(found))
    elif out_file is None:
        write(as_markdown(found))
    else:
        out_file.write_text(as_markdown(found), encoding="utf-8")


@app.command()
def forget(
    who: Annotated[str, typer.Argument(metavar="VOTER", help="Account, or the pseudonym that the vote page shows.")],
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Delete a voter with every vote and rating, in all studies. It cannot be undone."""
    from bench.cli.console import out
    from bench.votes.people import forget as delete

    engine, place = _opened(home, db)
    out().print(f"{delete(engine, place, who)} answers deleted")


def _opened(home: Path | None, db: str | None) -> tuple[Engine, Home]:
    from bench.home import open_home
    from bench.store.db import open_engine

    place = open_home(home)
    return open_engine(db or place.database_url), place
