"""What the pages of submitters and moderators show of submissions, as columns, lines and facts. All text of a
submission is foreign: it reaches the page through these elements only, as text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.stats import macro_average
from bench.store.read import Result
from bench.types import MetricCard
from leaderboard import numbers
from leaderboard.case_view import in_order, title
from leaderboard.components.facts import Fact
from leaderboard.components.table import Cell, Column, Line
from leaderboard.numbers import moment
from leaderboard.text import Text
from leaderboard.versus import write
from submissions.audit import Event
from submissions.ledger import Submission
from submissions.rules import Problem
from submissions.states import STATES


def columns(text: Text) -> list[Column]:
    """Return the headings of a list of submissions."""
    words = text.submit
    names = (words.submission, words.state, words.testset, words.since)
    return [Column(name, number=False, sortable=False) for name in names]


def name(held: Submission) -> str:
    """Return a submission's name for a list: its row on the board, or its file where it has none, and its id."""
    return f"{held.row_name or held.source} · {held.id}"


def line(held: Submission, text: Text, href: str | None = None) -> Line:
    """Return where a submission stands."""
    words = text.submit
    named = [one for one in (held.source if held.row_name else None, _badge(held, text)) if one]
    return Line(
        id=held.id,
        cells=[
            Cell(held.row_name or held.source, note=" · ".join((held.id, *named)), href=href, wrap=True),
            Cell(words.states[held.state], note=held.reason or "", hint=words.meanings[held.state], wrap=True),
            Cell(held.testset or numbers.NONE, note=words.clips.format(n=held.clips) if held.clips else ""),
            Cell(moment(held.changed), note=words.until_when.format(at=moment(held.deadline)) if held.deadline else ""),
        ],
    )


def _badge(held: Submission, text: Text) -> str | None:
    return text.ranking.badges.get(held.provenance or "")


def problem_columns(text: Text) -> list[Column]:
    """Return the headings of a list of problems."""
    words = text.submit
    names = (words.file, words.rule, words.found, words.limit, words.remedy)
    return [Column(name, number=False, sortable=False) for name in names]


def problem_lines(problems: Sequence[Problem]) -> list[Line]:
    """Return one line per problem: file, rule, what was found, what is allowed, what to do."""
    return [
        Line(cells=[Cell(p.file, wrap=True), Cell(p.rule), *(Cell(t, wrap=True) for t in (p.found, p.limit, p.remedy))])
        for p in problems
    ]


def event_columns(text: Text) -> list[Column]:
    """Return the headings of an audit log."""
    words = text.submit
    names = (words.at, words.step, words.by, words.state, words.why)
    return [Column(name, number=False, sortable=False) for name in names]


def event_line(event: Event, text: Text) -> Line:
    """Return one line of the audit log."""
    words = text.submit
    who = words.roles[event.actor.role]
    cells = [
        Cell(moment(event.at)),
        Cell(words.moves.get(event.action, event.action)),
        Cell(who if event.actor.role == "system" else event.actor.id, note="" if event.actor.role == "system" else who),
        Cell(words.states.get(event.after, event.after)),
        Cell(event.reason or "", wrap=True),
    ]
    return Line(cells=cells)


def state_columns(text: Text) -> list[Column]:
    """Return the headings of the table of states."""
    words = text.submit
    return [Column(name, number=False, sortable=False) for name in (words.state, text.review.meaning, words.until)]


def state_lines(text: Text) -> list[Line]:
    """Return what every state means, and how many hours or days a submission may stay in it."""
    lines = []
    for name, stage in STATES.items():
        hours = stage.deadline.total_seconds() / 3600 if stage.deadline else 0
        stay = "" if not hours else f"{hours / 24:g} d" if hours >= 24 else f"{hours:g} h"
        cells = [Cell(text.submit.states[name]), Cell(text.submit.meanings[name], wrap=True), Cell(stay)]
        lines.append(Line(cells=cells))
    return lines


def manifest_facts(held: Submission, text: Text) -> list[Fact]:
    """Return what the submitter states. Addresses are shown as text, not as links."""
    manifest, names = held.manifest, text.review.fields
    if manifest is None:
        return []
    track = text.frame.tracks[manifest.method.track]
    stated = {
        "method": (manifest.method.name, manifest.method.version, track),
        "team": (manifest.team,),
        "contact": (manifest.contact,),
        "paper": (manifest.paper,) if manifest.paper else (),
        "code": (manifest.code,) if manifest.code else (),
        "licence": (manifest.licence,),
        "model": (manifest.model,),
        "hardware": (manifest.hardware,),
        "testset": (manifest.testset.name, manifest.testset.version, manifest.testset.split),
        "seconds": (f"{manifest.seconds_per_edit:g}",),
        "digest": (held.digest,) if held.digest else (),
    }
    return [Fact(names[field], values, chips=len(values) > 1) for field, values in stated.items()]


def flag_columns(text: Text) -> list[Column]:
    """Return the headings of the list of flags."""
    words = text.review
    names = (words.check, text.submit.found, text.submit.limit, words.where)
    return [Column(name, number=False, sortable=False) for name in names]


def flag_lines(held: Submission, text: Text) -> list[Line]:
    """Return one line per flag."""
    return [
        Line(
            cells=[
                Cell(text.review.checks.get(f.check, f.check), note=f.check, wrap=True),
                Cell(f.found, wrap=True),
                Cell(f.limit, wrap=True),
                Cell(f.case or numbers.NONE, wrap=True),
            ]
        )
        for f in held.flags
    ]


def score_columns(text: Text) -> list[Column]:
    """Return the headings of a submission's means."""
    return [
        Column(text.frame.metric, number=False, sortable=False),
        Column(text.method.mean, sortable=False, strong=True),
        Column(text.method.scored, sortable=False),
    ]


def score_lines(results: Sequence[Result], cards: Mapping[str, MetricCard], text: Text) -> list[Line]:
    """Return the mean of every metric over a submission's edits, headline and axes first."""
    lines = []
    for card in in_order(list(cards.values()), text):
        found = [(r.scores[card.name].value, r.case.scenario) for r in results if card.name in r.scores]
        known = [(value, scenario) for value, scenario in found if value is not None]
        if known:
            mean = macro_average([v for v, _ in known], [s for _, s in known])
            arrow = "↑" if card.better == "higher" else "↓"
            cells = [Cell(f"{title(card, text)} {arrow}", hint=card.description), Cell(write(mean, card))]
            lines.append(Line(cells=[*cells, Cell(f"{len(known)} / {len(results)}")]))
    return lines
