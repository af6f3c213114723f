"""A state folder as a busy board has it, to look at: submissions in many states and a study with simulated votes.

`python -m tests.board_window HOME` adds them to a state folder that holds runs of the shipped test set's `smoke`:

    bench run --method teacher-4 --method sdedit --method flowedit --home HOME
    python -m tests.board_window HOME
    python -m tests.browser OUT --home HOME
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from bench import registry
from bench.cli.options import DEFAULT_PROTOCOL, DEFAULT_TESTSET
from bench.home import Home, open_home
from bench.identity import testset_digest
from bench.store.access import open_reader
from bench.store.read import Board, Reader
from bench.store.vote_rows import BallotRow
from bench.summary import HEADLINE
from bench.votes import ballots, clips, sheet, studies
from bench.votes.rules import AXES, Axis, Choice
from submissions import review, scoring
from submissions.audit import Actor
from submissions.example import FIELDS, write_example
from submissions.intake import submit, withdraw
from submissions.ledger import Ledger
from tests.board_people import Later, known_answer

SPLIT = "smoke"
MODERATOR = Actor("ann@example.org", "moderator")
VOTERS = {"ann": 0.9, "bob": 0.8, "chen": 0.95, "dai": 0.85, "eve": 0.5, "fay": 0.9}
"""How often each of them sees what the score sees; `eve` does not look."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("home", type=Path, help="State folder with runs of `smoke`.")
    home = open_home(parser.parse_args().home)
    hand_in(home)
    reader = open_reader(home, None)
    digest = testset_digest(registry.testset(DEFAULT_TESTSET))
    vote(home, reader, next(b for b in reader.boards() if b.testset_digest == digest))


def hand_in(home: Home) -> None:
    """Hand in the worked example under several names: accepted, in review, rejected, withdrawn, refused and queued."""
    ledger = Ledger(home)
    teams = {"warm-tint": "Studio North", "cool-tint": "Atelier"}
    held = {name: _submit(ledger, name, team) for name, team in teams.items()}
    held["late-tint"] = _submit(ledger, "late-tint", "Northlight", owner="u-5d0c")
    scoring.work(ledger, DEFAULT_PROTOCOL)
    review.accept(ledger, held["warm-tint"], MODERATOR, "statement and clips agree")
    review.reject(ledger, held["late-tint"], MODERATOR, "the paper does not describe this method")
    withdraw(ledger, _submit(ledger, "other-tint", "Northlight", owner="u-5d0c"), Actor("u-5d0c", "submitter"))
    _submit(ledger, "short-tint", "Studio North", whole=False)
    _submit(ledger, "next-tint", "Studio North")


def _submit(ledger: Ledger, name: str, team: str, owner: str = "local", whole: bool = True) -> str:
    with tempfile.TemporaryDirectory() as work, pytest.MonkeyPatch.context() as patch:
        patch.setitem(FIELDS, "name", name)
        patch.setitem(FIELDS, "team", team)
        folder = Path(work) / name
        write_example(folder, registry.testset(DEFAULT_TESTSET), SPLIT)
        if not whole:
            videos = sorted((folder / "videos").iterdir())
            videos[0].unlink()
            videos[1].write_bytes(videos[1].read_bytes()[:2000])
        return submit(ledger, folder, Actor(owner, "submitter"), DEFAULT_TESTSET, name=f"{name}.zip").id


def vote(home: Home, reader: Reader, board: Board, each: int = 24) -> None:
    """Open a study and let simulated voters answer: who looks prefers what the score prefers, most of the time."""
    engine = reader.engine
    study = studies.open_study(engine, home, registry.testset(DEFAULT_TESTSET), "first-look", board, SPLIT)
    clips.prepare(home, study)
    scores = {
        (r.case.id, r.method_key): r.scores[HEADLINE].value or 0.0
        for r in reader.results(board, split=SPLIT)
        if HEADLINE in r.scores
    }
    rng = random.Random(3)
    with pytest.MonkeyPatch.context() as patch:
        for module in (ballots, sheet):
            patch.setattr(module, "now", Later(studies.now() - timedelta(days=2)))
        for account, care in VOTERS.items():
            voter = ballots.voter_of(engine, home, account)
            for _ in range(each):
                shown = ballots.next_ballot(engine, home, study, voter)
                if shown is None:
                    break
                seen = known_answer(engine, shown.token) or _better(engine, shown.token, scores)
                ballots.cast(engine, study, voter, shown.token, {axis: _answer(seen, care, rng) for axis in AXES})
            for _ in range(6):
                asked = sheet.next_sheet(engine, home, study, voter)
                if asked is None:
                    break
                marks: dict[Axis, int] = {axis: rng.choice((2, 3, 3, 4, 5)) for axis in AXES}
                sheet.rate(engine, study, voter, asked.token, marks)


def _better(engine: Engine, token: str, scores: Mapping[tuple[str, str], float]) -> Choice:
    """Return the side that the score prefers."""
    with Session(engine) as session:
        row = session.scalars(select(BallotRow).filter_by(token=token)).one()
    apart = scores.get((row.case_id, row.low), 0.0) - scores.get((row.case_id, row.high), 0.0)
    if abs(apart) < 2:
        return "tie"
    return "left" if (apart > 0) is not row.swapped else "right"


def _answer(seen: Choice, care: float, rng: random.Random) -> Choice:
    return seen if rng.random() < care else rng.choice(("left", "right", "tie"))


if __name__ == "__main__":
    main()
