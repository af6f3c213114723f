"""`bench submit`: prepare and check a submission of results offline, then hand it in, follow it, take it back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import DEFAULT_PROTOCOL, DEFAULT_TESTSET, DbOption, HomeOption, JsonOption, ProtocolOption

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from submissions.checks import Report
    from submissions.ledger import Ledger, Submission
    from submissions.rules import Problem

app = typer.Typer(
    help="Prepare and check a submission of results, hand it in and follow it.",
    no_args_is_help=True,
    add_completion=False,
)
AsOption = Annotated[str, typer.Option("--as", help="The submitter's account.")]
IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A submission's id.")]
AgainstOption = Annotated[
    str | None,
    typer.Option("--testset", help="Name or folder of the test set. Default: the one submission.yaml names."),
]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    testset: Annotated[str, typer.Option(help="Name or folder of the test set that is edited.")] = DEFAULT_TESTSET,
    split: Annotated[
        str | None, typer.Option(help="Split that is edited, or a named part of one. Default: dev, or the only one.")
    ] = None,
) -> None:
    """Make a folder with submission.yaml to fill in and videos/ to put the clips into."""
    from bench import registry
    from bench.cli.console import escape, out
    from bench.testsets import select
    from submissions.template import write_template

    known = registry.testset(testset)
    split = split or (known.splits[0] if len(known.splits) == 1 else "dev")
    cases = select(known, split)
    manifest = write_template(folder, known.name, known.version, split)
    out().print(f"fill in {escape(str(manifest))} and put {len(cases)} clips into videos/, e.g. {cases[0].id}.mp4")


@app.command()
def example(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    testset: Annotated[str, typer.Option(help="Name or folder of the test set that is edited.")] = DEFAULT_TESTSET,
    split: Annotated[str, typer.Option(help="Split that is edited, or a named part of one.")] = "smoke",
) -> None:
    """Make a worked example: the complete results of a method of three lines, ready to check."""
    from bench import registry
    from bench.cli.console import escape, out
    from submissions.example import write_example

    clips = write_example(folder, registry.testset(testset), split)
    out().print(f"{clips} clips in {escape(str(folder))}; try bench submit check {escape(str(folder))}", soft_wrap=True)


@app.command()
def check(
    path: Annotated[Path, typer.Argument(help="Folder or zip of a submission.")],
    testset: AgainstOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every problem of a submission: file, rule, found, limit, remedy. Exit 2 when there is any."""
    from bench.cli.console import out, write_json

    report = _checked(path, testset)
    if as_json:
        write_json(_as_json(report))
    elif not report.problems:
        out().print(f"{report.clips} clips, no problem")
    if report.problems and not as_json:
        _show(report.problems)
    raise typer.Exit(2 if report.problems else 0)


@app.command()
def pack(
    folder: Annotated[Path, typer.Argument(help="Folder of a submission.")],
    archive: Annotated[Path, typer.Argument(metavar="OUT.zip", help="Archive to write.")],
    testset: AgainstOption = None,
) -> None:
    """Check a folder and write it as a zip; where there is any problem, list all and write nothing (exit 2)."""
    from bench.cli.console import escape, out
    from bench.errors import UserError
    from submissions.archive import pack as write
    from submissions.folder import scan

    if not folder.is_dir():
        raise UserError(f"{folder}: not a folder; pack takes the folder of a submission")
    if archive.exists():
        raise UserError(f"{archive}: there already; name a new file or remove it")
    if not archive.parent.is_dir():
        raise UserError(f"{archive.parent}: no such folder; make it first")
    report = _checked(folder, testset)
    if report.problems:
        _show(report.problems)
        raise typer.Exit(2)
    write(folder, list(scan(folder)[0]), archive)
    out().print(f"{report.clips} clips in {escape(str(archive))}, no problem")


@app.command()
def add(
    path: Annotated[Path, typer.Argument(help="Folder or zip of a submission.")],
    testset: AgainstOption = None,
    account: AsOption = "local",
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Hand a submission in: it is checked, stored and queued. Exit 2 and a list of problems where it is refused."""
    from bench.cli.console import err, out, write_json
    from submissions.audit import Actor
    from submissions.intake import quota_of, submit
    from submissions.ledger import as_json as plain

    ledger = _ledger(home, db)
    with reading(err()) as progress:
        held = submit(ledger, path, Actor(account, "submitter"), testset, progress)
    if as_json:
        write_json(plain(held))
    elif held.problems:
        _show(held.problems)
    else:
        out().print(f"{held.id}: {held.state}, {held.clips} clips, row {held.row_name}", soft_wrap=True)
        if held.state == "checked":
            quota = quota_of(ledger, account)
            out().print(f"{quota.used} of {quota.limit} scored this week; it is queued after {quota.frees}")
    raise typer.Exit(2 if held.state == "failed" else 0)


@app.command()
def status(
    submission: Annotated[str | None, typer.Argument(metavar="ID", help="A submission's id; without, all.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show where submissions stand; of one, every step it took."""
    from bench.cli.console import out, write_json
    from submissions.ledger import as_json as plain

    ledger = _ledger(home, db)
    found = (ledger.get(submission),) if submission else ledger.submissions()
    if as_json:
        write_json([plain(held) for held in found])
        return
    out().print(table_of(found))
    if submission:
        _history(ledger, found[0])


def _history(ledger: Ledger, held: Submission) -> None:
    from bench.cli.console import escape, out

    for event in ledger.events(held.id):
        out().print(escape(str(event)), soft_wrap=True)
    if held.problems:
        _show(held.problems)


@app.command()
def withdraw(
    submission: IdArgument,
    reason: Annotated[str | None, typer.Option(help="Why, if you like.")] = None,
    account: AsOption = "local",
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Take a submission back: its files are deleted, and its row leaves the board."""
    from bench.cli.console import out
    from submissions.audit import Actor
    from submissions.intake import withdraw as take_back

    held = take_back(_ledger(home, db), submission, Actor(account, "submitter"), reason)
    out().print(f"{held.id}: {held.state}")


@app.command()
def work(
    protocol: ProtocolOption = DEFAULT_PROTOCOL,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")] = "cpu",
    watch: Annotated[bool, typer.Option("--watch", help="Go on for ever, looking again every ten seconds.")] = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Score what is queued, and move on what waits for time alone. Any number of these may run at once."""
    import time

    from bench.cli.console import escape, out
    from submissions.scoring import work as serve

    ledger = _ledger(home, db)
    while True:
        scored = serve(ledger, protocol, device, tell=lambda line: out().print(escape(line), soft_wrap=True))
        if not watch:
            out().print(f"{scored} scored")
            for held in ledger.submissions("scoring"):
                who = f"{held.id}: {held.worker} has it, and its lease runs until {held.lease}"
                out().print(escape(f"{who}; if that worker is gone, run this again then"), soft_wrap=True)
            return
        time.sleep(10)


def _ledger(home: Path | None, db: str | None) -> Ledger:
    from bench.home import open_home
    from submissions.ledger import Ledger

    return Ledger(open_home(home), db)


def table_of(found: Sequence[Submission]) -> Table:
    """Return submissions as a table for a terminal."""
    from rich.table import Table

    from bench.cli.console import escape

    table = Table("id", "state", "since", "row", "test set", "clips", "flags", "why", box=None, pad_edge=False)
    for s in found:
        what = (s.row_name or s.source, s.testset or "", str(s.clips), str(len(s.flags)), s.reason or "")
        table.add_row(*map(escape, (s.id, s.state, s.changed[:16], *what)))
    return table


def _checked(path: Path, testset: str | None) -> Report:
    from bench.cli.console import err
    from submissions.checks import check as examine

    with reading(err()) as progress:
        return examine(path, testset, progress)


@contextmanager
def reading(console: Console) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while clips are read; yield what is told the clips read and all clips."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("reading clips", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _show(problems: Sequence[Problem]) -> None:
    from rich.table import Table

    from bench.cli.console import escape, out, problem

    table = Table("file", "rule", "found", "limit", "remedy", box=None, pad_edge=False)
    for p in problems:
        table.add_row(*(escape(text) for text in (p.file, p.rule, p.found, p.limit, p.remedy)))
    out().print(table)
    problem(f"{len(problems)} problems; mend them and check again")


def _as_json(report: Report) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "ok": not report.problems,
        "clips": report.clips,
        "manifest": None if report.manifest is None else report.manifest.model_dump(mode="json"),
        "problems": [asdict(problem) for problem in report.problems],
    }
