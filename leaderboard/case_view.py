"""What the case page shows of one case, as tiles, facts and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.store.read import Result
from bench.summary import AXES, HEADLINE
from bench.types import EditCase, MetricCard, Score
from leaderboard import numbers
from leaderboard.clips import Clip, ClipShelf
from leaderboard.components.facts import Fact
from leaderboard.components.player import Tile
from leaderboard.components.table import Cell, Column, Line
from leaderboard.query import CaseEntry
from leaderboard.text import Text
from leaderboard.text.metrics import NAMES


def label(entry: CaseEntry, metric: str, text: Text) -> str:
    """Return the case's line in the list: its value, its id and what is asked."""
    value = numbers.fixed(entry.value, 1) if metric == HEADLINE else numbers.significant(entry.value)
    return f"{value} · {entry.case.id} · {asked(entry.case, text)}"


def asked(case: EditCase, text: Text) -> str:
    """Return the instruction in the reader's language, or in the other one where that is missing."""
    instruction = case.instruction
    return (instruction.zh or instruction.en) if text.code == "zh" else (instruction.en or instruction.zh)


def assets(case: EditCase, shelf: ClipShelf, text: Text) -> list[Tile]:
    """Return source and, where the case has one, target. A clip that cannot be shown says why in its place."""
    words = text.cases
    made = [Tile("source", words.source, "", _explained(shelf.asset(case, "source"), words.no_clip))]
    if case.target is not None:
        made.append(Tile("target", words.target, "", _explained(shelf.asset(case, "target"), words.no_clip)))
    return made


def title(card: MetricCard, text: Text) -> str:
    """Return a metric's name in the reader's language where it has one."""
    composites = {HEADLINE: text.frame.score, **text.frame.axes}
    return composites.get(card.name) or NAMES.get(text.code, {}).get(card.name, card.title)


def in_order(cards: Sequence[MetricCard], text: Text) -> list[MetricCard]:
    """Return the cards by family, the score before its axes."""
    families, composites = list(text.frame.families), (HEADLINE, *AXES)

    def place(card: MetricCard) -> tuple[int, int]:
        return families.index(card.family), composites.index(card.name) if card.name in composites else 0

    return sorted(cards, key=place)


def tiles(case: EditCase, results: Mapping[str, Result | None], shelf: ClipShelf, text: Text) -> list[Tile]:
    """Return source, target and each method's edit, in this order; None stands for a method that was not run."""
    words = text.cases
    made = assets(case, shelf, text)
    for name, result in results.items():
        if result is None:
            made.append(Tile("edit", name, "", Clip(None, words.not_run)))
            continue
        score = result.scores.get(HEADLINE)
        clip = _explained(shelf.edit(result), words.no_clip if result.ok else words.edit_failed)
        notes = ([numbers.fixed(score.value, 1)] if score else []) + ([words.copy] if clip.copy else [])
        made.append(Tile("edit", name, " · ".join(notes), clip))
    return made


def _explained(clip: Clip, template: str) -> Clip:
    return clip if clip.data is not None else Clip(None, template.format(reason=clip.reason))


def facts(case: EditCase, text: Text) -> list[Fact]:
    """Return what the case asks for, in its own words."""
    words, frame = text.cases, text.frame
    lines = {"en": case.instruction.en, "zh": case.instruction.zh}
    order = [c for c in sorted(lines, key=lambda c: c != text.code) if lines[c]]
    return [
        Fact(words.instruction, [lines[c] for c in order], order, lead=True),
        Fact(words.changes, [f"{a.name}: {a.source} → {a.target}" for a in case.attributes]),
        Fact(words.source_prompt, (case.source_prompt,), ("en",)),
        Fact(words.target_prompt, (case.target_prompt,), ("en",)),
        Fact(words.keeps, case.keep, chips=True),
        Fact(words.tags, case.tags, chips=True),
        Fact(
            words.details,
            (
                case.id,
                frame.scenarios[case.scenario],
                frame.verticals.get(case.vertical, case.vertical),
                case.split,
                case.licence,
            ),
            chips=True,
        ),
    ]


def columns(names: Sequence[str], text: Text) -> list[Column]:
    """Return the headings of the table of values."""
    return [
        Column(text.frame.metric, number=False, sortable=False),
        *(Column(name, sortable=False) for name in names),
        Column(text.cases.anchors, text.cases.anchors_help, sortable=False),
    ]


def lines(cards: Sequence[MetricCard], results: Mapping[str, Result], text: Text) -> list[Line]:
    """Return one line per metric, by family; a value that is missing says why."""
    present = {name for result in results.values() for name in result.scores}
    ordered = in_order([card for card in cards if card.name in present], text)
    made: list[Line] = []
    family = None
    for card in ordered:
        if card.family != family:
            family = card.family
            made.append(Line(heading=text.frame.families[family]))
        scores = [result.scores.get(card.name) for result in results.values()]
        arrow = "↑" if card.better == "higher" else "↓"
        head = Cell(
            f"{title(card, text)} {arrow}",
            note=card.name,
            hint=f"{card.description} {text.frame.better[card.better]}".strip(),
        )
        made.append(Line(cells=[head, *(_value(score, card, text) for score in scores), _anchors(scores, card)]))
    return made


def _write(value: float, card: MetricCard) -> str:
    if card.name == "peak-memory":
        return numbers.memory(value)
    if card.name == "seconds":
        return numbers.seconds(value)
    return numbers.fixed(value, 1) if card.name == HEADLINE else numbers.significant(value)


def _value(score: Score | None, card: MetricCard, text: Text) -> Cell:
    if score is None:
        return Cell(numbers.NONE, dim=True)
    if score.value is None:
        return Cell(
            numbers.NONE,
            note=text.cases.unscored.format(reason=score.unscored),
            hint=score.unscored or "",
            dim=True,
            wrap=True,
        )
    return Cell(_write(score.value, card), hint=card.unit)


def _anchors(scores: Sequence[Score | None], card: MetricCard) -> Cell:
    found = next((s.anchors for s in scores if s is not None and s.anchors is not None), None)
    return Cell("" if found is None else f"{_write(found[0], card)} → {_write(found[1], card)}", dim=True)
