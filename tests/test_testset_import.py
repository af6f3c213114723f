"""A user's own clips become a test set whole, or every problem is named and nothing is written."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner, Result

from bench.cli import app
from bench.inputs import CaseReader, compared_with, refusal
from bench.media import read_mask, read_png, read_video, write_png
from bench.media.inspect import upright
from bench.testsets import read_testset, verify_assets
from bench.types import MethodCard
from tests import phone_clips as clips
from testset.table import COLUMNS

GOOD = {
    "case_id": "mug-blue",
    "source": "clips/mug.mp4",
    "scenario": "color",
    "vertical": "home",
    "instruction": "Make the mug blue.",
    "source_prompt": "a red mug",
    "target_prompt": "a blue mug",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A user's folder: two clips, a target and a mask of the first."""
    clips.plain(tmp_path / "clips" / "mug.mp4")
    clips.plain(tmp_path / "clips" / "mug-target.mp4", seed=1)
    clips.mask(tmp_path / "clips" / "mug-mask.mp4")
    clips.plain(tmp_path / "clips" / "chair.mp4", seed=2, width=64, height=48, count=9, fps=24)
    return tmp_path


def table(folder: Path, *rows: dict[str, str], name: str = "cases.csv") -> Path:
    path = folder / name
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
    return path


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(a) for a in arguments])


def refused(path: Path, *options: object) -> str:
    """Import, which must fail, leave nothing behind and answer in one line a problem; return what was said."""
    before = sorted(p for p in path.parent.rglob("*"))
    done = bench("testset", "import", path, "--out", path.parent / "set", *options)
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    assert sorted(p for p in path.parent.rglob("*")) == before
    return done.stderr


def imported(path: Path, *options: object) -> Path:
    out = path.parent / "set"
    done = bench("testset", "import", path, "--out", out, *options)
    assert done.exit_code == 0, done.output
    return out


def test_clips_of_different_sizes_rates_and_lengths_are_taken_as_they_are(folder: Path) -> None:
    chair = GOOD | {"case_id": "chair-leather", "source": "clips/chair.mp4", "scenario": "material"}
    out = imported(table(folder, GOOD, chair))
    testset = read_testset(out)
    assert [(a.width, a.height, a.frames, a.fps) for a in (c.source for c in testset.cases)] == [
        (48, 32, 6, "8"),
        (64, 48, 9, "24"),
    ]
    for case, name in zip(testset.cases, ("mug", "chair"), strict=True):
        assert (out / case.source.path).read_bytes() == (folder / "clips" / f"{name}.mp4").read_bytes()
        assert (case.target, case.mask, case.split, case.licence) == (None, None, "test", "unknown")
    assert verify_assets(testset, testset.cases) == 2


def test_targets_masks_words_and_attributes_come_along(folder: Path) -> None:
    row = GOOD | {
        "target": "clips/mug-target.mp4",
        "mask": "clips/mug-mask.mp4",
        "instruction_zh": "把杯子变成蓝色。",
        "tags": "glass; thin parts",
        "keep": "table;window",
        "attribute": "color",
        "attribute_from": "red",
        "attribute_to": "blue",
        "split": "dev",
        "licence": "CC-BY-4.0",
        "edited_sha256": "0" * 64,
        "notes": "ask Anna",
    }
    (case,) = read_testset(imported(table(folder, row))).cases
    assert case.target is not None
    assert case.mask is not None
    assert (case.tags, case.keep) == (("glass", "thin parts"), ("table", "window"))
    assert case.instruction.zh == "把杯子变成蓝色。"
    assert [(a.name, a.source, a.target) for a in case.attributes] == [("color", "red", "blue")]
    assert (case.split, case.licence) == ("dev", "CC-BY-4.0")


def test_edits_of_one_clip_share_its_file_and_its_group(folder: Path) -> None:
    (folder / "clips" / "copy.mp4").write_bytes((folder / "clips" / "mug.mp4").read_bytes())
    other = GOOD | {"case_id": "mug-remove", "scenario": "remove", "source": "clips/copy.mp4"}
    out = imported(table(folder, GOOD, other))
    first, second = read_testset(out).cases
    assert (first.group, first.source) == (second.group, second.source)
    assert len(list(out.rglob("*.mp4"))) == 1


def test_a_yaml_list_says_the_same_as_a_csv(folder: Path) -> None:
    lists = GOOD | {"tags": ["glass", "thin parts"]}
    (folder / "cases.yaml").write_text(yaml.safe_dump({"cases": [lists]}, allow_unicode=True))
    texts = table(folder, GOOD | {"tags": "glass;thin parts"})
    bench("testset", "import", folder / "cases.yaml", "--out", folder / "a", "--name", "mine")
    bench("testset", "import", texts, "--out", folder / "b", "--name", "mine")
    assert (folder / "a" / "cases.jsonl").read_text() == (folder / "b" / "cases.jsonl").read_text() != ""


def test_a_byte_order_mark_is_no_part_of_the_first_column(folder: Path) -> None:
    path = table(folder, GOOD)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_testset(imported(path)).cases) == 1


BAD_CLIPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "turned": (clips.turned, "stored rotated: players turn it by 90 degrees"),
    "uneven": (clips.uneven, "found a variable frame rate (4.80 on average"),
    "interlaced": (clips.interlaced, "found interlaced frames"),
    "hdr": (clips.hdr, "found high dynamic range (HLG)"),
    "wide": (clips.wide_pixels, "found pixels 2 as wide as high"),
    "odd": (lambda path: clips.plain(path, width=47), "found the odd size 47x32, wanted even numbers"),
    "cut-off": (clips.cut_off, "cut-off.mp4: states 6 frames and shows 3"),
    "torn": (clips.torn, "torn.mp4: cannot be decoded"),
    "still": (lambda path: clips.plain(path, count=1), "found 1 frame, wanted two or more"),
    "text": (lambda path: path.write_text("no clip"), "text.mp4: cannot be decoded"),
    "missing": (lambda path: None, "'clips/missing.mp4': no such file in"),
}


@pytest.mark.parametrize("kind", BAD_CLIPS)
def test_a_clip_that_methods_would_see_otherwise_than_people_is_refused(folder: Path, kind: str) -> None:
    make, reason = BAD_CLIPS[kind]
    make(folder / "clips" / f"{kind}.mp4")
    said = refused(table(folder, GOOD, GOOD | {"case_id": "bad", "source": f"clips/{kind}.mp4"}))
    assert f"row 3, column source: {reason}" in said
    assert "1 problem, listed above; nothing was written" in said


BAD_CELLS: dict[str, tuple[dict[str, str], str]] = {
    "an unknown scenario": ({"scenario": "colour"}, "column scenario: unknown scenario 'colour': did you mean color?"),
    "an empty prompt": ({"target_prompt": "  "}, "column target_prompt: empty; wanted what the edit shall show"),
    "an id used twice": ({"case_id": "Mug-Blue"}, "column case_id: 'Mug-Blue' is the id of row 2 already"),
    "an id that is no file name": ({"case_id": "../x"}, "column case_id: found '../x', wanted up to 80 letters"),
    "a path upwards": ({"source": "../mug.mp4"}, "column source: '../mug.mp4' leaves the folder of the clips"),
    "an absolute path": ({"source": "/etc/passwd"}, "column source: '/etc/passwd' leaves the folder"),
    "a Windows path": ({"source": "clips\\mug.mp4"}, r"column source: found 'clips\mug.mp4', wanted '/'"),
    "another file": ({"source_sha256": "0" * 64}, f"wanted {'0' * 64}: 'clips/mug.mp4' is another file"),
    "no hash": ({"source_sha256": "abc"}, "column source_sha256: found 'abc', wanted 64 hexadecimal digits"),
    "a picture": ({"source": "clips/mug.png"}, "column source: found 'clips/mug.png', wanted a clip in .mp4"),
    "half an attribute": ({"attribute": "color"}, "wanted all or none"),
    "a control character": ({"instruction": "a\x1b[2Jb"}, "column instruction: holds the control character '\\x1b'"),
    "a mask of another size": ({"mask": "clips/small.mp4"}, "column mask: found 24x16, wanted 48x32, the source's"),
    "an empty mask": ({"mask": "clips/black.mp4"}, "column mask: found no white pixel in any frame"),
    "a longer target": ({"target": "clips/long.mp4"}, "column target: found 7 frames, wanted 6, the source's"),
    "a faster target": ({"target": "clips/fast.mp4"}, "column target: found 12 frames a second, wanted 8"),
    "a clip in two splits": ({"split": "dev"}, "column split: found 'dev', but row 2 has the same source clip in"),
    "a clip in two groups": ({"group": "x"}, "column group: found 'x', but row 2 has the same source clip in"),
}


@pytest.mark.parametrize("kind", BAD_CELLS)
def test_a_bad_cell_is_named_by_row_and_column(folder: Path, kind: str) -> None:
    clips.mask(folder / "clips" / "small.mp4", width=24, height=16)
    clips.mask(folder / "clips" / "black.mp4", white=False)
    clips.plain(folder / "clips" / "long.mp4", count=7)
    clips.plain(folder / "clips" / "fast.mp4", fps=12)
    change, reason = BAD_CELLS[kind]
    said = refused(table(folder, GOOD, GOOD | {"case_id": "second"} | change))
    assert "row 3" in said
    assert reason in said


def test_every_problem_is_listed_at_once_in_the_order_of_the_rows(folder: Path) -> None:
    clips.uneven(folder / "clips" / "uneven.mp4")
    clips.mask(folder / "clips" / "small.mp4", width=24, height=16)
    said = refused(
        table(
            folder,
            GOOD | {"source": "clips/none.mp4", "scenario": "weather", "mask": ""},
            GOOD | {"source": "clips/gone.mp4", "target": "clips/gone-too.mp4"},
            GOOD | {"case_id": "b", "mask": "clips/small.mp4"},
            GOOD | {"case_id": "c", "source": "clips/uneven.mp4", "instruction": ""},
            GOOD | {"case_id": "d"},
        )
    )
    rows = [line.split(":")[0] for line in said.splitlines() if line.startswith("row")]
    assert rows == [
        "row 2, column scenario",
        "row 3, column source",
        "row 3, column target",
        "row 4, column mask",
        "row 5, column instruction",
    ]
    assert "5 problems, listed above; nothing was written" in said


def test_letters_that_are_no_utf8_are_named_by_row_and_column(folder: Path) -> None:
    path = table(folder, GOOD, GOOD | {"case_id": "cafe", "source_prompt": "a café"})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9"))
    assert "row 3, column source_prompt: not UTF-8 (byte 0xe9); export the table as UTF-8" in refused(path)


def test_columns_that_are_missing_misspelt_or_twice_are_named_once(folder: Path) -> None:
    path = folder / "cases.csv"
    path.write_text("case_id,source,source,scenario,maks,instruction,source_prompt\na,b.mp4,b.mp4,color,x,y,z\n")
    said = refused(path)
    assert "row 1, column source: the column is there twice" in said
    assert "row 1, column maks: unknown column 'maks': did you mean mask" in said
    assert said.count("column target_prompt") == 1
    assert "row 1, column target_prompt: the column is missing" in said


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("cases.csv", "", "the column is missing"),
        ("cases.csv", ",".join(GOOD) + "\n", "holds no row"),
        ("cases.csv", ";".join(GOOD) + "\n", "the columns are not separated by ','"),
        ("cases.csv", ",".join(GOOD) + '\n"a', "not CSV"),
        ("cases.csv", ",".join(GOOD) + "\na,b\n", "row 2: found 2 cells, wanted 7"),
        ("cases.yaml", "a: [", "not YAML"),
        ("cases.yaml", "hello", "wanted a list of edits"),
        ("cases.yaml", "- 1\n", "row 1: found int, wanted a mapping"),
        ("cases.yaml", "- !!python/object/apply:os.getcwd []\n", "not YAML"),
        ("cases.txt", "x", "found .txt, wanted a table in .csv, .yaml or .yml"),
    ],
)
def test_what_is_no_table_is_refused_as_a_whole(folder: Path, name: str, text: str, reason: str) -> None:
    (folder / name).write_text(text)
    assert reason in refused(folder / name)


def test_a_link_that_leaves_the_folder_is_not_followed(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = clips.plain(tmp_path_factory.mktemp("private") / "secret.mp4")
    (folder / "clips" / "link.mp4").symlink_to(elsewhere)
    said = refused(table(folder, GOOD | {"source": "clips/link.mp4"}))
    assert "row 2, column source: 'clips/link.mp4' is a link that leaves the folder" in said


def test_a_folder_that_holds_something_is_not_written_over(folder: Path) -> None:
    (folder / "set").mkdir()
    (folder / "set" / "thesis.txt").write_text("years of work")
    assert "set: exists already; name a new folder" in refused(table(folder, GOOD))


def test_by_request_clips_are_turned_scaled_cropped_retimed_and_cut_alike(folder: Path) -> None:
    clips.turned(folder / "clips" / "turned.mp4")
    clips.uneven(folder / "clips" / "uneven.mp4")
    mug = GOOD | {"target": "clips/mug-target.mp4", "mask": "clips/mug-mask.mp4"}
    rows = (
        mug,
        GOOD | {"case_id": "turned", "source": "clips/turned.mp4"},
        GOOD | {"case_id": "uneven", "source": "clips/uneven.mp4"},
    )
    out = imported(table(folder, *rows), "--size", "32x32", "--fps", "4", "--frames", "3")
    first, turned, uneven = read_testset(out).cases
    for case in (first, turned, uneven):
        assert (case.source.width, case.source.height, case.source.frames, case.source.fps) == (32, 32, 3, "4")
    assert first.mask is not None
    square = read_mask(out / first.mask.path)
    bright = read_video(out / first.source.path).frames[..., 0] > 150
    assert (square & bright).sum() > 0.9 * square.sum() > 0
    # Cropped about the middle: 8 of 48 columns go on either side. At 4/s every second frame of 8/s stays.
    whole = next(upright(folder / "clips" / "mug.mp4"))
    assert np.abs(read_video(out / first.source.path).frames[0].astype(int) - whole[:, 8:40]).mean() < 4
    edges = [np.argwhere(m)[:, 1].max() for m in square]
    assert np.diff(edges).tolist() == [4, 4]
    standing = read_video(out / turned.source.path).frames[0]
    assert standing[:16, 16:, 0].max() > 150 > standing[:, :12, 0].max()
    assert json.loads((out / "testset.json").read_text())["generator"]["size"] == [32, 32]


def test_a_clip_too_short_for_the_request_is_named(folder: Path) -> None:
    said = refused(table(folder, GOOD), "--frames", "17")
    assert "row 2, column source: gives 6 frames, wanted 17" in said


@pytest.mark.parametrize("options", [("--size", "255x256"), ("--size", "big"), ("--fps", "0"), ("--fps", "fast")])
def test_a_request_that_makes_no_sense_is_refused(folder: Path, options: tuple[str, str]) -> None:
    assert f"{options[0]} {options[1]}: wanted" in refused(table(folder, GOOD), *options)


def test_an_imported_set_is_the_same_each_time(folder: Path) -> None:
    path = table(folder, GOOD | {"mask": "clips/mug-mask.mp4"})

    def digests(name: str) -> dict[str, str]:
        bench("testset", "import", path, "--out", folder / name, "--name", "mine", "--size", "32x32")
        files = sorted(p for p in (folder / name).rglob("*") if p.is_file())
        return {str(p.relative_to(folder / name)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}

    assert digests("one") == digests("two") != {}


def test_a_set_without_targets_is_scored_where_it_can_be_and_says_why_elsewhere(folder: Path, tmp_path: Path) -> None:
    out = imported(table(folder, GOOD | {"mask": "clips/mug-mask.mp4"}))
    home = ("--home", tmp_path / "home")
    done = bench("run", "--method", "copy-source", "--testset", out, "--no-controls", *home)
    assert done.exit_code == 0, done.output
    assert "unscored on every edit: accuracy, preservation, temporal, score, psnr" in done.stdout
    assert ": needs a target clip" in done.stdout
    assert "psnr-outside" in done.stdout.splitlines()[2]
    (edit,) = json.loads(bench("export", "--canonical", *home).stdout)["edits"]
    scores = edit["scores"]
    for name in ("score", "accuracy", "preservation", "temporal", "psnr", "margin-lab", "ciede2000"):
        assert scores[name] == {"unscored": "needs a target clip"}, name
    assert scores["psnr-outside"]["value"] == 60
    assert scores["structure-effl0"]["value"] == scores["flicker-difference"]["value"] == 0


def test_a_method_that_needs_what_a_set_lacks_is_refused_before_anything_runs(folder: Path, tmp_path: Path) -> None:
    out = imported(table(folder, GOOD))
    home = ("--home", tmp_path / "home")
    done = bench("run", "--method", "sdedit", "--testset", out, *home)
    assert done.exit_code == 2
    assert "method 'sdedit' (track first-frame) fits no case here: the case has no first frame" in done.stderr
    plan = bench("run", "--method", "copy-source", "--testset", out, "--dry-run", *home).stdout
    for control in ("first-frame", "ground-truth", "vae-target", "wrong-edit"):
        assert f"{control} is not run on 1 cases: the case has no" in plan


def test_a_run_takes_the_only_split_of_a_set_and_asks_where_there_are_several(folder: Path, tmp_path: Path) -> None:
    chair = GOOD | {"case_id": "chair", "source": "clips/chair.mp4", "split": "dev"}
    out = imported(table(folder, GOOD | {"split": "mine"}, chair))
    done = bench("run", "--method", "copy-source", "--testset", out, "--home", tmp_path / "home", "--dry-run")
    assert done.exit_code == 2
    assert "set has no split 'smoke': choose with --split from mine, dev" in done.stderr


def test_the_documentation_names_every_column() -> None:
    text = (Path(__file__).parents[1] / "docs" / "testset.md").read_text(encoding="utf-8")
    assert [column for column in COLUMNS if f"`{column}`" not in text] == []


def test_the_worked_example_of_the_documentation_works(folder: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "testset.md").read_text(encoding="utf-8")
    (folder / "cases.csv").write_text(text.split("```csv\n")[1].split("```")[0])
    out = imported(folder / "cases.csv")
    assert [(c.id, c.group, c.mask is None) for c in read_testset(out).cases] == [
        ("mug-blue", "mug-blue", False),
        ("mug-gone", "mug-blue", True),
    ]
    assert "clips/mug-blue/mask.mp4" in bench("testset", "show", "mug-blue", "--testset", out).stdout
    shown = json.loads(bench("testset", "show", "mug-blue", "--testset", out, "--json").stdout)
    assert (shown["siblings"], shown["mask"]["frames"]) == (["mug-gone"], 6)
    assert (
        "unknown case 'mug-bleu': did you mean mug-blue"
        in bench("testset", "show", "mug-bleu", "--testset", out).stderr
    )


def test_a_set_is_named_after_its_table_and_written_here_unless_told_otherwise(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path_factory.mktemp("here")
    monkeypatch.chdir(here)
    assert bench("testset", "import", table(folder, GOOD, name="shop.csv")).exit_code == 0
    assert read_testset(here / "shop").name == "shop"


def test_an_edited_first_frame_opens_the_track_of_methods_that_start_from_it(folder: Path, tmp_path: Path) -> None:
    frame = clips.frames(seed=3)[0]
    write_png(frame, folder / "clips" / "mug.png")
    path = table(folder, GOOD | {"first_frame": "clips/mug.png"}, GOOD | {"case_id": "bare", "scenario": "remove"})
    out = imported(path)
    case, bare = read_testset(out).cases
    assert case.first_frame is not None
    assert (case.first_frame.path, case.first_frame.frames) == ("clips/mug-blue/first_frame.png", 1)
    assert bench("testset", "check", "--testset", out).exit_code == 0
    card = MethodCard(name="m", family="f", track="first-frame")
    assert refusal(card, case, None) is None
    assert refusal(card, bare, None) == "the case has no first frame"
    given = CaseReader(out).request(card, case, None, seed=0)
    assert np.array_equal(given.first_frame, frame)
    assert "first_frame" not in compared_with(case, None)
    plan = bench("run", "--method", "sdedit", "--testset", out, "--home", tmp_path / "home", "--dry-run").stdout
    assert "sdedit is not run on 1 cases: the case has no first frame" in plan
    bench("testset", "import", path, "--out", folder / "small", "--size", "24x32")
    small = read_testset(folder / "small").cases[0]
    assert np.array_equal(read_png(folder / "small" / small.first_frame.path), frame[:, 12:36])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"first_frame": "clips/gone.png"}, "'clips/gone.png': no such PNG file"),
        ({"first_frame": "clips/mug.mp4"}, "'clips/mug.mp4': no such PNG file"),
        ({"first_frame": "clips/text.png"}, "text.png: cannot be decoded as a picture"),
        ({"first_frame": "clips/small.png"}, "found 20x10, wanted 48x32, the source's"),
        ({"first_frame": "clips/mug.png", "target": "clips/mug-target.mp4"}, "leave one of the two out"),
        ({"first_frame": "clips/mug.png", "first_frame_sha256": "0" * 64}, "'clips/mug.png' is another"),
    ],
)
def test_a_first_frame_that_does_not_fit_is_refused(folder: Path, change: dict[str, str], reason: str) -> None:
    write_png(clips.frames()[0], folder / "clips" / "mug.png")
    write_png(clips.frames(20, 10)[0], folder / "clips" / "small.png")
    (folder / "clips" / "text.png").write_text("no picture")
    assert f"row 2, column first_frame{'_sha256' * ('first_frame_sha256' in change)}: " in (
        said := refused(table(folder, GOOD | change))
    )
    assert reason in said
