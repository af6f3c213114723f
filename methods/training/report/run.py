"""One report: the sections that are asked for, over so many held-out edits, into a journal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.errors import UserError
from methods.training.clips import LabelledSource
from methods.training.report import clips, seconds, words
from methods.training.report.held_out import PAIRS, PIN, HeldOut
from methods.training.report.journal import Journal
from methods.training.report.judge import Judge
from methods.training.report.summary import summarise, table
from methods.training.sheets import write_sheet
from methods.wan.folder import digest, resolve
from methods.wan.load import load
from methods.wan.velocity import Backbone

SECTIONS = ("seconds", "vae", "inversion", "edits", "text")
SHOWN = 14
"""Edits on a sheet: two of each scenario."""


def sections(only: str | None) -> set[str]:
    """Return the sections of `--only a,b`, all where it is None; UserError for a name that is none."""
    names = set(SECTIONS) if only is None else {name.strip() for name in only.split(",")}
    if unknown := sorted(names - set(SECTIONS)):
        raise UserError(f"--only {unknown[0]}: no such section; wanted some of {','.join(SECTIONS)}")
    return names


def run(
    model: str,
    source: LabelledSource,
    *,
    device: str,
    out: Path | None = None,
    only: str | None = None,
    pairs: int = PAIRS,
    samples: int = PAIRS,
    inversions: int = 28,
    batch: int = 1,
    held_out: HeldOut | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Measure what is not in the journal of `out` yet, write `report.json` and sheets there, return the report.

    `pairs`, `samples` and `inversions` are how many held-out edits the sections look at; UserError where that is more
    than there are.
    """
    wanted = sections(only)
    for name, count in (("--pairs", pairs), ("--samples", samples), ("--inversions", inversions)):
        if not 1 <= count <= PAIRS:
            raise UserError(f"{name} {count}: the held-out set has {PAIRS} edits; wanted 1 to {PAIRS}")
    held = held_out or HeldOut(source)
    folder = resolve(model)
    subject = "/".join((digest(folder)[:16], held.pairs.pin[:16], device.partition(":")[0]))
    journal = Journal(out / "rows.jsonl" if out else None, subject)
    backbone = load(model, device)
    judge = Judge(source.prompts(), device)
    if "seconds" in wanted and not journal.has("seconds", 0):
        journal.add("seconds", 0, seconds.measure(backbone, held.frames, held.size))
        say("seconds: measured")
    counts = {"vae": pairs, "edits": pairs, "inversion": min(inversions, pairs)}
    _clips(journal, backbone, held, {n: c for n, c in counts.items() if n in wanted}, batch, judge, out, say)
    if "text" in wanted:
        _text(journal, backbone, held, samples, judge, out, say)
    report = {
        "model": folder.name,
        "digest": digest(folder),
        "held_out": {"pin": held.pairs.pin, "pinned": held.pairs.pin == PIN},
        "device": torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu",
        "torch": torch.__version__,
        **summarise(journal, judge.unreliable),
    }
    if out is not None:
        (out / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    say(table(report))
    return report


def _clips(
    journal: Journal,
    backbone: Backbone,
    held: HeldOut,
    counts: dict[str, int],
    batch: int,
    judge: Judge,
    out: Path | None,
    say: Callable[[str], None],
) -> None:
    shown: dict[int, list[Tensor]] = {}
    for numbers in _batches(range(max(counts.values(), default=0)), batch):
        due = {n for n, count in counts.items() for i in numbers if i < count and not journal.has(n, i)}
        if not due:
            continue
        pairs = held.rendered(numbers)
        rows, made = clips.measure(backbone, pairs, numbers, due)
        for i, number in enumerate(numbers):
            if "vae" in rows:
                _, asked = held.asked(number)
                rows["vae"][i]["render"] = judge.readings(pairs.target[i], asked)
                rows["vae"][i]["decoded"] = judge.readings(made["vae-target"][i], asked)
            for name in due:
                journal.add(name, number, rows[name][i])
            if "edits" in due and number < SHOWN:
                shown[number] = [pairs.source[i], pairs.target[i], made["ti2v-inversion"][i]]
        say(f"edits to {numbers[-1]}: {', '.join(sorted(due))}")
    if out is not None and shown:
        write_sheet(out / "edits.png", list(shown.values()), titles=[held.captions(n)[1] for n in shown])


def _text(
    journal: Journal,
    backbone: Backbone,
    held: HeldOut,
    samples: int,
    judge: Judge,
    out: Path | None,
    say: Callable[[str], None],
) -> None:
    shape = _latent_shape(backbone, held)
    shown: dict[str, Tensor] = {}
    for number in (n for n in range(samples) if not journal.has("text", n)):
        captions = held.captions(number)
        made = words.generate(backbone, captions, number, shape)
        journal.add("text", number, words.reading(judge, made, held.asked(number), held.pairs.scenarios[number]))
        if number < SHOWN:
            shown |= dict(zip(captions, made, strict=True))
        say(f"text {number}: {captions[1]}")
    if out is not None and shown:
        write_sheet(out / "text-to-video.png", [[clip] for clip in shown.values()], titles=list(shown))


def _latent_shape(backbone: Backbone, held: HeldOut) -> tuple[int, ...]:
    factor = backbone.vae.config.scale_factor_spatial
    return (backbone.vae.config.z_dim, (held.frames - 1) // 4 + 1, *(side // factor for side in held.size))


def _batches(numbers: Iterable[int], size: int) -> list[list[int]]:
    every = list(numbers)
    return [every[i : i + size] for i in range(0, len(every), size)]
