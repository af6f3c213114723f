"""Can the attribute probe read an edit? What it cannot read on the ground truth itself is no case."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bench.errors import UserError
from bench.media import read_mask, read_video
from bench.types import AttributeChange, EditCase, Frames, Mask, TestSet, Vocabulary
from testset.cases import Plan

CLOSE_UP = ("product", "color", "material")
"""Attributes that are read on the product."""


class Read(Protocol):
    """The probe: a clip's most probable value of an attribute. Handed in, so that no model is known here."""

    def __call__(
        self, frames: Frames, attribute: str, values: Mapping[str, tuple[str, ...]], region: Mask | None
    ) -> str:
        """Return one of `values`, read on `region` (T x H x W) or, without one, on whole frames."""
        ...


@dataclass(slots=True)
class Reader:
    """Reads candidates at build, and remembers what it took for what."""

    read: Read
    vocabulary: Vocabulary
    weights: str
    """sha256 of the probe's weights."""
    unreliable: Mapping[str, float] = field(default_factory=dict)
    """Attributes that the probe reads too badly to judge by, with its held-out accuracy; they are not asked."""
    asked: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    confusions: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def faults(self, plan: Plan, source: Frames, target: Frames, mask: Mask, product: Mask) -> list[str]:
        """Return why a candidate cannot be read; see `faults_of`."""
        return self.faults_of(plan.scenario, plan.changes, source, target, mask, product)

    def faults_of(
        self,
        scenario: str,
        changes: Sequence[AttributeChange],
        source: Frames,
        target: Frames,
        mask: Mask | None,
        product: Mask | None,
    ) -> list[str]:
        """Return why an edit cannot be read: a target without its value, or a source that shows it already.

        `mask` is what the edit changes and `product` the target's product, T x H x W. In the source a replaced product
        is looked for all over `mask`, which holds the old one and the new one.
        """
        found = []
        asked = [change for change in changes if change.name not in self.unreliable]
        for change in asked:
            close = change.name in CLOSE_UP
            values = self.vocabulary[change.name]
            after = self.read(target, change.name, values, product if close else None)
            before = self.read(
                source, change.name, values, (mask if change.name == "product" else product) if close else None
            )
            for truth, answer in ((change.target, after), (change.source, before)):
                if truth != answer:
                    self.confusions[change.name, truth, answer] += 1
            if after != change.target:
                found.append(f"target's {change.name} is read as {after}, wanted {change.target}")
            if before == change.target:
                found.append(f"source's {change.name} is read as {before} already")
        self.asked[scenario] += bool(asked)
        self.unread[scenario] += bool(found)
        return found

    def report(self) -> dict[str, Any]:
        """Return what the card says of it: candidates asked and dropped per scenario, and every confusion."""
        return {
            "weights": self.weights,
            "unreliable": dict(self.unreliable),
            "asked": dict(sorted(self.asked.items())),
            "unread": dict(sorted(self.unread.items())),
            "confusions": [[*key, n] for key, n in self.confusions.most_common()],
        }


def unreadable(testset: TestSet, reader: Reader) -> Iterator[tuple[EditCase, list[str]]]:
    """Yield every case of a set that has a target and says what changes, with what cannot be read of it on its clips.

    Raises UserError where the set's closed vocabularies lack what its cases name.
    """
    for case in testset.cases:
        if case.target is None or not case.attributes:
            continue
        for change in case.attributes:
            for value in (change.source, change.target):
                if value not in testset.vocabulary.get(change.name, {}):
                    raise UserError(
                        f"testset.json: case {case.id} names {change.name} '{value}', which is not in its vocabulary; "
                        "add its phrasings there"
                    )
        source, target = (read_video(testset.root / asset.path).frames for asset in (case.source, case.target))
        mask, product = (
            read_mask(testset.root / asset.path) if asset else None for asset in (case.mask, case.product_mask)
        )
        yield case, reader.faults_of(case.scenario, case.attributes, source, target, mask, product)


def record_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Write a reader's report into a set's `testset.json`, where the card finds it."""
    path = folder / "testset.json"
    info = json.loads(path.read_text(encoding="utf-8"))
    info.setdefault("generator", {})["probe"] = report
    path.write_text(json.dumps(info, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
