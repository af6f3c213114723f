"""A run edits, scores and writes down every job once, whatever some of them do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench import env
from bench.errors import CaseFailed, UserError
from bench.executors.inline import Inline
from bench.home import open_home
from bench.identity import file_digest
from bench.plan import Job, RunSpec
from bench.run import Report, prepare, run
from bench.store.access import open_reader
from bench.store.read import Result
from bench.types import Edit, EditRequest, Video
from bench.work import Outcome
from tests import fixtures


def drive(toyset: Path, *methods: str, **changes) -> Report:
    options = {"split": "smoke", "testset": str(toyset), "protocol": "toy", "controls": False} | changes
    return run(prepare(RunSpec(methods, **options), open_home()))


def results(**query) -> dict[tuple[str, str], Result]:
    reader = open_reader(open_home(), None)
    found = reader.results(reader.boards()[0], **query)
    return {(r.method.name, r.case.id): r for r in found}


def made(home: Path) -> list[str]:
    log = home.parent / "edits.log"
    return log.read_text().splitlines() if log.exists() else []


def test_every_job_is_made_scored_and_stored(toy: Path, toyset: Path) -> None:
    report = drive(toyset, "blend", "still", controls=True)
    found = results()
    assert (report.state, report.done, report.failed) == ("finished", 28, ())
    assert len(found) == 28
    assert len(made(toy)) == 28
    for result in found.values():
        assert file_digest(toy / "blobs" / result.sha256[:2] / result.sha256) == result.sha256
    scores = {name: {r.scores["score"].value for (m, _), r in found.items() if m == name} for name in ("copy", "truth")}
    assert scores == {"copy": {0.0}, "truth": {100.0}}


def test_a_second_run_does_nothing_twice(toy: Path, toyset: Path) -> None:
    drive(toyset, "blend")
    report = drive(toyset, "blend")
    assert report.done == 0
    assert len(made(toy)) == 7
    assert len(results(run=report.run)) == 7


def test_a_longer_split_adds_only_what_is_new(toy: Path, toyset: Path) -> None:
    first = drive(toyset, "blend", limit=2)
    assert [r.partial for r in open_reader(open_home(), None).runs()] == [True]
    drive(toyset, "blend")
    assert len(made(toy)) == 7
    assert len(results(run=first.run)) == 2


def test_one_more_metric_edits_nothing_again(toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fixtures import ENVIRONMENT, Closeness

    drive(toyset, "blend")
    scored: list[str] = []
    monkeypatch.setattr(Closeness, "score", lambda *_: scored.append("again"))
    monkeypatch.setenv("SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + ",metrics:mine=tests.fixtures")
    report = drive(toyset, "blend", metrics=("gradient",))
    assert (report.done, len(made(toy)), scored) == (7, 7, [])
    assert all(r.scores["gradient"].value > 0 and "score" in r.scores for r in results().values())


def test_a_failing_case_fails_alone_with_its_reason_and_scores_zero(toy: Path, toyset: Path) -> None:
    report = drive(toyset, "fails-once")
    assert report.failed == (("fails-once", "clip0-background", "velocity is NaN at step 3"),)
    found = results()
    failed = found["fails-once", "clip0-background"]
    assert (failed.ok, failed.stage, failed.sha256) == (False, "edit", None)
    assert failed.scores["score"].value == 0
    assert failed.scores["mae-target"].unscored == "velocity is NaN at step 3"
    assert sum(r.ok for r in found.values()) == 6


def test_a_failed_case_is_tried_again_and_a_success_replaces_it(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.fixtures import Toy

    whole = Toy.edit
    monkeypatch.setattr(Toy, "edit", lambda *_: (_ for _ in ()).throw(MemoryError("out of memory")))
    report = drive(toyset, "blend", limit=2)
    assert [reason for *_, reason in report.failed] == ["MemoryError: out of memory"] * 2
    monkeypatch.setattr(Toy, "edit", whole)
    report = drive(toyset, "blend", limit=2)
    assert (report.done, report.failed) == (2, ())
    assert all(r.ok and r.reason is None and r.scores["score"].value > 0 for r in results().values())


def test_an_edit_of_the_wrong_length_fails_with_both_sizes(toy: Path, toyset: Path) -> None:
    report = drive(toyset, "too-short", limit=1)
    assert report.failed[0][2] == "the edit is 2 frames of 48x32, its source 5 frames of 48x32"


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (
            lambda source: Video(np.zeros_like(source.frames)),
            "the edit shows nothing: all its levels lie between 0 and 0",
        ),
        (lambda source: Video(source.frames[:, :, :40]), "the edit is 5 frames of 40x32, its source 5 frames of 48x32"),
        (
            lambda source: Video(source.frames * np.nan),
            "ValueError: a Video holds uint8 T x H x W x 3 frames, found float",
        ),
    ],
    ids=["black", "wrong size", "NaN"],
)
def test_an_edit_that_cannot_be_one_scores_zero_with_its_reason(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Video], Video], reason: str
) -> None:
    from tests.fixtures import Toy

    monkeypatch.setattr(Toy, "edit", lambda _, request: Edit(made(request.source), 0.0, 0))
    report = drive(toyset, "blend", limit=1)
    assert report.failed[0][2].startswith(reason)
    (found,) = results().values()
    assert (found.ok, found.stage, found.scores["score"].value) == (False, "edit", 0)


def test_a_source_that_does_not_decode_fails_that_case_and_is_no_score(toy: Path, toyset: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toyset, tmp_path / "set"))
    broken = folder / "clips" / "0.mp4"
    before = file_digest(broken)
    broken.write_bytes(b"no clip at all")
    cases = (folder / "cases.jsonl").read_text()
    (folder / "cases.jsonl").write_text(cases.replace(before, file_digest(broken)))
    report = drive(folder, "blend")
    assert {case for _, case, _ in report.failed} >= {"clip0-background", "clip0-product"}
    assert all("0.mp4: cannot be decoded" in reason for *_, reason in report.failed)
    failed = results()["blend", "clip0-product"]
    assert (failed.stage, failed.scores) == ("input", {})
    assert results()["blend", "clip2-style"].ok


def test_scores_that_cannot_be_made_leave_the_edit_for_the_next_run(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.fixtures import ToyProtocol

    whole = ToyProtocol.score_edit
    monkeypatch.setattr(ToyProtocol, "score_edit", lambda *_: 1 / 0)
    report = drive(toyset, "blend", limit=2)
    assert report.failed[0][2] == "ZeroDivisionError: division by zero"
    assert {(r.stage, r.ok) for r in results().values()} == {("score", False)}
    monkeypatch.setattr(ToyProtocol, "score_edit", whole)
    assert drive(toyset, "blend", limit=2).failed == ()
    assert len(made(toy)) == 2
    assert all(r.ok and r.stage is None for r in results().values())


def test_a_model_that_does_not_load_stops_its_own_jobs_only(toy: Path, toyset: Path) -> None:
    report = drive(toyset, "no-weights", "still")
    assert report.unloadable == {"no-weights": "weights/transformer is missing: download it first"}
    assert report.state == "failed"
    assert {name for name, _ in results()} == {"still"}


def test_a_stored_clip_that_was_lost_is_made_again(toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.fixtures import ENVIRONMENT

    drive(toyset, "blend")
    shutil.rmtree(toy / "blobs")
    assert drive(toyset, "blend").done == 0  # nothing needs the clips
    monkeypatch.setenv("SHOPEDIT_PLUGINS", ENVIRONMENT["SHOPEDIT_PLUGINS"] + ",metrics:mine=tests.fixtures")
    drive(toyset, "blend", metrics=("gradient",))
    assert len(made(toy)) == 14
    assert all((toy / "blobs" / r.sha256[:2] / r.sha256).exists() for r in results().values())


def test_an_altered_test_set_file_stops_the_run_before_it_starts(toy: Path, toyset: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toyset, tmp_path / "set"))
    (folder / "clips" / "1.mp4").write_bytes(b"x")
    with pytest.raises(UserError, match=r"clips/1\.mp4: altered"):
        drive(folder, "blend")
    assert made(toy) == []


def test_two_test_sets_of_one_name_are_never_mixed(toy: Path, toyset: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(toyset, tmp_path / "set"))
    cases = folder / "cases.jsonl"
    drive(toyset, "blend")
    cases.write_text(cases.read_text().replace('"vertical":"toys"', '"vertical":"food"', 1))
    report = drive(folder, "blend")
    reader = open_reader(open_home(), None)
    assert len(reader.boards()) == 2
    assert len(made(toy)) == 7  # the edits are the same, so they are only scored
    assert report.done == 7
    assert {len(reader.results(board)) for board in reader.boards()} == {7}


def test_a_run_stopped_by_hand_says_so_and_the_next_finishes_it(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.fixtures import Toy

    whole = Toy.edit

    def stop(self: Toy, request):
        if request.case_id == "clip1-color":
            raise KeyboardInterrupt
        return whole(self, request)

    monkeypatch.setattr(Toy, "edit", stop)
    report = drive(toyset, "blend")
    assert (report.state, report.done) == ("interrupted", 2)
    monkeypatch.setattr(Toy, "edit", whole)
    assert drive(toyset, "blend").done == 5
    assert [r.state for r in open_reader(open_home(), None).runs()] == ["finished", "interrupted"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "smok"}, "unknown split 'smok': did you mean smoke"),
        ({"protocol": "lite-2"}, "unknown protocol 'lite-2': did you mean lite-1"),
        ({"testset": "nowhere"}, "unknown test set 'nowhere'"),
        ({"limit": 0}, "--limit 0: wanted a number of cases from 1 up"),
        ({"metrics": ("psnrr",)}, "unknown metric 'psnrr': did you mean psnr"),
    ],
)
def test_a_mistake_in_the_flags_is_one_line(toy: Path, toyset: Path, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        drive(toyset, "blend", **changes)


def test_the_inline_executor_gives_one_outcome_per_job_whatever_a_worker_raises(toy: Path, toyset: Path) -> None:
    jobs = prepare(RunSpec(("blend",), "smoke", str(toyset), "toy", controls=False), open_home()).plan.jobs
    errors = [CaseFailed("a"), ValueError("b"), RuntimeError(), MemoryError("c")]

    def start(slot: int):
        def work(job: Job) -> Outcome:
            index = jobs.index(job)
            if index < len(errors):
                raise errors[index]
            return Outcome(job, "ok")

        return work

    outcomes = list(Inline().run(jobs, start))
    assert [o.job for o in outcomes] == list(jobs)
    assert [o.status for o in outcomes] == ["failed"] * 4 + ["ok"] * 3
    assert [o.reason for o in outcomes[:4]] == ["a", "ValueError: b", "RuntimeError: no message", "MemoryError: c"]


def test_the_environment_of_a_run_is_recorded(toy: Path, toyset: Path) -> None:
    drive(toyset, "blend", limit=1)
    facts = open_reader(open_home(), None).runs()[0].environment
    assert facts["packages"]["numpy"]
    assert facts["device"] == "cpu"
    assert set(facts) >= {"commit", "dirty", "cpu", "cores", "gpu", "platform", "python"}


def test_a_copy_without_a_checkout_is_told_its_commit(tmp_path: Path) -> None:
    """Real: the module lies in a folder without .git, as in an image."""
    copy = tmp_path / "bench"
    copy.mkdir()
    shutil.copy(env.__file__, copy)
    (copy / "__init__.py").touch()
    code = "import json; from bench.env import environment; print(json.dumps(environment('cpu')))"
    told = os.environ | {"SHOPEDIT_COMMIT": "abc", "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, cwd=tmp_path, env=told)
    facts = json.loads(done.stdout)
    assert facts["commit"] == "abc" and facts["dirty"] is None


def test_a_clip_that_the_store_has_is_not_encoded_again(
    toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Submitted clips are stored when they are handed in; at 1280 x 704 encoding one takes seconds."""
    drive(toyset, "blend", limit=1)
    (first,) = results().values()
    made_by = fixtures.Toy.edit

    def again(self: fixtures.Toy, request: EditRequest) -> Edit:
        return replace(made_by(self, request), stored=first.sha256)

    def write(*_: object) -> None:
        raise AssertionError("encoded again")

    monkeypatch.setattr(fixtures.Toy, "edit", again)
    monkeypatch.setattr("bench.work.write_lossless", write)
    report = drive(toyset, "blend", limit=1, seed=1)
    assert report.failed == ()
    assert {r.sha256 for r in results().values()} == {first.sha256}
