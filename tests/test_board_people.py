"""The board's pages for submitters, moderators and voters, and who may open them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from bench.home import Home
from bench.store.access import open_reader
from bench.votes import ballots, studies
from leaderboard import access
from leaderboard.text import EN, LANGUAGES
from submissions.ledger import Ledger
from submissions.suspicion import CHECKS
from tests.board_people import join
from tests.board_store import BEACON, fill, poison
from tests.test_board import MARKED, elements, names, opened

PEOPLE = ("submit", "review", "vote", "votes")


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    home = fill(tmp_path_factory.mktemp("board"), toyset)
    return join(home, toyset, tmp_path_factory.mktemp("work"))


@pytest.fixture
def home(joined: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCH_HOME", str(joined))
    monkeypatch.setattr(access, "mode", lambda: "local")
    return joined


def page(name: str, **address: str) -> AppTest:
    return opened(f"app_pages/{name}.py", **address)


def press(at: AppTest, label: str) -> AppTest:
    next(b for b in at.button if b.label == label).click()
    at.run()
    assert not at.exception, at.exception
    return at


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", PEOPLE)
def test_no_text_of_a_submitter_reaches_markup(
    joined: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    language: str,
) -> None:
    """Manifests, file names, reasons, problems, flags, the log, names and instructions of studies."""
    monkeypatch.setenv("BENCH_HOME", str(poison(joined, tmp_path_factory.mktemp("evil") / "home")))
    monkeypatch.setattr(access, "mode", lambda: "local")
    at = page(name, lang=language)
    assert at.title[0].value == LANGUAGES[language].frame.pages[name]
    for element in at.main:
        if element.type in MARKED:
            assert "beacon" not in str(element.proto), element.type
    shown = [data for kind in ("table", "facts") for data in elements(at, kind)]
    assert any("beacon" in json.dumps(data) for data in shown)


def test_the_review_page_shows_flags_statement_scores_clips_and_log(home: Path) -> None:
    at = page("review")
    tables = {t["caption"]: t for t in elements(at, "table")}
    assert EN.review.checks["copy-of-source"] in names(tables[EN.review.flags])
    assert "Score ↑" in names(tables[EN.review.scores])
    assert [line["cells"][1]["text"] for line in tables[EN.review.history]["lines"]][-1] == EN.submit.moves["present"]
    (player,) = elements(at, "player")
    assert [t["label"] for t in player["tiles"]][:2] == ["Source", "Target"]
    assert player["tiles"][2]["clip"]
    stated = next(f for f in elements(at, "facts") if any(x["label"] == "Team" for x in f["facts"]))
    assert next(x for x in stated["facts"] if x["label"] == "Team")["lines"] == [BEACON[:190]]


def test_accepting_puts_the_row_on_the_board_and_a_rejection_needs_a_reason(
    joined: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    shutil.copytree(joined, home)
    monkeypatch.setenv("BENCH_HOME", str(home))
    monkeypatch.setattr(access, "mode", lambda: "local")
    ledger = Ledger(Home(home))
    (held,) = ledger.submissions("in-review")
    at = press(page("review"), EN.review.reject)
    assert any("needs a reason" in t.value for t in at.text)
    assert ledger.get(held.id).state == "in-review"
    press(at, EN.review.accept)
    assert ledger.get(held.id).state == "accepted"
    assert at.success[0].value == EN.review.accepted.format(id=held.id)
    rows = {line["id"]: line for t in elements(opened(), "table") for line in t["lines"]}
    assert "re-scored" in rows[held.row_name]["cells"][0]["note"]
    assert "organiser-run" in rows["blend"]["cells"][0]["note"]
    mine = page("submit")
    assert elements(mine, "table")[0]["lines"][0]["cells"][1]["text"] == "accepted"
    press(mine, EN.submit.withdraw)
    assert ledger.get(held.id).state == "withdrawn"
    assert held.row_name not in [name for t in elements(opened(), "table") for name in names(t)]


def test_a_ballot_says_nothing_of_who_made_its_clips(home: Path) -> None:
    at = page("vote")
    (player,) = elements(at, "player")
    assert [t["label"] for t in player["tiles"]] == ["Source", "Left", "Right"]
    everything = " ".join(str(e.proto) for e in at.main)
    for method in ("blend", "fails-once", "masked", "still"):
        assert method not in everything


def test_a_vote_is_counted_and_the_next_ballot_comes(home: Path) -> None:
    reader = open_reader(Home(home), None)
    study = studies.study(reader.engine, "first-look")
    voter = ballots.voter_of(reader.engine, Home(home), access.LOCAL)
    at = page("vote")
    assert len(at.radio) == 4
    press(at, EN.vote.cast)
    assert at.warning[0].value == EN.vote.answer_all
    first = ballots.next_ballot(reader.engine, Home(home), study, voter)
    assert first is not None
    while True:
        for radio in at.radio:
            radio.set_value("left")
        press(at, EN.vote.cast)
        if not at.warning:
            break
        assert at.warning[0].value == EN.vote.wait  # sooner than the clips could be watched
    second = ballots.next_ballot(reader.engine, Home(home), study, voter)
    assert second is not None
    assert second.token != first.token
    assert second.number == first.number + 1
    assert f"bench votes forget {voter.pseudonym}" in at.code[0].value


def test_the_rating_sheet_asks_for_marks(home: Path) -> None:
    at = page("vote", mode="sheet")
    (player,) = elements(at, "player")
    assert [t["label"] for t in player["tiles"]] == ["Source", "Edit"]
    assert at.radio[0].options == ["1", "2", "3", "4", "5"]


def test_ratings_come_with_intervals_voters_and_the_agreement_of_metrics(home: Path) -> None:
    at = page("votes")
    tables = {t["caption"]: t for t in elements(at, "table")}
    ratings = tables[EN.vote.rating]
    assert {"blend", "still"} <= set(names(ratings))
    assert ratings["lines"][0]["cells"][2]["bar"]
    assert {"v-"} == {name[:2] for name in names(tables[EN.vote.turnout])}
    assert names(tables[EN.vote.agreement])[0] == "Score"


def test_without_a_study_the_page_says_how_to_open_one(
    tmp_path: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BENCH_HOME", str(fill(tmp_path, toyset)))
    monkeypatch.setattr(access, "mode", lambda: "local")
    for name in ("vote", "votes"):
        at = page(name)
        assert at.header[0].value == EN.vote.no_study
        assert at.code[0].value.startswith("bench votes open")
    at = page("review")
    assert "bench submit work" in at.code[0].value


@pytest.mark.parametrize("name", ["submit", "review", "vote"])
def test_a_board_that_is_open_to_others_without_sign_in_can_only_be_read(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(access, "mode", lambda: "closed")
    at = page(name)
    assert at.info[0].value == EN.about.access_none
    assert not at.button
    assert not elements(at, "table")


def test_only_this_machine_alone_makes_a_board_one_persons() -> None:
    assert [access.loopback(a) for a in ("127.0.0.1", "::1", "localhost", "127.8.8.8")] == [True] * 4
    assert [access.loopback(a) for a in (None, "", "0.0.0.0", "::", "192.168.0.9", "board.example")] == [False] * 6


CLAIMS: dict[str, Any] = {
    "is_logged_in": True,
    "iss": "https://id.example",
    "sub": "7",
    "email": "Ann@example.org",
    "email_verified": True,
    "exp": 100,
}


@pytest.mark.parametrize(
    ("change", "known", "moderator"),
    [
        ({}, True, True),
        ({"email": "eve@example.org"}, True, False),
        ({"email_verified": False}, True, False),
        ({"email_verified": "true"}, True, False),
        ({"email": "", "sub": "SUBJECT-1"}, True, True),
        ({"exp": 50}, False, False),
        ({"exp": None}, False, False),
        ({"is_logged_in": False}, False, False),
        ({"sub": ""}, False, False),
    ],
)
def test_who_is_signed_in_is_what_an_unexpired_token_says(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], known: bool, moderator: bool
) -> None:
    monkeypatch.setenv(access.MODERATORS, "ann@example.org, subject-1")
    found = access.known(CLAIMS | change, now=60)
    assert (found is not None) is known
    assert bool(found and found.moderator) is moderator


def test_a_signed_in_person_who_is_no_moderator_sees_nothing_of_the_queue(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone = access.Person("https://id.example 8", "8", moderator=False)
    monkeypatch.setattr(access, "mode", lambda: "oidc")
    monkeypatch.setattr(access, "person", lambda: someone)
    at = page("review")
    assert at.info[0].value == EN.about.not_moderator
    assert not elements(at, "table")
    assert EN.submit.mine not in [t["caption"] for t in elements(page("submit"), "table")]  # the other one's


def test_a_signed_in_persons_account_is_not_stored(home: Path) -> None:
    owner = access.Person("https://id.example 8", "8", moderator=False).submitter(Home(home))
    assert owner.startswith("u-")
    assert "example" not in owner
    assert owner != access.Person("https://id.example 9", "9", moderator=False).submitter(Home(home))


def test_every_state_and_check_has_words_in_both_languages() -> None:
    for text in LANGUAGES.values():
        assert set(text.review.checks) == set(CHECKS)
        assert set(text.submit.states) == set(text.submit.meanings) == set(EN.submit.meanings)
