"""`bench submit`: prepare and check a submission of results, offline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import DEFAULT_TESTSET, JsonOption

if TYPE_CHECKING:
    from submissions.checks import Report

app = typer.Typer(
    help="Prepare and check a submission of results, offline.", no_args_is_help=True, add_completion=False
)
AgainstOption = Annotated[
    str | None,
    typer.Option("--testset", help="Name or folder of the test set. Default: the one submission.yaml names."),
]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")],
    testset: Annotated[str, typer.Option(help="Name or folder of the test set that is edited.")] = DEFAULT_TESTSET,
    split: Annotated[str, typer.Option(help="Split that is edited, or a named part of one.")] = "dev",
) -> None:
    """Make a folder with submission.yaml to fill in and videos/ to put the clips into."""
    from bench import registry
    from bench.cli.console import escape, out
    from bench.testsets import select
    from submissions.template import write_template

    known = registry.testset(testset)
    cases = select(known, split)
    manifest = write_template(folder, known.name, known.version, split)
    out().print(f"fill in {escape(str(manifest))} and put {len(cases)} clips into videos/, e.g. {cases[0].id}.mp4")


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
        _show(report)
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
        _show(report)
        raise typer.Exit(2)
    write(folder, list(scan(folder)[0]), archive)
    out().print(f"{report.clips} clips in {escape(str(archive))}, no problem")


def _checked(path: Path, testset: str | None) -> Report:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from bench.cli.console import err
    from submissions.checks import check as examine

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err(), transient=True) as bar:
        task = bar.add_task("reading clips", total=None)
        return examine(path, testset, lambda done, total: bar.update(task, completed=done, total=total))


def _show(report: Report) -> None:
    from rich.table import Table

    from bench.cli.console import escape, out, problem

    table = Table("file", "rule", "found", "limit", "remedy", box=None, pad_edge=False)
    for p in report.problems:
        table.add_row(*(escape(text) for text in (p.file, p.rule, p.found, p.limit, p.remedy)))
    out().print(table)
    problem(f"{len(report.problems)} problems; mend them and check again")


def _as_json(report: Report) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "ok": not report.problems,
        "clips": report.clips,
        "manifest": None if report.manifest is None else report.manifest.model_dump(mode="json"),
        "problems": [asdict(problem) for problem in report.problems],
    }
