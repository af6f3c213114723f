"""The consoles: what a user reads goes to stderr while a run is on, results and machine output to stdout."""

from __future__ import annotations

import json
import sys
from functools import cache
from typing import Any

from rich.console import Console

PIPE_WIDTH = 140
"""Columns of a table that no terminal limits."""


@cache
def out() -> Console:
    """Return the console on stdout."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH)


@cache
def err() -> Console:
    """Return the console on stderr."""
    return Console(stderr=True, highlight=False)


def problem(text: str) -> None:
    """Say what went wrong, in one line on stderr, whatever its width."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"[bold red]error:[/] {escape(text)}")


def escape(text: str) -> str:
    """Return text that rich shows as it is, without control characters of any terminal."""
    from rich.markup import escape as escaped

    return escaped("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text))


def write(text: str) -> None:
    """Write machine output to stdout as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def write_json(value: Any) -> None:
    """Write a value to stdout as indented JSON."""
    write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
