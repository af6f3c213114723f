"""`bench store`: check it, or make it anew from the journals."""

from __future__ import annotations

import typer

from bench.cli.options import DbOption, HomeOption

app = typer.Typer(no_args_is_help=True, help="Verify or rebuild the store.")


@app.command("verify")
def verify(home: HomeOption = None, db: DbOption = None) -> None:
    """Check that rows follow from the journals and that every stored clip is whole; exit 1 where not."""
    from bench.cli.console import escape, out
    from bench.home import open_home
    from bench.store.verify import problems

    place = open_home(home)
    found = list(problems(place, db))
    for line in found:
        out().print(escape(line), soft_wrap=True)
    out().print(f"{len(found)} problems" if found else f"{place.root}: rows, journals and clips agree")
    raise typer.Exit(1 if found else 0)


@app.command("rebuild")
def rebuild(home: HomeOption = None, db: DbOption = None) -> None:
    """Make the database anew from the journals; an SQLite file that was there is kept as bench.db.old."""
    from bench.cli.console import out
    from bench.home import open_home
    from bench.store.verify import rebuild as make

    count = make(open_home(home), db)
    out().print(f"rebuilt from {count} records")
