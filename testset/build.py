"""Build the splits: draw every group, render it, measure it, and write what holds; group by group, resumable."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import BenchError
from bench.types import Asset, EditCase, Frames
from testset.cases import EDITS, GROUPS, Plan, candidates, case_of
from testset.duplicates import BITS, NEAR, Bits, distance, fingerprint
from testset.measure import edit_mask, faults
from testset.order import LITE, Order, Rendition
from testset.reading import Reader
from testset.render import Renderer
from testset.render.geometry import geometry, write_geometry
from testset.render.renderer import Clip
from testset.scenes import Scene, prompts
from testset.scenes.scene import TRAINING_SEEDS
from testset.subsets import subsets
from testset.writing import Job, write, writers

ATTEMPTS = 8
"""Draws of a group before the scene generator is held to be at fault."""
IN_FLIGHT = 3
"""Groups whose files may wait to be written: a clip of `full` takes 135 MB."""


@dataclass(slots=True, eq=False)
class Drawn:
    """A group that holds: its edits, the source's fingerprint, what was dropped on the way, by scenario."""

    plans: tuple[Plan, ...]
    attempt: int
    print: Bits
    dropped: Counter[str]
    reader: Reader | None
    """What the attribute probe read in this group."""


class Builder:
    """Draws and renders groups on one device. A `reader` drops the candidates that an attribute probe cannot read."""

    def __init__(self, device: str = "cpu", reader: Reader | None = None, judged_in: Rendition = LITE) -> None:
        self.renderer = Renderer(device)
        self.reader = reader
        self.judged_in = judged_in
        self._made: dict[tuple[Scene, Rendition], Clip] = {}

    def draw(
        self,
        split: str,
        number: int,
        secret: str = "",
        rejected: Collection[tuple[str, int]] = (),
        others: Collection[Bits] = (),
        attempt: int | None = None,
    ) -> Drawn:
        """Return a group without faults; it is drawn anew while any of its edits has one.

        A source that is nearly one of `others` is a fault too. An `attempt` that held before is not judged again.
        Raises BenchError after eight attempts: then the scene generator is at fault.
        """
        dropped: Counter[str] = Counter()
        if attempt is not None:
            self._made.clear()
            plans = tuple(candidates(split, number, EDITS, attempt, secret))
            bits = fingerprint(self.clip(plans[0], plans[0].source, self.judged_in).frames)
            return Drawn(plans, attempt, bits, dropped, None)
        reader = replace(self.reader, asked=Counter(), unread=Counter(), confusions=Counter()) if self.reader else None
        last = ""
        for attempt in range(ATTEMPTS):
            self._made.clear()
            plans = tuple(candidates(split, number, EDITS, attempt, secret))
            why = {p.scenario: ["turned down by a probe"] for p in plans if (p.id, attempt) in rejected}
            if not why:
                source = self.clip(plans[0], plans[0].source, self.judged_in).frames
                bits = fingerprint(source)
                if any(distance(bits, other) < NEAR for other in others):
                    last = "its source is nearly that of another group"
                    continue
                why = {p.scenario: found for p in plans if (found := self._faults(p, source, reader))}
            if not why:
                return Drawn(plans, attempt, bits, dropped, reader)
            dropped.update(why.keys())
            last = "; ".join(f"{scenario}: {', '.join(found)}" for scenario, found in why.items())
        raise BenchError(f"group {split}-{number:02d}: no scene without a fault in {ATTEMPTS} attempts; last: {last}")

    def clip(self, plan: Plan, scene: Scene, rendition: Rendition) -> Clip:
        """Return the source or target scene of a plan, rendered; kept until the next group is drawn."""
        key = (scene, rendition)
        if key not in self._made:
            self._made[key] = self.renderer.clip(scene, rendition.frames, *rendition.size(plan))
        return self._made[key]

    def _faults(self, plan: Plan, source: Frames, reader: Reader | None) -> list[str]:
        made = self.clip(plan, plan.target, self.judged_in)
        target, product = made.frames, made.ids == 0
        mask = edit_mask(source, target)
        found = faults(source, target, mask, product)
        return found + (reader.faults(plan, source, target, mask, product) if reader is not None else [])

    def jobs(self, drawn: Drawn, folder: Path, rendition: Rendition) -> Iterator[tuple[str, str, Job]]:
        """Yield (case id, role, job) for every file of a group; the same path comes again where cases share a file."""
        group = f"clips/{drawn.plans[0].group}"
        source = self.clip(drawn.plans[0], drawn.plans[0].source, rendition).frames
        seen: dict[bytes, str] = {}

        def job(path: str, **content: NDArray) -> Job:
            return Job(folder, path, rendition.fps, rendition.crf, rendition.preset, **content)

        for plan in drawn.plans:
            made = self.clip(plan, plan.target, rendition)
            target, product = made.frames, made.ids == 0
            same = seen.setdefault(
                sha256(np.packbits(product).tobytes()).digest(), f"{group}/{plan.scenario}.product.mp4"
            )
            yield plan.id, "source", job(f"{group}/source.mp4", frames=source)
            yield plan.id, "target", job(f"{group}/{plan.scenario}.mp4", frames=target)
            yield plan.id, "mask", job(f"{group}/{plan.scenario}.mask.mp4", frames=source, target=target)
            yield plan.id, "product_mask", job(same, mask=product)

    def write_aux(self, plan: Plan, path: Path, rendition: Rendition) -> None:
        """Write depth and flow of a plan's source."""
        size = rendition.size(plan)
        made = self.renderer.clip(plan.source, rendition.frames, *size, with_distance=True)
        write_geometry(geometry(plan.source, made), path)


@dataclass(frozen=True, slots=True, eq=False)
class _Pending:
    """A group whose files are being written."""

    drawn: Drawn
    files: dict[str, Future[Asset]]
    roles: dict[str, dict[str, str]]
    """Case id to role to path."""

    def written(self) -> bool:
        """Whether all files lie there."""
        return all(future.done() for future in self.files.values())

    def record(self) -> dict:
        """What is kept of a finished group; waits for its files."""
        assets = {path: future.result() for path, future in self.files.items()}
        cases = [case_of(p, {role: assets[path] for role, path in self.roles[p.id].items()}) for p in self.drawn.plans]
        return {
            "cases": [c.model_dump(mode="json", exclude_defaults=True) for c in cases],
            "attempt": self.drawn.attempt,
            "dropped": dict(self.drawn.dropped),
            "print": np.packbits(self.drawn.print).tobytes().hex(),
            "probe": self.drawn.reader.report() if self.drawn.reader else None,
        }


def build(
    folder: Path, order: Order, reader: Reader | None = None, done: Callable[[str], None] = lambda _: None
) -> dict[str, object]:
    """Render what was ordered into `folder` (replaced as a whole at the end) and return what was kept and dropped.

    Groups that an interrupted call finished in `FOLDER.part` are taken over if nothing that makes them has changed.
    Raises BenchError where no scene of a group holds.
    """
    _check(order)
    part = folder.with_name(folder.name + ".part")
    records = part / "groups"
    records.mkdir(parents=True, exist_ok=True)
    makers = (_code_digest(), reader.weights if reader else "")
    builder: Builder | None = None
    kept: dict[str, dict] = {}
    waiting: deque[tuple[str, str, _Pending]] = deque()

    def finish() -> None:
        group, signature, pending = waiting.popleft()
        kept[group] = pending.record()
        _write_text(records / f"{group}.json", json.dumps({"signature": signature} | kept[group], ensure_ascii=False))
        done(group)

    with writers(order.workers) as pool:
        for split, number in order.all_groups():
            group = f"{split}-{number:02d}"
            signature = _signature(order, split, number, makers)
            found = _finished(records / f"{group}.json", signature)
            if found is not None:
                kept[group] = found
                done(group)
                continue
            builder = builder or Builder(order.device, reader, order.judged_in)
            prints = [p.drawn.print for _, _, p in waiting] + [_bits(k["print"]) for k in kept.values()]
            like = order.like[group] if order.like is not None else None
            drawn = builder.draw(split, number, order.secret, order.rejected, prints, like)
            waiting.append((group, signature, _submit(builder, drawn, part, order, pool)))
            while waiting and (len(waiting) > IN_FLIGHT or waiting[0][2].written()):
                finish()
        while waiting:
            finish()
    return _publish(part, folder, order, kept)


def _check(order: Order) -> None:
    """Hidden scenes must be nobody else's: their seeds are even, and beyond those of all other splits."""
    if "hidden" not in order.splits:
        return
    others = {seed for split in ("dev", "test") for seed in _seeds(split, "")}
    for seed in _seeds("hidden", order.secret):
        if seed in others or seed % 2 or seed < TRAINING_SEEDS:
            raise BenchError("the hidden split shares a scene with another split or the training; mend testset.cases")


def _seeds(split: str, secret: str) -> Iterator[int]:
    for number in range(GROUPS[split]):
        for attempt in range(ATTEMPTS):
            yield next(candidates(split, number, EDITS, attempt, secret)).source.seed


def _submit(builder: Builder, drawn: Drawn, part: Path, order: Order, pool: Executor) -> _Pending:
    shutil.rmtree(part / "clips" / drawn.plans[0].group, ignore_errors=True)  # what a stopped call left
    files: dict[str, Future[Asset]] = {}
    roles: dict[str, dict[str, str]] = {}
    for case, role, job in builder.jobs(drawn, part, order.rendition):
        roles.setdefault(case, {})[role] = job.path
        if job.path not in files:
            files[job.path] = pool.submit(write, job)
    if order.aux:
        builder.write_aux(drawn.plans[0], part / "aux" / f"{drawn.plans[0].group}.npz", order.rendition)
    return _Pending(drawn, files, roles)


def _signature(order: Order, split: str, number: int, makers: tuple[str, str]) -> str:
    plans = list(candidates(split, number, EDITS, 0, order.secret))
    like = order.like[plans[0].group] if order.like is not None else None
    turned_down = sorted(r for r in order.rejected if r[0].startswith(f"{plans[0].group}-"))
    return sha256(
        repr((makers, order.rendition, order.judged_in, order.device, order.aux, turned_down, like, plans)).encode()
    ).hexdigest()


def _code_digest() -> str:
    """The sha256 of what draws scenes and pictures: a group of another renderer is not taken over."""
    here = Path(__file__).parent
    files = sorted([*here.glob("render/*.py"), *here.glob("scenes/*.py"), here / "cases.py", here / "measure.py"])
    return sha256(b"\0".join(f.read_bytes() for f in files)).hexdigest()


def _finished(path: Path, signature: str) -> dict | None:
    if not path.exists():
        return None
    record = json.loads(path.read_text(encoding="utf-8"))
    return record if record.pop("signature") == signature else None


def _bits(text: str) -> Bits:
    return np.unpackbits(np.frombuffer(bytes.fromhex(text), np.uint8), count=BITS).astype(bool)


def _write_text(path: Path, text: str) -> None:
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(text, encoding="utf-8")
    part.replace(path)


def _read_by_probe(reports: list[dict | None]) -> dict | None:
    """The sum of what a probe read in all groups, None where there was none."""
    found = [r for r in reports if r is not None]
    if not found:
        return None
    asked, unread = (dict(sorted(sum((Counter(r[k]) for r in found), Counter()).items())) for k in ("asked", "unread"))
    confusions: Counter[tuple[str, ...]] = Counter()
    for report in found:
        for *key, count in report["confusions"]:
            confusions[tuple(key)] += count
    pairs = [[*key, n] for key, n in confusions.most_common()]
    return found[0] | {"asked": asked, "unread": unread, "confusions": pairs}


def _publish(part: Path, folder: Path, order: Order, kept: dict[str, dict]) -> dict[str, object]:
    cases = subsets([EditCase.model_validate(c) for record in kept.values() for c in record["cases"]])
    dropped = sum((Counter(r["dropped"]) for r in kept.values()), Counter())
    scenarios = sorted({c.scenario for c in cases})
    rendition = order.rendition
    generator = {
        "kept": {s: sum(c.scenario == s for c in cases) for s in scenarios},
        "dropped": {s: dropped[s] for s in scenarios},
        "groups": {split: sum(c.split == split for c in cases) // EDITS for split in order.splits},
        "edits": EDITS,
        "crf": rendition.crf,
        "redrawn": {group: r["attempt"] for group, r in kept.items() if r["attempt"]},
        "probe": _read_by_probe([r["probe"] for r in kept.values()]),
    }
    sizes = " and ".join(f"{w}x{h}" for h, w in (rendition.square, rendition.tall))
    info = {
        "name": "shopedit-300" if "hidden" not in order.splits else "shopedit-hidden",
        "version": order.version if rendition == LITE else f"{order.version}-{rendition.name}",
        "title": f"ShopEdit-300, {rendition.name} rendition, {' and '.join(order.splits)}",
        "description": "Rendered product clips with exact edit targets and masks: "
        f"{sizes}, {rendition.frames} frames, {rendition.fps} fps.",
        "vocabulary": prompts(),
        "generator": generator,
    }
    _write_text(part / "testset.json", json.dumps(info, indent=2, ensure_ascii=False) + "\n")
    lines = [c.model_dump_json(exclude_defaults=True) for c in cases]
    _write_text(part / "cases.jsonl", "\n".join(lines) + "\n")
    shutil.rmtree(part / "groups")
    if not order.aux:
        shutil.rmtree(part / "aux", ignore_errors=True)
    for stranger in (part / "clips").iterdir():
        if stranger.name not in kept:
            shutil.rmtree(stranger)
    if folder.exists():
        shutil.rmtree(folder)
    part.replace(folder)
    return generator
