"""What a study says: who voted, ratings, agreement among voters and of metrics with voters, and the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from sqlalchemy import Engine

from bench.errors import UserError
from bench.preference import Ratings, rate
from bench.store.read import Reader
from bench.types import MetricCard
from bench.votes.agreement import Agreement, Values, agreement, pair_alpha, sheet_alpha
from bench.votes.counted import Votes, votes_of
from bench.votes.refit import Refit, refit
from bench.votes.rules import AXES, Axis
from bench.votes.studies import Study

LEAST_CASES = 50


@dataclass(frozen=True, slots=True)
class Report:
    """What a study says."""

    study: Study
    votes: Votes
    cases: int
    """With a vote that counts."""
    ratings: dict[Axis, Ratings]
    alpha: dict[Axis, float | None]
    """Krippendorff's, over pairs."""
    marks: dict[str, dict[Axis, float]]
    """Mean marks of the rating sheet by method."""
    sheet_alpha: dict[Axis, float | None]
    metrics: tuple[Agreement, ...]
    refit: Refit | None
    no_refit: str | None
    """Why weights were not fitted."""


def report(engine: Engine, study: Study, least: int = LEAST_CASES) -> Report:
    """Return the report of a study.

    Raises `UserError` where fewer than `least` cases have a vote that counts, or no ratings can be made of them.
    """
    votes = votes_of(engine, study)
    cases = len({a.case for a in votes.answers})
    if cases < least:
        raise UserError(
            f"study '{study.name}' has {cases} cases with votes that count ({votes.left_out} votes do not), "
            f"a report needs {least}; collect more votes"
        )
    values, cards = scored_values(engine, study)
    ratings = {axis: rate(votes.pairwise(axis)) for axis in AXES}
    fitted, reason = None, None
    try:
        fitted = refit(votes.answers, values, published_exponents(study))
    except UserError as error:
        reason = str(error)
    return Report(
        study,
        votes,
        cases,
        ratings,
        {axis: pair_alpha(votes.answers, axis) for axis in AXES},
        _mean_marks(votes),
        {axis: sheet_alpha(votes.marks, axis) for axis in AXES},
        agreement(votes.answers, ratings, values, cards),
        fitted,
        reason,
    )


def scored_values(engine: Engine, study: Study) -> tuple[Values, tuple[MetricCard, ...]]:
    """Return the stored metric values of a study's clips, and the metrics' cards, headline first."""
    reader = Reader(engine)
    values: dict[tuple[str, str], dict[str, float]] = {}
    for board in reader.boards():
        if (board.testset_digest, board.signature) == (study.testset_digest, study.signature):
            for result in reader.results(board, split=study.split, newest=False):
                if result.method_key in study.methods:
                    found = {name: s.value for name, s in result.scores.items() if s.value is not None}
                    values[study.methods[result.method_key], result.case.id] = found
    cards = [card for card in reader.metrics() if card.family != "cost"]
    return values, tuple(sorted(cards, key=lambda card: card.name != "score"))


def published_exponents(study: Study) -> dict[str, float]:
    """Return the headline's exponents by axis. Raises `UserError` for a protocol that is no longer known."""
    from bench import registry

    protocol = registry.protocol(study.signature.partition(":")[0])
    formula = getattr(protocol, "formula", None)
    if formula is None:
        raise UserError(f"protocol {protocol.name} has no headline of three axes, so there are no weights to fit")
    return {"accuracy": formula.accuracy, "preservation": formula.preservation, "temporal": formula.temporal}


def _mean_marks(votes: Votes) -> dict[str, dict[Axis, float]]:
    methods = sorted({m.method for m in votes.marks})
    return {
        method: {axis: fmean(m.marks[axis] for m in votes.marks if m.method == method) for axis in AXES}
        for method in methods
    }


def as_json(found: Report) -> dict[str, Any]:
    """Return a report as plain values, without single answers: those are in the study's export."""
    plain = asdict(found)
    for left_out in ("study", "votes"):
        del plain[left_out]
    return {
        "study": found.study.name,
        "split": found.study.split,
        "protocol": found.study.signature,
        "votes": len(found.votes.answers),
        "left_out": found.votes.left_out,
        "voters": [asdict(t) | {"counts": t.counts(found.study.rules)} for t in found.votes.turnout],
        **plain,
    }
