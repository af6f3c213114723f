"""How well each solver brings a source back that it inverted: `python -m methods.studies.inversion_error`.

Every source clip of the split is inverted under its own prompt and first frame and generated again under the same, at
guidance 1. The error is PSNR to the source as the autoencoder alone returns it, so that only the solver is measured.
Each setting is compared, clip by clip, with Euler at as many evaluations or, where it has no such setting, at the next
more. What each clip gave lies in `inversion-error.jsonl`, which a stopped run goes on from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from math import log10
from pathlib import Path
from typing import Any

import typer

from bench import registry
from bench.errors import BenchError
from bench.features.device import check
from bench.identity import testset_digest
from bench.inputs import CaseReader
from bench.stats import Interval, compare, interval
from bench.types import EditCase, EditRequest, Frames, MethodCard
from methods.inversion import TI2VInversion
from methods.studies.plots import lines, read, save
from methods.studies.study import OUT, Device, DrawOnly, Limit, Out, Split, TestSet, one_line_errors, whole_or_elsewhere
from methods.wan.padding import padded

NAME = "inversion-error"
SOLVERS = {
    "euler": ("euler", "euler"),
    "midpoint (RF-Solver)": ("midpoint", "midpoint"),
    "fireflow": ("fireflow", "fireflow"),
    "uni-inv / euler": ("uni-inv", "euler"),
    "ab2": ("ab2", "ab2"),
    "heun": ("heun", "heun"),
    "euler / unipc": ("euler", "unipc"),
    "published": ("euler-lagged", "unipc"),
}
BASE = "euler"
STEPS = (3, 5, 10, 15, 25, 50)
CEILING = 99.0
"""dB that stand for clips which agree in every pixel."""


def rows() -> Iterable[tuple[str, int, dict[str, Any]]]:
    """Yield each setting: its solvers' label, its steps, and the parameters of TI2V inversion."""
    for label, (up, down) in SOLVERS.items():
        for steps in STEPS:
            shift = {"shift_inversion": 1.0} if up == "euler-lagged" else {}
            solvers = {"inversion_solver": up, "generation_solver": down, **shift}
            counts = {"inversion_steps": steps, "generation_steps": steps}
            yield label, steps, {**solvers, **counts, "guidance": 1.0, "first_frame": "source"}


def measure(split: str, testset: str, device: str, limit: int | None, cells: Path, model: str) -> list[dict[str, Any]]:
    """Return one record for each setting and clip; those in the file `cells` are not made again."""
    found = registry.testset(testset)
    cases = list({case.group: case for case in reversed(found.select(split))}.values())[::-1][:limit]
    if not cases:
        raise BenchError(f"test set {found.name} has no split '{split}'; wanted one of {', '.join(found.splits)}")
    check(device)
    base = _method({}, model)
    base.load(device)
    reader, done = CaseReader(found.root), _read(cells, base)
    for case in cases:
        request = padded(_request(reader, base.card, case), base.wan.side_step)
        truth: Frames | None = None
        for label, steps, parameters in rows():
            key = (case.source.sha256, label, steps)
            if key in done:
                continue
            if truth is None:
                truth = base.wan.decode(base.wan.encode(request.source.frames))
            method = _method(parameters, model)
            method.wan, method._device = base.wan, device
            edit = method.edit(request)
            record = {
                "model": base.card.weights,
                "clip": case.source.sha256,
                "group": case.group,
                "series": label,
                "steps": steps,
                "nfe": edit.nfe,
                "psnr": _psnr(edit.video.frames, truth),
            }
            with cells.open("a", encoding="utf-8") as file:
                file.write("\n" + json.dumps(record))  # the break first: what a kill left of a line stays alone
            done[key] = record
    clips = {case.source.sha256 for case in cases}
    return [record for (clip, _, _), record in done.items() if clip in clips]


def summed(records: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the mean PSNR of each setting with its 95 % interval over clips, and what it is ahead of Euler, paired."""
    groups: dict[tuple[str, int, int], dict[str, float]] = {}
    for record in records:
        groups.setdefault((record["series"], record["steps"], record["nfe"]), {})[record["clip"]] = record["psnr"]
    euler = {nfe: values for (series, _, nfe), values in groups.items() if series == BASE}
    table = []
    for (series, steps, nfe), values in sorted(groups.items()):
        row = {"series": series, "steps": steps, "nfe": nfe, "clips": len(values)}
        row |= _ends(interval(list(values.values()), list(values)))
        at = min((n for n in euler if n >= nfe), default=None)
        if series != BASE and at is not None and (both := sorted(values.keys() & euler[at].keys())):
            found = compare([values[clip] for clip in both], [euler[at][clip] for clip in both], both)
            row["over_euler"] = {"nfe": at, **_ends(found.difference), "p": found.p}
        table.append(row)
    return table


def _ends(found: Interval) -> dict[str, float]:
    return {"mean": found.mean, "low": found.low, "high": found.high}


def _method(parameters: Mapping[str, Any], model: str) -> TI2VInversion:
    from methods.wan.folder import digest, resolve

    card = MethodCard(name="reconstruction", family="inversion", weights=digest(resolve(model)))
    given = {"model": model, "first_frame": "source", **parameters}
    return TI2VInversion(card.model_copy(update={"parameters": given}))


def _request(reader: CaseReader, card: MethodCard, case: EditCase) -> EditRequest:
    """Return a request that asks for the source itself."""
    request = reader.request(card, case, None, seed=0)
    return replace(request, target_prompt=request.source_prompt)


def _psnr(a: Frames, b: Frames) -> float:
    error = float(((a.astype("float64") - b) ** 2).mean())
    return min(CEILING, 10 * log10(255**2 / error)) if error else CEILING


def _read(cells: Path, base: TI2VInversion) -> dict[tuple[str, str, int], dict[str, Any]]:
    """Return the records of this model that a run left before; a line cut off by a kill is made again."""
    found = {}
    for line in cells.read_text(encoding="utf-8").splitlines() if cells.is_file() else ():
        try:
            record = json.loads(line)
        except json.JSONDecodeError:
            continue
        if record["model"] == base.card.weights:
            found[record["clip"], record["series"], record["steps"]] = record
    return found


def main(
    split: Split = "dev",
    device: Device = "cpu",
    testset: TestSet = "shopedit-300",
    limit: Limit = None,
    out: Out = OUT,
    model: str = "shopedit-mini",
    draw_only: DrawOnly = False,
) -> None:
    """How well does each solver bring back what it inverted? --limit counts source clips."""
    path = out / f"{NAME}.json"
    with one_line_errors():
        if not draw_only:
            whole_or_elsewhere(out, limit is None and split == "dev")
            out.mkdir(parents=True, exist_ok=True)
            records = measure(split, testset, device, limit, out / f"{NAME}.jsonl", model)
            document = {"study": NAME, "testset": testset, "testset_digest": testset_digest(registry.testset(testset))}
            document |= {"model": records[0]["model"], "split": split, "device": device, "partial": limit is not None}
            document["settings"] = summed(records)
            path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
        plot(path)
    typer.echo(path)


def plot(path: Path) -> None:
    """Draw the study's JSON beside it; UserError when there is none, or what draws is not installed."""
    points = [row | {"x": row["nfe"]} for row in read(path)["settings"]]
    save(lines(points, "NFE, both legs", "PSNR to the decoded source, dB", log=True), path.with_suffix(".svg"))


if __name__ == "__main__":
    typer.run(main)
