"""A run that is killed, at any moment, loses at most the case in hand, and the next one ends where none was killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import get_args

import pytest

from bench import crash
from bench.export import to_json
from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store.access import open_reader
from bench.store.verify import problems

EDITS = 14
"""Of one control and one method on seven cases."""


def resume(toyset: Path) -> int:
    """Run in this process; return how many jobs were done."""
    spec = RunSpec(("copy", "blend"), "smoke", str(toyset), "toy", controls=False)
    return run(prepare(spec, open_home())).done


def child(toyset: Path, environment: dict[str, str]) -> None:
    """Run in the process this is called in, under an environment of its own."""
    os.environ.update(environment)
    assert resume(toyset) >= 0


@pytest.fixture(scope="module")
def processes() -> Iterator[ForkServerContext]:
    """Makes processes from one that has the imports behind it, no threads and nothing of this one's state."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.run", "bench.features.bank", "tests.fixtures", "tests.test_resume"])
    yield context


def environment(**more: str) -> dict[str, str]:
    names = ("SHOPEDIT_PLUGINS", "BENCH_HOME", "TOY_LOG")
    return {name: os.environ[name] for name in names} | more


def canonical() -> str:
    reader = open_reader(open_home(), None)
    board = reader.boards()[0]
    return to_json(board, reader.results(board), reader.metrics(), canonical=True, sets=reader.sets(board))


@pytest.fixture(scope="module")
def uninterrupted(toyset: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The canonical export of a run that nobody killed."""
    from tests.fixtures import ENVIRONMENT

    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        patch.setenv("BENCH_HOME", str(tmp_path_factory.mktemp("whole")))
        assert resume(toyset) == EDITS
        return canonical()


@pytest.mark.parametrize(
    ("point", "lost"),
    [
        ("after-begin:1", 0),
        ("after-edit:3", 1),
        ("after-blob:9", 1),
        ("after-score:5", 1),
        ("mid-journal:1", 0),
        ("mid-journal:6", 1),
        ("after-journal:8", 0),
        ("before-commit:14", 0),
        ("after-commit:2", 0),
        ("after-commit:14", 0),
        ("mid-journal:16", 0),
        ("after-set:1", 0),
        ("after-set:2", 0),
        ("before-end:1", 0),
    ],
)
def test_a_killed_run_loses_at_most_the_case_in_hand(
    toy: Path, toyset: Path, uninterrupted: str, processes: ForkServerContext, point: str, lost: int
) -> None:
    killed = processes.Process(target=child, args=(toyset, environment(SHOPEDIT_KILL_AT=point)))
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    resume(toyset)
    assert len((toy.parent / "edits.log").read_text().splitlines()) == EDITS + lost
    assert canonical() == uninterrupted
    assert list(problems(open_home())) == []
    assert resume(toyset) == 0


def test_every_hooked_point_is_one_of_those_a_run_is_killed_at() -> None:
    killed = next(
        m.args[1] for m in test_a_killed_run_loses_at_most_the_case_in_hand.pytestmark if m.name == "parametrize"
    )
    assert {point.partition(":")[0] for point, _ in killed} == set(get_args(crash.Point))
    assert len(get_args(crash.Point)) >= 10


def test_two_runs_at_once_end_as_one_would(
    toy: Path, toyset: Path, uninterrupted: str, processes: ForkServerContext
) -> None:
    both = [processes.Process(target=child, args=(toyset, environment())) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert canonical() == uninterrupted
    assert list(problems(open_home())) == []


def test_a_signal_from_the_keyboard_prints_the_command_that_resumes(toy: Path, toyset: Path) -> None:
    # A worker that waits in its first edit, so that the signal always meets a run in progress.
    plugins = os.environ["SHOPEDIT_PLUGINS"] + ",methods:slow=tests.fixtures:slow_zoo"
    flags = ["--method", "copy", "--method", "sleeps", "--no-controls", "--protocol", "toy"]
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.cli", "run", *flags, "--testset", str(toyset)],
        env=os.environ | {"SHOPEDIT_PLUGINS": plugins},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = toy.parent / "edits.log"
    while process.poll() is None and not (log.exists() and "sleeps" in log.read_text()):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "this resumes: bench run --method copy --method sleeps --no-controls" in errors
