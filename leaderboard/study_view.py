"""What votes say, as columns and lines: ratings, voters, and how metrics agree with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Engine

from bench.errors import UserError
from bench.preference import Rating, Ratings, rate
from bench.types import MetricCard
from bench.votes.agreement import Agreement, agreement, pair_alpha
from bench.votes.counted import Turnout, Votes, votes_of
from bench.votes.report import scored_values
from bench.votes.rules import AXES, Axis
from bench.votes.studies import Study
from bench.votes.studies import study as study_of
from leaderboard import numbers
from leaderboard.case_view import title
from leaderboard.components.facts import Fact
from leaderboard.components.table import Bar, Cell, Column, Line
from leaderboard.numbers import moment
from leaderboard.ranking_table import places
from leaderboard.text import Text


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a study says so far."""

    votes: Votes
    ratings: dict[Axis, Ratings] | None
    """None where none can be made."""
    why: str
    """Why there are none."""
    alpha: dict[Axis, float | None]
    metrics: tuple[Agreement, ...]
    cards: dict[str, MetricCard]


@lru_cache(maxsize=16)
def outcome(engine: Engine, name: str, stamp: str) -> Outcome:
    """Return what a study says; kept until the store changes (`stamp`), because intervals take time."""
    study = study_of(engine, name)
    votes = votes_of(engine, study)
    try:
        ratings: dict[Axis, Ratings] | None = {axis: rate(votes.pairwise(axis)) for axis in AXES}
        why = ""
    except UserError as error:
        ratings, why = None, str(error)
    metrics: tuple[Agreement, ...] = ()
    cards: dict[str, MetricCard] = {}
    if ratings is not None:
        values, found = scored_values(engine, study)
        metrics = agreement(votes.answers, ratings, values, found)
        cards = {card.name: card for card in found}
    return Outcome(votes, ratings, why, {axis: pair_alpha(votes.answers, axis) for axis in AXES}, metrics, cards)


def facts(study: Study, text: Text) -> list[Fact]:
    """Return what is voted on, and since when."""
    words = text.vote
    counts = {words.methods: len(study.methods), words.cases: len(study.cases), words.pairs: len(study.pairs)}
    about = (*(template.format(n=n) for template, n in counts.items()), study.split, moment(study.created))
    return [Fact(words.about, about, chips=True)]


def rating_columns(text: Text) -> list[Column]:
    """Return the headings of a table of ratings."""
    words = text.vote
    return [
        Column(text.frame.method, number=False),
        Column(words.ranks),
        Column(words.rating, words.ratings_note, strong=True),
        Column(words.won, words.won_help),
        Column(words.standing, words.standing_help, number=False, sortable=False),
    ]


def rating_lines(ratings: Ratings, text: Text) -> list[Line]:
    """Return one line per method, best first."""
    low = min(r.low for r in ratings.methods)
    span = max(max(r.high for r in ratings.methods) - low, 1e-9)
    return [_rating_line(r, low, span, ratings.voters, text) for r in ratings.methods]


def _rating_line(r: Rating, low: float, span: float, voters: int, text: Text) -> Line:
    # One voter resampled is the same voter: neither an interval nor a rank follows from that.
    alone = voters < 2
    bar = None if alone else Bar(*((value - low) / span for value in (r.low, r.rating, r.high)))
    note = text.vote.one_voter if alone else f"{r.low:.0f} \N{EN DASH} {r.high:.0f}"
    return Line(
        id=r.name,
        cells=[
            Cell(r.name, order=r.name),
            Cell(numbers.NONE if alone else places(r.ranks), order=-(r.ranks[0] + r.ranks[1] / 1000), dim=alone),
            Cell(f"{r.rating:.0f}", note=note, bar=bar, order=r.rating),
            Cell(f"{r.wins:g} / {r.votes}", order=r.wins / max(r.votes, 1)),
            Cell(text.vote.standings[r.standing], dim=r.standing == "preliminary"),
        ],
    )


def voter_columns(text: Text) -> list[Column]:
    """Return the headings of the table of voters."""
    words = text.vote
    return [
        Column(words.voter, number=False),
        Column(words.ballots),
        Column(words.caught, words.caught_help),
        Column(words.left_share, words.left_share_help),
        Column(words.counts, words.counts_help, number=False, sortable=False),
    ]


def voter_lines(turnout: Sequence[Turnout], study: Study, text: Text) -> list[Line]:
    """Return one line per voter, by pseudonym."""
    return [
        Line(
            cells=[
                Cell(t.voter, order=t.voter),
                Cell(str(t.ballots), order=t.ballots),
                Cell(f"{t.caught} / {t.catches}", order=t.caught),
                Cell(f"{t.left_share:.0%}", order=t.left_share),
                Cell(text.vote.counted[t.counts(study.rules)], dim=not t.counts(study.rules)),
            ]
        )
        for t in turnout
    ]


def agreement_columns(text: Text) -> list[Column]:
    """Return the headings of the table of metrics."""
    words = text.vote
    return [
        Column(text.frame.metric, number=False),
        Column(words.share, strong=True),
        Column(words.votes),
        Column(words.tau, words.tau_help),
    ]


def agreement_lines(found: Sequence[Agreement], axis: Axis, cards: Mapping[str, MetricCard], text: Text) -> list[Line]:
    """Return one line per metric that is asked about a question, the headline first, then by falling agreement."""
    lines = []
    for a in sorted(
        (a for a in found if a.axis == axis), key=lambda a: (cards[a.metric].family != "score", -a.share.mean)
    ):
        share = a.share
        note = f"{share.low:.0%} \N{EN DASH} {share.high:.0%}" if share.groups > 1 else text.ranking.one_clip
        name = title(cards[a.metric], text)
        lines.append(
            Line(
                cells=[
                    Cell(name, order=name, hint=cards[a.metric].description),
                    Cell(f"{share.mean:.0%}", note=note, bar=Bar(share.low, share.mean, share.high), order=share.mean),
                    Cell(str(share.n), order=share.n),
                    Cell(numbers.fixed(a.tau, 2), order=a.tau),
                ]
            )
        )
    return lines


def sheet_columns(text: Text) -> list[Column]:
    """Return the headings of the rating sheet's means."""
    return [Column(text.frame.method, number=False), *(Column(text.vote.axes[axis]) for axis in AXES)]


def sheet_lines(votes: Votes, text: Text) -> list[Line]:
    """Return each method's mean marks."""
    lines = []
    for method in sorted({m.method for m in votes.marks}):
        mine = [m for m in votes.marks if m.method == method]
        means = [sum(m.marks[axis] for m in mine) / len(mine) for axis in AXES]
        cells = [
            Cell(method, note=text.vote.marked.format(n=len(mine)), order=method),
            *(Cell(f"{v:.2f}", order=v) for v in means),
        ]
        lines.append(Line(cells=cells))
    return lines
