"""`bench review`: what moderators see and decide about submissions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import DbOption, HomeOption, JsonOption
from submissions.command import IdArgument, table_of

app = typer.Typer(
    help="Review submissions: what waits, its flags and scores, accept or reject.",
    no_args_is_help=True,
    add_completion=False,
)
ByOption = Annotated[str, typer.Option("--by", help="Your name; it stays in the audit log.")]


@app.command("list")
def list_waiting(as_json: JsonOption = False, home: HomeOption = None, db: DbOption = None) -> None:
    """List what waits for a decision, the longest waiting first."""
    from bench.cli.console import out, write_json
    from bench.home import open_home
    from submissions.ledger import Ledger
    from submissions.ledger import as_json as plain
    from submissions.review import waiting

    found = waiting(Ledger(open_home(home), db))
    if as_json:
        write_json([plain(held) for held in found])
    else:
        out().print(table_of(found) if found else "nothing waits for review")


@app.command()
def show(submission: IdArgument, home: HomeOption = None, db: DbOption = None) -> None:
    """Show a submission whole: manifest, flags with their meaning, mean scores, audit log, cases to make again."""
    from rich.table import Table

    from bench.cli.console import escape, out
    from bench.home import open_home
    from submissions.entry import means
    from submissions.ledger import Ledger
    from submissions.review import results as results_of
    from submissions.review import spot_cases
    from submissions.suspicion import CHECKS

    ledger = Ledger(open_home(home), db)
    held = ledger.get(submission)
    console = out()
    console.print(table_of((held,)))
    if held.manifest is not None:
        for field, value in held.manifest.model_dump(mode="json", exclude={"sha256"}).items():
            console.print(escape(f"{field}: {value}"), soft_wrap=True)
    for flag in held.flags:
        where = f" ({flag.case})" if flag.case else ""
        line = f"flag {flag.check}: {CHECKS[flag.check]}; found {flag.found}, limit {flag.limit}{where}"
        console.print(escape(line), soft_wrap=True)
    if held.method_key is not None and ledger.folder(submission).exists():
        _, results = results_of(ledger, submission)
        table = Table("metric", "mean", "edits", box=None, pad_edge=False)
        for metric, found in means(results).items():
            table.add_row(escape(metric), f"{found.mean:.4g}", str(found.edits))
        console.print(table)
        console.print(f"to make again where the method can be had: {escape(', '.join(spot_cases(ledger, held)))}")
    for event in ledger.events(submission):
        console.print(escape(str(event)), soft_wrap=True)


@app.command()
def accept(
    submission: IdArgument,
    by: ByOption,
    note: Annotated[str | None, typer.Option(help="A note for the audit log.")] = None,
    made_again: Annotated[
        bool, typer.Option("--organiser-run", help="The clips were made by the organisers themselves.")
    ] = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Put a submission on the board; an earlier one of the same team's method leaves it."""
    from bench.cli.console import escape, out
    from bench.home import open_home
    from submissions.audit import Actor
    from submissions.ledger import Ledger
    from submissions.review import Provenance
    from submissions.review import accept as put

    provenance: Provenance = "organiser-run" if made_again else "re-scored"
    held = put(Ledger(open_home(home), db), submission, Actor(by, "moderator"), note, provenance)
    out().print(escape(f"{held.id}: {held.state} as {held.row_name}, {held.provenance}"))


@app.command()
def reject(
    submission: IdArgument,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="Why; the submitter is shown it.")],
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Turn a submission down."""
    from bench.cli.console import out
    from bench.home import open_home
    from submissions.audit import Actor
    from submissions.ledger import Ledger
    from submissions.review import reject as turn_down

    held = turn_down(Ledger(open_home(home), db), submission, Actor(by, "moderator"), reason)
    out().print(f"{held.id}: {held.state}")


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Folder of entries, e.g. submissions/accepted in a checkout.")],
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write every accepted submission as a JSON file, for a change that others review."""
    from bench.cli.console import escape, out
    from bench.home import open_home
    from submissions.entry import write_entries
    from submissions.ledger import Ledger

    for path in write_entries(Ledger(open_home(home), db), folder):
        out().print(escape(str(path)), soft_wrap=True)


@app.command()
def audit(home: HomeOption = None, db: DbOption = None) -> None:
    """Check the audit log line by line; exit 1 where a line is missing, changed or contradicted."""
    from bench.cli.console import escape, out
    from bench.home import open_home
    from submissions.audit import faults
    from submissions.ledger import Ledger

    ledger = Ledger(open_home(home), db)
    found = list(faults(ledger.engine))
    for line in found:
        out().print(escape(line), soft_wrap=True)
    out().print(f"{len(found)} faults" if found else f"{len(ledger.events())} lines, all as they were written")
    raise typer.Exit(1 if found else 0)
