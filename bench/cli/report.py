"""`bench report`: sheets and figures from stored results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import DEFAULT_TESTSET, DbOption, HomeOption, JsonOption, TestSetOption

if TYPE_CHECKING:
    from bench.store.read import Result
    from bench.types import TestSet

app = typer.Typer(no_args_is_help=True, help="Contact sheets, blind sheets and figures from stored results.")
MethodOption = Annotated[str, typer.Option(help="Row of the registry.")]
SplitOption = Annotated[str, typer.Option(help="Split, or named part of one.")]


@app.command("sheet")
def sheet(
    out: Annotated[Path, typer.Option(help="JPEG to write.")],
    method: MethodOption = "ti2v-inversion",
    split: SplitOption = "mini",
    testset: TestSetOption = DEFAULT_TESTSET,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write source, target and edit of every case of a split side by side."""
    from bench.home import open_home
    from bench.report.sheet import write_sheet

    found, results = _results(testset, split, (method,), home, db)
    write_sheet(out, found, results, open_home(home).blobs)


@app.command("blind")
def blind(
    out: Annotated[Path, typer.Option(help="Folder for the pages and key.json.")],
    method: MethodOption = "ti2v-inversion",
    split: SplitOption = "mini",
    testset: TestSetOption = DEFAULT_TESTSET,
    seed: Annotated[int, typer.Option(help="Of the order.")] = 0,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Write pages on which a judge cannot know which clip is the edit, the target or the untouched source."""
    from bench.home import open_home
    from bench.report.sheet import write_blind

    found, results = _results(testset, split, (method,), home, db)
    write_blind(out, found, results, open_home(home).blobs, seed)


@app.command("labels")
def labels(
    labels: Annotated[Path, typer.Argument(help="CSV with columns number and there (yes or no).")],
    key: Annotated[Path, typer.Argument(help="key.json of the blind pages.")],
) -> None:
    """Print how often a judge saw the asked edit in the edits, the targets and the untouched sources."""
    from bench.cli.console import out
    from bench.report.sheet import read_labels

    for kind, (yes, n) in read_labels(labels, key).items():
        out().print(f"{kind:<8}{yes:>4} of {n}  ({100 * yes / max(n, 1):.0f} %)")


@app.command("truth")
def truth(
    method: MethodOption = "ti2v-inversion",
    split: SplitOption = "dev",
    testset: TestSetOption = DEFAULT_TESTSET,
    home: HomeOption = None,
    db: DbOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print PSNR to the targets over frames 1 to the last by scenario, and the method's gap to every other row."""
    from dataclasses import asdict

    from rich.table import Table

    from bench.cli.console import out, write_json
    from bench.report.truth import METRICS, by_method, gap, scenario_means

    known, results = _results(testset, split, None, home, db)
    if not any(result.case.target for result in results):
        from bench.errors import UserError

        raise UserError(f"{known.name} has no target clips on {split}: gaps to the truth need a set with ground truth")
    found = {metric: by_method(results, metric) for metric in METRICS}
    rows = found["psnr"]
    if method not in rows:
        from bench.errors import UserError

        raise UserError(f"no results of '{method}' on {split}: run bench run --method {method} --split {split}")
    gaps = {m: [gap(by[method], by[o], o) for o in by if o != method] for m, by in found.items()}
    means = {m: {name: scenario_means(cases) for name, cases in by.items()} for m, by in found.items()}
    if as_json:
        write_json({"means": means, "gaps": {m: [asdict(g) for g in gs] for m, gs in gaps.items()}})
        return
    columns = list(means["psnr"][method])
    table = Table("row", *columns, "whole frame", "inside", title="dB: whole frame / inside the mask", box=None)
    for name in rows:
        cells = [
            f"{means['psnr'][name][c]:.2f} / {means['psnr-inside'][name].get(c, float('nan')):.2f}" for c in columns
        ]
        beside = [
            next((f"{g.mean:+.2f} [{g.low:+.2f}, {g.high:+.2f}]" for g in gaps[m] if g.other == name), "")
            for m in METRICS
        ]
        table.add_row(name, *cells, *beside)
    out().print(table)
    out().print(f"The last two columns: {method} minus the row, mean and 95 % interval over source clips.")


def _results(
    testset: str, split: str, methods: Sequence[str] | None, home: Path | None, db: str | None
) -> tuple[TestSet, tuple[Result, ...]]:
    """Return the test set and the newest board's results on the split; UserError where there are none."""
    from bench import registry
    from bench.errors import UserError
    from bench.home import open_home
    from bench.store.access import open_reader

    found = registry.testset(testset)
    reader = open_reader(open_home(home), db)
    board = next((b for b in reader.boards() if (b.testset, b.version) == (found.name, found.version)), None)
    chosen = frozenset(methods) if methods else None
    results = reader.results(board, split=split, methods=chosen) if board else ()
    if not results:
        wanted = " ".join(f"--method {m}" for m in methods or ("ti2v-inversion",))
        raise UserError(
            f"no stored results on {found.name} {found.version}, {split}: run bench run {wanted} --split {split}"
        )
    return found, results
