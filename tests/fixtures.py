"""A test set of seven tiny clips, methods that take no time and a protocol without networks.

What the run, the store and the command line are tested with. The protocol's headline is closeness to the
target between the source's (0) and the target's own (100), so its end points are those of the real one.
Registered in a process with `ENVIRONMENT`.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.errors import CaseFailed
from bench.features.bank import FeatureBank
from bench.identity import file_digest
from bench.media import write_mask, write_mp4
from bench.metrics import Population, Sample
from bench.testsets import read_testset
from bench.types import (
    SCENARIOS,
    Asset,
    Edit,
    EditCase,
    EditRequest,
    Instruction,
    MethodCard,
    MethodEntry,
    MetricCard,
    OracleRequest,
    Score,
    SetScore,
    TestSet,
    Video,
)

FRAMES, HEIGHT, WIDTH = 5, 32, 48
ENVIRONMENT = {"SHOPEDIT_PLUGINS": "methods:zoo=tests.fixtures:zoo,protocols:toy=tests.fixtures:protocol"}


def make_clip(group: int, edit: int) -> Video:
    """A square that wanders over a gradient; `edit` 0 is the source, others have the square in another
    colour.
    """
    yy, xx = np.mgrid[:HEIGHT, :WIDTH]
    frames = np.empty((FRAMES, HEIGHT, WIDTH, 3), np.uint8)
    for t in range(FRAMES):
        frames[t] = np.stack([yy * 4, xx * 4, (xx + yy + 30 * group) * 2 % 200], -1)
        frames[t, 8 + t : 20 + t, 10 + 2 * t : 26 + 2 * t] = (40 + 30 * edit, 220 - 30 * edit, (60 + 20 * group) % 251)
    return Video(frames)


def make_testset(folder: Path, edits: int = 7) -> TestSet:
    """Write a test set: two edits per clip, one scenario each, all in split `dev` and part `smoke`."""
    clips = folder / "clips"
    cases = []
    for index in range(edits):
        group, edit = divmod(index, 2)
        names = {
            "source": f"clips/{group}.mp4",
            "target": f"clips/{group}-{edit}.mp4",
            "mask": f"clips/{group}-mask.mp4",
        }
        source, target = make_clip(group, 0), make_clip(group, edit + 1)
        write_mp4(source, folder / names["source"], crf=6, pix_fmt="yuv444p")
        write_mp4(target, folder / names["target"], crf=6, pix_fmt="yuv444p")
        write_mask((source.frames != target.frames).any(-1), folder / names["mask"])
        assets = {role: _asset(folder, name) for role, name in names.items()}
        cases.append(
            EditCase(
                id=f"clip{group}-{SCENARIOS[index % 7]}",
                group=f"clip{group}",
                scenario=SCENARIOS[index % 7],
                vertical="toys",
                source_prompt="a green square",
                target_prompt="a red square",
                instruction=Instruction(en="Make the square red.", zh="把方块变成红色。"),
                split="dev",
                subsets=("smoke",),
                **assets,
            )
        )
    assert clips.is_dir()
    (folder / "testset.json").write_text(json.dumps({"name": "toy", "version": "1.0"}))
    (folder / "cases.jsonl").write_text("".join(case.model_dump_json() + "\n" for case in cases))
    return read_testset(folder)


def _asset(folder: Path, name: str) -> Asset:
    return Asset(path=name, sha256=file_digest(folder / name), width=WIDTH, height=HEIGHT, frames=FRAMES, fps="8")


@dataclass
class Toy:
    """Blends towards what its card names; `log` counts edits across processes, `fail_on` is a case that
    fails.
    """

    card: MethodCard

    def load(self, device: str) -> None:
        if self.card.parameters.get("unloadable"):
            raise CaseFailed("weights/transformer is missing: download it first")

    def edit(self, request: EditRequest) -> Edit:
        if log := os.environ.get("TOY_LOG"):
            with Path(log).open("a") as stream:
                stream.write(f"{self.card.name} {request.case_id} {request.seed}\n")
        time.sleep(self.card.parameters.get("sleep", 0))
        if request.case_id == self.card.parameters.get("fail_on"):
            raise CaseFailed("velocity is NaN at step 3")
        if self.card.parameters.get("wrong_length"):
            return Edit(Video(request.source.frames[:2]), 0.0, 0)
        start = time.perf_counter()
        frames = request.source.frames
        if isinstance(request, OracleRequest) and request.target is not None:
            frames = request.target.frames
        elif request.first_frame is not None:
            share = self.card.parameters.get("share", 0.5)
            frames = np.uint8((1 - share) * frames + share * request.first_frame)
        return Edit(Video(frames), time.perf_counter() - start, nfe=4, peak_memory=2**20)


def _card(name: str, **fields: object) -> MethodEntry:
    return MethodEntry(MethodCard(name=name, family="toy", **fields), "tests.fixtures:Toy")


def zoo() -> Mapping[str, MethodEntry]:
    """The rows: two controls, two methods of different tracks, and three that misbehave."""
    entries = [
        _card("copy", control=True),
        _card("truth", control=True, oracle=True),
        _card("blend", track="first-frame"),
        _card("still", track="text"),
        _card("masked", track="mask"),
        _card("fails-once", track="first-frame", parameters={"fail_on": "clip0-background"}),
        _card("too-short", track="text", parameters={"wrong_length": True}),
        _card("no-weights", track="text", parameters={"unloadable": True}),
    ]
    return {entry.card.name: entry for entry in entries}


def slow_zoo() -> Mapping[str, MethodEntry]:
    """One row that takes a minute per edit."""
    return {"sleeps": _card("sleeps", parameters={"sleep": 60})}


@dataclass(frozen=True)
class Closeness:
    """Mean absolute difference to the target."""

    card = MetricCard(
        name="mae-target", title="MAE", family="ground-truth", better="lower", needs=("target",), axis="accuracy"
    )

    def score(self, sample: Sample) -> Score:
        if sample.target is None:
            return Score(unscored="needs a target")
        return Score(float(np.abs(sample.edit.frames.astype(float) - sample.target.frames).mean()))


@dataclass(frozen=True)
class Sharpness:
    """A metric outside the protocol, for the plug-in tests."""

    card = MetricCard(name="gradient", title="Gradient", family="structure", better="higher")

    def score(self, sample: Sample) -> Score:
        return Score(float(np.abs(np.diff(sample.edit.frames.astype(float), axis=2)).mean()))


METRICS = (Sharpness(),)


class Redness:
    """A metric of sets: how far apart edits and targets are in mean red. Counts how often it looks at a clip."""

    card = MetricCard(name="set-redness", title="Redness", family="distribution", better="lower", needs=("target",))
    look = "redness-v1"
    looked = 0

    def features(self, video: Video, bank: FeatureBank) -> np.ndarray:
        Redness.looked += 1
        return np.asarray([[video.frames[..., 0].mean()]], np.float32)

    def reduce(self, population: Population) -> SetScore:
        edits, targets = (np.mean([f.mean() for f in s.values()]) for s in (population.edits, population.targets))
        gap = abs(float(edits - targets))
        return population.scored(gap, low=0.0, high=gap + 1)


class ToyProtocol:
    """Scores by closeness to the target; its cost metric is measured and so never canonical."""

    name = "toy"
    signature = "toy:000000000001"
    metrics = (Closeness(),)
    sets = (Redness(),)
    cards = (
        Closeness.card,
        MetricCard(name="seconds", title="Seconds", family="cost", better="lower", unit="s"),
        MetricCard(name="score", title="Score", family="score", better="higher", range=(0, 100)),
    )

    def score_edit(self, sample: Sample) -> dict[str, Score]:
        close = Closeness()
        mae, worst = close.score(sample), close.score(sample.with_edit(sample.source))
        if mae.value is None or worst.value is None:
            return {card.name: Score(unscored="needs a target") for card in self.cards}
        share = float(np.clip(1 - mae.value / worst.value, 0, 1))
        return {
            "mae-target": Score(mae.value, anchors=(worst.value, 0.0)),
            "seconds": Score(unscored="needs a run") if sample.cost.seconds is None else Score(sample.cost.seconds),
            "score": Score(100 * share),
        }

    def failed_scores(self, reason: str, case: EditCase) -> dict[str, Score]:
        unscored = {card.name: Score(unscored=reason) for card in self.cards}
        return unscored | ({"score": Score(0.0)} if case.target else {})


def protocol() -> ToyProtocol:
    return ToyProtocol()
