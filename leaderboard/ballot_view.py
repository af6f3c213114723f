"""What a voter is shown: clips without names, and the instruction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from bench.media import probe
from bench.votes.ballots import Ballot
from bench.votes.sheet import Sheet
from leaderboard.clips import Clip
from leaderboard.components.facts import Fact
from leaderboard.components.player import Tile
from leaderboard.text import Text


@dataclass(frozen=True, slots=True)
class Blind:
    """A ballot's clips for the player."""

    tiles: list[Tile]
    fps: Fraction
    frames: int
    size: tuple[int, int]
    """Height and width in pixels."""


def tiles(shown: Ballot | Sheet, text: Text) -> Blind:
    """Return source and edits, named by their side alone."""
    words = text.vote
    edits = (
        {words.left: shown.left, words.right: shown.right} if isinstance(shown, Ballot) else {words.edit: shown.clip}
    )
    found = probe(shown.source)
    made = [Tile("source", text.cases.source, "", Clip(shown.source.read_bytes()))]
    made += [Tile("edit", name, "", Clip(path.read_bytes())) for name, path in edits.items()]
    return Blind(made, Fraction(found.fps), found.frames, (found.height, found.width))


def facts(instruction: Mapping[str, str], text: Text) -> list[Fact]:
    """Return what was asked for, the reader's language first."""
    order = [code for code in sorted(instruction, key=lambda c: c != text.code) if instruction[code]]
    return [Fact(text.vote.instruction, [instruction[c] for c in order], order, lead=True)]
