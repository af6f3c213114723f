"""What the test-set page shows of cases, as columns, lines and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.types import EditCase
from leaderboard import pick
from leaderboard.case_view import asked
from leaderboard.components.facts import Fact
from leaderboard.components.table import Bar, Cell, Column, Line
from leaderboard.text import Text


def matching(cases: Sequence[EditCase], tag: str | None, search: str) -> list[EditCase]:
    """Return the cases with a tag whose id, instruction, prompts or changes hold every word of the search."""
    wanted = search.casefold().split()

    def text_of(case: EditCase) -> str:
        changes = [part for a in case.attributes for part in (a.name, a.source, a.target)]
        parts = (case.id, case.group, case.instruction.en, case.instruction.zh, case.source_prompt, case.target_prompt)
        return " ".join((*parts, *case.tags, *changes)).casefold()

    return [c for c in cases if tag in (None, *c.tags) and all(word in text_of(c) for word in wanted)]


def columns(text: Text) -> list[Column]:
    """Return the headings of the list of cases."""
    return [
        Column(text.testset.case, number=False),
        Column(text.testset.instruction, number=False, sortable=False),
        Column(text.frame.scenario, number=False),
        Column(text.frame.vertical, number=False),
        Column(text.cases.tags, number=False, sortable=False),
    ]


def line(case: EditCase, view: Mapping[str, str], text: Text, now: bool) -> Line:
    """Return a case; following its name shows it on the same page, `now` says that it is the one shown."""
    scenario = text.frame.scenarios[case.scenario]
    vertical = text.frame.verticals.get(case.vertical, case.vertical)
    return Line(
        id=case.id,
        cells=[
            Cell(
                case.id,
                note=case.group,
                order=case.id,
                href=pick.link("testset", **{**view, "case": case.id}),
            ),
            Cell(asked(case, text), wrap=True),
            Cell(scenario, order=scenario),
            Cell(vertical, order=vertical),
            Cell(", ".join(case.tags), dim=True, wrap=True),
        ],
        now=now,
    )


def file_facts(case: EditCase, text: Text) -> list[Fact]:
    """Return size and content of the case's source."""
    words, asset = text.testset, case.source
    size = words.size_value.format(width=asset.width, height=asset.height, frames=asset.frames, fps=asset.fps)
    return [Fact(words.size, (size,)), Fact(words.content, (asset.sha256,))]


def count_columns(text: Text) -> list[Column]:
    """Return the headings of the table of scenarios."""
    return [Column(text.frame.scenario, number=False, sortable=False), Column(text.testset.edits, sortable=False)]


def count_line(name: str, count: int, most: int) -> Line:
    """Return a scenario with its number of edits as a bar."""
    return Line(cells=[Cell(name), Cell(str(count), bar=Bar(0.0, count / most, count / most))])


def records(cases: Sequence[EditCase]) -> str:
    """Return the cases as JSON lines, as in a test set's `cases.jsonl`."""
    return "".join(case.model_dump_json() + "\n" for case in cases)
