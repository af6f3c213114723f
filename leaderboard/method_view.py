"""What a method's page shows, as facts, columns and lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from bench.meta.published import Verdict
from bench.stats import Interval
from bench.store.read import Result, Run
from bench.summary import HEADLINE
from bench.types import MethodCard, MetricCard
from leaderboard import numbers, pick, query
from leaderboard.case_view import asked, in_order, title
from leaderboard.components.facts import Fact
from leaderboard.components.table import Cell, Column, Line
from leaderboard.numbers import moment
from leaderboard.query import CaseEntry, View
from leaderboard.ranking_table import Scale, interval_cell, trial_help
from leaderboard.text import Text

FEW = 8
"""Cases named on the page; the case explorer has them all."""
_MACHINE = ("python", "torch", "device", "gpu", "cpu", "platform", "commit")
_MOST = {"commit": 12}
"""Characters of a fact that are shown, where a part of it names it."""


def facts(card: MethodCard, run: Run | None, provenance: str, text: Text) -> list[Fact]:
    """Return what a method says of itself, who made its clips and scores, and where it was run last."""
    words = text.method
    track = text.frame.tracks[card.track] + (f" · {text.frame.control}" if card.control else "")
    parameters = [
        f"{name} = {json.dumps(value, ensure_ascii=False)}"
        for name, value in card.parameters.items()
        if value is not None
    ]
    made = [
        Fact(words.description, (card.description,) if card.description else (), ("en",), lead=True),
        Fact(words.card, (card.family, track, f"{words.version} {card.version}", card.licence), chips=True),
        Fact(words.provenance, () if card.control else (words.provenances[provenance],)),
        Fact(words.parameters, parameters, chips=True),
        Fact(words.paper, (card.paper,) if card.paper else ()),
        Fact(words.weights, (card.weights[:16] if card.weights else words.no_weights,)),
    ]
    if run is not None:
        machine = [
            f"{name} {value[: _MOST.get(name, 48)]}"
            for name in _MACHINE
            if isinstance(value := run.environment.get(name), str)
        ]
        made += [Fact(words.run, (f"{moment(run.started)} · {run.id}",)), Fact(words.machine, machine, chips=True)]
    return made


def of_scenario(shown: View, scenario: str) -> View:
    """Return the part of a view that is of one scenario."""
    return _part(shown, [c.scenario == scenario for c in shown.cases])


def of_vertical(shown: View, vertical: str) -> View:
    """Return the part of a view that is of one vertical."""
    return _part(shown, [c.vertical == vertical for c in shown.cases])


def _part(shown: View, keep: Sequence[bool]) -> View:
    return View(shown.columns, shown.at[np.asarray(keep, bool)])


def part_columns(composites: Sequence[str], text: Text) -> Callable[[str], list[Column]]:
    """Return the headings of a table of parts, given what the parts are."""
    names = {HEADLINE: text.frame.score, **text.frame.axes}

    def columns(first: str) -> list[Column]:
        return [
            Column(first, number=False, sortable=False),
            *(Column(names[name], strong=name == HEADLINE) for name in composites),
            Column(text.testset.edits),
        ]

    return columns


def part_line(title: str, part: View, row: int, scales: Mapping[str, Scale], text: Text) -> Line:
    """Return a scenario's or vertical's figures."""
    edits = int(part.columns.edits[row, part.at].sum())
    found = query.intervals(part, [row], part.composites)[row]
    cells = [interval_cell(found.get(name), text, scales[name], edits) for name in part.composites]
    return Line(cells=[Cell(title), *cells, Cell(str(edits), order=edits)])


def metric_columns(text: Text) -> list[Column]:
    """Return the headings of the table of metrics."""
    return [
        Column(text.frame.metric, number=False, sortable=False),
        Column(text.method.mean, sortable=False),
        Column(text.method.scored, sortable=False),
        Column(text.method.trial, text.method.trial_help, sortable=False),
    ]


def metric_lines(
    cards: Sequence[MetricCard],
    found: Mapping[str, Interval],
    scales: Mapping[str, Scale],
    edits: int,
    trial: Mapping[str, Verdict],
    text: Text,
) -> list[Line]:
    """Return one line per metric, by family; `trial` says how often each prefers the better edit."""
    made: list[Line] = []
    family = None
    for card in in_order(cards, text):
        if card.family != family:
            family = card.family
            made.append(Line(heading=text.frame.families[family]))
        mine = found.get(card.name)
        arrow = "↑" if card.better == "higher" else "↓"
        hint = f"{card.description} {text.frame.better[card.better]}".strip()
        scale = scales[card.name]
        if card.name == "peak-memory" and mine is not None:
            value = Cell(numbers.memory(mine.mean), note=f"{numbers.memory(mine.low)} – {numbers.memory(mine.high)}")
        else:
            value = interval_cell(mine, text, scale, edits)
        count = str(mine.n) if mine else "0"
        name = Cell(f"{title(card, text)} {arrow}", note=card.name, hint=hint)
        made.append(Line(cells=[name, value, Cell(count), _tried(trial.get(card.name), text)]))
    return made


def _tried(verdict: Verdict | None, text: Text) -> Cell:
    if verdict is None:
        return Cell(numbers.NONE, dim=True)
    note = "" if verdict.weighs else text.method.no_weight
    return Cell(f"{numbers.fixed(100 * verdict.rate, 1)} %", note=note, hint=trial_help(verdict, text))


def case_columns(text: Text) -> list[Column]:
    """Return the headings of a list of cases."""
    return [
        Column(text.cases.case, number=False),
        Column(text.frame.score, strong=True),
        Column(text.cases.instruction, number=False, sortable=False),
    ]


def case_line(entry: CaseEntry, method: str, view: Mapping[str, str], text: Text) -> Line:
    """Return a case with its score and what it asks."""
    case = entry.case
    href = pick.link("cases", **{**view, "method": method, "case": case.id})
    return Line(
        id=case.id,
        cells=[
            Cell(case.id, note=text.frame.scenarios[case.scenario], order=case.id, href=href),
            Cell(numbers.fixed(entry.value, 1), order=entry.value),
            Cell(asked(case, text), wrap=True),
        ],
    )


def failure_columns(text: Text) -> list[Column]:
    """Return the headings of the list of failures."""
    return [Column(text.cases.case, number=False), Column(text.method.reason, number=False, sortable=False)]


def failure_line(result: Result, view: Mapping[str, str], text: Text) -> Line:
    """Return a failed edit with its reason."""
    case = result.case
    href = pick.link("cases", **{**view, "method": result.method.name, "case": case.id})
    return Line(
        id=case.id,
        cells=[
            Cell(case.id, note=text.frame.scenarios[case.scenario], order=case.id, href=href),
            Cell(result.reason or numbers.NONE, note=result.stage or "", wrap=True),
        ],
    )
