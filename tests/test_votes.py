"""Votes are blind, one per pair and person, spread evenly, checked by catch trials, and say what they should."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from bench.blobs import BlobStore
from bench.cli import app
from bench.errors import UserError
from bench.home import Home, open_home
from bench.media import read_video
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.store.db import open_engine
from bench.store.verify import rebuild
from bench.store.vote_rows import BallotRow, VoterRow
from bench.testsets import read_testset
from bench.votes import ballots, clips, people, sheet, studies
from bench.votes.ballots import cast, next_ballot, voter_of
from bench.votes.clips import blind_clip
from bench.votes.counted import votes_of
from bench.votes.rules import AXES, Rules
from bench.votes.studies import CATCH, Study, close_study, open_study
from tests.fixtures import ENVIRONMENT

NEVER_CATCH, ALWAYS_CATCH = Rules(catch_every=10**9), Rules(catch_every=1)


class Clock:
    def __init__(self) -> None:
        self.moment = datetime(2030, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    for module in (ballots, sheet, studies):
        monkeypatch.setattr(module, "now", found)
    return found


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    """Seven cases, edited by `blend`, `still` (the source itself) and `fails-once` (`blend`, less one case)."""
    home = tmp_path_factory.mktemp("edited")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        run(prepare(RunSpec(("blend", "still", "fails-once"), "smoke", str(toyset), "toy"), open_home(home)))
    return home


@pytest.fixture
def home(toy: Path, edited: Path) -> Home:
    shutil.copytree(edited, toy)
    return open_home()


def opened(home: Home, toyset: Path, rules: Rules = NEVER_CATCH, url: str | None = None, **more: object) -> Study:
    board = open_reader(home, url).boards()[0]
    engine = open_engine(url or home.database_url)
    return open_study(engine, home, read_testset(toyset), "first", board, "smoke", rules=rules, **more)


def engine_of(home: Home):
    return open_engine(home.database_url)


def test_a_voter_is_given_every_pair_once_and_then_nothing(home: Home, toyset: Path, clock: Clock) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    voter = voter_of(engine, home, "someone")
    seen = 0
    while ballot := next_ballot(engine, home, study, voter):
        assert next_ballot(engine, home, study, voter).token == ballot.token, "a reload shows the same ballot"
        clock.pass_by(5)
        cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, "left"))
        seen += 1
        assert ballot.number == seen - 1
    assert seen == len(study.pairs) > 0
    with Session(engine) as session:
        rows = list(session.scalars(select(BallotRow)))
    assert len({(b.case_id, b.low, b.high) for b in rows}) == seen
    assert 0 < sum(b.swapped for b in rows) < seen, "sides are drawn at random"
    assert all(b.overall == (-1 if b.swapped else 1) for b in rows), "left means the clip that was on the left"


def test_nothing_a_voter_is_given_tells_which_method_made_a_clip(home: Home, toyset: Path) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    ballot = next_ballot(engine, home, study, voter_of(engine, home, "someone"))
    assert ballot is not None
    text = repr(ballot)
    for key, name in study.methods.items():
        assert key not in text
        assert name not in text
    hashes = {sha for case in study.cases for sha in (*case.clips.values(), *case.catches.values(), case.source)}
    for path in (ballot.left, ballot.right, ballot.source):
        assert path.stem not in hashes
        assert path.stat().st_size % clips.BLOCK == 0
        assert not any(name.encode() in path.read_bytes() for name in study.methods.values())
    sizes = {read_video(p).shape for p in (ballot.left, ballot.right, ballot.source)}
    assert len(sizes) == 1


def test_a_neutral_copy_shows_the_stored_clip(home: Home, toyset: Path) -> None:
    study = opened(home, toyset)
    sha256 = next(iter(study.cases[0].clips.values()))
    stored, shown = read_video(BlobStore(home.blobs).path(sha256)), read_video(blind_clip(home, sha256))
    assert shown.fps == stored.fps
    assert np.abs(shown.frames.astype(int) - stored.frames).mean() < 6  # yuv420p halves the toy clips' colours


def test_coverage_stays_even_however_many_people_vote(home: Home, toyset: Path, clock: Clock) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    for person in range(6):
        voter = voter_of(engine, home, f"p{person}")
        for _ in range(5):
            ballot = next_ballot(engine, home, study, voter)
            assert ballot is not None
            clock.pass_by(5)
            cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, "tie"))
    with Session(engine) as session:
        rows = list(session.scalars(select(BallotRow)))
    by_pair = Counter((b.low, b.high) for b in rows)
    by_case = Counter((b.low, b.high, b.case_id) for b in rows)
    assert max(by_pair.values()) - min(by_pair.values()) <= 1
    assert len(by_case) == len(study.pairs)
    assert max(by_case.values()) - min(by_case.values()) <= 1


def test_answers_that_come_too_soon_twice_late_or_from_somebody_else_are_refused(
    home: Home, toyset: Path, clock: Clock
) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    voter, other = voter_of(engine, home, "someone"), voter_of(engine, home, "other")
    ballot = next_ballot(engine, home, study, voter)
    answers = dict.fromkeys(AXES, "left")
    clock.pass_by(3.9)
    with pytest.raises(UserError, match=r"answered after 3\.9 s, both clips take 4\.0 s to see"):
        cast(engine, study, voter, ballot.token, answers)
    clock.pass_by(1)
    with pytest.raises(UserError, match="no answer for overall"):
        cast(engine, study, voter, ballot.token, dict.fromkeys(AXES[:3], "left"))
    with pytest.raises(UserError, match="not yours"):
        cast(engine, study, other, ballot.token, answers)
    cast(engine, study, voter, ballot.token, answers)
    with pytest.raises(UserError, match="answered already"):
        cast(engine, study, voter, ballot.token, answers)
    close_study(engine, "first")
    with pytest.raises(UserError, match="is closed"):
        next_ballot(engine, home, studies.study(engine, "first"), voter)


def test_ballots_within_an_hour_are_limited(home: Home, toyset: Path, clock: Clock) -> None:
    study, engine = opened(home, toyset, Rules(catch_every=10**9, per_hour=2)), engine_of(home)
    voter = voter_of(engine, home, "someone")
    for _ in range(2):
        clock.pass_by(5)
        ballot = next_ballot(engine, home, study, voter)
        clock.pass_by(5)
        cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, "tie"))
    with pytest.raises(UserError, match="2 ballots within an hour are the most"):
        next_ballot(engine, home, study, voter)
    clock.pass_by(3600)
    assert next_ballot(engine, home, study, voter) is not None


def test_catch_trials_have_known_answers_and_decide_whose_votes_count(home: Home, toyset: Path, clock: Clock) -> None:
    rules = Rules(catch_every=2, least_caught=2)
    study, engine = opened(home, toyset, rules), engine_of(home)
    for person in ("careful", "careless"):
        voter = voter_of(engine, home, person)
        while ballot := next_ballot(engine, home, study, voter):
            clock.pass_by(5)
            with Session(engine) as session:
                row = session.scalars(select(BallotRow).filter_by(token=ballot.token)).one()
                low = "right" if row.swapped else "left"
                high = "left" if row.swapped else "right"
            right = low if row.catch_answer == 1 else high
            wrong = high if row.catch_answer == 1 else low
            cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, right if person == "careful" else wrong))
    votes = votes_of(engine, study)
    verdict = {t.caught == t.catches: t.counts(rules) for t in votes.turnout}
    assert verdict == {True: True, False: False}
    assert len(votes.answers) == votes.left_out == len(study.pairs)
    with Session(engine) as session:
        for row in session.scalars(select(BallotRow).where(BallotRow.catch_axis.is_not(None))):
            named = [key.removeprefix(CATCH) for key in (row.low, row.high)]
            better, worse = named if row.catch_answer == 1 else reversed(named)
            assert (better, worse, row.catch_axis) in {
                ("truth", "source", "edit_done"),
                ("truth", "other", "rest_kept"),
                ("source", "ruined", "looks_real"),
            }


def test_a_voters_account_is_not_stored_and_a_forgotten_voter_leaves_nothing(
    home: Home, toyset: Path, clock: Clock
) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    voter = voter_of(engine, home, "https://id.example|alice@example.org")
    assert voter_of(engine, home, "https://id.example|alice@example.org") == voter
    ballot = next_ballot(engine, home, study, voter)
    clock.pass_by(5)
    cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, "left"))
    page = sheet.next_sheet(engine, home, study, voter)
    clock.pass_by(5)
    sheet.rate(engine, study, voter, page.token, dict.fromkeys(AXES, 4))
    text = json.dumps(people.export(engine, study))
    assert voter.pseudonym in text
    assert "alice" not in text
    with Session(engine) as session:
        assert "alice" not in session.scalars(select(VoterRow.account)).one()
    assert people.forget(engine, home, "https://id.example|alice@example.org") == 2
    assert people.export(engine, study)["votes"] == []
    with Session(engine) as session:
        assert session.scalars(select(VoterRow)).all() == []
    with pytest.raises(UserError, match="no such voter"):
        people.forget(engine, home, voter.pseudonym)


def test_the_rating_sheet_shows_every_clip_once_and_takes_marks_from_1_to_5(
    home: Home, toyset: Path, clock: Clock
) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    voter = voter_of(engine, home, "someone")
    done = 0
    while page := sheet.next_sheet(engine, home, study, voter):
        with pytest.raises(UserError, match="watch it first"):
            sheet.rate(engine, study, voter, page.token, dict.fromkeys(AXES, 3))
        clock.pass_by(5)
        with pytest.raises(UserError, match="no mark from 1 to 5 for overall"):
            sheet.rate(engine, study, voter, page.token, {**dict.fromkeys(AXES, 3), "overall": 6})
        sheet.rate(engine, study, voter, page.token, dict.fromkeys(AXES, 3))
        with pytest.raises(UserError, match="rated already"):
            sheet.rate(engine, study, voter, page.token, dict.fromkeys(AXES, 3))
        done += 1
    assert done == sum(len(case.clips) for case in study.cases)
    assert len(votes_of(engine, study).marks) == done


def test_votes_outlive_a_database_that_is_made_anew(home: Home, toyset: Path, clock: Clock, caplog) -> None:
    study, engine = opened(home, toyset), engine_of(home)
    voter = voter_of(engine, home, "someone")
    ballot = next_ballot(engine, home, study, voter)
    clock.pass_by(5)
    cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, "left"))
    before = people.export(engine, study)
    rebuild(home)
    again = engine_of(home)
    assert people.export(again, studies.study(again, "first")) == before
    assert voter_of(again, home, "someone") == voter
    engine.dispose()
    again.dispose()
    (home.root / "bench.db").write_bytes(b"x" * 4096)
    (home.root / "bench.db-wal").unlink(missing_ok=True)
    rebuild(home)
    assert studies.studies(engine_of(home)) == ()
    assert "submissions and votes cannot be read" in caplog.text


def test_a_study_needs_two_methods_and_a_name_of_its_own(home: Home, toyset: Path) -> None:
    with pytest.raises(UserError, match="a vote needs two"):
        opened(home, toyset, methods=("blend",))
    with pytest.raises(UserError, match="unknown method 'blnd': did you mean blend"):
        opened(home, toyset, methods=("blnd", "still"))
    opened(home, toyset)
    with pytest.raises(UserError, match="there already"):
        opened(home, toyset)


def test_a_study_from_the_command_line(home: Home, toyset: Path, tmp_path: Path) -> None:
    def bench(*arguments: object):
        return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "300"})

    made = bench("votes", "open", "spring", "--split", "smoke", "--testset", toyset)
    assert made.exit_code == 0, made.output
    assert "3 methods, 7 cases" in made.output
    assert json.loads(bench("votes", "list", "--json").output)[0]["votes"] == 0
    refused = bench("votes", "report", "spring")
    assert refused.exit_code == 2
    assert "0 cases with votes that count" in refused.output
    assert bench("votes", "export", "spring", "--out", tmp_path / "v.json").exit_code == 0
    assert json.loads((tmp_path / "v.json").read_text())["votes"] == []
    assert "closed" in bench("votes", "close", "spring").output
    assert bench("votes", "forget", "nobody").exit_code == 2
