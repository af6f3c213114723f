"""What a row of an outside program says and lacks is found when a run is planned, before any case."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.home import open_home
from bench.plan import RunSpec
from bench.run import Prepared, prepare, run


def planned(
    rows: Path,
    home: Path,
    toyset: Path,
    monkeypatch: pytest.MonkeyPatch,
    metrics: tuple[str, ...] = (),
    **fields: object,
) -> Prepared:
    """The plan of a row `mine` of these fields, on two cases."""
    rows.mkdir(exist_ok=True)
    row = {"name": "mine", "class": "methods.external:External", "family": "external", **fields}
    (rows / "mine.yaml").write_text(json.dumps(row))  # JSON is YAML
    monkeypatch.setenv("SHOPEDIT_ROWS", str(rows))
    monkeypatch.setenv("SHOPEDIT_PLUGINS", "protocols:toy=tests.fixtures:protocol,metrics:sharp=tests.fixtures")
    spec = RunSpec(("mine",), "smoke", str(toyset), "toy", metrics, limit=2, controls=False)
    return prepare(spec, open_home(home))


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({}, "method 'mine': wanted a command or a url, found neither"),
        ({"command": ["no-such-program", "{case}"]}, "method 'mine': no program 'no-such-program'; install it"),
        ({"url": "localhost:8000"}, "method 'mine': url is 'localhost:8000', wanted http"),
    ],
)
def test_a_row_that_cannot_work_is_refused_when_a_run_is_planned(
    parameters: dict[str, object], reason: str, toyset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match=reason) as error:
        planned(tmp_path / "rows", tmp_path / "home", toyset, monkeypatch, parameters=parameters)
    assert "\n" not in str(error.value)


def test_a_row_whose_edits_are_stored_is_scored_without_its_program(
    toyset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "program"
    program.write_text('#!/bin/sh\ncp "$1/source.mp4" "$2/edit.mp4"\n')
    program.chmod(0o755)
    place = tmp_path / "rows", tmp_path / "home", toyset, monkeypatch
    fields = {"parameters": {"command": [str(program), "{case}", "{out}"]}}
    assert run(planned(*place, **fields)).failed == ()
    program.unlink()
    again = planned(*place, metrics=("gradient",), **fields)
    assert (again.plan.edits, len(again.plan.jobs)) == (0, 2)
    assert run(again).failed == ()


def test_a_row_may_say_that_its_program_reads_the_source_prompt(
    toyset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = Path(shutil.copytree(toyset, tmp_path / "bare"))
    (bare / "cases.jsonl").write_text((bare / "cases.jsonl").read_text().replace("a green square", " "))
    place = tmp_path / "rows", tmp_path / "home"
    fields = {"parameters": {"command": ["sh"]}}
    assert len(planned(*place, bare, monkeypatch, **fields).plan.jobs) == 2
    assert len(planned(*place, toyset, monkeypatch, needs=["source_prompt"], **fields).plan.jobs) == 2
    with pytest.raises(UserError, match=r"method 'mine' .* fits no case here: the case has no source prompt"):
        planned(*place, bare, monkeypatch, needs=["source_prompt"], **fields)
