"""A test set is read whole or refused by file and line; altered files are found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.testsets import read_testset, select, verify_assets


@pytest.fixture
def folder(toyset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toyset, tmp_path / "set"))


def edit_case(folder: Path, number: int, **changes: object) -> None:
    path = folder / "cases.jsonl"
    lines = path.read_text().splitlines()
    lines[number] = json.dumps(json.loads(lines[number]) | changes)
    path.write_text("\n".join(lines) + "\n")


def test_a_folder_reads_back_with_its_splits(toyset: Path) -> None:
    testset = read_testset(toyset)
    assert (testset.name, testset.version, len(testset.cases)) == ("toy", "1.0", 7)
    assert testset.splits == ("dev", "smoke")


def test_cases_of_a_split_come_in_id_order(toyset: Path) -> None:
    ids = [case.id for case in select(read_testset(toyset), "smoke")]
    assert ids == sorted(ids)
    assert len(ids) == 7


def test_an_unknown_split_brings_the_nearest_names(toyset: Path) -> None:
    with pytest.raises(UserError, match="unknown split 'smok': did you mean smoke"):
        select(read_testset(toyset), "smok")


def test_whole_files_are_checked_once_each(toyset: Path) -> None:
    testset = read_testset(toyset)
    paths = {a.path for c in testset.cases for a in (c.source, c.target, c.mask) if a}
    assert verify_assets(testset, testset.cases) == len(paths)


def test_an_altered_file_is_named_with_both_hashes(folder: Path) -> None:
    testset = read_testset(folder)
    victim = testset.cases[2].target
    assert victim is not None
    data = bytearray((folder / victim.path).read_bytes())
    data[-1] ^= 1
    (folder / victim.path).write_bytes(data)
    with pytest.raises(
        UserError, match=rf"{victim.path}: altered .*expected sha256 {victim.sha256}, found [0-9a-f]{{64}}"
    ):
        verify_assets(testset, testset.cases)


def test_a_missing_file_is_named(folder: Path) -> None:
    testset = read_testset(folder)
    (folder / testset.cases[0].source.path).unlink()
    with pytest.raises(UserError, match=rf"{testset.cases[0].source.path}: missing \(source of case"):
        verify_assets(testset, testset.cases)


def test_a_record_with_an_unknown_field_is_refused_by_line(folder: Path) -> None:
    edit_case(folder, 2, colour="red")
    with pytest.raises(UserError, match=r"cases\.jsonl:3: colour"):
        read_testset(folder)


def test_an_unknown_scenario_is_refused(folder: Path) -> None:
    edit_case(folder, 0, scenario="weather")
    with pytest.raises(UserError, match=r"cases\.jsonl:1: scenario"):
        read_testset(folder)


def test_an_id_used_twice_is_refused(folder: Path) -> None:
    edit_case(folder, 1, id=json.loads((folder / "cases.jsonl").read_text().splitlines()[0])["id"])
    with pytest.raises(UserError, match=r"cases\.jsonl:2: case '.*' is there twice"):
        read_testset(folder)


@pytest.mark.parametrize("path", ["../outside.mp4", "/etc/passwd", "clips/../../outside.mp4"])
def test_a_path_that_leaves_the_folder_is_refused(folder: Path, path: str) -> None:
    source = json.loads((folder / "cases.jsonl").read_text().splitlines()[0])["source"]
    edit_case(folder, 0, source=source | {"path": path})
    with pytest.raises(UserError, match="leaves the folder"):
        read_testset(folder)


def test_a_folder_that_is_no_test_set_says_what_one_is(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"testset\.json: no such file; a test set is a folder with"):
        read_testset(tmp_path)
