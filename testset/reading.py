"""Can the attribute probe read an edit? What it cannot read on the ground truth itself is no case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.types import Frames, Mask, Vocabulary
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
    asked: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    confusions: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def faults(self, plan: Plan, source: Frames, target: Frames, mask: Mask, product: Mask) -> list[str]:
        """Return why the edit cannot be read: a target without its value, or a source that shows it already.

        `mask` is what the edit changes and `product` the target's product, T x H x W. A replaced product is read on
        `mask`, which holds the old one and the new one.
        """
        found = []
        for change in plan.changes:
            region = None
            if change.name in CLOSE_UP:
                region = mask if change.name == "product" else product
            values = self.vocabulary[change.name]
            after = self.read(target, change.name, values, region)
            before = self.read(source, change.name, values, region)
            for truth, answer in ((change.target, after), (change.source, before)):
                if truth != answer:
                    self.confusions[change.name, truth, answer] += 1
            if after != change.target:
                found.append(f"target's {change.name} is read as {after}, wanted {change.target}")
            if before == change.target:
                found.append(f"source's {change.name} is read as {before} already")
        self.asked[plan.scenario] += 1
        self.unread[plan.scenario] += bool(found)
        return found

    def report(self) -> dict[str, Any]:
        """Return what the card says of it: candidates asked and dropped per scenario, and every confusion."""
        return {
            "weights": self.weights,
            "asked": dict(sorted(self.asked.items())),
            "unread": dict(sorted(self.unread.items())),
            "confusions": [[*key, n] for key, n in self.confusions.most_common()],
        }
