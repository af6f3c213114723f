"""`bench train`: the stages of shopedit-mini and of shopclip, one command each. No torch until a stage starts."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bench.errors import BenchError, UserError

if TYPE_CHECKING:
    from methods.training.session import Session

app = typer.Typer(help="Train shopedit-mini and shopclip from scratch, and export them.", no_args_is_help=True)
console = Console(soft_wrap=True, highlight=False, markup=False)
CONFIGS = Path(__file__).parent / "configs"
SHIPPED = Path(__file__).parent.parent / "weights" / "shopedit-mini"

Out = Annotated[Path, typer.Option(help="Folder of the run: model shards, state.json, log.jsonl, sheets.")]
Minutes = Annotated[
    float | None, typer.Option(help="Wall time of the whole command; it stops itself before.", min=0.05)
]
Steps = Annotated[int | None, typer.Option(help="Optimiser steps of this command, instead of --minutes.", min=1)]
Until = Annotated[
    float, typer.Option(help="Share of the learning-rate schedule at which this command ends, in (0, 1].")
]
Resume = Annotated[Path | None, typer.Option(help="Folder of an earlier run to go on from.")]
Init = Annotated[
    Path | None, typer.Option(help="Folder of an earlier run of this stage whose weights a new schedule starts from.")
]
State = Annotated[Path | None, typer.Option(help="Where the large resume state and the curves go; default: --out.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1 ...; default: a GPU where there is one.")]
VaeRun = Annotated[Path, typer.Option(help="Folder of the trained VAE.")]
FlowRun = Annotated[Path, typer.Option(help="Folder of the trained flow.")]


@app.command()
def vae(
    out: Out,
    config: Annotated[Path, typer.Option(help="YAML of the stage.")] = CONFIGS / "vae.yaml",
    minutes: Minutes = None,
    steps: Steps = None,
    until: Until = 1.0,
    resume: Resume = None,
    init: Init = None,
    state: State = None,
    device: Device = None,
) -> None:
    """Train the video autoencoder on rendered clips."""
    with _one_line_errors():
        from methods.training.config import VaeConfig

        with _session(VaeConfig, config, out, minutes, steps, until, resume, init, state, device) as session:
            from methods.training.vae_stage import VaeStage

            VaeStage(session).run()


@app.command()
def flow(
    vae: VaeRun,
    out: Out,
    config: Annotated[Path, typer.Option(help="YAML of the stage.")] = CONFIGS / "flow.yaml",
    minutes: Minutes = None,
    steps: Steps = None,
    until: Until = 1.0,
    resume: Resume = None,
    init: Init = None,
    state: State = None,
    device: Device = None,
) -> None:
    """Train the flow transformer and its text encoder on the VAE's latents; ends with the edit evaluation."""
    with _one_line_errors():
        from methods.training.config import FlowConfig

        with _session(FlowConfig, config, out, minutes, steps, until, resume, init, state, device) as session:
            from methods.training.flow_stage import FlowStage

            FlowStage(session, vae).run()


@app.command()
def dmd(
    out: Out,
    steps: Annotated[int | None, typer.Option(help="Steps of the student, e.g. 8 or 4; default: the config's.")] = None,
    config: Annotated[Path, typer.Option(help="YAML of the stage.")] = CONFIGS / "dmd.yaml",
    teacher: Annotated[str, typer.Option(help="A shipped model, or a folder in diffusers' layout.")] = SHIPPED.name,
    pairs: Annotated[
        list[Path] | None,
        typer.Option(help="Folder of `bench pairs build`, one for each size; default: clips rendered here."),
    ] = None,
    minutes: Minutes = None,
    updates: Annotated[int | None, typer.Option(help="Updates of the student, instead of --minutes.", min=1)] = None,
    until: Until = 1.0,
    resume: Resume = None,
    init: Init = None,
    state: State = None,
    device: Device = None,
) -> None:
    """Distil a teacher into a student of a few steps; under `accelerate launch`, on several GPUs."""
    with _one_line_errors():
        from methods.training.clock import Clock

        started = Clock(minutes=minutes, steps=updates, until=until, started=_STARTED)
        device = _device(device)
        from methods.training.clips import RenderedScenes
        from methods.training.dmd.start import read, start
        from methods.training.team import join

        settings = read(config, steps)
        with join(device) as team:
            start(
                settings,
                RenderedScenes(team.device),
                team,
                started,
                teacher=teacher,
                out=out,
                state=state,
                resume=resume,
                init=init,
                pairs=pairs or (),
                say=console.print,
            ).run()


@app.command("export-student")
def export_student(
    run: Annotated[Path, typer.Option(help="Folder of `bench train dmd`, or one of the checkpoints it kept.")],
    out: Annotated[Path, typer.Option(help="Folder to write; what is there is replaced.")],
    rank: Annotated[
        int | None, typer.Option(help="Write full weights as a LoRA of this rank: the best of that size.", min=1)
    ] = None,
) -> None:
    """Write a distilled student as a folder that rows and diffusers read: LoRA, or a whole transformer."""
    with _one_line_errors():
        from methods.training.dmd.export import export as write

        folder = write(run, out, rank)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        console.print(f"wrote {folder}: {size / 2**20:.1f} MiB")


@app.command()
def export(
    vae: VaeRun,
    flow: FlowRun,
    out: Annotated[Path, typer.Option(help="Folder to write; what is there is replaced.")],
) -> None:
    """Write both runs as one model folder in diffusers' layout, bfloat16, shards of at most 15 MB."""
    with _one_line_errors():
        from methods.training.export import export as write

        folder = write(vae, flow, out)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        console.print(f"wrote {folder}: {size / 2**20:.1f} MiB")


@app.command("text-image")
def text_image(
    out: Out,
    config: Annotated[Path, typer.Option(help="YAML of the stage.")] = CONFIGS / "text-image.yaml",
    minutes: Minutes = None,
    steps: Steps = None,
    until: Until = 1.0,
    resume: Resume = None,
    init: Init = None,
    state: State = None,
    device: Device = None,
) -> None:
    """Train shopclip, the text-image model of the metrics; ends with its held-out zero-shot accuracy."""
    with _one_line_errors():
        from methods.training.config import TextImageConfig

        with _session(TextImageConfig, config, out, minutes, steps, until, resume, init, state, device) as session:
            from methods.training.text_image_stage import TextImageStage

            TextImageStage(session).run()


@app.command("export-text-image")
def export_text_image(
    run: Annotated[Path, typer.Option(help="Folder of the trained text-image model.")],
    out: Annotated[Path, typer.Option(help="Folder to write; what is there is replaced.")],
) -> None:
    """Write a trained text-image model as a folder that open_clip loads by `local-dir:`, in bfloat16."""
    with _one_line_errors():
        from methods.training.text_image_export import export as write

        folder = write(run, out)
        size = sum(f.stat().st_size for f in folder.rglob("*") if f.is_file())
        console.print(f"wrote {folder}: {size / 2**20:.2f} MiB")


@app.command()
def unpack(
    out: Annotated[Path, typer.Option(help="Folder for the runs: `vae` and `flow`, or `text-image`.")],
    model: Annotated[Path, typer.Option(help="Folder that an export wrote, of either model.")] = SHIPPED,
) -> None:
    """Turn an exported model back into runs, for --vae, --init or --resume."""
    with _one_line_errors():
        if (model / "open_clip_config.json").is_file():
            from methods.training.text_image_export import unpack as write
        else:
            from methods.training.unpack import unpack as write

        for stage, folder in write(model, out).items():
            console.print(f"{stage}: {folder}")


@app.command()
def report(
    model: Annotated[str, typer.Option(help="A shipped model, or a folder in diffusers' layout.")] = SHIPPED.name,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the journal, report.json and sheets; goes on there.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="Sections, of seconds,vae,inversion,edits,text; default: all.")
    ] = None,
    pairs: Annotated[int, typer.Option(help="Held-out edits of `vae` and `edits`.")] = 98,
    samples: Annotated[int, typer.Option(help="Held-out edits of `text`: two clips each.")] = 98,
    inversions: Annotated[int, typer.Option(help="Held-out edits of `inversion`.")] = 28,
    batch: Annotated[int, typer.Option(help="Edits at a time; 16 suits a GPU.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    device: Device = None,
) -> None:
    """Measure a model folder on held-out scenes: figures, intervals, and what is wanted of them."""
    with _one_line_errors():
        from methods.training.report.run import run, sections

        sections(only)
        where = _device(device)
        from methods.training.clips import RenderedScenes

        say = (lambda _: None) if as_json else console.print
        found = run(
            model,
            RenderedScenes(where),
            device=where,
            out=out,
            only=only,
            pairs=pairs,
            samples=samples,
            inversions=inversions,
            batch=batch,
            say=say,
        )
        if as_json:
            console.print(json.dumps(found, indent=1, ensure_ascii=False))


_STARTED = time.monotonic()
"""Budgets count from here: the imports that follow take seconds too."""


@contextmanager
def _session(
    kind: type[Any],
    config: Path,
    out: Path,
    minutes: float | None,
    steps: int | None,
    until: float,
    resume: Path | None,
    init: Path | None,
    state: Path | None,
    device: str | None,
) -> Iterator[Session]:
    """Read the config, start the clock, then import what is heavy: mistakes cost no time."""
    from methods.training.clock import Clock
    from methods.training.config import read_config

    settings = read_config(config, kind)
    clock = Clock(minutes=minutes, steps=steps, until=until, started=_STARTED)
    device = _device(device)
    from methods.training.clips import RenderedScenes
    from methods.training.session import Session
    from methods.training.team import join

    with join(device) as team:
        yield Session(
            settings,
            RenderedScenes(team.device),
            out=out,
            clock=clock,
            team=team,
            state=state,
            resume=resume,
            init=init,
            say=console.print,
        )


def _device(name: str | None) -> str:
    import torch

    from bench.features import device

    if name is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    device.check(name)
    return name


@contextmanager
def _one_line_errors() -> Iterator[None]:
    """Show errors made for people as one line; exit 2 when the user can mend them, 1 otherwise."""
    try:
        yield
    except UserError as error:
        _fail(error, 2)
    except BenchError as error:
        _fail(error, 1)
    except ModuleNotFoundError as error:
        if error.name not in ("warp", "tensorboard", "tokenizers", "peft", "open_clip", "ftfy"):
            raise
        _fail(UserError(f"training needs '{error.name}': pip install 'shopedit-bench[train]'"), 2)


def _fail(error: BenchError, code: int) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(f"error: {error}")
    sys.exit(code)
