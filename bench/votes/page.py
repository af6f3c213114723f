"""A study's report as a Markdown page."""

from __future__ import annotations

from collections.abc import Iterator

from bench.preference import Ratings
from bench.score import AXES as SCORE_AXES
from bench.votes.report import Report
from bench.votes.rules import AXES, QUESTIONS


def as_markdown(found: Report) -> str:
    """Return a report as a page."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Report) -> Iterator[str]:
    study, votes = found.study, found.votes
    counting = sum(t.counts(study.rules) for t in votes.turnout)
    yield f"# Votes: {study.name}\n"
    yield f"Split {study.split}, protocol {study.signature}, opened {study.created}, {study.state}."
    yield f"{len(votes.answers)} votes of {counting} voters on {found.cases} cases count. {votes.left_out} votes of"
    yield f"{len(votes.turnout) - counting} voters, who missed catch trials or saw too few, do not. Ratings are"
    yield "Davidson's: 400 points are odds of 10:1, intervals are of 95 % over voters."
    for axis in AXES:
        yield f"\n## {QUESTIONS[axis]}\n"
        yield from _rating_table(found.ratings[axis])
        yield f"\nKrippendorff's alpha over pairs: {_figure(found.alpha[axis])}."
    if found.marks:
        yield "\n## Rating sheet, 1 to 5\n"
        yield from _table("method", *AXES)
        for method, marks in found.marks.items():
            yield _row(method, *(f"{marks[axis]:.2f}" for axis in AXES))
        yield f"\nAlpha: {', '.join(f'{axis} {_figure(found.sheet_alpha[axis])}' for axis in AXES)}."
    yield "\n## Metrics and votes\n"
    yield "Share of decided votes that the metric decides likewise; 0.5 is chance.\n"
    yield from _table("metric", "question", "share", "95 %", "votes", "tau-b")
    for a in found.metrics:
        interval = f"{a.share.low:.3f} to {a.share.high:.3f}"
        yield _row(a.metric, a.axis, f"{a.share.mean:.3f}", interval, str(a.share.n), _figure(a.tau))
    yield "\n## Weights\n"
    yield from _weights(found)


def _weights(found: Report) -> Iterator[str]:
    if found.refit is None:
        yield f"Not fitted: {found.no_refit}."
        return
    yield from _table("exponents", *SCORE_AXES, "log loss", "foretold")
    for name, fit in (("published", found.refit.published), ("fitted to these votes", found.refit.refitted)):
        exponents = (f"{fit.exponents[axis]:.2f}" for axis in SCORE_AXES)
        yield _row(name, *exponents, f"{fit.loss:.3f}", f"{fit.right:.3f}")
    yield f"\nLog loss and share of decided votes foretold are on source clips left out, 5 folds of {found.refit.clips}"
    yield f"clips with {found.refit.votes} votes. The published exponents stay the board's; the others stand beside."


def _rating_table(ratings: Ratings) -> Iterator[str]:
    yield from _table("method", "rating", "95 %", "ranks", "votes won", "standing")
    for r in ratings.methods:
        ranks = str(r.ranks[0]) if r.ranks[0] == r.ranks[1] else f"{r.ranks[0]} to {r.ranks[1]}"
        interval = f"{r.low:.0f} to {r.high:.0f}"
        yield _row(r.name, f"{r.rating:.0f}", interval, ranks, f"{r.wins:g} of {r.votes}", r.standing)


def _table(*columns: str) -> Iterator[str]:
    yield _row(*columns)
    yield "|" + "---|" * len(columns)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
