"""`bench testset`: build, import, check and show test sets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.cli import console
from bench.cli.console import escape
from bench.cli.options import DEFAULT_TESTSET, JsonOption
from bench.errors import unknown
from bench.testsets import assets_of

if TYPE_CHECKING:
    from bench.types import TestSet

app = typer.Typer(help="Build, import, check and show test sets.", no_args_is_help=True)
Which = Annotated[str, typer.Option("--testset", help="Name of a test set, or its folder.")]


def _read(name_or_folder: str) -> TestSet:
    from bench import registry

    return registry.testset(name_or_folder)


@app.command()
def check(which: Which = DEFAULT_TESTSET, as_json: JsonOption = False) -> None:
    """Verify records, files (sha256, every frame decoded) and card of a test set. Exit 1 when there is a fault."""
    from testset.check import faults

    testset, found = faults(_read(which).root)
    if as_json:
        console.write_json({"name": testset.name, "version": testset.version, "faults": found})
    else:
        for fault in found:
            console.out().print(escape(fault), soft_wrap=True)
        files = len({a.path for case in testset.cases for a in assets_of(case).values()})
        end = f"{len(found)} fault{'s' * (len(found) != 1)}" if found else "all as published"
        console.out().print(
            f"{escape(testset.name)} {escape(testset.version)}: {len(testset.cases)} cases, {files} files, {end}"
        )
    raise typer.Exit(1 if found else 0)


@app.command()
def card(which: Which = DEFAULT_TESTSET) -> None:
    """Write the card into the test set's folder: README.md, tables for `datasets`, pictures, licence, checksums."""
    from testset.card import write_card

    root = _read(which).root
    console.out().print(f"{escape(str(root))}: {', '.join(escape(name) for name in write_card(root))}", soft_wrap=True)


@app.command()
def probe(
    which: Which = DEFAULT_TESTSET,
    rejected: Annotated[
        Path | None, typer.Option(help="Add a line `CASE ATTEMPT` per unreadable case, for `build --rejected`.")
    ] = None,
    record: Annotated[bool, typer.Option(help="Write what was read into testset.json, for the card.")] = False,
    seed_file: Annotated[Path | None, typer.Option(help="Secret of `hidden`; else $SHOPEDIT_HIDDEN_SEED.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the attribute probe whether every target shows its value and no source does. Exit 1 when one does not."""
    from testset.probing import attribute_reader
    from testset.reading import record_report, unreadable

    testset = _read(which)
    reader = attribute_reader(testset.vocabulary)
    found = {case.id: why for case, why in unreadable(testset, reader) if why}
    if rejected is not None:
        from testset.order import read_secret
        from testset.verdicts import rejections

        secret = read_secret(seed_file) if "hidden" in testset.splits else ""
        before = rejected.read_text(encoding="utf-8").splitlines() if rejected.exists() else []
        lines = dict.fromkeys([*before, *rejections(testset.root, found, secret)])
        rejected.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    if record:
        record_report(testset.root, reader.report())
    if as_json:
        console.write_json(reader.report() | {"cases": found})
    else:
        for case, why in found.items():
            console.out().print(escape(f"{case}: {'; '.join(why)}"), soft_wrap=True)
        console.out().print(f"{escape(testset.name)}: {reader.asked.total()} cases read, {len(found)} not as they say")
    raise typer.Exit(1 if found else 0)


@app.command()
def show(
    case: Annotated[str | None, typer.Argument(help="Id of a case to print whole. Default: an overview.")] = None,
    which: Which = DEFAULT_TESTSET,
    as_json: JsonOption = False,
) -> None:
    """Print what a test set holds, or one case of it."""
    from testset import showing

    testset = _read(which)
    record = showing.overview(testset) if case is None else showing.whole_case(testset, case)
    if as_json:
        console.write_json(record)
    else:
        console.out().print(showing.overview_table(testset) if case is None else showing.case_table(record))


@app.command()
def push(
    repo: Annotated[str, typer.Option("--repo", help="ORG/NAME of the dataset repository; made where it is new.")],
    which: Which = DEFAULT_TESTSET,
    private: Annotated[bool, typer.Option(help="Only where the repository is made now.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and list; nothing is sent.")] = False,
) -> None:
    """Upload a checked test set with its card to a dataset hub, and tag it with its version."""
    from testset.push import push as publish

    done = publish(_read(which).root, repo, private=private, dry_run=dry_run)
    size = f"{len(done.files)} files, {done.size / 2**20:.1f} MiB"
    where = f"would go to {done.repo}" if done.url is None else f"are at {done.url}"
    console.out().print(escape(f"{size} {where}"), soft_wrap=True)


@app.command("import")
def import_(
    table: Annotated[Path, typer.Argument(help="CSV or YAML, one row per edit; columns: docs/testset.md.")],
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder to write, new or empty. Default: the table's name, here.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the test set. Default: the folder's.")] = None,
    version: Annotated[str, typer.Option(help="Its version; scores of two versions are never mixed.")] = "1.0",
    root: Annotated[Path | None, typer.Option(help="Where the table's paths start. Default: its own folder.")] = None,
    licence: Annotated[str, typer.Option(help="Of the clips whose row names none.")] = "unknown",
    size: Annotated[str | None, typer.Option(help="WIDTHxHEIGHT: scale every clip to cover it, crop the rest.")] = None,
    fps: Annotated[str | None, typer.Option(help="Re-time every clip, e.g. to 8 or 30000/1001.")] = None,
    frames: Annotated[int | None, typer.Option(min=2, help="Keep the first so many frames of every clip.")] = None,
) -> None:
    """Make a test set of your own clips; masks and targets are optional.

    Clips are copied as they are, unless --size, --fps or --frames asks for more. Every problem is listed, and then
    nothing is written.
    """
    from testset.importing import Import, ImportRefused, import_table
    from testset.refit import read_refit

    refit = read_refit(size, fps, frames)
    out = out or Path(table.stem)
    wanted = Import(table, out, root or table.parent, name or out.resolve().name, version, licence, refit)
    try:
        with Progress(TextColumn("{task.description}"), console=console.err(), transient=True) as progress:
            task = progress.add_task("")
            testset = import_table(wanted, lambda file: progress.update(task, description=escape(file)))
    except ImportRefused as refused:
        for problem in refused.problems:
            console.err().print(escape(str(problem)), soft_wrap=True)
        raise
    lacking = [f"{sum(getattr(c, r) is None for c in testset.cases)} without {r}" for r in ("target", "mask")]
    console.out().print(
        f"{escape(testset.name)} {escape(testset.version)}: {len(testset.cases)} cases, {', '.join(lacking)}; "
        f"next: bench run --testset {escape(str(out))} --method NAME",
        soft_wrap=True,
    )


@app.command()
def build(
    out: Annotated[Path, typer.Option("--out", help="Folder to write; replaced as a whole when all is rendered.")],
    split: Annotated[list[str] | None, typer.Option(help="dev, test or hidden; may be given twice. [dev]")] = None,
    rendition: Annotated[str, typer.Option(help="lite (256x256, 17 frames) or full (960x960, 49 frames).")] = "lite",
    groups: Annotated[int | None, typer.Option(min=1, help="Only the first so many source clips of a split.")] = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes that encode. [one per core, up to 16]")] = None,
    seed_file: Annotated[Path | None, typer.Option(help="Secret of `hidden`; else $SHOPEDIT_HIDDEN_SEED.")] = None,
    rejected: Annotated[Path | None, typer.Option(help="Lines `CASE ATTEMPT` that a probe has turned down.")] = None,
    like: Annotated[
        Path | None, typer.Option(help="A built set: the same cases, in this rendition, not judged again.")
    ] = None,
    aux: Annotated[bool, typer.Option(help="Write depth and flow of every source as well.")] = False,
    probe: Annotated[bool, typer.Option(help="Draw anew what the attribute probe cannot read.")] = True,
    version: Annotated[str | None, typer.Option(help="Of the test set. Default: that of the renderer.")] = None,
) -> None:
    """Render splits from their seeds. Stopped, it goes on where it was when called again."""
    from testset.build import build as render_splits
    from testset.order import RENDITIONS, VERSION, Order, read_rejected, read_secret
    from testset.probing import attribute_reader
    from testset.scenes import prompts
    from testset.verdicts import attempts_of

    if rendition not in RENDITIONS:
        raise unknown("rendition", rendition, RENDITIONS)
    splits = tuple(dict.fromkeys(split or ["dev"]))
    secret = read_secret(seed_file) if "hidden" in splits else ""
    chosen = RENDITIONS[rendition]
    attempts = attempts_of(like, secret) if like else None
    turned_down = read_rejected(rejected)
    order = Order(splits, chosen, groups, secret, turned_down, attempts, aux, device, workers, version or VERSION)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console.err()) as progress:
        task = progress.add_task("rendering clips", total=len(list(order.all_groups())))
        reader = attribute_reader(prompts()) if probe and not like else None
        counts = render_splits(out, order, reader, lambda _: progress.advance(task))
    console.out().print(counts)
