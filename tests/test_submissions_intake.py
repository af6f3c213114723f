"""A submission goes from upload to the board by the state table, on either database, and every step is in the log."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bench.errors import UserError
from bench.home import open_home
from bench.store.access import open_reader
from bench.store.submission_rows import SubmissionRow
from bench.store.verify import problems as store_problems
from bench.testsets import read_testset
from submissions import entry, intake, review, scoring
from submissions.audit import SYSTEM, Actor, faults
from submissions.ledger import Ledger, Submission
from submissions.quotas import Limits
from submissions.states import MOVES, STATES, tables
from tests.fixtures import ENVIRONMENT
from tests.hostile_zips import HOSTILE_ZIPS, MANIFEST_TEXT

ME, OTHER, ANN = Actor("me", "submitter"), Actor("other", "submitter"), Actor("ann", "moderator")
FREE = Limits(scored=99, tries=999, at_once=99)


def made(folder: Path, toyset: Path, manifest: bytes = MANIFEST_TEXT) -> Path:
    """Write a submission of the targets themselves."""
    (folder / "videos").mkdir(parents=True)
    (folder / "submission.yaml").write_bytes(manifest)
    for case in read_testset(toyset).cases:
        shutil.copy(toyset / case.target.path, folder / "videos" / f"{case.id}.mp4")
    return folder


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.moment = datetime(2030, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(toy: Path, clock: Clock) -> Ledger:
    return Ledger(open_home(), None, clock)


@pytest.fixture
def either(toy: Path, store_url: str, clock: Clock) -> Ledger:
    """A ledger on SQLite and one on PostgreSQL."""
    return Ledger(open_home(), store_url, clock)


@pytest.fixture
def results(tmp_path: Path, toyset: Path) -> Callable[..., Path]:
    """Makes a folder without a problem."""

    return lambda name="results", manifest=MANIFEST_TEXT: made(tmp_path / name, toyset, manifest)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    """A state folder with one submission that waits for review; copy it to go on."""
    place = tmp_path_factory.mktemp("scored")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        ledger = Ledger(open_home(place / "home"))
        intake.submit(ledger, made(place / "results", toyset), ME, str(toyset))
        assert scoring.work(ledger, "toy") == 1
        ledger.engine.dispose()
    return place / "home"


@pytest.fixture
def waiting(toy: Path, scored: Path) -> tuple[Ledger, Submission]:
    shutil.copytree(scored, toy, symlinks=True)
    ledger = Ledger(open_home())
    return ledger, review.waiting(ledger)[0]


def board_rows(ledger: Ledger) -> set[str]:
    reader = open_reader(ledger.home, ledger.url)
    return {r.method.name for board in reader.boards() for r in reader.results(board)}


def test_from_upload_to_the_board_and_off_it(either: Ledger, results: Callable[..., Path], toyset: Path) -> None:
    ledger = either
    held = intake.submit(ledger, results(), ME, str(toyset))
    assert (held.state, held.clips, held.row_name) == ("queued", 7, "my-editor-by-a-team")
    assert [f.check for f in held.flags] == ["copy-of-target"]

    assert scoring.work(ledger, "toy") == 1
    assert [s.id for s in review.waiting(ledger)] == [held.id]
    _, scored = review.results(ledger, held.id)
    assert [r.scores["score"].value for r in scored] == [100.0] * 7
    assert not board_rows(ledger), "nothing is on the board before a moderator said so"

    accepted = review.accept(ledger, held.id, ANN)
    assert (accepted.state, accepted.provenance) == ("accepted", "re-scored")
    assert board_rows(ledger) == {"my-editor-by-a-team"}
    (path,) = entry.write_entries(ledger, ledger.home.root / "accepted")
    assert not list(entry.faults(path.parent))
    assert "someone@example.org" not in path.read_text()

    intake.withdraw(ledger, held.id, ME)
    assert not board_rows(ledger)
    assert not ledger.folder(held.id).exists()
    assert not any(ledger.home.blobs.glob("*/*")), "the clips are gone with the row"
    assert not list(store_problems(ledger.home, ledger.url))
    assert not list(faults(ledger.engine))


def test_a_later_submission_of_the_method_takes_the_place_of_the_first(
    waiting: tuple[Ledger, Submission], results: Callable[..., Path], toyset: Path
) -> None:
    ledger, held = waiting
    review.accept(ledger, held.id, ANN)
    again = intake.submit(ledger, results("better"), ME, str(toyset))
    assert {"same-again", "team-pace"} <= {f.check for f in again.flags}
    assert scoring.work(ledger, "toy") == 1
    review.accept(ledger, again.id, ANN)
    assert ledger.get(held.id).state == "superseded"
    assert [s.id for s in ledger.submissions("accepted")] == [again.id]
    reader = open_reader(ledger.home, None)
    shown = {
        r.method.parameters["submission"] for board in reader.boards() for r in reader.results(board, newest=False)
    }
    assert shown == {again.id}


def test_a_name_on_the_board_belongs_to_the_account_that_had_it_first(
    waiting: tuple[Ledger, Submission], results: Callable[..., Path], toyset: Path
) -> None:
    ledger, held = waiting
    review.accept(ledger, held.id, ANN)
    taken = intake.submit(ledger, results("theirs"), OTHER, str(toyset))
    assert (taken.state, [p.rule for p in taken.problems]) == ("failed", ["manifest-team"])


def test_a_refused_upload_lists_every_problem_costs_no_quota_and_leaves_no_file(
    ledger: Ledger, results: Callable[..., Path], toyset: Path
) -> None:
    folder = results()
    (folder / "videos" / "clip0-product.mp4").write_text("ffconcat version 1.0\nfile /etc/passwd\n")
    (folder / "extra.txt").write_text("x")
    held = intake.submit(ledger, folder, ME, str(toyset))
    assert held.state == "failed"
    assert {p.rule for p in held.problems} == {"clip-container", "layout-unexpected"}
    assert intake.quota_of(ledger, ME.id).used == 0
    assert not ledger.folder(held.id).exists()


def test_no_hostile_archive_gets_in_or_touches_anything_outside_its_quarantine(
    toy: Path, tmp_path: Path, toyset: Path
) -> None:
    ledger = Ledger(open_home())
    archive = tmp_path / "bad.zip"
    archive.touch()

    def outside() -> set[Path]:
        return {p for p in tmp_path.rglob("*") if "home" not in p.parts}

    before = outside()
    for make, rule in HOSTILE_ZIPS.values():
        archive.write_bytes(make())
        held = intake.submit(ledger, archive, ME, str(toyset), limits=FREE)
        assert held.state == "failed"
        assert rule in {p.rule for p in held.problems}
        assert not ledger.folder(held.id).exists()
    assert outside() == before
    assert len(ledger.submissions("failed")) == len(HOSTILE_ZIPS)


def test_the_quota_is_charged_for_scoring_alone_and_frees_with_time(ledger: Ledger, clock: Clock) -> None:
    limits = Limits(scored=2, tries=9, at_once=9)
    states = []
    for name in ("s1", "s2", "s3"):
        with ledger.transaction() as session:
            ledger.register(session, name, ME, "x", None)
        ledger.folder(name).mkdir(parents=True)
        for action in ("receive", "unpack", "probe", "check"):
            ledger.move(name, action)
        states.append(intake.enqueue(ledger, name, limits).state)
    assert states == ["queued", "queued", "checked"]
    assert intake.quota_of(ledger, ME.id, limits).frees == "2030-01-08T00:00:00+00:00"
    assert intake.quota_of(ledger, OTHER.id, limits).used == 0

    assert intake.withdraw(ledger, "s1", ME).state == "withdrawn"
    assert scoring.sweep(ledger, limits) == ("s3: queue",), "what was not scored is given back"
    clock.moment += timedelta(days=7, seconds=1)
    assert intake.quota_of(ledger, ME.id, limits).used == 0


def test_tries_and_open_submissions_are_limited_per_account(
    ledger: Ledger, results: Callable[..., Path], toyset: Path
) -> None:
    folder = results()
    limits = Limits(scored=9, tries=2, at_once=1)
    intake.submit(ledger, folder, ME, str(toyset), limits=limits)
    with pytest.raises(UserError, match="1 submissions under way, 1 allowed at once"):
        intake.submit(ledger, folder, ME, str(toyset), limits=limits)
    bad = results("bad", manifest=b"nonsense")
    intake.submit(ledger, bad, OTHER, str(toyset), limits=limits)
    intake.submit(ledger, bad, OTHER, str(toyset), limits=limits)
    with pytest.raises(UserError, match="2 uploads within a day, 2 allowed; check offline"):
        intake.submit(ledger, bad, OTHER, str(toyset), limits=limits)
    with pytest.raises(UserError, match="held for all"):
        intake.submit(ledger, folder, Actor("third", "submitter"), str(toyset), limits=Limits(total_bytes=1000))


def test_another_accounts_submission_cannot_be_withdrawn_nor_accepted_by_its_owner(
    waiting: tuple[Ledger, Submission],
) -> None:
    ledger, held = waiting
    with pytest.raises(UserError, match="not yours"):
        intake.withdraw(ledger, held.id, OTHER)
    with pytest.raises(UserError, match="accept is for the moderator, not for the submitter"):
        review.accept(ledger, held.id, ME)
    with pytest.raises(UserError, match="a rejection needs a reason"):
        review.reject(ledger, held.id, ANN, " ")
    assert review.reject(ledger, held.id, ANN, "the clips are the ground truth").state == "rejected"
    assert not board_rows(ledger)


def test_what_a_crash_left_between_a_decision_and_the_board_is_finished_later(
    waiting: tuple[Ledger, Submission], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, held = waiting
    with monkeypatch.context() as crash:
        crash.setattr(review, "settle", lambda _: ())
        review.accept(ledger, held.id, ANN)
    assert not board_rows(ledger)
    assert scoring.sweep(ledger) == (f"{held.id}: published",)
    assert board_rows(ledger) == {"my-editor-by-a-team"}
    with monkeypatch.context() as crash:
        crash.setattr(intake, "settle", lambda _: ())
        intake.withdraw(ledger, held.id, ME)
    assert scoring.sweep(ledger) == (f"{held.id}: taken off the board",)
    assert not board_rows(ledger)


def test_every_state_that_waits_has_a_deadline_that_is_kept(either: Ledger, clock: Clock) -> None:
    ledger = either
    for state, stage in STATES.items():
        with ledger.transaction() as session:
            ledger.register(session, f"s-{state}", ME, "x", None)
            row = session.get_one(SubmissionRow, f"s-{state}")
            row.state = state
            row.deadline = stage.deadline and (clock() + stage.deadline).isoformat(timespec="seconds")
        assert (stage.deadline is None) == (stage.late is None)
    clock.moment += timedelta(days=400)
    scoring.sweep(ledger)
    clock.moment += timedelta(days=400)
    scoring.sweep(ledger)
    left = {s.id: s.state for s in ledger.submissions()}
    ended = {"accepted", "rejected", "failed", "withdrawn", "superseded"}
    assert set(left.values()) <= ended
    assert all(left[f"s-{state}"] == state for state in ended)


def test_the_database_itself_refuses_to_change_the_audit_log(either: Ledger) -> None:
    ledger = either
    with ledger.transaction() as session:
        ledger.register(session, "s1", ME, "x", None)
    for statement in ("UPDATE submission_event SET actor = 'nobody'", "DELETE FROM submission_event"):
        with pytest.raises(DBAPIError, match="the audit log is append-only"), ledger.engine.begin() as connection:
            connection.execute(text(statement))
    assert not list(faults(ledger.engine))


def test_a_change_behind_the_databases_back_is_found(toy: Path) -> None:
    ledger = Ledger(open_home())
    with ledger.transaction() as session:
        ledger.register(session, "s1", ME, "x", None)
        ledger.register(session, "s2", ME, "x", None)
    ledger.move("s1", "receive")
    with ledger.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER submission_event_no_update"))
        connection.execute(text("UPDATE submission_event SET actor = 'nobody' WHERE id = 2"))
        connection.execute(text("UPDATE submission SET state = 'accepted' WHERE id = 's1'"))
    assert list(faults(ledger.engine)) == [
        "audit line 2: not as it was written",
        "submission s1: is accepted, the audit log left it uploaded",
    ]


def test_an_unknown_submission_is_a_plain_mistake(ledger: Ledger) -> None:
    with pytest.raises(UserError, match="no such submission"):
        ledger.get("s0")
    with pytest.raises(UserError, match="no such submission"):
        review.accept(ledger, "s0", ANN)
    with ledger.transaction() as session:
        ledger.register(session, "s1", ME, "x", None)
    with pytest.raises(UserError, match="a submission that is draft cannot accept; possible now: withdraw"):
        ledger.move("s1", "accept", ANN)
    assert ledger.move("s1", "receive", SYSTEM).state == "uploaded"


def test_the_documentation_shows_the_table_of_states_that_the_program_follows() -> None:
    text = (Path(__file__).parent.parent / "docs" / "reviewing.md").read_text()
    assert tables() in text


def test_every_move_leads_somewhere_and_every_state_can_be_reached_and_left() -> None:
    assert {move.target for move in MOVES.values()} | {"draft"} == set(STATES)
    for state, stage in STATES.items():
        if stage.late is not None:
            assert "system" in MOVES[stage.late].roles
            assert state in MOVES[stage.late].sources
    ended = {state for state in STATES if not any(state in move.sources for move in MOVES.values())}
    assert ended == {"failed", "withdrawn", "superseded"}


def test_published_entries_are_whole_and_checked(tmp_path: Path) -> None:
    assert not list(entry.faults(entry.FOLDER))
    (tmp_path / "x.json").write_text("{}")
    (tmp_path / "y.txt").write_text("")
    assert [line.partition(":")[0] for line in entry.faults(tmp_path)] == ["x.json", "y.txt"]
