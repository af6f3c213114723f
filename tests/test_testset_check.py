"""`bench testset check` names every fault of a test set's records and files, each in one line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench.cli import app
from bench.identity import file_digest
from tests import phone_clips
from testset.check import faults

Lines = list[dict[str, Any]]


@pytest.fixture
def folder(toyset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toyset, tmp_path / "set"))


def change(folder: Path, edit: Callable[[Lines], None]) -> None:
    path = folder / "cases.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    edit(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


RECORDS: dict[str, tuple[Callable[[Lines], None], str]] = {
    "an id that is no file name": (lambda c: c[0].update(id="a/b"), "'a/b': the id is no file name"),
    "ids that differ in case": (
        lambda c: c[1].update(id=c[0]["id"].upper()),
        "differs from clip0-product in case only",
    ),
    "an empty prompt": (lambda c: c[0].update(target_prompt=" "), "clip0-product: target_prompt is empty"),
    "no instruction": (lambda c: c[0].update(instruction={"en": "", "zh": "x"}), "the instruction is empty"),
    "a clip in two splits": (lambda c: c[1].update(split="test", subsets=[]), "clip0 is in split dev too"),
    "a clip in two groups": (lambda c: c[1].update(group="x"), "its source is that of group clip0 too"),
    "a change to itself": (
        lambda c: c[0].update(attributes=[{"name": "color", "source": "red", "target": "red"}]),
        "clip0-product: color changes from red to itself",
    ),
    "a mask of another size": (
        lambda c: c[0]["mask"].update(width=24),
        "clip0-product: mask is 24x32, 5 frames at 8/s, its source 48x32, 5 frames at 8/s",
    ),
    "two records of one file": (lambda c: c[1]["source"].update(frames=9), "clips/0.mp4: clip0-background records it"),
    "half a smoke": (lambda c: c[0].update(subsets=[]), "smoke: found 6 cases of 6 scenarios, wanted one of each of 7"),
    "a part of two splits": (
        lambda c: [line.update(split="test") for line in c[:2]],
        "smoke: a named part lies within one split, found dev, test",
    ),
}


@pytest.mark.parametrize("kind", RECORDS)
def test_a_fault_of_the_records_is_named(folder: Path, kind: str) -> None:
    edit, fault = RECORDS[kind]
    change(folder, edit)
    _, found = faults(folder)
    assert any(fault in line for line in found), found


def test_faults_of_the_files_are_named_all_at_once(folder: Path) -> None:
    (folder / "clips" / "0.mp4").unlink()
    damaged = folder / "clips" / "0-0.mp4"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"x")
    phone_clips.turned(folder / "clips" / "1.mp4")
    phone_clips.plain(folder / "clips" / "1-0.mp4", count=9)
    phone_clips.plain(folder / "clips" / "forgotten.mp4")

    def pin(lines: Lines) -> None:
        for line in lines:
            for role in ("source", "target"):
                if line[role]["path"] in ("clips/1.mp4", "clips/1-0.mp4"):
                    line[role]["sha256"] = file_digest(folder / line[role]["path"])

    change(folder, pin)
    done = CliRunner().invoke(app, ["testset", "check", "--testset", str(folder)])
    assert done.exit_code == 1
    for line in (
        "clips/0.mp4 (source of clip0-product): missing",
        "clips/0-0.mp4 (target of clip0-product): altered, found sha256",
        "clips/1.mp4 (source of clip1-color): players turn it by 90 degrees",
        "clips/1-0.mp4 (target of clip1-color): found 48x32, 9 frames at 8/s, the record says 48x32, 5 frames",
        "clips/forgotten.mp4: no case names it",
    ):
        assert line in done.stdout
    found = json.loads(CliRunner().invoke(app, ["testset", "check", "--testset", str(folder), "--json"]).stdout)
    assert (found["name"], len(found["faults"])) == ("toy", 6)


def test_a_link_out_of_the_folder_is_a_fault(folder: Path, toyset: Path) -> None:
    path = folder / "clips" / "0.mp4"
    path.unlink()
    path.symlink_to(toyset / "clips" / "0.mp4")
    assert "clips/0.mp4 (source of clip0-product): a link that leaves the folder" in faults(folder)[1]


def test_a_set_without_faults_and_without_card_is_as_published(folder: Path) -> None:
    done = CliRunner().invoke(app, ["testset", "check", "--testset", str(folder)])
    assert (done.exit_code, done.stdout.strip()) == (0, "toy 1.0: 7 cases, 15 files, all as published")


def test_rendered_clips_of_two_groups_that_look_alike_are_a_fault_and_ones_own_are_not(folder: Path) -> None:
    alike = "clips/0.mp4: shows nearly what clips/1.mp4 shows, of another group"
    assert alike not in faults(folder)[1]
    info = json.loads((folder / "testset.json").read_text()) | {"generator": {"kept": {}, "dropped": {}}}
    (folder / "testset.json").write_text(json.dumps(info))
    found = faults(folder)[1]
    assert alike in found
    assert not any("clips/0.mp4: shows nearly what clips/0-0.mp4" in line for line in found)  # one group


def test_a_folder_that_is_no_test_set_ends_in_two(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["testset", "check", "--testset", str(tmp_path)])
    assert done.exit_code == 2
    assert "testset.json: no such file" in done.stderr
