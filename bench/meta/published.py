"""The trial shipped for each protocol: what `bench meta-eval` found of its metrics, beside the code it speaks of."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

WANTED = 0.90
"""A metric below this rate on its own axis carries no weight; the score must reach it over all pairs."""
WANTED_PLAIN = 0.97
"""The score's rate over plainly damaged pairs."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One metric's record on the damages of its own axis."""

    rate: float
    """Share of pairs in which it prefers the better edit, mean over kinds of damage, in [0, 1]."""
    low: float
    high: float
    """95 % interval over source clips."""
    pairs: int
    weighs: bool
    """Whether the headline uses it, as a term or as one of its axes."""

    @property
    def trusted(self) -> bool:
        """Whether it may carry weight in a score."""
        return self.rate >= WANTED


def record(protocol: str) -> dict[str, Any] | None:
    """Return the shipped record of the protocol of that name as `bench meta-eval --json` wrote it; None without one."""
    # The name may come from a stored signature, so it is looked for and never made into a path.
    for file in files("bench.meta").iterdir():
        if file.name == f"{protocol}.json":
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            return found
    return None


@lru_cache(maxsize=8)
def verdicts(signature: str) -> Mapping[str, Verdict]:
    """Return every metric's verdict by name; empty where no trial of exactly that signature is shipped."""
    found = record(signature.partition(":")[0])
    if found is None or found["signature"] != signature:
        return MappingProxyType({})
    return MappingProxyType(
        {
            one["name"]: Verdict(
                rate=one["all"]["rate"],
                low=one["all"]["low"],
                high=one["all"]["high"],
                pairs=one["all"]["pairs"],
                weighs=one["weighs"],
            )
            for one in found["metrics"]
        }
    )
