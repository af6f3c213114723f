"""Find methods, test sets, metrics, protocols and commands by name without importing them.

Each kind is an entry-point group, so another package adds to it with one line of its own metadata. For a
quick try, `SHOPEDIT_PLUGINS="methods:mine=my_package:zoo,metrics:sharp=my_package.sharp"` does the same
from the environment. A plug-in that fails to load is a warning: it must not take the command line down with
it.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench.errors import UserError, unknown

if TYPE_CHECKING:
    from bench.metrics import Metric
    from bench.protocol import Protocol
    from bench.types import EditMethod, MethodCard, MethodEntry, TestSet

Kind = Literal["methods", "testsets", "metrics", "protocols", "commands"]
KINDS: tuple[Kind, ...] = ("methods", "testsets", "metrics", "protocols", "commands")
PLUGINS = "SHOPEDIT_PLUGINS"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Plugin:
    """A name and where its object is; nothing is imported before `load`."""

    name: str
    target: str
    """`package.module` or `package.module:object`."""
    origin: str
    """The distribution, or the environment variable, that registered it."""

    def load(self) -> Any:
        """Import and return the object; whatever the import raises comes through."""
        return resolve(self.target)


def resolve(target: str) -> Any:
    """Return the object that `package.module:object` names (the module itself without `:object`)."""
    module, _, attribute = target.partition(":")
    found: Any = importlib.import_module(module)
    for part in filter(None, attribute.split(".")):
        found = getattr(found, part)
    return found


def plugins(kind: Kind) -> dict[str, Plugin]:
    """Return every registered name of a kind; the environment's win over installed ones."""
    from importlib.metadata import entry_points

    found = {
        e.name: Plugin(e.name, e.value, e.dist.name if e.dist else "unknown")
        for e in entry_points(group=f"shopedit_bench.{kind}")
    }
    for item in filter(None, os.environ.get(PLUGINS, "").split(",")):
        where, _, target = item.partition("=")
        its_kind, _, name = where.strip().partition(":")
        if its_kind not in KINDS or not name or not target:
            _log.warning("%s: found '%s', wanted kind:name=module:object with kind in %s", PLUGINS, item, KINDS)
        elif its_kind == kind:
            found[name] = Plugin(name, target.strip(), PLUGINS)
    return found


def _each(kind: Kind, use: Callable[[Plugin], None]) -> None:
    """Apply `use` to every plug-in of a kind; one that fails is a warning naming it."""
    for plugin in plugins(kind).values():
        try:
            use(plugin)
        except Exception as error:
            _log.warning("%s plug-in '%s' (%s) is left out: %s", kind, plugin.name, plugin.target, error)


def methods() -> dict[str, MethodEntry]:
    """Return every method's entry by name, controls first. No adapter is imported."""
    found: dict[str, MethodEntry] = {}

    def add(plugin: Plugin) -> None:
        offered: Mapping[str, MethodEntry] = plugin.load()()
        for name, entry in offered.items():
            if name in found:
                raise ValueError(f"the name '{name}' is taken by {found[name].target}")
            found[name] = entry

    _each("methods", add)
    return dict(sorted(found.items(), key=lambda item: (not item[1].card.control, item[0])))


def method(name: str) -> MethodEntry:
    """Return one method's entry. Raises `UserError` with the nearest names for an unknown one."""
    found = methods()
    if name not in found:
        raise unknown("method", name, found)
    return found[name]


def variant(entry: MethodEntry, changes: Mapping[str, Any]) -> MethodEntry:
    """Return an entry with some of its parameters set otherwise, under a name of its own.

    Raises `UserError` where the method takes none, or one is unknown or out of range.
    """
    from bench.types import MethodEntry

    make = getattr(resolve(entry.target), "variant", None)
    if make is None:
        raise UserError(f"method '{entry.card.name}' has no parameters to set; leave --set and --student out")
    return MethodEntry(make(entry.card, changes), entry.target)


def create(entry: MethodEntry) -> EditMethod:
    """Import the adapter and construct it with its card. Raises `UserError` where the target does not
    import.
    """
    try:
        adapter: Callable[[MethodCard], EditMethod] = resolve(entry.target)
    except (ImportError, AttributeError) as error:
        raise UserError(f"method '{entry.card.name}' cannot be imported from {entry.target}: {error}") from error
    return adapter(entry.card)


def metrics() -> dict[str, Metric]:
    """Return every per-edit metric by name: the in-tree ones, then those of plug-ins."""
    from bench.metrics import Metric, registered

    found = {name: metric for name, metric in registered().items() if isinstance(metric, Metric)}

    def add(plugin: Plugin) -> None:
        if plugin.origin != PLUGINS:
            return  # installed ones are among those `registered` returns
        offered = plugin.load()
        for metric in getattr(offered, "METRICS", offered if isinstance(offered, tuple) else (offered,)):
            found[metric.card.name] = metric

    _each("metrics", add)
    return found


def protocol(name: str) -> Protocol:
    """Return a protocol by name: a plug-in's, else one of ours. Raises `UserError` for an unknown one."""
    found = plugins("protocols")
    if name in found:
        made: Protocol = found[name].load()()
        return made
    from bench.protocol import load

    return load(name)


def testset(name_or_folder: str) -> TestSet:
    """Return a registered test set by name, or the one in a folder. Raises `UserError` for neither."""
    folder = Path(name_or_folder)
    if folder.is_dir():
        from bench.testsets import read_testset

        return read_testset(folder)
    found = plugins("testsets")
    if name_or_folder not in found:
        raise unknown("test set", name_or_folder, found)
    loaded: TestSet = found[name_or_folder].load()()
    return loaded


def command(name: str) -> Any:
    """Return the typer app of a plug-in command. Raises `UserError` naming what to install when it lacks a
    package.
    """
    found = plugins("commands")
    if name not in found:
        raise unknown("command", name, found)
    try:
        return found[name].load()
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        ours = found[name].target.partition(".")[0]
        if missing == ours:
            raise UserError(f"command '{name}' is not part of this installation ({error})") from error
        raise UserError(f"command '{name}' needs the package '{missing}': {extra_for(missing)}") from error


def extra_for(package: str) -> str:
    """Return the command that installs a missing package: by the extra that lists it where there is one."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        lines = requires("shopedit-bench") or []
    except PackageNotFoundError:
        lines = []
    wanted = {package.lower().replace("_", "-"), *_DISTRIBUTIONS.get(package, ())}
    for line in lines:
        name = line.split(";")[0].strip()
        for mark in "<>=!~[ ":
            name = name.partition(mark)[0]
        if name.lower() in wanted and "extra ==" in line:
            extra = line.partition("extra ==")[2].strip(" \"'")
            return f'pip install "shopedit-bench[{extra}]"'
    return f"pip install {package}"


_DISTRIBUTIONS = {"warp": ("warp-lang",), "psycopg": ("psycopg",), "cv2": ("opencv-python-headless",)}
"""Packages whose import name is not their distribution's."""
