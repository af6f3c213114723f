"""What every test shares: an option for the slow ones, few threads, and the toy test set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="run the tests marked slow as well")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(scope="session")
def toyset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a test set of seven tiny edits; read only, copy it to change it."""
    from tests.fixtures import make_testset

    folder = tmp_path_factory.mktemp("toyset")
    make_testset(folder)
    return folder


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A process in which the toy methods and protocol are registered; returns its fresh state folder."""
    from tests.fixtures import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "edits.log"))
    return tmp_path / "home"
