"""`bench list` and `bench show`: what is registered and what has been run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from bench.cli.options import DEFAULT_PROTOCOL, DbOption, HomeOption, JsonOption, ProtocolOption

list_app = typer.Typer(no_args_is_help=True, help="List methods, metrics, test sets or runs.")
show_app = typer.Typer(no_args_is_help=True, help="Show one method or metric whole.")


def _print(records: Sequence[dict[str, Any]], columns: Sequence[str], as_json: bool) -> None:
    from bench.cli.console import escape, out, write_json

    if as_json:
        write_json(list(records))
        return
    from rich.table import Table

    table = Table(*columns, box=None, pad_edge=False)
    for record in records:
        table.add_row(*(escape(str(record[c]) if record[c] is not None else "-") for c in columns))
    out().print(table)


@list_app.command("methods")
def methods(as_json: JsonOption = False) -> None:
    """List the registered methods; controls have no rank."""
    from bench import registry

    records = [{**entry.card.model_dump(mode="json"), "target": entry.target} for entry in registry.methods().values()]
    _print(records, ["name", "version", "track", "family", "control", "description"], as_json)


@list_app.command("metrics")
def metrics(protocol: ProtocolOption = DEFAULT_PROTOCOL, as_json: JsonOption = False) -> None:
    """List the metrics of a protocol, then the other registered ones.

    `on trial`: how often it prefers the better of two edits, by the trial that is shipped with the protocol.
    """
    from bench import registry
    from bench.meta.published import verdicts

    chosen = registry.protocol(protocol)
    inside = {card.name for card in chosen.cards}
    cards = [*chosen.cards, *(m.card for n, m in registry.metrics().items() if n not in inside)]
    trial = verdicts(chosen.signature)
    records = [
        {
            **card.model_dump(mode="json"),
            "protocol": chosen.signature if card.name in inside else None,
            "in score": trial[card.name].weighs if card.name in trial else None,
            "on trial": f"{trial[card.name].rate:.1%}" if card.name in trial else None,
        }
        for card in cards
    ]
    _print(
        records, ["name", "version", "family", "axis", "better", "unit", "in score", "on trial", "protocol"], as_json
    )


@list_app.command("testsets")
def testsets(as_json: JsonOption = False) -> None:
    """List the registered test sets with their splits."""
    from bench import registry

    records = []
    for name in registry.plugins("testsets"):
        testset = registry.testset(name)
        splits = {split: len(testset.select(split)) for split in testset.splits}
        records.append({"name": name, "version": testset.version, "cases": len(testset.cases), "splits": splits})
    _print(records, ["name", "version", "cases", "splits"], as_json)


@list_app.command("runs")
def runs(as_json: JsonOption = False, home: HomeOption = None, db: DbOption = None) -> None:
    """List the runs in the store, newest first."""
    from dataclasses import asdict

    from bench.home import open_home
    from bench.store.access import open_reader

    records = [asdict(run) for run in open_reader(open_home(home), db).runs()]
    for record in records:
        record["names"] = ", ".join(record["spec"]["methods"])
    _print(records, ["id", "state", "testset", "split", "partial", "names", "signature"], as_json)


@show_app.command("method")
def method(name: Annotated[str, typer.Argument(help="Name of a method.")], as_json: JsonOption = False) -> None:
    """Show a method's card: what it is, what it is given, and every parameter."""
    from bench import registry
    from bench.identity import method_key

    entry = registry.method(name)
    record = {**entry.card.model_dump(mode="json"), "target": entry.target, "key": method_key(entry.card)}
    _print_record(record, as_json)


@show_app.command("metric")
def metric(
    name: Annotated[str, typer.Argument(help="Name of a metric.")],
    protocol: ProtocolOption = DEFAULT_PROTOCOL,
    as_json: JsonOption = False,
) -> None:
    """Show a metric's card."""
    from bench import registry
    from bench.errors import unknown

    cards = {name: m.card for name, m in registry.metrics().items()}
    cards |= {card.name: card for card in registry.protocol(protocol).cards}
    if name not in cards:
        raise unknown("metric", name, cards)
    _print_record(cards[name].model_dump(mode="json"), as_json)


def _print_record(record: dict[str, Any], as_json: bool) -> None:
    from bench.cli.console import write_json

    if as_json:
        write_json(record)
        return
    flat: list[dict[str, Any]] = []
    for field, value in record.items():
        if isinstance(value, dict):
            flat += [{"field": f"{field}.{part}", "value": item} for part, item in value.items()]
        else:
            flat.append({"field": field, "value": value})
    _print(flat, ["field", "value"], False)
