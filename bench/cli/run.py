"""`bench run`: edit, score, store, and print one table."""

from __future__ import annotations

import shlex
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.cli.options import (
    DEFAULT_PROTOCOL,
    DEFAULT_TESTSET,
    DbOption,
    HomeOption,
    ProtocolOption,
    TestSetOption,
)
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.run import Prepared, Report
    from bench.work import Outcome

EXAMPLES = (
    "Examples: [bold]bench run --method ti2v-inversion --split smoke[/] · "
    "[bold]bench run --method sdedit --split mini --dry-run[/] · "
    "[bold]bench run --method sdedit --testset my-footage/ --no-controls[/]"
)
TRUST_SECONDS = 20
"""How much work must be done before the measured pace outweighs the planned one."""
QUIET_SECONDS = 15
"""Without a terminal, a line of progress this often."""


def run(
    method: Annotated[list[str], typer.Option(help="Name of a method; repeat for more.")],
    split: Annotated[
        str | None, typer.Option(help="A split or a named part of one. Default: smoke, or the set's only split.")
    ] = None,
    testset: TestSetOption = DEFAULT_TESTSET,
    protocol: ProtocolOption = DEFAULT_PROTOCOL,
    metric: Annotated[
        list[str] | None, typer.Option(help="A registered metric to score besides the protocol's; repeat for more.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N cases; marks the run partial.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every edit.")] = 0,
    controls: Annotated[bool, typer.Option(help="Run the control rows too.")] = True,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; cuda:0,cuda:1 for workers in turn.")] = "cpu",
    workers: Annotated[int, typer.Option(help="Processes, each with its share of the cores.")] = 1,
    setting: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="NAME=VALUE: set a parameter of the methods otherwise, as rows of their own; repeat."
        ),
    ] = None,
    student: Annotated[
        str | None,
        typer.Option(help="A few-step student: a shipped name, a folder or a LoRA file. Short for --set student=PATH."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the plan and stop.")] = False,
    home: HomeOption = None,
    db: DbOption = None,
) -> None:
    """Edit the cases of a split with one or more methods, score the edits and print a table.

    What is stored already is not done again, so the same command resumes a run that was interrupted or
    killed.
    """
    from bench import registry
    from bench.cli.console import err
    from bench.home import open_home
    from bench.plan import RunSpec
    from bench.run import prepare
    from bench.run import run as drive
    from bench.testsets import default_split

    extra = tuple(metric or ())
    split = split or default_split(registry.testset(testset))
    parameters = _parameters(setting or [], student)
    spec = RunSpec(tuple(method), split, testset, protocol, extra, limit, seed, controls, device, workers, parameters)
    prepared = prepare(spec, open_home(home), db)
    _announce(prepared, dry_run)
    if dry_run:
        return
    with Bar(prepared) as bar:
        report = drive(prepared, bar.update)
    _table(prepared, report, db)
    for name, reason in report.unloadable.items():
        err().print(f"[bold red]error:[/] {_plain(name)} could not be loaded: {_plain(reason)}", soft_wrap=True)
    if report.state == "interrupted":
        command = shlex.join(["bench", *sys.argv[1:]])
        err().print(f"interrupted; this resumes: [bold]{_plain(command)}[/]", soft_wrap=True)
        raise typer.Exit(130)
    if report.unloadable:
        raise typer.Exit(2)
    if report.failed:
        raise typer.Exit(1)


def _parameters(settings: list[str], student: str | None) -> tuple[tuple[str, Any], ...]:
    """Return what `--set` and `--student` say, by name; values are read as YAML, so 4 is a number."""
    import yaml

    from bench.yaml_text import read_yaml

    found: dict[str, Any] = {} if student is None else {"student": student}
    for text in settings:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UserError(f"--set {text}: wanted NAME=VALUE, e.g. --set guidance=1.5")
        try:
            found[name] = read_yaml(value)
        except yaml.YAMLError as error:
            raise UserError(f"--set {text}: the value is not YAML ({' '.join(str(error).split())})") from None
    return tuple(sorted(found.items()))


def _plain(text: str) -> str:
    from bench.cli.console import escape

    return escape(text)


def _announce(prepared: Prepared, dry_run: bool) -> None:
    from rich.table import Table

    from bench.cli.console import err, out

    plan, spec = prepared.plan, prepared.spec
    head = (
        f"{prepared.testset.name} {prepared.testset.version}, {spec.split}: {len(prepared.cases)} cases"
        f"{' (partial: --limit)' if prepared.partial else ''} x {len(prepared.entries)} methods, "
        f"protocol {prepared.signature}"
    )
    todo = (
        f"{plan.edits} edits to make, {len(plan.jobs) - plan.edits} to score only, {plan.done} done; "
        f"about {span(plan.seconds / spec.workers)} and {plan.size / 2**20:.0f} MiB"
    )
    console = out() if dry_run else err()
    console.print(f"{_plain(head)}\n{todo}", soft_wrap=True)
    reasons = {(r.method, r.reason): 0 for r in plan.refused}
    for refused in plan.refused:
        reasons[refused.method, refused.reason] += 1
    for (name, reason), count in reasons.items():
        console.print(f"{_plain(name)} is not run on {count} cases: {_plain(reason)}", soft_wrap=True)
    if not dry_run:
        return
    table = Table("method", "track", "edit", "score only", "estimate", box=None)
    for entry in prepared.entries:
        jobs = [job for job in plan.jobs if job.entry.card.name == entry.card.name]
        edits = sum(job.stored is None for job in jobs)
        seconds = span(sum(job.seconds for job in jobs))
        table.add_row(_plain(entry.card.name), entry.card.track, str(edits), str(len(jobs) - edits), seconds)
    console.print(table)


def span(seconds: float) -> str:
    """Return a length of time as people say it: 8 s, 2 min 5 s, 3 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


class Bar:
    """One bar over all jobs. Jobs count by their estimated seconds, so the ETA holds when methods differ in
    speed.
    """

    def __init__(self, prepared: Prepared) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        from bench.cli.console import err

        self._jobs = len(prepared.plan.jobs)
        self._workers = prepared.spec.workers
        self._total = prepared.plan.seconds / self._workers
        self._done, self._worked, self._failed = 0, 0.0, 0
        self._start = self._spoken = time.monotonic()
        self._console = err()
        self._progress = Progress(
            TextColumn("{task.fields[jobs]}"),
            BarColumn(bar_width=None),
            TimeElapsedColumn(),
            TextColumn("ETA {task.fields[eta]}"),
            TextColumn("{task.description}"),
            console=self._console,
            disable=not self._jobs or not self._console.is_terminal,
        )
        self._task = self._progress.add_task("", total=self._total, jobs=self._count(), eta=span(self._total))

    def _count(self) -> str:
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done}/{self._jobs} jobs{failed}"

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def update(self, outcome: Outcome) -> None:
        """Take one outcome in."""
        self._done += 1
        self._worked += outcome.job.seconds / self._workers
        self._failed += outcome.status == "failed"
        now = time.monotonic()
        # The first jobs pay for imports and model loading, so the plan's own estimate counts for a while.
        pace = (now - self._start + TRUST_SECONDS) / (self._worked + TRUST_SECONDS)
        left = (self._total - self._worked) * pace
        if outcome.status == "failed" and outcome.stage != "load":
            name, case = outcome.job.entry.card.name, outcome.job.case.id
            self._console.print(
                f"[red]failed[/] {_plain(f'{name} on {case} ({outcome.stage}): {outcome.reason}')}", soft_wrap=True
            )
        if self._console.is_terminal:
            description = _plain(f"{outcome.job.entry.card.name} {outcome.job.case.id}")
            self._progress.update(
                self._task,
                completed=self._worked,
                description=description,
                jobs=self._count(),
                eta=span(left),
            )
        elif now - self._spoken > QUIET_SECONDS or self._done == self._jobs:
            self._spoken = now
            self._console.print(f"{self._count()}, {span(now - self._start)} gone, ETA {span(left)}")


def _table(prepared: Prepared, report: Report, db: str | None) -> None:
    from bench.cli.console import out
    from bench.cli.table import board_of, leaderboard
    from bench.store.access import open_reader
    from bench.summary import never_scored, partly_scored, rows

    reader = open_reader(prepared.home, db)
    board = board_of(reader, report.run)
    sets = () if prepared.partial else reader.sets(board, prepared.spec.split, prepared.spec.seed)
    results = reader.results(board, run=report.run)
    made = rows(results, sets)
    if made:
        asked = prepared.spec.metrics
        out().print(leaderboard(made, board, reader.metrics(), prepared.partial, out().width, asked))
    for reason, metrics in never_scored(results).items():
        out().print(_plain(f"unscored on every edit: {', '.join(metrics)}: {reason}"), soft_wrap=True)
    for (count, reason), metrics in partly_scored(results, prepared.spec.metrics).items():
        some = f"{count} of {len(results)} edits"
        out().print(_plain(f"unscored on {some}: {', '.join(metrics)}: {reason}"), soft_wrap=True)
    out().print(
        f"run {report.run}: {report.done} jobs done now, {prepared.plan.done} before; "
        f"`bench export --run {report.run}` writes it out, `bench board` shows it",
        soft_wrap=True,
    )
