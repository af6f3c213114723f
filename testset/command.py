"""`bench testset`: build, check and show test sets."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from bench.testsets import read_testset, verify_assets
from testset.loader import FOLDER

app = typer.Typer(help="Build, check and show test sets.", no_args_is_help=True)
console = Console()
Folder = Annotated[Path, typer.Option("--testset", help="Folder of the test set.")]


@app.command()
def check(folder: Folder = FOLDER) -> None:
    """Verify every file of a test set against its sha256."""
    testset = read_testset(folder)
    files = verify_assets(testset, testset.cases)
    console.print(f"{testset.name} {testset.version}: {len(testset.cases)} cases, {files} files, all as published")


@app.command()
def show(folder: Folder = FOLDER) -> None:
    """Print what a test set holds."""
    testset = read_testset(folder)
    table = Table("scenario", *testset.splits, title=f"{testset.name} {testset.version}", title_justify="left")
    counts = {s: Counter(c.scenario for c in testset.select(s)) for s in testset.splits}
    for scenario in sorted({c.scenario for c in testset.cases}):
        table.add_row(scenario, *(str(counts[s][scenario]) for s in testset.splits))
    table.add_row("all", *(str(sum(counts[s].values())) for s in testset.splits), end_section=True)
    console.print(table)


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; replaced as a whole when all is rendered.")],
    groups: Annotated[int, typer.Option(min=1, help="Source clips.")] = 16,
    edits: Annotated[int, typer.Option(min=2, max=6, help="Edits of each source clip.")] = 4,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Render the dev split from its seed."""
    from testset.build import build as render_split

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("rendering clips", total=groups)
        counts = render_split(out, groups, edits, device, lambda _: progress.advance(task))
    console.print(counts)
