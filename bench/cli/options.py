"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

HomeOption = Annotated[
    Path | None,
    typer.Option(help="Folder of all state. Default: $BENCH_HOME, else the platform's data folder."),
]
DbOption = Annotated[str | None, typer.Option(help="SQLAlchemy URL of the store. Default: SQLite in the state folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Machine-readable output on stdout.")]
TestSetOption = Annotated[str, typer.Option(help="Name of a test set, or a folder with testset.json.")]
ProtocolOption = Annotated[str, typer.Option(help="Name of the metrics protocol.")]

DEFAULT_TESTSET = "shopedit-300"
DEFAULT_PROTOCOL = "lite-1"
