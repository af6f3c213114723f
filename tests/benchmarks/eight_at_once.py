"""Eight processes submit, score, vote and read one store at once: no error, no lost or doubled row.

    python -m tests.benchmarks.eight_at_once                        # two minutes on SQLite, two on PostgreSQL
    python -m tests.benchmarks.eight_at_once --seconds 20 --on sqlite

Prints what was done and ends with 1 where anything is amiss.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.fixtures import ENVIRONMENT, make_testset
from tests.hostile_zips import MANIFEST_TEXT

ROLES = ("vote", "vote", "vote", "submit", "submit", "score", "read", "read")


def vote(home, url: str, index: int, until: float, done: Counter[str]) -> None:
    from bench.store.db import open_engine
    from bench.votes import ballots, sheet, studies
    from bench.votes.rules import AXES

    engine = open_engine(url)
    study = studies.study(engine, "soak")
    person = 0
    while time.monotonic() < until:
        voter = ballots.voter_of(engine, home, f"{index}-{person}")
        ballot = ballots.next_ballot(engine, home, study, voter)
        if ballot is None:
            person += 1
            continue
        time.sleep(ballot.ready)
        ballots.cast(engine, study, voter, ballot.token, dict.fromkeys(AXES, "left"))
        done["votes"] += 1
        if page := sheet.next_sheet(engine, home, study, voter):
            time.sleep(page.ready)
            sheet.rate(engine, study, voter, page.token, dict.fromkeys(AXES, 3))
            done["ratings"] += 1


def submit(home, url: str, index: int, until: float, done: Counter[str]) -> None:
    from submissions import intake
    from submissions.audit import Actor
    from submissions.ledger import Ledger
    from submissions.quotas import Limits

    ledger, actor = Ledger(home, url), Actor(f"team-{index}", "submitter")
    free = Limits(scored=9999, tries=9999, at_once=9999)
    while time.monotonic() < until:
        held = intake.submit(ledger, home.root / "results", actor, str(home.root / "toyset"), limits=free)
        done["submitted"] += held.state == "queued"
        if done["submitted"] % 2:
            intake.withdraw(ledger, held.id, actor)
            done["withdrawn"] += 1


def score(home, url: str, index: int, until: float, done: Counter[str]) -> None:
    from submissions import scoring
    from submissions.ledger import Ledger

    ledger = Ledger(home, url)
    while time.monotonic() < until:
        scoring.sweep(ledger)
        worker = scoring.worker_name()
        if held := scoring.claim(ledger, worker):
            done[f"outcome {scoring.score(ledger, held, worker, 'toy')}"] += 1


def read(home, url: str, index: int, until: float, done: Counter[str]) -> None:
    from bench.store.access import open_reader
    from bench.store.db import open_engine
    from bench.votes import counted, studies
    from submissions.ledger import Ledger

    engine, ledger = open_engine(url), Ledger(home, url)
    while time.monotonic() < until:
        reader = open_reader(home, url)
        for board in reader.boards():
            assert len(reader.results(board)) >= 21
        counted.votes_of(engine, studies.study(engine, "soak"))
        for held in ledger.submissions():
            assert held.id
        done["reads"] += 1


def process(role: str, index: int, root: str, url: str, seconds: float, start: Barrier, answers: Queue) -> None:
    import bench.votes.sheet  # noqa: F401 (imported before the clock starts, as the next)
    import submissions.scoring  # noqa: F401
    from bench.home import Home

    done: Counter[str] = Counter()
    start.wait()
    try:
        globals()[role](Home(Path(root)), url, index, time.monotonic() + seconds, done)
    except Exception:
        done["errors"] += 1
        traceback.print_exc()
    answers.put(dict(done))


def prepare(root: Path, url: str) -> None:
    from bench.home import Home
    from bench.plan import RunSpec
    from bench.run import prepare as plan
    from bench.run import run
    from bench.store.access import open_reader
    from bench.store.db import open_engine
    from bench.votes.clips import prepare as neutral
    from bench.votes.rules import Rules
    from bench.votes.studies import open_study

    home, testset = Home(root), make_testset(root / "toyset")
    (root / "results" / "videos").mkdir(parents=True)
    (root / "results" / "submission.yaml").write_bytes(MANIFEST_TEXT)
    for case in testset.cases:
        shutil.copy(testset.root / case.target.path, root / "results" / "videos" / f"{case.id}.mp4")
    spec = RunSpec(("blend", "still", "masked"), "smoke", str(testset.root), "toy")
    run(plan(spec, home, url))
    rules = Rules(floor_seconds=0.0, per_hour=10**6)
    board = open_reader(home, url).boards()[0]
    neutral(home, open_study(open_engine(url), home, testset, "soak", board, "smoke", rules=rules))


def faults(root: Path, url: str, done: Counter[str]) -> list[str]:
    """Return what the store says that the processes did not do, and the other way round."""
    from bench.home import Home
    from bench.store.vote_rows import BallotRow, RatingRow
    from submissions import audit
    from submissions.ledger import Ledger

    ledger = Ledger(Home(root), url)
    found = list(audit.faults(ledger.engine))
    with Session(ledger.engine) as session:
        ballots, ratings = list(session.scalars(select(BallotRow))), list(session.scalars(select(RatingRow)))
    held = ledger.submissions()
    counts = {
        "votes": sum(b.answered is not None for b in ballots),
        "ratings": sum(r.answered is not None for r in ratings),
        "submitted": sum("queue" in {e.action for e in ledger.events(s.id)} for s in held),
        "withdrawn": sum(s.state == "withdrawn" for s in held),
        "outcome scored": sum("score" in {e.action for e in ledger.events(s.id)} for s in held),
    }
    found += [f"{name}: {n} stored, {done[name]} done" for name, n in counts.items() if n != done[name]]
    pairs = Counter((b.voter_id, b.case_id, b.low, b.high) for b in ballots)
    found += [f"ballot {pair} twice" for pair, n in pairs.items() if n > 1]
    found += [f"nobody did any {what}" for what in ("votes", "ratings", "submitted", "reads") if not done[what]]
    if done["errors"]:
        found.append(f"{done['errors']} processes ended with an error")
    return found


def run_once(url: str | None, seconds: float) -> tuple[Counter[str], list[str]]:
    """Let the eight loose on a fresh store and return what they did and what is amiss."""
    os.environ.update(ENVIRONMENT)
    root = Path(tempfile.mkdtemp(prefix="soak-"))
    url = url or f"sqlite:///{root / 'bench.db'}"
    try:
        prepare(root, url)
        context = multiprocessing.get_context("spawn")
        answers: Queue = context.Queue()
        start = context.Barrier(len(ROLES))
        crew = [
            context.Process(target=process, args=(role, i, str(root), url, seconds, start, answers))
            for i, role in enumerate(ROLES)
        ]
        for member in crew:
            member.start()
        done: Counter[str] = Counter()
        for _ in crew:
            done.update(answers.get())
        for member in crew:
            member.join()
        return done, faults(root, url, done)
    finally:
        shutil.rmtree(root, ignore_errors=True)


def main() -> int:
    from tests.postgres import server

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--on", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    code = 0
    for database in ("sqlite", "postgresql") if given.on == "both" else (given.on,):
        with server() if database == "postgresql" else nullcontext() as url:
            done, found = run_once(url, given.seconds)
        print(f"{database}, {given.seconds:g} s: {', '.join(f'{n} {what}' for what, n in sorted(done.items()))}")
        print("\n".join(found) or "nothing amiss")
        code |= bool(found)
    return code


if __name__ == "__main__":
    sys.exit(main())
