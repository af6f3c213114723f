"""A against B as lines of a table, points of a plot, and the cases where they differ most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.compare import ALPHA, Side, Versus
from bench.compare import Line as Test
from bench.summary import AXES, HEADLINE
from bench.types import MetricCard
from leaderboard import numbers, pick
from leaderboard.case_view import asked, title
from leaderboard.components.chart import Point
from leaderboard.components.table import Bar, Cell, Column, Line
from leaderboard.text import Text

FEW = 10
"""Cases named where the two differ most."""


def columns(text: Text) -> list[Column]:
    """Return the headings of a table of tests."""
    words = text.compare
    return [
        Column(text.frame.metric, number=False, sortable=False),
        Column(words.difference, words.difference_help, sortable=False, strong=True),
        Column(words.better, words.better_help, number=False, sortable=False),
        Column("A", sortable=False),
        Column("B", sortable=False),
        Column(words.p, words.p_help, sortable=False),
        Column(words.detectable, words.detectable_help, sortable=False),
        Column("n", words.n_help, sortable=False),
    ]


def lines(tests: Sequence[Test], cards: Mapping[str, MetricCard], text: Text) -> list[Line]:
    """Return one line per test; tests inside scenarios stand under the scenario's name."""
    made: list[Line] = []
    scenario = None
    for test in tests:
        if test.scenario != scenario and test.scenario is not None:
            scenario = test.scenario
            made.append(Line(heading=text.frame.scenarios[scenario]))
        made.append(_line(test, cards[test.metric], text))
    return made


def _line(test: Test, card: MetricCard, text: Text) -> Line:
    gap = test.difference
    spread = max(abs(gap.low), abs(gap.high), 1e-12)
    note = (
        f"{_signed(gap.low, card)} \N{EN DASH} {_signed(gap.high, card)}" if gap.groups > 1 else text.ranking.one_clip
    )
    bar = Bar(*((value / spread + 1) / 2 for value in (gap.low, gap.mean, gap.high)))
    arrow = "↑" if card.better == "higher" else "↓"
    return Line(
        cells=[
            Cell(f"{title(card, text)} {arrow}", hint=card.description),
            Cell(_signed(gap.mean, card), note=note, bar=bar if gap.groups > 1 else None),
            Cell(test.winner.upper() if test.winner else text.compare.not_told, dim=test.winner is None),
            Cell(write(test.a, card)),
            Cell(write(test.b, card)),
            Cell(p_value(test.p_holm), note=f"({p_value(test.p)})"),
            Cell(numbers.NONE if test.detectable is None else numbers.significant(test.detectable, 2)),
            Cell(str(gap.n)),
        ]
    )


def write(value: float, card: MetricCard) -> str:
    """Return a figure as text."""
    if card.name == "peak-memory":
        return numbers.memory(value)
    return numbers.fixed(value, 1) if card.name == HEADLINE else numbers.significant(value)


def _signed(value: float, card: MetricCard) -> str:
    if card.name == "peak-memory":
        return ("+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else "") + numbers.memory(abs(value))
    found = numbers.fixed(value, 1) if card.name == HEADLINE else numbers.significant(value)
    return f"+{found}" if value > 0 else found


def p_value(p: float) -> str:
    """Return a p-value as text."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def verdict(found: Versus, text: Text) -> str | None:
    """Return the outcome of the headline's test as a sentence; None without a headline."""
    test = next((t for t in found.overall if t.metric == HEADLINE), None)
    if test is None or test.difference.groups < 2:
        return None
    gap, p = test.difference, p_value(test.p_holm)
    return text.compare.verdict[test.winner or "none"].format(
        gap=numbers.fixed(abs(gap.mean), 1),
        low=numbers.fixed(gap.low, 1),
        high=numbers.fixed(gap.high, 1),
        p=p if p.startswith("<") else f"= {p}",
    )


def hopeless(found: Versus) -> bool:
    """Return whether so few clips cannot tell anything apart, whatever the differences."""
    return bool(found.overall) and min(1.0, found.least_p * len(found.overall)) >= ALPHA


def points(a: Side, b: Side, metric: str, view: Mapping[str, str], text: Text) -> list[Point]:
    """Return one point per case that both have: A's value to the right, B's upwards."""
    of_a, of_b = a.values(metric), b.values(metric)
    made = []
    for name, case in a.cases.items():
        if name in of_a and name in of_b:
            hint = f"{name}: A {of_a[name]:.1f}, B {of_b[name]:.1f}. {asked(case, text)}"
            made.append(Point(name, "", of_a[name], of_b[name], hint, _case_link(a, b, name, view)))
    return made


def gap_columns(text: Text) -> list[Column]:
    """Return the headings of the cases where the two differ most."""
    return [
        Column(text.cases.case, number=False),
        Column(text.compare.difference, text.compare.difference_help, strong=True),
        Column("A"),
        Column("B"),
        Column(text.cases.instruction, number=False, sortable=False),
    ]


def gaps(a: Side, b: Side, metric: str, view: Mapping[str, str], text: Text) -> list[Line]:
    """Return the cases with the largest differences, either way."""
    of_a, of_b = a.values(metric), b.values(metric)
    common = [name for name in a.cases if name in of_a and name in of_b]
    made = []
    for name in sorted(common, key=lambda n: -abs(of_a[n] - of_b[n]))[:FEW]:
        case, gap = a.cases[name], of_a[name] - of_b[name]
        digits = 1 if metric == HEADLINE else 2
        sign = "+" if gap > 0 else ""
        made.append(
            Line(
                id=name,
                cells=[
                    Cell(
                        name,
                        note=text.frame.scenarios[case.scenario],
                        order=name,
                        href=_case_link(a, b, name, view),
                    ),
                    Cell(sign + numbers.fixed(gap, digits), order=abs(gap)),
                    Cell(numbers.fixed(of_a[name], digits), order=of_a[name]),
                    Cell(numbers.fixed(of_b[name], digits), order=of_b[name]),
                    Cell(asked(case, text), wrap=True),
                ],
            )
        )
    return made


def _case_link(a: Side, b: Side, case: str, view: Mapping[str, str]) -> str:
    return pick.link("cases", **{**view, "case": case}, method=[a.label, b.label])


def default_metrics(
    cards: Mapping[str, MetricCard], composites: Sequence[str], more: Sequence[str]
) -> list[MetricCard]:
    """Return the score, its axes and what was asked for besides; without a headline all that has an axis."""
    names = [name for name in (HEADLINE, *AXES) if name in composites]
    return [cards[name] for name in dict.fromkeys([*names, *more])]
