"""What is to be built: which splits, in which rendition, on which device."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from bench.errors import UserError
from testset.cases import GROUPS, Plan

SECRET = "SHOPEDIT_HIDDEN_SEED"
"""Environment variable that holds the seed of the hidden split."""
MIN_SECRET = 16
VERSION = "1.0"
"""Version of what a build gives by itself: raised with every change of what scenes or pictures come out."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """Sizes (height, width), length and encoding of the clips."""

    name: str
    square: tuple[int, int]
    tall: tuple[int, int]
    frames: int
    fps: Fraction
    crf: int
    preset: str
    """x264's: slower is smaller at the same quality."""

    def size(self, plan: Plan) -> tuple[int, int]:
        """Return height and width of a plan's clips."""
        return self.tall if plan.tall else self.square


LITE = Rendition("lite", (256, 256), (352, 192), 17, Fraction(8), crf=16, preset="veryslow")
FULL = Rendition("full", (960, 960), (1280, 704), 49, Fraction(24), crf=16, preset="medium")
RENDITIONS = {r.name: r for r in (LITE, FULL)}


@dataclass(frozen=True, slots=True)
class Order:
    """An order to `testset.build.build`. Raises UserError for splits that do not go together, or a weak secret."""

    splits: tuple[str, ...] = ("dev",)
    rendition: Rendition = LITE
    groups: int | None = None
    """The first so many of each split; None for all."""
    secret: str = field(default="", repr=False)
    """Seed of the hidden split."""
    rejected: frozenset[tuple[str, int]] = frozenset()
    """Candidates (case id, attempt) that a probe has turned down before."""
    like: Mapping[str, int] | None = None
    """Attempt of every group of a built set (`verdicts.attempts_of`): drawn as it was, not judged again."""
    aux: bool = False
    """Write depth and flow of each source as well."""
    device: str = "cpu"
    workers: int | None = None
    """Processes that encode; None for one per core, at most 16."""
    version: str = VERSION
    judged_in: Rendition = LITE
    """Where faults are looked for, so that all renditions hold the same cases."""

    def __post_init__(self) -> None:
        for split in self.splits:
            if split not in GROUPS:
                raise UserError(f"unknown split '{split}': choose from {', '.join(GROUPS)}")
        if "hidden" in self.splits and len(self.splits) > 1:
            raise UserError(f"splits {', '.join(self.splits)}: 'hidden' is built alone, because it is never shipped")
        if "hidden" in self.splits and len(self.secret) < MIN_SECRET:
            raise UserError(
                f"the hidden split needs a secret seed of {MIN_SECRET} characters or more, found {len(self.secret)}: "
                f"set {SECRET} or name a file with --seed-file"
            )
        if self.like is not None and (
            missing := [g for s, n in self.all_groups() if (g := f"{s}-{n:02d}") not in self.like]
        ):
            raise UserError(f"--like: the set lacks {len(missing)} of the ordered groups, first {missing[0]}")

    def all_groups(self) -> Iterator[tuple[str, int]]:
        """Yield (split, number) in order."""
        for split in self.splits:
            count = GROUPS[split] if self.groups is None else min(self.groups, GROUPS[split])
            yield from ((split, number) for number in range(count))


def read_secret(path: Path | None) -> str:
    """Return the secret seed: the file's text, or without a file the environment variable's (empty if unset)."""
    return (_text(path) if path is not None else os.environ.get(SECRET, "")).strip()


def read_rejected(path: Path | None) -> frozenset[tuple[str, int]]:
    """Return the candidates that a file turns down, one `CASE ATTEMPT` a line; raises UserError for other lines."""
    found = set()
    for number, line in enumerate(_text(path).splitlines() if path is not None else (), 1):
        words = line.split()
        if words and (len(words) != 2 or not words[1].isdigit()):
            raise UserError(f"{path}:{number}: found '{line.strip()}', wanted a case id and an attempt: dev-03-color 0")
        if words:
            found.add((words[0], int(words[1])))
    return frozenset(found)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read as text ({error}); name a text file") from None
