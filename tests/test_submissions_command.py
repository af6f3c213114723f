"""Submitting and reviewing from the command line, as the documentation shows it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.cli.group import BenchGroup

DOCS = Path(__file__).parent.parent / "docs"


@pytest.fixture
def bench(toy: Path, monkeypatch: pytest.MonkeyPatch):
    def call(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "300"})

    return call


def test_a_submission_is_handed_in_scored_shown_and_accepted(bench, toyset: Path, tmp_path: Path) -> None:
    assert bench("submit", "example", tmp_path / "demo", "--testset", toyset).exit_code == 0
    added = bench("submit", "add", tmp_path / "demo", "--testset", toyset, "--as", "alice")
    assert added.exit_code == 0, added.output
    name = re.search(r"s[0-9a-f]{10}", added.output).group()
    assert "queued, 7 clips, row warm-tint-by-example-team" in added.output
    assert "1 scored" in bench("submit", "work", "--protocol", "toy").output
    assert json.loads(bench("review", "list", "--json").output)[0]["id"] == name

    shown = bench("review", "show", name)
    assert shown.exit_code == 0, shown.output
    for text in ("contact: someone@example.org", "mae-target", "to make again", "present by system -> in-review"):
        assert text in shown.output
    assert "accepted as warm-tint-by-example-team, re-scored" in bench("review", "accept", name, "--by", "ann").output
    assert "accept by ann -> accepted" in bench("submit", "status", name).output
    assert "contact" not in json.dumps(json.loads(bench("submit", "status", "--json").output))
    assert "all as they were written" in bench("review", "audit").output
    assert bench("review", "publish", tmp_path / "out").exit_code == 0
    assert [p.stem for p in (tmp_path / "out").iterdir()] == [f"warm-tint-by-example-team-{name}"]

    refused = bench("submit", "withdraw", name, "--as", "bob")
    assert (refused.exit_code, "not yours" in refused.output) == (2, True)
    assert bench("submit", "withdraw", name, "--as", "alice").output.strip() == f"{name}: withdrawn"


def test_a_refused_submission_lists_its_problems(bench, toyset: Path, tmp_path: Path) -> None:
    bench("submit", "example", tmp_path / "demo", "--testset", toyset)
    next((tmp_path / "demo" / "videos").iterdir()).unlink()
    added = bench("submit", "add", tmp_path / "demo", "--testset", toyset)
    assert added.exit_code == 2
    assert "case-missing" in added.output
    (held,) = json.loads(bench("submit", "status", "--json").output)
    assert (held["state"], [p["rule"] for p in held["problems"]]) == ("failed", ["case-missing"])


def test_every_command_is_in_the_documentation() -> None:
    import typer

    text = "".join(p.read_text() for p in DOCS.glob("*.md"))
    root = typer.main.get_command(app)
    assert isinstance(root, BenchGroup)
    from submissions.command import app as submit
    from submissions.review_command import app as review

    votes = root.get_command(None, "votes")
    for group, commands in {
        "submit": typer.main.get_command(submit).commands,
        "review": typer.main.get_command(review).commands,
        "votes": votes.commands,
    }.items():
        for command in commands:
            assert f"bench {group} {command}" in text, f"bench {group} {command}"
