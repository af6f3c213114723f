"""Show the leaderboard in a browser."""

from __future__ import annotations

import os
import socket
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from bench.cli.console import out
from bench.cli.options import DbOption, HomeOption
from bench.errors import UserError
from bench.home import VARIABLE

app = typer.Typer(add_completion=False)
LOOPBACK = "127.0.0.1"
EXAMPLES = "Examples: [bold]bench board[/] · [bold]bench board --home results --port 8600[/]"


@app.command(epilog=EXAMPLES)
def board(
    home: HomeOption = None,
    db: DbOption = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8501,
    host: Annotated[
        str,
        typer.Option(help="Address to bind. The default is this machine only; 0.0.0.0 lets everybody in."),
    ] = LOOPBACK,
) -> None:
    """Show the leaderboard in a browser."""
    # Read when numpy is loaded. Threads that spin while they wait for each other multiply the time of a page's small
    # matrices where the browser or another visitor wants the cores too.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from bench.registry import extra_for

    if find_spec("streamlit") is None:
        raise UserError(f"the board needs the package 'streamlit': {extra_for('streamlit')}")
    from leaderboard.source import DATABASE

    _check_port(host, port)
    if home is not None:
        os.environ[VARIABLE] = str(home.expanduser().resolve())
    if db is not None:
        os.environ[DATABASE] = db
    _warm()
    from leaderboard.server import serve

    out().print(f"The board is at [link]http://{host}:{port}[/link] (Ctrl+C ends it)", highlight=False)
    serve(Path(__file__).with_name("app.py"), host, port)


def _warm() -> None:
    """Read what the pages aggregate before the first visitor comes: after millions of new scores that takes a while."""
    from leaderboard.source import look

    if found := look():
        for board in found.boards:
            found.columns(board)


def _check_port(host: str, port: int) -> None:
    """Raise `UserError` where the address cannot be listened on."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise UserError(f"{host}:{port}: {error.strerror}; choose another --port or --host") from error
