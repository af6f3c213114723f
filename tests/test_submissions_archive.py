"""Archives from outside: refused as a whole before a byte is written, or unpacked exactly as planned."""

from __future__ import annotations

import io
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from submissions.archive import pack, plan, unpack
from submissions.checks import check
from tests.hostile_zips import CLIP, HOSTILE_ZIPS, MANIFEST, Entry, archive

SAFE = [Entry(b"submission.yaml", b"format: 1"), CLIP, Entry(b"videos/b.mp4", b"abc" * 50, 8)]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where quarantines are made."""
    folder = tmp_path / "place"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.mark.parametrize("name", HOSTILE_ZIPS)
def test_a_hostile_archive_is_refused_and_leaves_nothing(name: str, tmp_path: Path, place: Path, toyset: Path) -> None:
    make, rule = HOSTILE_ZIPS[name]
    path = written(tmp_path / "results.zip", make())
    report = check(path, str(toyset))
    told = [p for p in report.problems if p.rule == rule]
    assert told, report.problems
    for problem in report.problems:
        assert problem.file and problem.found and problem.limit and problem.remedy
        assert all(c.isprintable() for c in problem.file + problem.found + problem.limit)
    assert report.manifest is None or rule == "zip-nested"
    assert sorted(tmp_path.iterdir()) == [place, path]
    assert not list(place.iterdir())


def test_every_problem_of_an_archive_is_listed_at_once(tmp_path: Path) -> None:
    entries = [Entry(b"../a"), Entry(b"videos/b.mp4", flags=1), Entry(b"videos/c.mp4", mode=stat.S_IFLNK)]
    rules = {p.rule for p in plan(written(tmp_path / "a.zip", archive(*entries))).problems}
    assert rules == {"path-parent", "zip-encrypted", "path-link"}


def test_a_refused_archive_cannot_be_unpacked(tmp_path: Path) -> None:
    planned = plan(written(tmp_path / "a.zip", archive(Entry(b"../a"))))
    with pytest.raises(ValueError, match="refused"):
        unpack(planned, tmp_path)


def test_an_archive_is_unpacked_as_planned_for_its_owner_alone(tmp_path: Path) -> None:
    planned = plan(written(tmp_path / "a.zip", archive(*SAFE)))
    assert planned.problems == ()
    folder = tmp_path / "out"
    folder.mkdir()
    assert unpack(planned, folder) == ()
    assert {n: (folder / n).stat().st_size for n in planned.sizes} == planned.sizes
    assert stat.S_IMODE((folder / "videos/a.mp4").stat().st_mode) == 0o600
    assert (folder / "videos/b.mp4").read_bytes() == b"abc" * 50


def test_unpacking_never_writes_through_what_is_there(tmp_path: Path) -> None:
    planned = plan(written(tmp_path / "a.zip", archive(CLIP)))
    outside = written(tmp_path / "outside", b"mine")
    (tmp_path / "out" / "videos").mkdir(parents=True)
    (tmp_path / "out" / "videos" / "a.mp4").symlink_to(outside)
    with pytest.raises(FileExistsError):
        unpack(planned, tmp_path / "out")
    assert outside.read_bytes() == b"mine"


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("stream", [False, True])
def test_what_ordinary_packers_write_is_accepted(method: int, stream: bool, tmp_path: Path) -> None:
    out = io.BytesIO()
    target = _OneWay(out) if stream else out
    with zipfile.ZipFile(target, "w", method) as made:  # type: ignore[arg-type]
        made.writestr("submission.yaml", MANIFEST.data)
        made.mkdir("videos")
        made.writestr("videos/a.mp4", bytes(range(256)) * 20)
    assert plan(written(tmp_path / "a.zip", out.getvalue())).problems == ()


class _OneWay:
    """A pipe: zipfile cannot go back to fill in sizes, and puts them after the data."""

    def __init__(self, out: io.BytesIO) -> None:
        self.write = out.write
        self.flush = out.flush


def test_packing_gives_the_same_bytes_each_time_and_a_clean_plan(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    for name in ("submission.yaml", "videos/a.mp4"):
        written(tmp_path / name, name.encode())
    for out in ("1.zip", "2.zip"):
        pack(tmp_path, ["videos/a.mp4", "submission.yaml"], tmp_path / out)
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()
    assert plan(tmp_path / "1.zip").problems == ()
    assert not list(tmp_path.glob(".*.part"))


def unpacks_within(data: bytes) -> bool:
    """Whether an archive is accepted; where it is, nothing but its planned files comes out."""
    with tempfile.TemporaryDirectory() as root:
        planned = plan(written(Path(root, "a.zip"), data))
        if planned.problems:
            return False
        folder = Path(root, "out")
        folder.mkdir()
        refused = {p.file for p in unpack(planned, folder)}
        found = {p.relative_to(folder).as_posix(): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
        assert set(found) <= set(planned.sizes)
        assert all(found[name] == size for name, size in planned.sizes.items() if name not in refused)
        assert {p.name for p in Path(root).iterdir()} == {"a.zip", "out"}
        return not refused


names = st.text(st.sampled_from("aB.-_/\\:\0 é\u202e~"), max_size=12) | st.sampled_from(
    ["..", "/x", "videos/../x", "a/../../x", "con", "videos/nul.mp4", "C:x", "videos/", "./x", "a//b"]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(names, max_size=4))
def test_whatever_the_names_nothing_leaves_the_folder(chosen: list[str]) -> None:
    entries = [Entry(name.encode(), flags=0x800) for name in chosen]
    accepted = unpacks_within(archive(*entries))
    if any(".." in name.replace("\\", "/").split("/") or name.startswith(("/", "\\")) for name in chosen):
        assert not accepted


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_bytes_change_the_planner_answers_and_nothing_leaves_the_folder(data: st.DataObject) -> None:
    changed = bytearray(archive(*SAFE))
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, 40))
    unpacks_within(bytes(changed[: len(changed) - cut]))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(max_size=100), min_size=1, max_size=4), st.sampled_from([0, 8]))
def test_an_honest_archive_is_always_accepted(contents: list[bytes], method: int) -> None:
    entries = [Entry(b"videos/%d.mp4" % n, body, method) for n, body in enumerate(contents)]
    assert unpacks_within(archive(*entries))
