"""Build, check, mine and review source-target training pairs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.errors import UserError

app = typer.Typer(help="Build, check, mine and review source-target training pairs.", no_args_is_help=True)
console = Console(soft_wrap=True, highlight=False, markup=False)
Folder = Annotated[Path, typer.Argument(help="Folder of `bench pairs build`.")]


@app.command()
def build(
    out: Annotated[Path, typer.Option(help="Folder to fill; a build that was stopped goes on.")],
    count: Annotated[int, typer.Option(help="Pairs.", min=1)] = 5000,
    seed: Annotated[int, typer.Option(help="The same seed gives the same pairs.")] = 0,
    size: Annotated[str, typer.Option(help="Width x height in pixels, multiples of 32.")] = "256x256",
    frames: Annotated[int, typer.Option(help="Frames of a clip.", min=5)] = 17,
    fps: Annotated[int, typer.Option(min=1)] = 8,
    per_shard: Annotated[int, typer.Option(help="Pairs of a shard.", min=1)] = 50,
    workers: Annotated[int | None, typer.Option(help="Processes; default: one per core.", min=1)] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ... renders.")] = "cpu",
) -> None:
    """Render pairs into WebDataset shards, with captions, masks, attributes, audit flags, manifest and card."""
    from pydantic import ValidationError

    from methods.training.pairs.build import build as make
    from methods.training.pairs.record import BuildSettings

    width, height = _size(size)
    try:
        settings = BuildSettings(
            seed=seed, count=count, width=width, height=height, frames=frames, fps=fps, per_shard=per_shard
        )
    except ValidationError as error:
        wrong = error.errors()[0]
        raise UserError(f"--{wrong['loc'][0]}: {wrong['msg']}, found {wrong['input']!r}") from None
    columns: list[Any] = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    started = time.monotonic()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("pairs", total=count)
        manifest = make(
            out,
            settings,
            device=device,
            workers=workers or os.cpu_count() or 1,
            done=lambda pairs: progress.advance(task, pairs),
        )
    found = manifest.statistics
    console.print(
        f"{out}: {found['pairs']} pairs, {len(manifest.shards)} shards, {found['bytes'] / 2**20:.1f} MiB, "
        f"{found['flagged']} flagged, {found['drawn_anew']} drawn anew; {time.monotonic() - started:.0f} s"
    )


@app.command()
def check(folder: Folder) -> None:
    """Read every shard, pair and clip of a build, and compare them with the manifest."""
    from methods.training.pairs.build import read_manifest
    from methods.training.pairs.decisions import usable
    from methods.training.pairs.read import verify

    count = verify(folder)
    console.print(f"{folder}: {count} pairs, all whole; {len(usable(folder, read_manifest(folder)))} of them usable")


@app.command("mine")
def mine_(
    folder: Folder,
    method: Annotated[str, typer.Option(help="A registered method.")] = "ti2v-inversion",
    below: Annotated[float, typer.Option(help="Keep the pairs that it scores less on, 0 to 100.")] = 30.0,
    limit: Annotated[int | None, typer.Option(help="Only the first N usable pairs.", min=1)] = None,
    protocol: Annotated[str, typer.Option(help="Protocol of the score.")] = "lite-1",
    metric: Annotated[str, typer.Option(help="What it is scored by.")] = "score",
    device: Annotated[str, typer.Option(help="cpu, cuda ...")] = "cpu",
) -> None:
    """Run a method over pairs and mark those that it fails: a training on these pairs meets them three times."""
    from methods.training.pairs.mine import mine

    hard = mine(folder, method, below, limit=limit, device=device, protocol=protocol, metric=metric)
    console.print(f"{folder}: {method} scores below {below:g} on {len(hard)} pairs; their keys are in hard.json")


@app.command()
def review(
    folder: Folder,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on, on this machine.")] = 8502,
) -> None:
    """Show pairs in a browser, to be accepted or rejected by eye."""
    from methods.training.pairs.review import review as serve

    serve(folder, port)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    if not (width.isdigit() and height.isdigit()):
        raise UserError(f"--size {text}: wanted width x height, e.g. 256x256 or 192x352")
    return int(width), int(height)
