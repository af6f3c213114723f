"""`bench meta-eval`: metrics on trial, against pairs whose better member is known."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import (
    DEFAULT_PROTOCOL,
    DEFAULT_TESTSET,
    HomeOption,
    JsonOption,
    ProtocolOption,
    TestSetOption,
)

if TYPE_CHECKING:
    from collections.abc import Sequence, Set

    from bench.meta.pairs import Member, Pair
    from bench.meta.report import Line, Rate

EXAMPLES = (
    "Examples: [bold]bench meta-eval --pairs 200[/] · "
    "[bold]bench meta-eval --split dev --cases 14 --pairs 0 --workers 2 --output trial.json[/] (resumes)"
)


def meta_eval(
    split: Annotated[str, typer.Option(help="A split or a named part of one.")] = "smoke",
    pairs: Annotated[int, typer.Option(help="So many pairs, drawn at random but always the same; 0 for all.")] = 60,
    edits: Annotated[
        int, typer.Option("--cases", help="Only so many edits, spread over scenarios and source clips; 0 for all.")
    ] = 0,
    workers: Annotated[int, typer.Option(help="Processes of one thread each; 0 works in this one.")] = 1,
    testset: TestSetOption = DEFAULT_TESTSET,
    protocol: ProtocolOption = DEFAULT_PROTOCOL,
    output: Annotated[Path | None, typer.Option(help="Write the whole record here as JSON.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
) -> None:
    """Show how often each metric and the score prefer the better one of two edits, one of which was damaged.

    What was scored before is not scored again, so the same command resumes.
    """
    import json

    from bench import registry
    from bench.cli.console import err, write_json
    from bench.errors import UserError
    from bench.home import open_home
    from bench.inputs import CaseReader
    from bench.meta.damages import FAMILIES, GENERATOR
    from bench.meta.measure import Results, jobs, measured, outside_shares
    from bench.meta.pairs import all_pairs, files, spread
    from bench.meta.report import line
    from bench.metrics.region import OUTSIDE_SHARE
    from bench.protocol import Protocol
    from bench.score import AXES
    from bench.testsets import select, verify_assets

    if min(pairs, edits, workers) < 0:
        raise UserError(f"--pairs {pairs} --cases {edits} --workers {workers}: wanted 0 or more of each")
    if output and not output.parent.is_dir():
        raise UserError(f"--output {output}: there is no folder {output.parent}; make it first")
    chosen = registry.testset(testset)
    cases = spread(select(chosen, split))[: edits or None]
    verify_assets(chosen, cases)
    outside = outside_shares(cases, CaseReader(chosen.root), OUTSIDE_SHARE)
    every = all_pairs(cases, chosen.cases, outside)
    drawn = every[:pairs] if pairs else every
    if not drawn:
        raise UserError(f"no case of '{split}' has a target and a mask; pairs are made by damaging targets")
    judge = registry.protocol(protocol)
    by_id = {case.id: case for case in cases}
    clips = {case.id: files(case, chosen.cases) for case in cases}

    def key(member: Member) -> str:
        return member.key(by_id[member.case], clips[member.case], judge.signature)

    results = Results(open_home(home).root / "meta-eval" / f"{judge.signature.replace(':', '-')}.jsonl")
    members = {key(m): m for pair in drawn for m in (pair.better, pair.worse)}
    place = {case.id: k for k, case in enumerate(cases)}
    in_turn = sorted(members.items(), key=lambda one: place[one[1].case])
    due = jobs((k, m) for k, m in in_turn if k not in results)
    count, start = sum(len(job.members) for job in due), time.monotonic()
    err().print(f"{len(drawn)} of {len(every)} pairs, {count} clips to score, {len(members) - count} scored before")
    made = 0
    for batch in measured(due, testset, protocol, workers):
        for name, values in batch:
            results.add(name, values)
        made += len(batch)
        pace = (time.monotonic() - start) / made
        err().print(f"{made}/{count} clips, {pace:.2f} s each, {pace * (count - made) / 60:.0f} min left")
    lines = []
    for card in judge.cards:
        found = [
            (pair, better, worse)
            for pair in drawn
            if (better := results[key(pair.better)].get(card.name)) is not None
            and (worse := results[key(pair.worse)].get(card.name)) is not None
        ]
        if (one := line(card, found)) is not None:
            lines.append(one)
    terms = judge.formula.terms if isinstance(judge, Protocol) else ()
    weighs = {term.metric for term in terms if term.weight > 0} | {*AXES, "score"}
    record = {
        "generator": GENERATOR,
        "signature": judge.signature,
        "testset": chosen.name,
        "version": chosen.version,
        "split": split,
        "cases": [case.id for case in cases],
        "pairs": len(drawn),
        "clips": len(members),
        "held_out": [family.name for family in FAMILIES if family.held_out],
        "metrics": [_record(one, one.name in weighs) for one in lines],
    }
    if output:
        output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if as_json:
        write_json(record)
    else:
        _print(lines, drawn, judge.signature, weighs)


def _record(one: Line, weighs: bool) -> dict[str, Any]:
    def rate(found: Rate | None) -> dict[str, Any] | None:
        if found is None:
            return None
        share, low, high = (round(v, 6) for v in (found.rate.mean, found.rate.low, found.rate.high))
        return {"rate": share, "low": low, "high": high, "pairs": found.pairs, "ties": found.ties}

    return {
        "name": one.name,
        "axes": list(one.axes),
        "weighs": weighs,
        "all": rate(one.overall),
        "tuned": rate(one.tuned),
        "held_out": rate(one.held_out),
        "levels": {name: rate(found) for name, found in one.by_level.items()},
        "families": {name: rate(found) for name, found in one.by_family.items()},
    }


def _print(lines: Sequence[Line], pairs: Sequence[Pair], signature: str, weighs: Set[str]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape, out
    from bench.meta.damages import LEVELS
    from bench.meta.published import WANTED, WANTED_PLAIN

    def percent(found: Rate | None, spread: bool = False) -> str:
        if found is None:
            return "-"
        text = f"{100 * found.rate.mean:.1f}"
        return f"{text} [{100 * found.rate.low:.0f}, {100 * found.rate.high:.0f}]" if spread else text

    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    words = ("metric", "in score", "own axis")
    for head in (*words, "pairs", "prefers the better, %", *LEVELS, "held out", "ties"):
        table.add_column(head, justify="left" if head in words else "right")
    for one in lines:
        axis = one.axes[0] if len(one.axes) == 1 else "all"
        levels = (percent(one.by_level.get(name)) for name in LEVELS)
        table.add_row(
            escape(one.name),
            "yes" if one.name in weighs else "",
            axis,
            str(one.overall.pairs),
            percent(one.overall, spread=True),
            *levels,
            percent(one.held_out),
            str(one.overall.ties),
        )
    clips = len({pair.group for pair in pairs})
    out().print(escape(f"{len(pairs)} pairs of {clips} source clips, {signature}; 95 % intervals over source clips"))
    out().print(table)
    out().print("own axis: damages that make it worse; rates are means over kinds of damage, a tie prefers neither")
    for one in lines:
        if one.name == "score" and (plain := one.by_level.get("plain")):
            out().print(
                f"score: {percent(plain)} % of plainly damaged pairs (wanted {WANTED_PLAIN:.0%}), "
                f"{percent(one.overall)} % of all (wanted {WANTED:.0%})"
            )
    if weak := [one.name for one in lines if one.overall.rate.mean < WANTED]:
        out().print(escape(f"below {WANTED:.0%} on their axis, so to carry no weight: {', '.join(weak)}"))
