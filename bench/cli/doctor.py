"""`bench doctor`: is everything there that a run needs?"""

from __future__ import annotations

import typer

from bench.cli.options import DEFAULT_PROTOCOL, DEFAULT_TESTSET, DbOption, HomeOption, JsonOption, TestSetOption


def doctor(
    testset: TestSetOption = DEFAULT_TESTSET,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Check packages, codecs, state folder, store, methods, metrics and test set; exit 1 where one is
    amiss.
    """
    from dataclasses import asdict

    from bench.checkup import checks
    from bench.cli.console import escape, out, write_json

    found = list(checks(home, db, testset, DEFAULT_PROTOCOL))
    if as_json:
        write_json([asdict(check) for check in found])
    else:
        from rich.table import Table

        table = Table(box=None, pad_edge=False, show_header=False)
        for check in found:
            table.add_row("[green]ok[/]" if check.ok else "[red]amiss[/]", check.name, escape(check.found))
        out().print(table)
    raise typer.Exit(0 if all(check.ok for check in found) else 1)
