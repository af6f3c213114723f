"""Rows as reviewable files: what is written comes back, what was changed is found, and one's own runs come first."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bench import results, results_clips, results_journal
from bench.blobs import BlobStore
from bench.cli import app
from bench.export import to_json
from bench.home import Home
from bench.identity import file_digest, method_key
from bench.media import probe, read_video, write_mp4
from bench.plan import RunSpec
from bench.results_journal import records
from bench.run import Prepared, prepare, run
from bench.store import columns
from bench.store.access import open_reader, open_store
from bench.store.read import Run
from bench.store.repo import READ
from bench.store.verify import problems
from leaderboard import shipped, source
from leaderboard.clips import ClipShelf
from leaderboard.frame import first_split
from methods import zoo
from tests.fixtures import ENVIRONMENT

ROOT = Path(__file__).resolve().parent.parent


def made(home: Path, toyset: Path, *methods: str, limit: int | None = None) -> Prepared:
    home.mkdir(exist_ok=True)
    prepared = prepare(RunSpec(methods, "smoke", str(toyset), "toy", limit=limit), Home(home))
    run(prepared)
    return prepared


def written(home: Path, folder: Path) -> list[Path]:
    reader = open_reader(Home(home), None)
    board = reader.boards()[0]
    found = results.write(
        folder, board, reader.results(board), reader.sets(board), reader.metrics(), reader.runs(), "smoke"
    )
    return list(found)


def loaded(folder: Path, home: Path) -> int:
    new = results_journal.put_journals(results.read(folder), Home(home).journals)
    open_store(Home(home), None)
    return new


def canonical(home: Path) -> dict[str, Any]:
    """The canonical export, less what files do not hold (series, anchors, digits) and its order of sets."""
    reader = open_reader(Home(home), None)
    board = reader.boards()[0]
    text = to_json(board, reader.results(board), reader.metrics(), canonical=True, sets=reader.sets(board))
    document = json.loads(text, parse_float=lambda number: float(f"{float(number):.6g}"))
    for edit in document["edits"]:
        for score in edit["scores"].values():
            score.pop("series", None)
            score.pop("anchors", None)
    return document  # type: ignore[no-any-return]


@pytest.fixture
def files(toy: Path, toyset: Path, tmp_path: Path) -> Path:
    made(toy, toyset, "blend", "fails-once")
    written(toy, tmp_path / "results")
    return tmp_path / "results"


def test_store_to_files_to_a_fresh_store_gives_the_same_canonical_export(toy, files, tmp_path) -> None:
    assert loaded(files, tmp_path / "fresh") > 2
    assert canonical(tmp_path / "fresh") == canonical(toy)
    assert loaded(files, tmp_path / "fresh") == 0
    assert not list(problems(Home(tmp_path / "fresh")))


def test_files_written_again_are_the_same_bytes_and_have_no_measured_cost(toy, files, tmp_path) -> None:
    before = {p.name: p.read_bytes() for p in files.rglob("*.json")}
    written(toy, files)
    assert {p.name: p.read_bytes() for p in files.rglob("*.json")} == before
    assert b'"seconds":' not in b"".join(before.values())
    found = results.read(files)
    assert not found.faults
    assert {file.cost for _, file in found.rows} == {"left out"}


def test_an_edit_is_one_line(files) -> None:
    blend = next(files.rglob("blend-*.json"))
    lines = blend.read_text(encoding="utf-8").splitlines()
    assert sum('"scores": [' in line for line in lines) == 7


def changed(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = next(folder.rglob(name))
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def rescored(folder: Path) -> None:
    """A better number, with a digest to match: only the range can tell."""
    path = next(folder.rglob("blend-*.json"))
    file = results.MethodFile.model_validate_json(path.read_bytes())
    at = file.metrics.index("score")
    case, edit = next(iter(file.edits.items()))
    line = edit.model_copy(update={"scores": tuple(101.0 if i == at else v for i, v in enumerate(edit.scores))})
    file = file.model_copy(update={"edits": {**file.edits, case: line}})
    results.put(path, file.model_copy(update={"digest": file.content()}))


def rekeyed(folder: Path) -> None:
    """Another case's edit under this case's name, with a digest to match."""
    path = next(folder.rglob("blend-*.json"))
    file = results.MethodFile.model_validate_json(path.read_bytes())
    first, second, *_ = file.edits
    file = file.model_copy(update={"edits": {**file.edits, first: file.edits[second]}})
    results.put(path, file.model_copy(update={"digest": file.content()}))


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (rescored, "is out of its range"),
        (rekeyed, "the edit has another key than its method and case give"),
        (changed("blend-*.json", '"seed": 0', '"seed": 1'), "it was changed after it was written"),
        (changed("blend-*.json", '"format": 1', '"format": 9'), "format: Input should be 1"),
        (changed("blend-*.json", '"split"', '"spilt"'), "split: Field required"),
        (changed("blend-*.json", "{", "<"), "Invalid JSON"),
        (lambda folder: next(folder.rglob("blend-*.json")).write_bytes(b""), "Invalid JSON"),
        (lambda folder: next(folder.rglob("blend-*.json")).write_bytes(b"\xff\x00"), "Invalid JSON"),
    ],
)
def test_a_damaged_file_is_one_line_and_the_others_are_read(files, damage, says, tmp_path) -> None:
    whole = len(results.read(files).rows)
    damage(files)
    found = results.read(files)
    (fault,) = found.faults
    assert says in fault
    assert "blend-v1-" in fault
    assert "\n" not in fault
    assert len(found.rows) == whole - 1
    answer = CliRunner().invoke(app, ["results", "check", str(files)])
    assert answer.exit_code == 2


def test_a_foreign_file_and_a_folder_without_its_board_are_one_line_each(files) -> None:
    (files / "notes.txt").write_text("hello")
    (files / "README.md").write_text("what this is")
    faults = results.read(files).faults
    assert len(faults) == 1
    assert "board.json: missing" in faults[0]
    next(files.rglob("board.json")).unlink()
    found = results.read(files)
    assert not found.rows
    assert len(found.faults) == 2


def test_what_was_read_is_made_by_bench_run_and_then_stands_back(files, toyset, tmp_path, toy) -> None:
    home = tmp_path / "fresh"
    loaded(files, home)
    planned = prepare(RunSpec(("blend",), "smoke", str(toyset), "toy"), Home(home)).plan
    assert (planned.done, planned.edits) == (0, len(planned.jobs))
    made(home, toyset, "blend")
    reader = open_reader(Home(home), None)
    assert all(r.seconds is not None for r in reader.results(reader.boards()[0], methods=frozenset({"blend"})))
    assert not list(problems(Home(home)))
    rows = canonical(home)
    open_store(Home(home), None).rebuild()
    assert canonical(home) == rows


def test_loading_does_not_touch_what_was_run_here(toy, files, toyset, tmp_path) -> None:
    home = tmp_path / "own"
    made(home, toyset, "blend")
    reader = open_reader(Home(home), None)
    before = reader.results(reader.boards()[0], methods=frozenset({"blend"}))
    loaded(files, home)
    after = reader.results(reader.boards()[0], methods=frozenset({"blend"}))
    assert [(r.key, r.run, r.seconds) for r in after] == [(r.key, r.run, r.seconds) for r in before]
    assert {r.method.name for r in reader.results(reader.boards()[0])} >= {"blend", "fails-once"}


def test_of_two_files_of_one_name_the_newer_is_the_newer_run(files) -> None:
    """Whatever their digests are: the newest run of a name is the one whose row is shown."""
    board, file = results.read(files).rows[0]
    for older, newer in (("0", "f"), ("f", "0")):
        made = [
            file.model_copy(update={"digest": digest * 64, "finished": f"2026-11-{day}T08:00:00+00:00"})
            for digest, day in ((older, 28), (newer, 30))
        ]
        first, second = (next(records(board, one)) for one in made)
        assert READ < f"{READ}from-files-z" < first.run < second.run


def test_write_leaves_out_what_lacks_cases(toy, toyset, tmp_path) -> None:
    made(toy, toyset, "blend")
    made(toy, toyset, "still", limit=3)
    arguments = ["results", "write", str(tmp_path / "out"), "--split", "smoke", "--home", str(toy)]
    answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 0, answer.output
    assert "still is left out: 3 of 7 cases" in answer.output
    assert {file.method.name for _, file in results.read(tmp_path / "out").rows} >= {"blend"}
    assert not list((tmp_path / "out").rglob("still-*"))
    assert CliRunner().invoke(app, [*arguments[:4], "nothing", *arguments[5:]]).exit_code == 2


def with_clips(home: Path, files: Path) -> Path:
    """The folder of the clips of `blend`, made by the command."""
    arguments = ["results", "write", str(files), "--split", "smoke", "--method", "blend", "--clips"]
    answer = CliRunner().invoke(app, [*arguments, "--home", str(home)])
    assert answer.exit_code == 0, answer.output
    return next(files.rglob("clips/blend-*"))


@pytest.fixture
def clips(toy: Path, files: Path) -> Path:
    return with_clips(toy, files)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, toyset: Path) -> Path:
    """Files with clips, made once; copy them to change them."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in ENVIRONMENT.items():
            patch.setenv(name, value)
        made(place / "home", toyset, "blend")
        with_clips(place / "home", place / "results")
    return place / "results"


def edits_of(folder: Path) -> dict[str, str]:
    """The sha256 of each edit of `blend`, by case."""
    file = results.MethodFile.model_validate_json(next(folder.rglob("*/blend-*.json")).read_bytes())
    return {case: str(edit.clip) for case, edit in file.edits.items()}


def test_clips_are_written_beside_the_file_and_checked(files, clips, toy) -> None:
    edits = edits_of(files)
    assert (clips.parent.parent / f"{clips.name}.json").is_file()
    assert {p.stem for p in clips.glob("*.mp4")} == set(edits)
    copies = results_clips.read(files, decode=True)
    assert not copies.faults
    assert {sha256: path.stem for sha256, path in copies.clips.items()} == {sha: case for case, sha in edits.items()}
    assert len(results.read(files).rows) > 2
    case, sha256 = next(iter(edits.items()))
    assert probe(clips / f"{case}.mp4").pix_fmt == "yuv444p"
    shown, stored = read_video(clips / f"{case}.mp4"), read_video(BlobStore(Home(toy).blobs).path(sha256))
    assert shown.shape == stored.shape
    assert 0 < abs(shown.frames.astype(int) - stored.frames).mean() < 4
    answer = CliRunner().invoke(app, ["results", "check", str(files)])
    assert answer.exit_code == 0
    assert "7 clips, 0 faults" in answer.output


def test_clips_written_again_are_the_same_bytes_and_strays_go(files, clips, toy) -> None:
    before = {p.name: p.read_bytes() for p in clips.iterdir()}
    (clips / "gone-case.mp4").write_bytes(b"old")
    results_clips.write(clips.parent.parent / f"{clips.name}.json", BlobStore(Home(toy).blobs))
    assert {p.name: p.read_bytes() for p in clips.iterdir()} == before


def test_clips_of_edits_that_are_not_here_are_not_written(files, toy, tmp_path) -> None:
    loaded(files, tmp_path / "fresh")
    made = ["results", "write", str(tmp_path / "out"), "--split", "smoke", "--method", "blend", "--clips"]
    answer = CliRunner().invoke(app, [*made, "--home", str(tmp_path / "fresh")])
    assert answer.exit_code == 2
    assert "bench run --method blend --split smoke makes it" in answer.stderr


def flipped(clips: Path) -> None:
    path = min(clips.glob("*.mp4"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def resaid(clips: Path, **said: str) -> None:
    """What the list says of the first clip, changed."""
    path = clips / results_clips.LIST
    held = results_clips.ClipList.model_validate_json(path.read_bytes())
    case = min(held.clips)
    results.put(path, held.model_copy(update={"clips": {**held.clips, case: held.clips[case].model_copy(update=said)}}))


def cut(clips: Path) -> None:
    """A clip of two frames, and a list that knows it."""
    path = min(clips.glob("*.mp4"))
    video = read_video(path)
    write_mp4(replace(video, frames=video.frames[:2]), path, pix_fmt="yuv444p")
    resaid(clips, sha256=file_digest(path))


def unreadable(clips: Path) -> None:
    """No clip at all, and a list that knows it."""
    path = min(clips.glob("*.mp4"))
    path.write_bytes(b"no clip")
    resaid(clips, sha256=file_digest(path))


@pytest.mark.parametrize(
    ("damage", "says", "left"),
    [
        (flipped, "damaged: clips.json has another hash of it", 6),
        (lambda clips: min(clips.glob("*.mp4")).unlink(), "missing", 6),
        (lambda clips: resaid(clips, edit="0" * 64), "a copy of no edit of blend-v1-", 6),
        (cut, "2 frames of 48x32, where its edit is 5 frames of 48x32", 6),
        (unreadable, "cannot be decoded", 6),
        (lambda clips: (clips / "clip9-color.mp4").write_bytes(b"?"), "not in clips.json; delete it", 7),
        (lambda clips: (clips / results_clips.LIST).unlink(), "clips.json: missing", 0),
        (lambda clips: (clips / results_clips.LIST).write_text("{"), "Invalid JSON", 0),
        (lambda clips: clips.rename(clips.with_name("blend-v9-00000000")), "copies of no edits", 0),
    ],
)
def test_a_damaged_clip_is_one_line_and_the_others_are_taken(whole, damage, says, left, tmp_path) -> None:
    files = shutil.copytree(whole, tmp_path / "results")
    damage(next(files.rglob("clips/blend-*")))
    copies = results_clips.read(files, decode=True)
    (fault,) = copies.faults
    assert says in fault
    assert "\n" not in fault
    assert len(copies.clips) == left
    assert not results.read(files).faults
    answer = CliRunner().invoke(app, ["results", "check", str(files)])
    assert answer.exit_code == 2
    assert answer.stderr.count("error:") == 1
    answer = CliRunner().invoke(app, ["results", "load", str(files), "--home", str(tmp_path / "fresh")])
    assert answer.exit_code == 2
    assert len(list(Home(tmp_path / "fresh").copies.iterdir())) == left


def test_clips_that_are_too_large_together_are_one_line(whole, monkeypatch) -> None:
    monkeypatch.setattr(results_clips, "LIMIT", sum(p.stat().st_size for p in whole.rglob("*.mp4")) - 1)
    (fault,) = results_clips.read(whole).faults
    assert "at most" in fault


def test_a_loaded_copy_is_shown_until_the_edit_is_made_here_and_never_scored(files, clips, toyset, tmp_path) -> None:
    home = tmp_path / "fresh"
    home.mkdir()
    arguments = ["results", "load", str(files), "--home", str(home)]
    assert "7 clips loaded" in CliRunner().invoke(app, arguments).output
    assert "0 rows and 0 clips loaded" in CliRunner().invoke(app, arguments).output
    reader = open_reader(Home(home), None)
    shelf = ClipShelf(Home(home), reader.runs(), (Home(home).copies,))
    first = reader.results(reader.boards()[0], methods=frozenset({"blend"}))[0]
    shown = shelf.edit(first)
    assert shown.copy
    assert shown.data
    assert not list(BlobStore(Home(home).blobs))
    assert not list(problems(Home(home)))

    made = prepare(RunSpec(("blend",), "smoke", str(toyset), "toy"), Home(home))
    assert made.plan.edits == len(made.plan.jobs)
    run(made)
    again = reader.results(reader.boards()[0], methods=frozenset({"blend"}))[0]
    assert again.sha256 == first.sha256
    own = shelf.edit(again)
    assert not own.copy
    assert own.data
    assert own.data != shown.data
    assert not list(BlobStore(Home(home).blobs).damaged())


@pytest.fixture
def board_home(tmp_path: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty state folder, beside files with rows."""
    home = tmp_path / "empty"
    home.mkdir()
    monkeypatch.setenv("BENCH_HOME", str(home))
    monkeypatch.setenv(shipped.VARIABLE, str(files))
    return home


def test_the_board_of_an_empty_home_shows_the_files(board_home) -> None:
    store = source.open_source()
    (board,) = store.boards
    found = store.columns(board)
    assert {card.name for card in found.methods} >= {"blend", "fails-once", "truth"}
    assert len(store.results(board, ["blend"])) == 7
    assert store.provenance(found.keys[0]) == "organiser-run"
    assert not (board_home / "bench.db").exists()
    shelf = ClipShelf(store.home, store.runs_of(board))
    (first, *_) = store.results(board, ["blend"])
    assert (shelf.edit(first).reason or "").endswith("bench run --method blend --split dev makes it")


def test_the_board_of_an_empty_home_shows_the_clips_that_come_with_the_files(board_home, clips) -> None:
    source._shipped.cache_clear()
    store = source.open_source()
    (board,) = store.boards
    assert store.watchable(board) == ("smoke", ("blend", "fails-once"))  # which make the same edits
    shelf = ClipShelf(store.home, store.runs_of(board), store.copies)
    found = [shelf.edit(result) for result in store.results(board, ["blend"])]
    assert [clip.copy for clip in found if clip.data] == [True] * 7
    (other, *_) = store.results(board, ["truth"])
    assert shelf.edit(other).data is None


def test_without_files_an_empty_home_is_a_missing_store(board_home, monkeypatch) -> None:
    monkeypatch.setenv(shipped.VARIABLE, "")
    with pytest.raises(source.StoreMissing):
        source.open_source()


def test_own_rows_come_first_and_the_files_fill_in(board_home, toyset) -> None:
    made(board_home, toyset, "blend", limit=3)
    store = source.open_source()
    (board,) = store.boards
    found = store.columns(board)
    assert (found.edits[found.row("blend")] > 0).sum() == 7
    own = [r for r in store.results(board, ["blend"]) if r.seconds is not None]
    assert len(own) == 3
    assert len(store.results(board, ["blend"])) == 7
    assert "fails-once" in {card.name for card in found.methods}
    assert len(store.runs_of(board)) > 2
    assert not [run for run in open_reader(Home(board_home), None).runs() if run.spec.get("read")]


def test_another_identity_of_the_same_name_is_ones_own_alone(board_home, toyset) -> None:
    made(board_home, toyset, "blend", limit=3)
    store = source.open_source()
    (board,) = store.boards
    assert store.shipped is not None
    home, reader = store.shipped
    own = columns.load(store.reader.engine, board, board_home / "own")
    others = columns.load(reader.engine, board, home.cache)
    other = replace(own, keys=tuple("f" * 64 for _ in own.keys))
    merged = shipped.beside(other, others)
    assert (merged.edits[merged.row("blend")] > 0).sum() == 3
    assert "fails-once" in {card.name for card in merged.methods}
    assert {r.method.name for r in shipped.missing_in(other, reader.results(board))} == {"fails-once"}


def test_rows_of_another_signature_are_a_board_of_their_own(board_home, files, toyset) -> None:
    made(board_home, toyset, "blend")
    for path in files.rglob("*.json"):
        path.write_text(path.read_text(encoding="utf-8").replace("toy:000000000001", "toy:000000000002"))
        if path.name != "board.json":
            file = results.MethodFile.model_validate_json(path.read_bytes())
            results.put(path, file.model_copy(update={"digest": file.content()}))
    source._shipped.cache_clear()
    store = source.open_source()
    assert [board.signature for board in store.boards] == ["toy:000000000001", "toy:000000000002"]
    names = {card.name for card in store.columns(store.boards[0]).methods}
    assert "fails-once" not in names


def test_a_corrupt_file_is_one_warning_and_the_board_shows_the_rest(board_home, files, caplog) -> None:
    next(files.rglob("blend-*.json")).write_text("{")
    source._shipped.cache_clear()
    with caplog.at_level(logging.WARNING):
        store = source.open_source()
    assert sum("blend-v1-" in record.getMessage() for record in caplog.records) == 1
    names = {card.name for card in store.columns(store.boards[0]).methods}
    assert "blend" not in names
    assert "fails-once" in names


def test_two_boards_may_make_the_cache_at_once(board_home, files) -> None:
    found = results.read(files)
    root = board_home / "cache" / "results" / "x"
    copies = results_clips.read(files)
    shipped._make(found, copies, root)
    shipped._make(found, copies, root)
    assert open_reader(Home(root), None).runs()
    assert [p.name for p in root.parent.iterdir()] == ["x"]
    shutil.rmtree(root)


def test_every_shipped_row_and_clip_is_whole() -> None:
    found = results.read(ROOT / "results")
    assert not found.faults
    assert found.rows
    assert not results_clips.read(ROOT / "results", decode=True).faults


def test_every_shipped_row_is_what_the_registry_has_under_its_name() -> None:
    """A parameter that is renamed makes another method of a row: its results would be nobody's."""
    rows = {name: method_key(entry.card) for name, entry in zoo().items()}
    shipped_keys = {(file.method.name, file.method_key) for _, file in results.read(ROOT / "results").rows}
    assert {(name, rows[name]) for name, _ in shipped_keys} == shipped_keys


def test_a_board_opens_with_what_was_just_run_and_shipped_rows_with_most_cases() -> None:
    last = one_run("20261128T090000-1", "mini")
    counts = {"dev": 30, "test": 320, "mini": 30}
    assert first_split(last, counts) == "mini"
    assert first_split(one_run(f"{READ}-flowedit-1", "mini"), counts) == "test"
    assert first_split(one_run("20261128T090000-1", "gone"), counts) == "test"


def one_run(name: str, split: str) -> Run:
    return Run(
        name, "toy", "1.0", "0" * 64, "toy", "toy:1", split, False, "finished", "2026-11-28", None, {}, (), (), {}
    )
