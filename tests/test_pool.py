"""Runs with several worker processes say what one says, and lose nothing when a worker is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.store.verify import problems
from bench.work import Setup
from tests.test_resume import canonical, environment, resume


def spec(toyset: Path, **more) -> RunSpec:
    return RunSpec(("copy", "blend"), "smoke", str(toyset), "toy", controls=False, **more)


@pytest.fixture
def inline(toy: Path, toyset: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What one process in another state folder says."""
    home = os.environ["BENCH_HOME"]
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "inline"))
    resume(toyset)
    said = canonical()
    monkeypatch.setenv("BENCH_HOME", home)
    return said


def test_two_workers_say_what_one_process_says(toy: Path, toyset: Path, inline: str) -> None:
    report = run(prepare(spec(toyset, workers=2), open_home()))
    assert (report.state, report.done, report.failed) == ("finished", 14, ())
    assert canonical() == inline
    assert prepare(spec(toyset, workers=2), open_home()).plan.jobs == ()


def test_a_killed_worker_is_one_line_and_the_rest_goes_on(
    toy: Path, toyset: Path, inline: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOPEDIT_KILL_AT", "after-blob:2")
    with pytest.raises(UserError, match=r"a worker process ended without a word .*fewer --workers goes on"):
        run(prepare(spec(toyset, workers=2), open_home()))
    assert [r.state for r in open_reader(open_home(), None).runs()] == ["failed"]
    monkeypatch.delenv("SHOPEDIT_KILL_AT")
    resume(toyset)
    assert canonical() == inline
    assert list(problems(open_home(), None)) == []


def test_workers_end_with_the_run_that_is_killed(toy: Path, toyset: Path, inline: str) -> None:
    script = toyset.parent / "killed.py"
    script.write_text(
        "from tests.test_pool import Path, open_home, prepare, run, spec\n"
        "if __name__ == '__main__':\n"
        f"    run(prepare(spec(Path({str(toyset)!r}), workers=2), open_home()))\n"
    )
    root = str(Path(__file__).parent.parent)
    killed = os.environ | environment(SHOPEDIT_KILL_AT="after-commit:3", PYTHONPATH=root)
    done = subprocess.run([sys.executable, script], env=killed, capture_output=True, text=True)
    assert done.returncode < 0, done.stderr  # and its pipes are closed, so its workers are gone too
    resume(toyset)
    assert canonical() == inline


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"workers": 0}, "--workers 0: wanted a number of processes from 1 up"),
        ({"device": "cuda:0,cuda:1"}, "2 devices for --workers 1; wanted a worker for each"),
    ],
)
def test_a_mistake_in_the_flags_is_one_line(toy: Path, toyset: Path, changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        prepare(spec(toyset, **changes), open_home())


def test_workers_take_the_devices_in_turn(toyset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.work.Worker", lambda setup: setup.device)
    setup = Setup(toyset, "toy", (), toyset, toyset, "cuda:0,cuda:1")
    assert [setup.start(slot) for slot in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
