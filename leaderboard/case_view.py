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


def label(entry: CaseEntry, metric: str) -> str:
    """Return the case's line in the list: its value, its id and what is asked."""
    value = numbers.fixed(entry.value, 1 if metric == HEADLINE else 2)
    return f"{value} · {entry.case.id} · {entry.case.instruction.en}"


def tiles(case: EditCase, results: Mapping[str, Result | None], shelf: ClipShelf, text: Text) -> list[Tile]:
    """Return source, target (where the case has one) and each method's edit, in this order.

    A clip that cannot be shown says why in its place; a method without a result was not run on the case.
    """
    made = [Tile("source", text.source, "", _explained(shelf.asset(case, "source"), text.no_clip))]
    if case.target is not None:
        made.append(Tile("target", text.target, "", _explained(shelf.asset(case, "target"), text.no_clip)))
    for name, result in results.items():
        if result is None:
            made.append(Tile("edit", name, "", Clip(None, text.not_run)))
            continue
        score = result.scores.get(HEADLINE)
        clip = _explained(shelf.edit(result), text.no_clip if result.ok else text.edit_failed)
        made.append(Tile("edit", name, numbers.fixed(score.value if score else None, 1), clip))
    return made


def _explained(clip: Clip, template: str) -> Clip:
    return clip if clip.data is not None else Clip(None, template.format(reason=clip.reason))


def facts(case: EditCase, text: Text) -> list[Fact]:
    """Return what the case asks for, in its own words."""
    return [
        Fact(text.instruction, (case.instruction.en, case.instruction.zh), ("en", "zh"), lead=True),
        Fact(text.changes, [f"{a.name}: {a.source} → {a.target}" for a in case.attributes]),
        Fact(text.source_prompt, (case.source_prompt,)),
        Fact(text.target_prompt, (case.target_prompt,)),
        Fact(text.keeps, case.keep, chips=True),
        Fact(text.tags, case.tags, chips=True),
        Fact(
            text.details,
            (case.id, text.scenarios[case.scenario], case.vertical, case.split, case.licence),
            chips=True,
        ),
    ]


def columns(names: Sequence[str], text: Text) -> list[Column]:
    """Return the headings of the table of values."""
    return [
        Column(text.metric, number=False, sortable=False),
        *(Column(name, sortable=False) for name in names),
        Column(text.anchors, text.anchors_help, sortable=False),
    ]


def lines(cards: Sequence[MetricCard], results: Mapping[str, Result], text: Text) -> list[Line]:
    """Return one line per metric, by family; a value that is missing says why."""
    present = {name for result in results.values() for name in result.scores}
    composites = (HEADLINE, *AXES)
    ordered = sorted(
        (card for card in cards if card.name in present),
        key=lambda c: (
            list(text.families).index(c.family),
            composites.index(c.name) if c.name in composites else 0,
        ),
    )
    made: list[Line] = []
    family = None
    for card in ordered:
        if card.family != family:
            family = card.family
            made.append(Line(heading=text.families[family]))
        scores = [result.scores.get(card.name) for result in results.values()]
        arrow = "↑" if card.better == "higher" else "↓"
        head = Cell(
            f"{card.title} {arrow}",
            note=card.name,
            hint=f"{card.description} {text.better[card.better]}".strip(),
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
            note=text.unscored.format(reason=score.unscored),
            hint=score.unscored or "",
            dim=True,
        )
    return Cell(_write(score.value, card), hint=card.unit)


def _anchors(scores: Sequence[Score | None], card: MetricCard) -> Cell:
    found = next((s.anchors for s in scores if s is not None and s.anchors is not None), None)
    return Cell("" if found is None else f"{_write(found[0], card)} → {_write(found[1], card)}", dim=True)
