"""The scoring queue loses nothing and doubles nothing: killed workers, killed scorers, withdrawals, several workers."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from bench.home import open_home
from bench.testsets import read_testset
from submissions import intake, review, scoring
from submissions.audit import Actor
from submissions.ledger import Ledger, Submission
from submissions.quotas import Limits
from tests import fixtures
from tests.hostile_zips import MANIFEST_TEXT

ME = Actor("me", "submitter")
FREE = Limits(scored=99, tries=99, at_once=99)


class SlowProtocol(fixtures.ToyProtocol):
    """The toy protocol, half a second an edit."""

    name = "slow"

    def score_edit(self, sample):
        time.sleep(0.5)
        return super().score_edit(sample)


def slow() -> SlowProtocol:
    return SlowProtocol()


@pytest.fixture
def ledger(toy: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    plugins = os.environ["SHOPEDIT_PLUGINS"] + ",protocols:slow=tests.test_submissions_queue:slow"
    monkeypatch.setenv("SHOPEDIT_PLUGINS", plugins)
    return Ledger(open_home())


def queued(ledger: Ledger, tmp_path: Path, toyset: Path, name: str = "my-editor") -> Submission:
    folder = tmp_path / name
    (folder / "videos").mkdir(parents=True)
    (folder / "submission.yaml").write_bytes(MANIFEST_TEXT.replace(b"my-editor", name.encode()))
    for case in read_testset(toyset).cases:
        shutil.copy(toyset / case.target.path, folder / "videos" / f"{case.id}.mp4")
    held = intake.submit(ledger, folder, ME, str(toyset), limits=FREE)
    assert held.state == "queued"
    return held


def wait_for(what, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.05)


def later(ledger: Ledger) -> Ledger:
    """The same ledger when every lease has run out."""
    return Ledger(ledger.home, ledger.url, lambda: datetime.now(timezone.utc) + 2 * scoring.LEASE)


def test_when_a_worker_is_killed_another_takes_over_and_nothing_is_scored_twice(
    ledger: Ledger, tmp_path: Path, toyset: Path
) -> None:
    held = queued(ledger, tmp_path, toyset)
    command = [sys.executable, "-m", "bench.cli", "submit", "work", "--protocol", "slow"]
    worker = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    journals = ledger.folder(held.id) / "home" / "journal"
    wait_for(lambda: any(p.stat().st_size for p in journals.glob("*.jsonl")))
    worker.send_signal(signal.SIGKILL)
    worker.wait()

    assert scoring.claim(ledger, "second") is None, "its lease still runs"
    after = later(ledger)
    assert scoring.sweep(after) == (f"{held.id}: requeue",)
    assert scoring.claim(after, "second") is None, "the dead worker's process is still scoring"
    wait_for(lambda: scoring._free(ledger, held.id))
    assert scoring.work(after, "slow") == 1
    done = ledger.get(held.id)
    assert (done.state, done.attempts) == ("in-review", 2)
    _, results = review.results(ledger, held.id)
    assert [r.scores["score"].value for r in results] == [100.0] * 7
    actions = [e.action for e in ledger.events(held.id)]
    assert actions[-6:] == ["queue", "start", "requeue", "start", "score", "present"]


def test_a_scorer_that_dies_every_time_is_given_up_and_the_quota_given_back(
    ledger: Ledger, tmp_path: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = queued(ledger, tmp_path, toyset)
    assert intake.quota_of(ledger, ME.id).used == 1
    gone = os.environ["SHOPEDIT_PLUGINS"].replace("tests.fixtures:protocol", "tests.gone:x")
    monkeypatch.setenv("SHOPEDIT_PLUGINS", gone)
    assert scoring.work(ledger, "toy") == 0
    failed = ledger.get(held.id)
    assert (failed.state, failed.attempts) == ("failed", scoring.ATTEMPTS)
    assert "scoring ended with 1" in failed.reason
    assert intake.quota_of(ledger, ME.id).used == 0


def test_a_submission_that_is_withdrawn_while_it_is_scored_stops_being_scored(
    ledger: Ledger, tmp_path: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "LEASE", timedelta(seconds=2))
    held = queued(ledger, tmp_path, toyset)
    outcomes: list[str] = []
    worker = threading.Thread(target=lambda: scoring.work(Ledger(ledger.home), "slow", tell=outcomes.append))
    worker.start()
    wait_for(lambda: ledger.get(held.id).state == "scoring")
    intake.withdraw(ledger, held.id, ME)
    worker.join(20)
    assert outcomes == [f"{held.id}: lost"]
    assert ledger.get(held.id).state == "withdrawn"
    assert not ledger.folder(held.id).exists()


@pytest.mark.slow
@pytest.mark.parametrize("step", ["_prepare", "_run"])
def test_a_submission_whose_files_go_at_any_moment_is_lost_and_no_error(
    ledger: Ledger, tmp_path: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Its scorer ends badly for want of files, and so may this process when it looks for the scorer's last words."""
    held = queued(ledger, tmp_path, toyset)
    claimed = scoring.claim(ledger, "worker")
    assert claimed is not None
    made = getattr(scoring, step)

    def withdrawn(*given):
        intake.withdraw(ledger, held.id, ME)
        return 1 if step == "_run" else made(*given)

    monkeypatch.setattr(scoring, step, withdrawn)
    assert scoring.score(ledger, claimed, "worker", "toy") == "lost"
    assert ledger.get(held.id).state == "withdrawn"


def test_a_submission_that_another_process_queued_stays_queued(ledger: Ledger, tmp_path: Path, toyset: Path) -> None:
    held = queued(ledger, tmp_path, toyset)
    assert intake.enqueue(ledger, held.id, FREE).state == "queued"
    assert scoring.claim(ledger, "worker") is not None
    assert intake.enqueue(ledger, held.id, FREE).state == "scoring"


def test_two_workers_share_the_queue(ledger: Ledger, tmp_path: Path, toyset: Path) -> None:
    for i in range(3):
        queued(ledger, tmp_path, toyset, f"editor-{i}")
    counts: list[int] = []
    workers = [threading.Thread(target=lambda: counts.append(scoring.work(Ledger(ledger.home), "toy"))) for _ in "ab"]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert sum(counts) == 3
    assert {s.attempts for s in ledger.submissions("in-review")} == {1}
