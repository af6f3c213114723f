"""`bench compare`: A against B, paired, with intervals and corrected p-values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import DbOption, HomeOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bench.compare import Line, Side, Versus
    from bench.types import MetricCard

EXAMPLES = (
    "Examples: [bold]bench compare ti2v-inversion sdedit --split mini[/] · "
    "[bold]bench compare sdedit@RUN1 sdedit@RUN2 --metric psnr-inside[/]"
)
MethodArgument = typer.Argument(help="A method; METHOD@RUN for its results in one run.", show_default=False)


def compare(
    a: Annotated[str, MethodArgument],
    b: Annotated[str, MethodArgument],
    split: Annotated[str | None, typer.Option(help="Only this split or part.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Besides the score and its axes; repeat for more.")] = None,
    intersection: Annotated[bool, typer.Option("--intersection", help="Compare the cases that both have.")] = False,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Compare two methods case by case, overall and in each scenario.

    Refused where protocol, test-set version or case sets differ. Without @RUN a method stands for all its results on
    the board of its newest run.
    """
    from bench.cli.console import out, write_json
    from bench.cli.stored import results_of
    from bench.compare import side, versus
    from bench.home import open_home
    from bench.store.access import open_reader

    reader = open_reader(open_home(home), db)
    one, other = (side(label, *results_of(reader, *_parts(label)), split) for label in (a, b))
    found = versus(one, other, _chosen(reader.metrics(), (one, other), metric or []), intersection)
    if as_json:
        write_json(_record(one, other, found, split))
        return
    _print_sides(one, other, found)
    out().print(_table(found.overall, "all scenarios"))
    out().print(_table(found.scenarios, "by scenario"))
    _print_notes(one, other, found)


def _parts(label: str) -> tuple[str, str | None]:
    method, at, run = label.partition("@")
    return method, run if at else None


def _chosen(cards: Sequence[MetricCard], sides: Sequence[Side], asked: Sequence[str]) -> list[MetricCard]:
    """Return the cards of the score and its axes, where there are any, and of what was asked for."""
    from bench.errors import unknown
    from bench.summary import AXES, HEADLINE

    by_name = {card.name: card for card in cards}
    there = {name for one in sides for result in one.results for name in result.scores}
    for name in asked:
        if name not in there:
            raise unknown("metric", name, there & by_name.keys())
    names = [name for name in (HEADLINE, *AXES) if name in there]
    return [by_name[name] for name in dict.fromkeys([*names, *asked])]


def _record(a: Side, b: Side, found: Versus, split: str | None) -> dict[str, Any]:
    from dataclasses import asdict

    def one(side: Side) -> dict[str, Any]:
        card = side.results[0].method
        return {
            "label": side.label,
            "method": card.name,
            "track": card.track,
            "control": card.control,
            "seeds": list(side.seeds),
            "edits": len(side.results),
            "failed": side.failed,
        }

    record = asdict(found)
    for name, lines in (("overall", found.overall), ("scenarios", found.scenarios)):
        record[name] = [asdict(line) | {"winner": line.winner} for line in lines]
    board = a.board
    identity = {"testset": board.testset, "version": board.version, "testset_digest": board.testset_digest}
    return identity | {"signature": board.signature, "split": split, "a": one(a), "b": one(b)} | record


def _print_sides(a: Side, b: Side, found: Versus) -> None:
    from bench.cli.console import escape, out

    board = a.board
    out().print(escape(f"{board.testset} {board.version} · {board.signature}"), soft_wrap=True)
    for name, one in (("A", a), ("B", b)):
        card = one.results[0].method
        kind = "control" if card.control else f"track {card.track}"
        seeds = ", ".join(map(str, one.seeds))
        text = f"{name}: {one.label} ({kind}), {len(one.results)} edits, {one.failed} failed, seed {seeds}"
        out().print(escape(text), soft_wrap=True)
    out().print(f"{found.cases} cases of {found.clips} source clips, paired")
    if found.only_a or found.only_b:
        out().print(
            f"only the cases in common: {len(found.only_a)} of A and {len(found.only_b)} of B are left out",
            soft_wrap=True,
        )


def _table(lines: Sequence[Line], title: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape

    heads = ("metric", "n", "A", "B", "A - B", "95 %", "p", "p Holm", "detectable", "better")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in heads:
        table.add_column(head, justify="right" if table.columns else "left")
    last = None
    for line in lines:
        if line.scenario != last:
            table.add_row(f"[italic]{line.scenario}[/]")
            last = line.scenario
        gap = line.difference
        table.add_row(
            escape(line.metric if line.scenario is None else f"  {line.metric}"),
            str(gap.n),
            f"{line.a:.4g}",
            f"{line.b:.4g}",
            f"{gap.mean:+.3g}",
            f"{gap.low:+.3g} to {gap.high:+.3g}" if gap.groups > 1 else "-",
            f"{line.p:.2g}",
            f"{line.p_holm:.2g}",
            "-" if line.detectable is None else f"{line.detectable:.2g}",
            line.winner.upper() if line.winner else "not told apart",
        )
    return table


def _print_notes(a: Side, b: Side, found: Versus) -> None:
    from bench.cli.console import escape, out
    from bench.compare import ALPHA

    headline = found.overall[0] if found.overall else None
    notes = ["One is better where p Holm < 0.05. It is corrected for all lines of its table, the two tables apart."]
    if headline is not None and headline.detectable is not None:
        notes.append(
            f"Detectable at 80 % power: {headline.difference.groups} source clips find a true difference in "
            f"{headline.metric} of {headline.detectable:.2g} four times in five (p < 0.05, uncorrected)."
        )
    least = min(1.0, found.least_p * len(found.overall))
    if least >= ALPHA:
        notes.append(
            f"{found.clips} source clips give no p below {found.least_p:.2g}, corrected {least:.2g}: "
            "nothing can be told apart here; compare on more clips."
        )
    if a.results[0].method.track != b.results[0].method.track:
        notes.append("The input tracks differ: one was given more than the other.")
    notes += [f"No case has {name} on both sides." for name in found.unpaired]
    for note in notes:
        out().print(escape(note), soft_wrap=True)
