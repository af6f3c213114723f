"""Random walks: however submissions, archives and manifests are put together, what must hold holds."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import ClassVar

import yaml
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from bench.errors import UserError
from bench.home import Home
from submissions.archive import plan, unpack
from submissions.audit import SYSTEM, Actor, faults
from submissions.intake import enqueue
from submissions.ledger import Ledger
from submissions.manifest import read_manifest
from submissions.quotas import Limits
from submissions.scoring import claim, sweep
from submissions.states import MOVES, STATES
from tests.hostile_zips import MANIFEST_TEXT, Entry, archive

LIMITS = Limits(scored=2, period=timedelta(days=7))
OWNERS = (Actor("me", "submitter"), Actor("you", "submitter"))
ACTORS = (*OWNERS, Actor("ann", "moderator"), SYSTEM)
ENDS = {state for state, stage in STATES.items() if stage.deadline is None and state != "accepted"}


class SubmissionMachine(RuleBasedStateMachine):
    """Any actor tries any move at any time; the table alone says what happens."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.moment = datetime(2030, 1, 1, tzinfo=timezone.utc)
        self.ledger = Ledger(Home(self.root), None, lambda: self.moment)
        self.states: dict[str, str] = {}
        self.owners: dict[str, str] = {}
        self.lines = 0

    @rule(owner=st.sampled_from(OWNERS))
    def register(self, owner: Actor) -> None:
        name = f"s{len(self.states)}"
        with self.ledger.transaction() as session:
            self.ledger.register(session, name, owner, "x", None)
        self.ledger.folder(name).mkdir(parents=True)
        self.states[name], self.owners[name] = "draft", owner.id
        self.lines += 1

    @rule(data=st.data(), action=st.sampled_from(sorted(set(MOVES) - {"queue"})), actor=st.sampled_from(ACTORS))
    def move(self, data: st.DataObject, action: str, actor: Actor) -> None:
        if not self.states:
            return
        name = data.draw(st.sampled_from(sorted(self.states)))
        move = MOVES[action]
        allowed = self.states[name] in move.sources and actor.role in move.roles
        allowed = allowed and (actor.role != "submitter" or self.owners[name] == actor.id)
        try:
            self.ledger.move(name, action, actor)
        except UserError:
            assert not allowed
        else:
            assert allowed
            self.states[name] = move.target
            self.lines += 1

    @rule(data=st.data())
    def enqueue(self, data: st.DataObject) -> None:
        ready = sorted(n for n, state in self.states.items() if state == "checked")
        if ready:
            name = data.draw(st.sampled_from(ready))
            self.states[name] = enqueue(self.ledger, name, LIMITS).state
            self.lines += self.states[name] == "queued"

    @rule()
    def claim(self) -> None:
        held = claim(self.ledger, "worker")
        assert (held is None) == ("queued" not in self.states.values())
        if held is not None:
            assert self.states[held.id] == "queued"
            self.states[held.id] = "scoring"
            self.lines += 1

    @rule(hours=st.sampled_from([0, 1, 30, 24 * 8, 24 * 90]))
    def wait(self, hours: int) -> None:
        self.moment += timedelta(hours=hours)
        sweep(self.ledger, LIMITS)
        for held in self.ledger.submissions():
            if self.states[held.id] in ENDS:
                assert held.state == self.states[held.id], "what has ended stays so"
            self.states[held.id] = held.state
        self.lines = len(self.ledger.events())

    @invariant()
    def the_log_is_whole_and_says_where_each_submission_is(self) -> None:
        assert not list(faults(self.ledger.engine))
        assert len(self.ledger.events()) == self.lines
        assert {s.id: s.state for s in self.ledger.submissions()} == self.states

    @invariant()
    def nobody_is_charged_for_more_than_the_quota(self) -> None:
        since = (self.moment - LIMITS.period).isoformat(timespec="seconds")
        charged = Counter(s.owner for s in self.ledger.submissions() if s.charged and s.charged > since)
        assert max(charged.values(), default=0) <= LIMITS.scored

    @invariant()
    def whoever_waits_has_a_deadline(self) -> None:
        for held in self.ledger.submissions():
            assert (held.deadline is None) == (STATES[held.state].deadline is None)
            assert (held.worker is not None) <= (held.state == "scoring")

    def teardown(self) -> None:
        self.ledger.engine.dispose()
        shutil.rmtree(self.root)


HOSTILE = {
    "parent": lambda n: Entry(b"videos/../../%d.mp4" % n),
    "absolute": lambda n: Entry(b"/tmp/%d.mp4" % n),
    "link": lambda n: Entry(b"videos/l%d.mp4" % n, mode=0o120777),
    "encrypted": lambda n: Entry(b"videos/e%d.mp4" % n, flags=1),
    "bomb": lambda n: Entry(b"videos/b%d.mp4" % n, bytes(2**20), 8),
    "nested": lambda n: Entry(b"videos/n%d.zip" % n, b"x"),
    "twin": lambda _: Entry(b"videos/A.mp4", b"x"),
}


class ArchiveMachine(RuleBasedStateMachine):
    """An archive grows by honest and hostile entries; one hostile entry is enough to refuse it whole."""

    @initialize()
    def begin(self) -> None:
        self.root = Path(tempfile.mkdtemp())
        self.honest: dict[str, bytes] = {"videos/a.mp4": b"first"}
        self.entries = [Entry(b"videos/a.mp4", b"first")]
        self.hostile: list[str] = []

    @rule(data=st.binary(max_size=300), method=st.sampled_from([0, 8]))
    def add(self, data: bytes, method: int) -> None:
        name = f"videos/h{len(self.entries)}.mp4"
        if len(data) > 50 * max(1, len(set(data))):
            return  # would be refused for its ratio
        self.honest[name] = data
        self.entries.append(Entry(name.encode(), data, method))

    @rule(kind=st.sampled_from(sorted(HOSTILE)), data=st.data())
    def add_hostile(self, kind: str, data: st.DataObject) -> None:
        if kind == "twin" and "twin" in self.hostile:
            return
        place = data.draw(st.integers(0, len(self.entries)))
        self.entries.insert(place, HOSTILE[kind](len(self.entries)))
        self.hostile.append(kind)

    @invariant()
    def it_is_refused_or_unpacked_exactly(self) -> None:
        path, out = self.root / "a.zip", self.root / "out"
        path.write_bytes(archive(*self.entries))
        planned = plan(path)
        assert bool(planned.problems) == bool(self.hostile)
        if not planned.problems:
            out.mkdir()
            assert unpack(planned, out) == ()
            found = {p.relative_to(out).as_posix(): p.read_bytes() for p in out.rglob("*") if p.is_file()}
            assert found == self.honest
            shutil.rmtree(out)
        assert sorted(p.name for p in self.root.iterdir()) == ["a.zip"]

    def teardown(self) -> None:
        shutil.rmtree(self.root)


class ManifestMachine(RuleBasedStateMachine):
    """Fields are set and unset; the manifest is read exactly when every field is one the format knows and wants."""

    GOOD: ClassVar = yaml.load(MANIFEST_TEXT, Loader=yaml.BaseLoader)
    BAD: ClassVar = {
        "format": ["2", "one", ""],
        "team": ["", "a\u202eb", "x" * 201],
        "contact": ["nobody", "a@b"],
        "paper": ["http://example.org", "https://user@example.org", "javascript:alert(1)"],
        "licence": [""],
        "seconds_per_edit": ["0", "-1", "nan", "inf", "fast"],
        "method": ["my-editor", {"name": "My Editor", "version": "1", "track": "text"}],
        "testset": [[], {"name": "toy"}],
    }

    @initialize()
    def begin(self) -> None:
        self.fields = dict(self.GOOD)
        self.bad: set[str] = set()

    @rule(data=st.data(), field=st.sampled_from(sorted(BAD)))
    def spoil(self, data: st.DataObject, field: str) -> None:
        self.fields[field] = data.draw(st.sampled_from(self.BAD[field]))
        self.bad.add(field)

    @rule(field=st.sampled_from(sorted(BAD)))
    def mend(self, field: str) -> None:
        self.fields[field] = self.GOOD[field]
        self.bad.discard(field)

    @rule(field=st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=8))
    def add_unknown(self, field: str) -> None:
        if field not in self.GOOD:
            self.fields[field] = "x"
            if field not in ("code", "sha256"):
                self.bad.add(field)

    @rule()
    def remove_unknown(self) -> None:
        for field in set(self.fields) - set(self.GOOD):
            del self.fields[field]
            self.bad.discard(field)

    @invariant()
    def every_field_that_is_amiss_is_named_and_no_other(self) -> None:
        if "code" in set(self.fields) - set(self.GOOD) or "sha256" in self.fields:
            return
        read = read_manifest(yaml.safe_dump(self.fields, allow_unicode=True).encode())
        named = {p.file.removeprefix("submission.yaml: ").partition(".")[0] for p in read.problems}
        assert named == self.bad
        assert (read.manifest is None) == bool(self.bad)


few = settings(max_examples=10, stateful_step_count=20, deadline=None)
TestSubmissions = SubmissionMachine.TestCase
TestSubmissions.settings = few
TestArchives = ArchiveMachine.TestCase
TestArchives.settings = few
TestManifests = ManifestMachine.TestCase
TestManifests.settings = few
