"""Commands of other rooms, mounted without being imported, and errors in one line."""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from bench import registry
from bench.errors import UserError


class BenchGroup(TyperGroup):
    """The root: our commands, then those registered under `shopedit_bench.commands`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return all names, ours first."""
        own = super().list_commands(ctx)
        return [*own, *sorted(set(registry.plugins("commands")) - set(own))]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return one of ours, or a stand-in for a registered one, or None."""
        own = super().get_command(ctx, cmd_name)
        if own is not None:
            return own
        plugin = registry.plugins("commands").get(cmd_name)
        return None if plugin is None else _Lazy(plugin)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what the user can mend is one line on stderr and exit code 2."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            from bench.cli.console import problem

            problem(str(error))
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None


class _Lazy(TyperCommand):
    """Stands for a command in the help of the root, and becomes it when it is called."""

    def __init__(self, plugin: registry.Plugin) -> None:
        super().__init__(name=plugin.name, callback=None, help=_summary(plugin))

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Import the real command and hand over to it."""
        assert self.name is not None
        try:
            real = typer.main.get_command(registry.command(self.name))
        except UserError as error:
            from bench.cli.console import problem

            problem(str(error))
            raise typer.Exit(2) from error
        return real.make_context(info_name, args, parent, **extra)


def _summary(plugin: registry.Plugin) -> str:
    """Return the first line of the docstring of the command's module, read as text."""
    top, *rest = plugin.target.partition(":")[0].split(".")
    spec = importlib.util.find_spec(top)
    places = [Path(f, *rest).with_suffix(".py") for f in (spec.submodule_search_locations or ())] if spec else []
    if spec and spec.origin and not rest:
        places.append(Path(spec.origin))
    for path in places:
        if path.is_file():
            text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
            return (text or "").partition("\n")[0]
    return f"from {plugin.origin}; not importable by {sys.executable}"
