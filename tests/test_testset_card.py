"""The card is made from the records, opens with `datasets`, and says when it is out of date."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.testsets import read_info, read_testset
from bench.types import EditCase
from testset.card import FIELDS, card_text, stale, write_card
from testset.check import faults
from testset.loader import FOLDER
from testset.statistics import by_scenario, count


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def carded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The toy set in two splits, some masks missing, with its card; read only."""
    from tests.fixtures import make_testset

    folder = tmp_path_factory.mktemp("carded")
    make_testset(folder)
    lines = [json.loads(line) for line in (folder / "cases.jsonl").read_text().splitlines()]
    for line in lines[:4]:
        (folder / line["mask"]["path"]).unlink(missing_ok=True)
        line |= {"split": "hold-out", "subsets": [], "mask": None}
    for line in lines[4:]:
        line |= {"tags": ["glass", "a | b"], "subsets": []}
    (folder / "cases.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    info = {"name": "toy", "version": "1.0", "title": "Toy", "generator": {"kept": {"add": 9}, "dropped": {"add": 1}}}
    (folder / "testset.json").write_text(json.dumps(info))
    done = bench("testset", "card", "--testset", folder)
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def folder(carded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(carded, tmp_path / "set"))


def run_python(code: str, folder: Path) -> str:
    """Run code in a fresh process that may not reach a hub; return what it prints."""
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HOME": str(folder / "home")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | offline)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_datasets_opens_the_folder_offline_with_splits_features_and_clips(folder: Path) -> None:
    code = f"""
import json, datasets
found = datasets.load_dataset({str(folder)!r})
features = found["dev"].features
assert features == found["hold_out"].features
clips = ("source", "target", "mask", "product_mask")
assert all(isinstance(features[name], datasets.Video) for name in clips)
def rows(split):
    for name in clips:
        found[split] = found[split].cast_column(name, datasets.Video(decode=False))
    return [row | {{n: row[n] and row[n]["path"] for n in clips}} for row in found[split]]
print(json.dumps({{split: rows(split) for split in list(found)}}))
"""
    found = json.loads(run_python(code, folder).splitlines()[-1])
    testset = read_testset(folder)
    assert {split: len(rows) for split, rows in found.items()} == {"dev": 3, "hold_out": 4}
    for split, rows in found.items():
        for row, case in zip(rows, testset.select(split.replace("_", "-")), strict=True):
            words = ("id", "group", "scenario", "source_prompt", "target_prompt", "vertical")
            assert [row[word] for word in words] == [getattr(case, word) for word in words]
            assert (tuple(row["tags"]), row["instruction"]) == (case.tags, case.instruction.model_dump())
            for role in ("source", "target", "mask", "product_mask"):
                asset = getattr(case, role)
                assert (row[role] is None) == (asset is None)
                assert asset is None or Path(row[role]).samefile(folder / asset.path)


def test_the_shipped_set_opens_with_datasets_where_its_card_is(tmp_path: Path) -> None:
    code = f"""
import datasets
found = datasets.load_dataset({str(FOLDER)!r}, split="dev")
print(found.num_rows, found.features["target"].__class__.__name__)
"""
    rows = len(read_testset(FOLDER).select("dev"))
    assert run_python(code, tmp_path).splitlines()[-1] == f"{rows} Video"


def test_the_shipped_set_has_no_fault_and_its_card_is_current() -> None:
    testset, found = faults(FOLDER)
    assert found == []
    assert (FOLDER / "README.md").is_file()
    assert stale(testset, read_info(FOLDER)) == []


def test_the_head_of_the_card_is_what_hubs_read(carded: Path) -> None:
    head = yaml.safe_load((carded / "README.md").read_text().split("---")[1])
    assert (head["license"], head["language"], head["size_categories"]) == ("cc-by-4.0", ["en", "zh"], ["n<1K"])
    assert [f["split"] for f in head["configs"][0]["data_files"]] == ["hold_out", "dev"]


def test_the_card_counts_what_the_records_hold(carded: Path) -> None:
    text = (carded / "README.md").read_text()
    for line in (
        "7 edits of 4 source clips, version 1.0; 4 have no mask.",
        "| scenario | hold-out | dev |",
        "| color | 1 | 0 |",
        "| glass | 0 | 3 |",
        "| a \\| b | 0 | 3 |",
        "| add | 9 | 1 | 10.0 % |",
        "| 48x32, 5 frames at 8/s | 4 | 3 |",
        "![hold-out](pictures/hold-out.jpg)",
        "title = {Toy}",
    ):
        assert line in text
    assert set(FIELDS) == set(EditCase.model_fields)
    assert all((carded / "pictures" / f"{split}.jpg").stat().st_size > 5000 for split in ("hold-out", "dev"))


def test_counts_add_up_per_split(carded: Path) -> None:
    testset = read_testset(carded)
    assert [sum(column) for column in zip(*(n for _, n in by_scenario(testset).rows), strict=True)] == [4, 3]
    assert count(testset, "x", lambda case: case.tags).rows == (("a | b", (0, 3)), ("glass", (0, 3)))


def test_the_same_records_give_the_same_files(folder: Path) -> None:
    before = {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}
    write_card(folder)
    assert {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()} == before


def test_standard_tools_verify_the_checksums(carded: Path) -> None:
    lines = (carded / "SHA256SUMS").read_text().splitlines()
    assert {line.split("  ")[1] for line in lines} == {
        p.relative_to(carded).as_posix() for p in carded.rglob("*") if p.is_file() and p.name != "SHA256SUMS"
    }
    done = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=carded, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_check_says_when_the_card_is_not_that_of_the_records(folder: Path) -> None:
    # Not of the renderer, whose clips must look unlike: the toy squares do not.
    (folder / "testset.json").write_text(json.dumps({"name": "toy", "version": "1.0"}))
    write_card(folder)
    assert faults(folder)[1] == []
    text = (folder / "cases.jsonl").read_text()
    (folder / "cases.jsonl").write_text(text.replace("a red square", "a crimson square"))
    (folder / "dev.parquet").write_bytes(b"typed by hand")
    (folder / "pictures" / "dev.jpg").unlink()
    (folder / "extra.txt").write_text("hello")
    done = bench("testset", "check", "--testset", folder)
    assert done.exit_code == 1
    for line in (
        "README.md: says other than the records; write the card again with `bench testset card`",
        "cases.jsonl: not as in SHA256SUMS",
        "dev.parquet: not as in SHA256SUMS",
        "extra.txt: not in SHA256SUMS",
        "pictures/dev.jpg: in SHA256SUMS and missing",
        "toy 1.0: 7 cases, 13 files, 5 faults",
    ):
        assert line in done.stdout
    assert bench("testset", "card", "--testset", folder).exit_code == 0
    assert bench("testset", "check", "--testset", folder).exit_code == 0


def test_the_card_of_imported_clips_promises_nothing_of_them(folder: Path) -> None:
    info = {"name": "mine", "version": "2", "licence": "unknown", "generator": {"table": {"name": "cases.csv"}}}
    (folder / "testset.json").write_text(json.dumps(info))
    text = card_text(read_testset(folder), read_info(folder))
    assert "license: other" in text
    assert "rights, consent and privacy have not been looked into" in text
    assert "The ShopEdit-Bench authors" not in text
