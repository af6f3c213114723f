"""What distillation adds where nothing but a prompt is given: `python -m methods.studies.text_to_video`.

A given first frame makes an edit nearly deterministic, so that few steps of the teacher come close already. Here there
is none: captions of the held-out scenes of `bench train report`, the same noise for every setting, the teacher at two
guidance scales and the students at 1, 2, 4 and 8 steps (students also at numbers they were not trained for).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from bench.errors import UserError
from bench.features.device import check
from bench.stats import compare, interval
from methods.studies.plots import lines, read, save
from methods.studies.study import OUT, Device, DrawOnly, Out, one_line_errors

if TYPE_CHECKING:
    from torch import Tensor

    from methods.training.report.held_out import HeldOut
    from methods.wan.velocity import Backbone

NAME = "text-to-video"
STEPS = (1, 2, 4, 8)
FULL = 25
GUIDANCE = (1.0, 1.5)
"""Of the teacher: none, and as much as the students have built in."""
STUDENTS = ("dmd4", "dmd8")
METRICS = ("attributes", "detail", "motion")
"""Attributes that shopclip reads as asked (share); energy of the Laplacian and mean change from frame to frame, both
over those of the scene's render."""
RENDER = "render"
RESAMPLES = 2000


def settings() -> list[tuple[str, str | None, float, int]]:
    """Return every setting: its series, its student or None for the teacher, its guidance, its steps."""
    made: list[tuple[str, str | None, float, int]] = []
    for guidance in GUIDANCE:
        made += [(f"teacher, guidance {guidance:g}", None, guidance, n) for n in (*STEPS, FULL)]
    return made + [(name, name, 1.0, n) for name in STUDENTS for n in STEPS]


def measure(model: str, device: str, scenes: int, batch: int, cells: Path, held: HeldOut | None = None) -> Cells:
    """Return what was measured of every setting and scene; what the file `cells` holds already is not made again.

    UserError when more scenes are asked for than are held out, or the device is not there.
    """
    import torch

    from methods.training.clips import RenderedScenes
    from methods.training.report.held_out import PAIRS, HeldOut
    from methods.training.report.journal import Journal
    from methods.training.report.judge import Judge
    from methods.wan.folder import digest, resolve
    from methods.wan.load import load
    from methods.wan.student import find, mounted
    from methods.wan.student import read as card

    if not 1 <= scenes <= PAIRS:
        raise UserError(f"--scenes {scenes}: the held-out set has {PAIRS}; wanted 1 to {PAIRS}")
    check(device)
    held = held or HeldOut(RenderedScenes(device))
    folder = resolve(model)
    journal = Journal(cells, "/".join((digest(folder)[:16], held.pairs.pin[:16], device.partition(":")[0])))
    wan, judge = load(model, device), Judge(held.source.prompts(), device)
    networks = {None: wan.transformer}
    for name in STUDENTS:
        networks[name] = mounted(card(find(name)), name, model, wan.transformer)
    with torch.no_grad():
        for numbers in _batches(scenes, batch):
            truth = None
            for series, student, guidance, steps in settings():
                key = f"{series}/{steps}"
                if all(journal.has(key, n) for n in numbers):
                    continue
                if truth is None:
                    truth = held.rendered(numbers).target
                    _add(journal, RENDER, numbers, truth, truth, held, judge)
                wan.transformer = networks[student]
                _add(journal, key, numbers, _made(wan, held, numbers, guidance, steps), truth, held, judge)
    keys = [RENDER, *(f"{series}/{steps}" for series, _, _, steps in settings())]
    return Cells(held.pairs.scenarios[:scenes], {k: [journal.rows(k)[n] for n in range(scenes)] for k in keys})


class Cells:
    """One record for each setting and scene."""

    def __init__(self, scenarios: Sequence[str], records: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.scenarios, self.records = list(scenarios), records

    @property
    def groups(self) -> list[str]:
        """Every scene is a cluster of its own."""
        return [str(n) for n in range(len(self.scenarios))]

    def values(self, key: str, metric: str) -> list[float]:
        """Return a setting's values of one metric, in the scenes' order."""
        return [float(record[metric]) for record in self.records[key]]

    def kernel_distance(self, key: str) -> dict[str, float]:
        """Return the kernel distance (x 1000) of a setting's clips to the renders, with its interval."""
        from bench.metrics.mmd import discrepancy

        made, true = (np.asarray([r["look"] for r in self.records[k]], np.float64) for k in (key, RENDER))
        found = discrepancy(made, true, self.groups)
        return {"mean": 1000 * found.value, "low": 1000 * found.low, "high": 1000 * found.high}


def summed(cells: Cells) -> dict[str, Any]:
    """Return means with intervals of every setting, and each student less each teacher at as many steps, paired."""
    rows, groups, strata = [], cells.groups, cells.scenarios
    for series, _, _, steps in settings():
        key = f"{series}/{steps}"
        found = {m: asdict(interval(cells.values(key, m), groups, strata, resamples=RESAMPLES)) for m in METRICS}
        rows.append({"series": series, "steps": steps, "metrics": found | {"kvd": cells.kernel_distance(key)}})
    pairs = []
    for student in STUDENTS:
        for guidance in GUIDANCE:
            for steps in STEPS:
                a, b = f"{student}/{steps}", f"teacher, guidance {guidance:g}/{steps}"
                differences = {
                    m: asdict(compare(cells.values(a, m), cells.values(b, m), groups, strata, resamples=RESAMPLES))
                    for m in METRICS
                }
                pairs.append({"a": a, "b": b, "metrics": differences})
    read_right = fmean(cells.values(RENDER, "attributes"))
    return {"scenes": len(cells.scenarios), "render_attributes": read_right, "settings": rows, "pairs": pairs}


def _made(wan: Backbone, held: HeldOut, numbers: Sequence[int], guidance: float, steps: int) -> Tensor:
    """Return the clips [B, T, H, W, 3] of some scenes, from their captions alone."""
    import torch

    from methods.training.report.clips import noise_of
    from methods.wan.schedules import shifted_grid
    from methods.wan.solvers import euler
    from methods.wan.vae import decode_video

    config = wan.vae.config
    shape = (config.z_dim, (held.frames - 1) // 4 + 1, *(side // config.scale_factor_spatial for side in held.size))
    noise = torch.stack([noise_of(n, shape, wan.device) for n in numbers])
    context = torch.cat([wan.encode_text(held.captions(n)[1]) for n in numbers])
    grid = shifted_grid(steps, wan.shift)
    return decode_video(wan.vae, wan.integrate(noise, grid, euler, context, None, guidance, wan.encode_text("")))


def _add(
    journal: Any, key: str, numbers: Sequence[int], clips: Tensor, truth: Tensor, held: HeldOut, judge: Any
) -> None:
    from bench.features.bank import FeatureBank
    from bench.metrics.distribution import EffNetClip
    from bench.types import Video
    from methods.training.figures import detail_ratio

    detail = detail_ratio(clips, truth).tolist()
    pace = (_change(clips) / _change(truth).clamp(min=1e-3)).tolist()
    for i, number in enumerate(numbers):
        asked = held.asked(number)[1]
        told = {k: v for k, v in judge.readings(clips[i], asked).items() if k not in judge.unreliable}
        look = EffNetClip().rows(Video(frames=clips[i].contiguous().cpu().numpy(), fps=Fraction(8)), FeatureBank())
        journal.add(
            key,
            number,
            {
                "attributes": fmean(float(found == asked[name]) for name, found in told.items()),
                "detail": detail[i],
                "motion": pace[i],
                "look": [round(float(x), 5) for x in look[0]],
            },
        )


def _change(clips: Tensor) -> Tensor:
    """Return the mean absolute change from frame to frame of every clip, in levels."""
    return clips.float().diff(dim=1).abs().flatten(1).mean(1)


def _batches(count: int, size: int) -> Iterator[list[int]]:
    yield from (list(range(i, min(i + size, count))) for i in range(0, count, size))


def main(
    device: Device = "cpu",
    scenes: Annotated[int, typer.Option(help="So many held-out scenes.", min=1)] = 98,
    batch: Annotated[int, typer.Option(help="Clips at a time.", min=1)] = 1,
    out: Out = OUT,
    work: Annotated[Path, typer.Option(help="Folder of the journal, where a stopped study goes on.")] = Path(".bench"),
    model: str = "shopedit-mini",
    draw_only: DrawOnly = False,
) -> None:
    """What do teacher and students make of a prompt alone, in 1, 2, 4 and 8 steps?"""
    path = out / f"{NAME}.json"
    out.mkdir(parents=True, exist_ok=True)
    with one_line_errors():
        if not draw_only:
            found = summed(measure(model, device, scenes, batch, work / f"{NAME}.jsonl"))
            document = {"study": NAME, "device": device.partition(":")[0], **found}
            path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        plot(path)
    typer.echo(path)


def plot(path: Path) -> None:
    """Draw every metric against steps, beside the study's JSON; UserError when there is none."""
    titles = {"attributes": "attributes read as asked", "detail": "fine detail over the render's"}
    titles |= {"motion": "motion over the render's", "kvd": "kernel distance to the renders, x1e-3"}
    found = read(path)["settings"]
    for metric, title in titles.items():
        points = [{"series": row["series"], "x": row["steps"], **row["metrics"][metric]} for row in found]
        save(lines(points, "steps", title, log=True), path.with_name(f"{NAME}-{metric}.svg"))


if __name__ == "__main__":
    typer.run(main)
