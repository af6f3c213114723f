"""`bench weights`: the official weights that protocol full-1 needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.options import JsonOption

app = typer.Typer(no_args_is_help=True, help="See, add or fetch the official weights of protocol full-1.")


@app.command("status")
def status(as_json: JsonOption = False) -> None:
    """Show each file: whether it is here and right, its size, licence and the metrics that need it."""
    from bench import weights
    from bench.cli.console import escape, out, write_json

    records = []
    for one in weights.CATALOGUE.values():
        state = "missing"
        if weights.present(one.name):
            try:
                weights.find(one.name)
                state = "ready"
            except weights.MissingWeights:
                state = "wrong hash"
        records.append(
            {
                "name": one.name,
                "state": state,
                "file": one.file,
                "sha256": weights.wanted(one),
                "size": one.size,
                "licence": one.licence,
                "used_by": one.used_by,
                "url": one.url,
            }
        )
    if as_json:
        write_json(records)
        return
    from rich.table import Table

    table = Table("name", "state", "MB", "sha256", "used by", "licence", box=None, pad_edge=False)
    for r in records:
        sha256 = str(r["sha256"])[:12] if r["sha256"] else "pinned when added"
        cells = (r["name"], r["state"], f"{float(str(r['size'])) / 1e6:.0f}", sha256, r["used_by"], r["licence"])
        table.add_row(*(escape(str(cell)) for cell in cells))
    out().print(table)
    out().print(
        escape(f"in {weights.folder()}; `bench weights fetch NAME` downloads, `add FILE` takes a copy"), soft_wrap=True
    )


@app.command("add")
def add(
    file: Annotated[Path, typer.Argument(help="A downloaded file.")],
    name: Annotated[str | None, typer.Option(help="Which one it is. Default: its hash tells.")] = None,
) -> None:
    """Check a downloaded file's hash and copy it in."""
    from bench import weights
    from bench.cli.console import escape, out

    found, path = weights.add(file, name)
    out().print(escape(f"{found.name}: {path}"), soft_wrap=True)


@app.command("fetch")
def fetch(names: Annotated[list[str], typer.Argument(help="Names, or `all`.")]) -> None:
    """Download files from their publishers and check their hashes."""
    from bench import weights
    from bench.cli.console import escape, out

    for name in weights.CATALOGUE if names == ["all"] else names:
        out().print(escape(f"{name}: {weights.fetch(name)}"), soft_wrap=True)
