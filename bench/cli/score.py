"""`bench score`: how scores come about, and what they would be under other weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import DbOption, HomeOption, JsonOption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.explain import AxisPart, Explanation
    from bench.losses import Losses
    from bench.score import Formula
    from bench.sensitivity import Sensitivity
    from bench.store.read import Board, Result

app = typer.Typer(no_args_is_help=True, help="Take scores apart.")


@app.callback()
def _group() -> None:
    """Take scores apart."""


@app.command("explain", epilog="Example: [bold]bench score explain ti2v-inversion CASE[/]")
def explain(
    method: Annotated[str, typer.Argument(help="Name of a method with stored results.")],
    case: Annotated[str, typer.Argument(help="Id of a case of its test set.")],
    run: Annotated[str | None, typer.Option(help="Its result in this run. Default: the newest.")] = None,
    seed: Annotated[int | None, typer.Option(help="Where the case was edited with several.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show every term of one edit's score, so that the numbers multiply to it."""
    from bench.cli.console import write_json
    from bench.cli.stored import results_of
    from bench.explain import explain as take_apart
    from bench.home import open_home
    from bench.store.access import open_reader

    board, results = results_of(open_reader(open_home(home), db), method, run)
    result = _one(method, case, seed, results)
    formula = _formula(board)
    found = take_apart(result, formula)
    if as_json:
        write_json(_record(board, result, found))
    else:
        _print(board, result, found)


def _one(method: str, case: str, seed: int | None, results: Sequence[Result]) -> Result:
    from difflib import get_close_matches

    from bench.errors import UserError

    mine = {r.seed: r for r in results if r.case.id == case}
    if not mine:
        known = sorted({r.case.id for r in results})
        near = ", ".join(get_close_matches(case, known) or known[:1])
        raise UserError(f"'{method}' has no result on a case '{case}': it has {len(known)} cases; nearest {near}")
    if seed is None and len(mine) == 1:
        return next(iter(mine.values()))
    if seed not in mine:
        seeds = ", ".join(map(str, sorted(mine)))
        raise UserError(f"{method} on {case} has edits of seed {seeds}, found --seed {seed}: name one of them")
    return mine[seed]


def _formula(board: Board) -> Formula:
    """Return the formula the scores were made with. Raises UserError where this version has another."""
    from bench import registry
    from bench.errors import UserError

    protocol = registry.protocol(board.protocol)
    if protocol.signature != board.signature:
        raise UserError(
            f"the result was scored under {board.signature}, this version has {protocol.signature}: "
            "run the method again, or use the version that scored it"
        )
    formula: Formula | None = getattr(protocol, "formula", None)
    if formula is None:
        raise UserError(f"protocol {board.signature} has no formula of terms and axes to take its score apart by")
    return formula


def _record(board: Board, result: Result, found: Explanation) -> dict[str, Any]:
    from bench.losses import by_term

    points = iter(by_term(found))

    def axis(part: AxisPart) -> dict[str, Any]:
        terms = [
            {
                "metric": p.placed.term.metric,
                "value": p.placed.value,
                "control": p.placed.control,
                "control_is": p.placed.term.control,
                "truth": p.placed.truth,
                "span": p.span,
                "x": p.placed.x,
                "weight": p.placed.term.weight,
                "share": p.share,
                "factor": p.factor,
                "lost": next(points, None),
            }
            for p in part.parts
        ]
        return {
            "axis": part.axis,
            "value": part.value,
            "exponent": part.exponent,
            "factor": part.factor,
            "terms": terms,
        }

    return {
        "testset": board.testset,
        "version": board.version,
        "testset_digest": board.testset_digest,
        "signature": board.signature,
        "method": result.method.name,
        "case": result.case.id,
        "scenario": result.case.scenario,
        "seed": result.seed,
        "run": result.run,
        "status": "ok" if result.ok else "failed",
        "reason": result.reason,
        "score": found.score.value,
        "unscored": found.score.unscored,
        "axes": [axis(part) for part in found.axes],
        "left_out": found.left_out,
    }


@app.command("losses", epilog="Example: [bold]bench score losses vae-target --split dev[/]")
def losses(
    method: Annotated[str, typer.Argument(help="Name of a method with stored results.")],
    split: Annotated[str | None, typer.Option(help="Only this split or part.")] = None,
    run: Annotated[str | None, typer.Option(help="Its results in this run. Default: of the newest.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show which metrics cost a method its points, in all and by scenario; nothing is measured again."""
    from dataclasses import asdict

    from bench.cli.console import write_json
    from bench.cli.stored import results_of
    from bench.errors import UserError
    from bench.home import open_home
    from bench.losses import losses as share_out
    from bench.store.access import open_reader

    board, results = results_of(open_reader(open_home(home), db), method, run)
    mine = [r for r in results if split in (None, r.case.split, *r.case.subsets)]
    if not mine:
        raise UserError(f"'{method}' has {len(results)} results, none of --split {split}")
    found = share_out(mine, _formula(board))
    if as_json:
        write_json({"signature": board.signature, "method": method, "split": split, **asdict(found)})
    else:
        _print_losses(board, method, found)


def _print_losses(board: Board, method: str, found: Losses) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape, out

    title = f"{board.testset} {board.version} · {board.signature} · {method}, {found.edits} edits"
    out().print(escape(title), soft_wrap=True)
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("points lost")
    for head in ("all", *found.scores):
        table.add_column(head, justify="right")
    for name, points in found.overall.items():
        parts = (f"{mine[name]:.1f}" for mine in found.by_scenario.values())
        table.add_row(escape(name), f"[bold]{points:.1f}[/]", *parts)
    table.add_section()
    table.add_row("score", f"[bold]{found.score:.1f}[/]", *(f"{value:.1f}" for value in found.scores.values()))
    out().print(table)
    out().print("the points of a column sum to 100; a metric's part is its part of the logarithm of the product")


@app.command("sensitivity", epilog="Example: [bold]bench score sensitivity --split dev[/]")
def sensitivity(
    split: Annotated[str | None, typer.Option(help="Only this split or part.")] = None,
    track: Annotated[str, typer.Option(help="Input track whose methods are ranked.")] = "first-frame",
    run: Annotated[str | None, typer.Option(help="What this run covered. Default: the board used last.")] = None,
    as_json: JsonOption = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Show how ranks move over a grid of weights and without each metric in turn; nothing is measured again."""
    from dataclasses import asdict

    from bench.cli.console import write_json
    from bench.cli.table import board_of
    from bench.errors import UserError
    from bench.home import open_home
    from bench.sensitivity import sensitivity as vary
    from bench.store.access import open_reader

    reader = open_reader(open_home(home), db)
    boards = reader.boards()
    if not boards:
        raise UserError("the store holds no run; make one with `bench run --method NAME`")
    board = board_of(reader, run) if run else boards[0]
    ranked: dict[str, list[Result]] = {}
    for result in reader.results(board, run=run, split=split):
        if result.method.track == track and not result.method.control and result.scores:
            ranked.setdefault(result.method.name, []).append(result)
    seeds = {name: min(r.seed for r in found) for name, found in ranked.items()}
    ranked = {name: [r for r in found if r.seed == seeds[name]] for name, found in ranked.items()}
    cases = {r.case.id for found in ranked.values() for r in found}
    whole = {name: found for name, found in ranked.items() if {r.case.id for r in found} == cases}
    found = vary(whole, _formula(board))
    if as_json:
        write_json({"signature": board.signature, "track": track, "split": split, **asdict(found)})
    else:
        _print_sensitivity(board, track, found)


def _print_sensitivity(board: Board, track: str, found: Sensitivity) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape, out

    def span(pair: tuple[int, int]) -> str:
        return str(pair[0]) if pair[0] == pair[1] else f"{pair[0]}-{pair[1]}"

    console = out()
    console.print(escape(f"{board.testset} {board.version} · {board.signature} · track {track}, {found.cases} cases"))
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for head in ("method", "score", "rank", "by tests", "over the grid", "without a metric"):
        table.add_column(head, justify="left" if head == "method" else "right")
    for method in sorted(found.base.ranks, key=found.base.ranks.__getitem__):
        table.add_row(
            escape(method),
            f"{found.base.means[method]:.1f}",
            str(found.base.ranks[method]),
            span(found.sets[method]),
            span(found.span(method, found.grid)),
            span(found.span(method, found.without)),
        )
    console.print(table)
    moved = [v for v in (*found.grid, *found.without) if v.tau < 1]
    console.print(f"{len(moved)} of {len(found.grid) + len(found.without)} variants give another order")
    for variant in sorted(moved, key=lambda v: v.tau):
        order = " > ".join(sorted(variant.ranks, key=variant.ranks.__getitem__))
        console.print(escape(f"  {variant.name}: tau {variant.tau:.2f}, {order}"), soft_wrap=True)


CONTROLS = {"source": "source", "frozen": "frozen", "other": "other clip"}
HEADS = ("axis, metric", "value", "control", "", "truth", "span", "x", "weight", "share", "factor")


def _print(board: Board, result: Result, found: Explanation) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from bench.cli.console import escape, out

    console = out()
    head = f"{result.method.name} on {result.case.id} ({result.case.scenario}), seed {result.seed} · {board.signature}"
    console.print(escape(head), soft_wrap=True)
    if not result.ok:
        text = f"score {found.score.value:g}: failed at {result.stage}: {result.reason}; counts 0 on every axis"
        console.print(escape(text), soft_wrap=True)
        return
    table = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    for name in HEADS:
        table.add_column(name, justify="left" if name in (HEADS[0], "") else "right")
    for axis in found.axes:
        value = "-" if axis.value is None else f"{axis.value:.4f}"
        table.add_row(f"[bold]{axis.axis}[/]", *[""] * 8, f"[bold]{value}[/]")
        for part in axis.parts:
            p = part.placed
            table.add_row(
                f"  {escape(p.term.metric)}",
                f"{p.value:.5g}",
                f"{p.control:.5g}",
                CONTROLS[p.term.control],
                f"{p.truth:.5g}",
                f"{part.span:.5g}",
                f"{p.x:.4f}",
                f"{p.term.weight:g}",
                f"{part.share:.4f}",
                f"{part.factor:.4f}",
            )
    console.print(table)
    console.print(escape(_product(found)), soft_wrap=True)
    console.print(
        "x = place between control (0) and truth (1); factor = x^share; an axis is the product of its factors."
    )
    for metric, reason in found.left_out.items():
        console.print(escape(f"{metric} does not count: {reason}"), soft_wrap=True)


def _product(found: Explanation) -> str:
    if found.score.value is None:
        return f"no score: {found.score.unscored}"
    powers = " x ".join(f"{a.axis} {a.value:.4f}^{a.exponent:g}" for a in found.axes)
    factors = " x ".join(f"{a.factor:.4f}" for a in found.axes)
    return f"score {found.score.value:.2f} = 100 x {powers} = 100 x {factors}"
