"""Which pairs there are: for every case and family, whole against damaged, at four strengths."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from bench.identity import digest
from bench.inputs import other_clip, wrong_answer
from bench.meta.damages import BY_NAME, FAMILIES, GENERATOR, LEVELS
from bench.types import EditCase

Base = Literal["truth", "decoded"]
"""The ground truth, or what a small autoencoder would make of it (`damages.reconstruction`)."""


@dataclass(frozen=True, slots=True)
class Member:
    """One clip of a pair: a base, damaged or whole."""

    case: str
    base: Base
    family: str | None = None
    level: int = 0
    """Index into `LEVELS`; of a damaged member only."""

    def key(self, case: EditCase, files: Mapping[str, str], signature: str) -> str:
        """Return the identity of this member's scores: the clips it is made of, the damage, the protocol."""
        strength = BY_NAME[self.family].strengths[self.level] if self.family else 0.0
        facts = [GENERATOR, case.id, case.version, dict(files), self.base, self.family, strength, signature]
        return digest(facts)


@dataclass(frozen=True, slots=True)
class Pair:
    """Two clips of one case, the first known to be the better one."""

    better: Member
    worse: Member
    group: str
    """Source clip."""

    @property
    def family(self) -> str:
        """The damage that tells them apart."""
        assert self.worse.family is not None
        return self.worse.family

    @property
    def level(self) -> str:
        """How plain the difference is: the strength of the worse one, or one less between two damaged ones."""
        step = 1 if self.better.family else 0
        return LEVELS[self.worse.level - step]


def files(case: EditCase, cases: Sequence[EditCase]) -> dict[str, str]:
    """Return the sha256 of every clip that a case's pairs are made of, by role."""
    wrong, other = wrong_answer(case, cases), other_clip(case, cases)
    found = {"source": case.source, "target": case.target, "mask": case.mask}
    found |= {"wrong": wrong.target if wrong else None, "other": other.source if other else None}
    return {role: asset.sha256 for role, asset in found.items() if asset is not None}


def spread(cases: Iterable[EditCase]) -> list[EditCase]:
    """Return the cases in an order of which every beginning covers the scenarios, and the source clips, evenly."""
    left = sorted(cases, key=lambda case: case.id)
    scenarios = sorted({case.scenario for case in left})
    taken: Counter[str] = Counter()
    found: list[EditCase] = []
    while left:
        for scenario in scenarios:
            mine = [case for case in left if case.scenario == scenario]
            if not mine:
                continue
            chosen = min(mine, key=lambda case: taken[case.group])
            taken[chosen.group] += 1
            left.remove(chosen)
            found.append(chosen)
    return found


def all_pairs(cases: Iterable[EditCase], testset: Sequence[EditCase], outside: Mapping[str, bool]) -> list[Pair]:
    """Return every pair of these cases, in an order of which every beginning is a random sample.

    Per case and family: truth against each strength, decoded against each strength of the decoded, and each strength
    against the next. `outside` says by case id whether enough lies outside the mask to be damaged there. Cases without
    target or mask have none.
    """
    found = []
    for case in cases:
        have = files(case, testset).keys() | ({"outside"} if outside.get(case.id) else set())
        if not {"target", "mask"} <= have:
            continue
        for family in FAMILIES:
            if not set(family.needs) <= have:
                continue
            damaged = [Member(case.id, "truth", family.name, k) for k in range(len(LEVELS))]
            coded = [Member(case.id, "decoded", family.name, k) for k in range(len(LEVELS))]
            found += [Pair(Member(case.id, "truth"), worse, case.group) for worse in damaged]
            found += [Pair(Member(case.id, "decoded"), worse, case.group) for worse in coded]
            found += [Pair(a, b, case.group) for a, b in pairwise(damaged)]
    return sorted(found, key=_draw)


def _draw(pair: Pair) -> str:
    """Order pairs as if drawn at random, the same on every machine."""
    return hashlib.sha256(repr(pair).encode()).hexdigest()
