"""A submission from the template to a packed archive, and the same check of both."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.errors import UserError
from bench.identity import file_digest
from bench.testsets import read_testset
from submissions.archive import pack
from submissions.checks import check
from submissions.clips import PIXEL_FORMATS
from submissions.rules import REMEDIES
from tests.hostile_clips import HOSTILE_CLIPS
from tests.hostile_zips import HOSTILE_ZIPS, MANIFEST_TEXT

DOCS = Path(__file__).parent.parent / "docs" / "submitting.md"


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "400"})


@pytest.fixture
def results(tmp_path: Path, toyset: Path) -> Path:
    """A folder that has no problem: the targets themselves."""
    folder = tmp_path / "results"
    (folder / "videos").mkdir(parents=True)
    (folder / "submission.yaml").write_bytes(MANIFEST_TEXT)
    for case in read_testset(toyset).cases:
        assert case.target is not None
        shutil.copy(toyset / case.target.path, folder / "videos" / f"{case.id}.mp4")
    return folder


def rules(path: Path, toyset: Path) -> list[tuple[str, str]]:
    return sorted((p.rule, p.file) for p in check(path, str(toyset)).problems)


def test_from_the_template_to_a_checked_archive(tmp_path: Path, toyset: Path, results: Path) -> None:
    folder, out = tmp_path / "mine", tmp_path / "mine.zip"
    made = bench("submit", "new", folder, "--testset", toyset, "--split", "smoke")
    assert made.exit_code == 0, made.output
    assert "7 clips" in made.output
    empty = bench("submit", "check", folder, "--testset", toyset)
    assert empty.exit_code == 2
    assert empty.output.count("manifest-field") >= 8
    assert empty.output.count("case-missing") == 7

    text = (folder / "submission.yaml").read_text()
    for field, value in {
        "name": "my-editor",
        "version": "2.1",
        "track": "first-frame",
        "team": "A team",
        "contact": "someone@example.org",
        "licence": "CC-BY-4.0",
        "model": "Wan2.2-TI2V-5B",
        "hardware": "1x H100 80GB",
        "seconds_per_edit": "12.5",
    }.items():
        text, count = re.subn(rf"^( *{field}:) +#.*$", rf"\1 {value}", text, count=1, flags=re.MULTILINE)
        assert count == 1, field
    (folder / "submission.yaml").write_text(text)
    for clip in (results / "videos").iterdir():
        shutil.copy(clip, folder / "videos")

    packed = bench("submit", "pack", folder, out, "--testset", toyset)
    assert packed.exit_code == 0, packed.output
    checked = bench("submit", "check", out, "--testset", toyset, "--json")
    assert checked.exit_code == 0
    report = json.loads(checked.stdout)
    assert report["ok"] and report["clips"] == 7 and report["problems"] == []
    assert report["manifest"]["method"] == {"name": "my-editor", "version": "2.1", "track": "first-frame"}


def test_every_problem_is_listed_at_once_alike_for_a_folder_and_a_zip(
    results: Path, toyset: Path, tmp_path: Path
) -> None:
    videos = results / "videos"
    HOSTILE_CLIPS["one frame short"][0](videos / "clip0-product.mp4")
    HOSTILE_CLIPS["sound"][0](videos / "clip1-color.mp4")
    (videos / "clip1-material.mp4").unlink()
    (videos / "unheard-of.mp4").write_bytes(b"")
    (results / "notes.txt").write_text("hello")
    (results / "submission.yaml").write_bytes(MANIFEST_TEXT.replace(b"A team", b""))
    out = tmp_path / "results.zip"
    pack(results, [p.relative_to(results).as_posix() for p in results.rglob("*") if p.is_file()], out)
    expected = [
        ("case-missing", "videos/clip1-material.mp4"),
        ("case-unknown", "videos/unheard-of.mp4"),
        ("clip-frames", "videos/clip0-product.mp4"),
        ("clip-streams", "videos/clip1-color.mp4"),
        ("layout-unexpected", "notes.txt"),
        ("manifest-field", "submission.yaml: team"),
    ]
    assert rules(results, toyset) == expected
    assert rules(out, toyset) == expected


def test_pack_writes_nothing_where_there_is_a_problem(results: Path, toyset: Path, tmp_path: Path) -> None:
    (results / "videos" / "clip0-product.mp4").unlink()
    before = sorted(tmp_path.iterdir())
    done = bench("submit", "pack", results, tmp_path / "out.zip", "--testset", toyset)
    assert done.exit_code == 2
    assert "case-missing" in done.output
    assert sorted(tmp_path.iterdir()) == before


def test_pack_replaces_nothing_and_new_overwrites_nothing(results: Path, toyset: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.zip"
    out.write_text("mine")
    assert bench("submit", "pack", results, out, "--testset", toyset).exit_code == 2
    assert out.read_text() == "mine"
    assert bench("submit", "new", results, "--testset", toyset).exit_code == 2
    assert (results / "submission.yaml").read_bytes() == MANIFEST_TEXT


def test_links_pipes_and_deep_folders_in_a_folder_are_refused_and_not_followed(results: Path, toyset: Path) -> None:
    clip = results / "videos" / "clip0-product.mp4"
    real = clip.rename(results.parent / "real.mp4")
    clip.symlink_to(real)
    os.mkfifo(results / "videos" / "pipe.mp4")
    (results / "videos" / "a" / "b").mkdir(parents=True)
    (results / "videos" / "a" / "b" / "c.mp4").write_bytes(b"")
    found = rules(results, toyset)
    assert ("path-link", "videos/clip0-product.mp4") in found
    assert ("path-special", "videos/pipe.mp4") in found
    assert {rule for rule, _ in found} >= {"path-link", "path-special", "path-depth", "case-missing"}


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ("name: toy", "name: other", "manifest-testset"),
        ("version: 1.0, split", "version: 2.0, split", "manifest-testset"),
        ("split: smoke", "split: hidden", "manifest-split"),
        ("format: 1", f"format: 1\nsha256: {{clip0-product: {'0' * 64}}}", "manifest-sha256"),
        ("format: 1", f"format: 1\nsha256: {{no-such-case: {'0' * 64}}}", "manifest-sha256"),
    ],
)
def test_a_manifest_that_does_not_fit_is_told(old: str, new: str, rule: str, results: Path, toyset: Path) -> None:
    text = MANIFEST_TEXT.decode()
    assert old in text
    (results / "submission.yaml").write_text(text.replace(old, new))
    assert [found for found, _ in rules(results, toyset)] == [rule]


def test_declared_hashes_that_match_are_accepted(results: Path, toyset: Path) -> None:
    found = file_digest(results / "videos" / "clip0-product.mp4")
    with (results / "submission.yaml").open("a") as stream:
        stream.write(f"sha256: {{clip0-product: {found}}}\n")
    assert rules(results, toyset) == []


def test_a_manifest_that_is_missing_or_too_large_is_told(results: Path, toyset: Path) -> None:
    (results / "submission.yaml").write_bytes(b"#" * (2**20 + 1))
    assert ("manifest-size", "submission.yaml") in rules(results, toyset)
    (results / "submission.yaml").unlink()
    assert ("manifest-missing", "submission.yaml") in rules(results, toyset)


def test_a_manifest_names_a_test_set_but_never_a_path(results: Path, toyset: Path) -> None:
    text = MANIFEST_TEXT.decode().replace("name: toy", f"name: {toyset}")
    (results / "submission.yaml").write_text(text)
    report = check(results)
    assert [p.rule for p in report.problems] == ["manifest-testset"]
    assert report.clips == 0


def test_a_path_that_is_not_there_is_one_line(tmp_path: Path, toyset: Path) -> None:
    with pytest.raises(UserError, match="no such file or folder"):
        check(tmp_path / "nowhere", str(toyset))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="no such file or folder"):
        check(tmp_path / "pipe", str(toyset))
    done = bench("submit", "check", tmp_path / "nowhere", "--testset", toyset)
    assert done.exit_code == 2
    assert done.output.count("error:") == 1


def test_a_full_disk_is_told_before_anything_is_unpacked(
    results: Path, toyset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results.zip"
    pack(results, ["submission.yaml"], out)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10, 10, 0))  # type: ignore[attr-defined]
    with pytest.raises(UserError, match="no space left"):
        check(out, str(toyset))


def test_the_documentation_lists_every_rule_with_its_remedy() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rules_of = text.partition("\n## Rules\n")[2]
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.*) \|$", rules_of, flags=re.MULTILINE))
    assert listed == {rule: remedy.replace("|", r"\|") for rule, remedy in REMEDIES.items()}
    assert all(name in text for name in PIXEL_FORMATS)


def test_the_worked_example_has_no_problem(tmp_path: Path, toyset: Path) -> None:
    made = bench("submit", "example", tmp_path / "demo", "--testset", toyset)
    assert made.exit_code == 0, made.output
    checked = bench("submit", "check", tmp_path / "demo", "--testset", toyset)
    assert checked.exit_code == 0, checked.output
    assert "7 clips, no problem" in checked.output


def test_every_rule_has_a_file_that_breaks_it() -> None:
    """The rules that no archive or clip of the collections breaks are broken by name in these tests."""
    broken = {rule for _, rule in (HOSTILE_ZIPS | HOSTILE_CLIPS).values()}
    here = Path(__file__).parent
    text = "".join(p.read_text(encoding="utf-8") for p in here.glob("test_submissions*.py"))
    assert not {rule for rule in REMEDIES.keys() - broken if f'"{rule}"' not in text}


def test_an_archive_larger_than_any_submission_is_not_even_opened(tmp_path: Path, toyset: Path) -> None:
    path = tmp_path / "large.zip"
    with path.open("wb") as stream:
        stream.truncate(3 * 2**30 + 1)
    assert [rule for rule, _ in rules(path, toyset)] == ["size-archive"]


def test_the_check_needs_neither_torch_nor_a_video_library_in_its_own_process(results: Path, toyset: Path) -> None:
    code = (
        "import sys; from submissions.checks import check; from pathlib import Path\n"
        f"assert check(Path({str(results)!r}), {str(toyset)!r}).clips == 7\n"
        "found = {'torch', 'av', 'cv2', 'diffusers', 'streamlit'} & {n.partition('.')[0] for n in sys.modules}\n"
        "assert not found, found"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
