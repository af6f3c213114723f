"""Building splits: the same bytes twice, going on after a stop, faults redrawn, a hidden split that stays hidden."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.identity import file_digest
from bench.media.decode import read_mask, read_video
from bench.media.encode import write_mp4
from bench.testsets import read_testset, verify_assets
from bench.types import SCENARIOS, Asset, Video
from testset.build import Builder, build
from testset.cases import EDITS, GROUPS, Plan, candidates, case_of
from testset.duplicates import NEAR, distance, fingerprint, near_duplicates, read_fingerprint
from testset.measure import contrast_of, outside_psnr
from testset.order import FULL, LITE, SECRET, VERSION, Order, Rendition, read_rejected, read_secret
from testset.reading import Reader, unreadable
from testset.scenes import prompts
from testset.scenes.scene import TRAINING_SEEDS
from testset.subsets import subsets
from testset.verdicts import attempts_of, plans_of, rejections

TINY = Rendition("tiny", (96, 96), (132, 72), 3, Fraction(8), crf=15, preset="veryfast")
ORDER = Order(("dev",), TINY, groups=2, workers=1, judged_in=TINY)
LONG_SECRET = "not a real secret, only long"


def hashes(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): file_digest(p) for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "set"
    build(folder, replace(ORDER, aux=True))
    return folder


def test_a_build_gives_a_test_set_that_reads_and_verifies(built: Path) -> None:
    found = read_testset(built)
    assert len(found.cases) == 2 * EDITS
    verify_assets(found, found.cases)
    assert found.vocabulary.keys() == prompts().keys()
    assert {p.parent.name for p in built.glob("clips/*/source.mp4")} == {"dev-00", "dev-01"}
    assert sorted(p.name for p in built.iterdir()) == ["aux", "cases.jsonl", "clips", "testset.json"]
    assert not built.with_name("set.part").exists()


def test_edits_agree_outside_their_mask_and_differ_inside_before_encoding(built: Path) -> None:
    builder = Builder(judged_in=TINY)
    drawn = builder.draw("dev", 0)
    files = {(case, role): job for case, role, job in builder.jobs(drawn, built, TINY)}
    for plan in drawn.plans:
        job = files[plan.id, "mask"]
        mask = read_mask(built / job.path)
        assert outside_psnr(job.frames, job.target, mask) >= 50
        assert np.abs(job.frames.astype(int) - job.target.astype(int))[mask].mean() > 5
        shipped = read_video(built / files[plan.id, "target"].path).frames
        assert 10 * np.log10(255**2 / ((shipped.astype(float) - job.target) ** 2).mean()) > 34


def test_the_same_order_gives_the_same_bytes_here_and_in_other_processes(built: Path, tmp_path: Path) -> None:
    build(tmp_path / "again", replace(ORDER, aux=True, workers=2))
    assert hashes(tmp_path / "again") == hashes(built)


def test_a_build_that_was_stopped_goes_on_where_it_was(built: Path, tmp_path: Path, monkeypatch) -> None:
    def stop(group: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "set", replace(ORDER, aux=True), done=stop)
    assert not (tmp_path / "set").exists()
    drawn = []
    draw = Builder.draw
    monkeypatch.setattr(Builder, "draw", lambda self, *a: drawn.append(a[1]) or draw(self, *a))
    build(tmp_path / "set", replace(ORDER, aux=True))
    assert drawn == [1]
    assert hashes(tmp_path / "set") == hashes(built)


def test_another_order_takes_nothing_over_from_a_stopped_one(tmp_path: Path) -> None:
    small = replace(ORDER, groups=1)
    build(tmp_path / "set", small)
    (tmp_path / "set").rename(tmp_path / "set.part")
    (tmp_path / "set.part" / "clips" / "stranger").mkdir()
    lower = replace(TINY, crf=30)
    build(tmp_path / "set", replace(small, rendition=lower))
    assert json.loads((tmp_path / "set/testset.json").read_text())["generator"]["crf"] == 30
    assert [p.name for p in (tmp_path / "set/clips").iterdir()] == ["dev-00"]


def test_renditions_hold_the_same_cases(built: Path, tmp_path: Path) -> None:
    larger = Rendition("larger", (128, 128), (176, 96), 5, Fraction(16), crf=20, preset="veryfast")
    build(tmp_path / "set", replace(ORDER, rendition=larger, groups=1))
    words = [(c.id, c.target_prompt, c.attributes) for c in read_testset(tmp_path / "set").cases]
    assert words == [(c.id, c.target_prompt, c.attributes) for c in read_testset(built).cases][:EDITS]
    few = read_video(built / "clips/dev-00/source.mp4").frames
    many = read_video(tmp_path / "set/clips/dev-00/source.mp4").frames
    assert (few.shape, many.shape) == ((3, 96, 96, 3), (5, 128, 128, 3))


def test_another_rendition_of_a_built_set_draws_what_it_drew_and_judges_nothing(built, tmp_path, monkeypatch) -> None:
    info = json.loads((built / "testset.json").read_text())
    assert info["version"] == f"{VERSION}-tiny"
    down = frozenset({("dev-00-color", 0), ("dev-01-add", 0)} & {(c.id, 0) for c in read_testset(built).cases})
    build(tmp_path / "first", replace(ORDER, rejected=down))
    monkeypatch.setattr("testset.build.faults", lambda *_: ["nothing holds"])
    larger = replace(TINY, name="larger", square=(112, 112))
    order = replace(ORDER, rendition=larger, like=attempts_of(tmp_path / "first"))
    build(tmp_path / "second", order)
    first, second = ({p.id: n for p, n in plans_of(tmp_path / name).values()} for name in ("first", "second"))
    assert first == second
    assert 1 in first.values()
    with pytest.raises(UserError, match="--like: the set lacks 1 of the ordered groups, first dev-02"):
        replace(order, groups=3)


def test_smoke_and_mini_are_spread_over_scenarios_clips_and_forms() -> None:
    cases = []
    for split in ("dev", "test"):
        for number in range(GROUPS[split]):
            for plan in candidates(split, number, EDITS, 0):
                height, width = LITE.size(plan)
                asset = Asset(path="x.mp4", sha256="0", width=width, height=height)
                cases.append(case_of(plan, dict.fromkeys(("source", "target", "mask", "product_mask"), asset)))
    marked = subsets(cases)
    smoke, mini = ([c for c in marked if name in c.subsets] for name in ("smoke", "mini"))
    assert sorted(c.scenario for c in smoke) == sorted(SCENARIOS)
    assert len({c.group for c in smoke}) == 7
    assert len(mini) == 30
    assert set(smoke) <= set(mini)
    assert min(Counter(c.scenario for c in mini).values()) >= 4
    assert 8 <= sum(c.source.height > c.source.width for c in mini) <= 12
    assert {c.split for c in mini} == {"dev"}
    assert [c.id for c in marked] == [c.id for c in cases]


def test_full_is_the_same_two_seconds_as_lite() -> None:
    assert (LITE.frames - 1) / LITE.fps == (FULL.frames - 1) / FULL.fps == 2
    assert (FULL.square, FULL.tall) == ((960, 960), (1280, 704))


def test_what_a_probe_turned_down_is_redrawn_and_counted(built: Path, tmp_path: Path) -> None:
    case = read_testset(built).cases[0]
    (tmp_path / "list").write_text(f"{case.id} 0\n\n")
    order = replace(ORDER, groups=1, rejected=read_rejected(tmp_path / "list"))
    counts = build(tmp_path / "set", order)
    assert counts["redrawn"] == {"dev-00": 1}
    assert counts["dropped"][case.scenario] == 1
    again = read_testset(tmp_path / "set").cases[0]
    assert again.id == case.id
    assert (again.source.sha256, again.target.sha256) != (case.source.sha256, case.target.sha256)
    (tmp_path / "list").write_text("dev-00-color\n")
    with pytest.raises(UserError, match=r"list:1: found 'dev-00-color', wanted a case id and an attempt"):
        read_rejected(tmp_path / "list")


def test_a_reader_drops_what_it_cannot_read_and_its_counts_are_published(tmp_path: Path) -> None:
    turned_down: list[str] = []

    class Doubting(Reader):
        def faults(self, plan: Plan, *clips: np.ndarray) -> list[str]:
            self.asked[plan.scenario] += 1
            if plan.scenario != "remove" or turned_down:
                return []
            turned_down.append(plan.id)
            self.unread[plan.scenario] += 1
            self.confusions["prop", "none", "a lemon"] += 1
            return ["the prop is still read"]

    reader = Doubting(lambda *_: "", prompts(), "0" * 64)
    counts = build(tmp_path / "set", replace(ORDER, groups=1), reader)
    assert counts["dropped"]["remove"] == 1
    assert counts["redrawn"] == {"dev-00": 1}
    assert counts["probe"]["asked"]["remove"] == 2
    assert counts["probe"]["unread"] == {"remove": 1}
    assert counts["probe"]["confusions"] == [["prop", "none", "a lemon", 1]]
    assert not reader.asked  # each group is read afresh, so that a build that was stopped counts alike


def test_a_probe_elsewhere_turns_cases_down_by_lines_that_a_build_takes(built: Path, tmp_path: Path) -> None:
    class Picky(Reader):
        def faults_of(self, scenario, changes, source, target, mask, product) -> list[str]:
            assert source.shape == target.shape == (*mask.shape, 3) == (*product.shape, 3)
            return ["cannot be read"] if scenario == "add" else []

    picky = Picky(lambda *_: "", prompts(), "0" * 64)
    down = [case.id for case, why in unreadable(read_testset(built), picky) if why]
    (tmp_path / "list").write_text("\n".join(rejections(built, down)))
    assert (tmp_path / "list").read_text() == "dev-01-add 0"
    build(tmp_path / "set", replace(ORDER, rejected=read_rejected(tmp_path / "list")))
    assert {p.id: n for p, n in plans_of(tmp_path / "set").values()} == {
        c.id: int(c.group == "dev-01") for c in read_testset(built).cases
    }
    text = (tmp_path / "set/testset.json").read_text().replace('"dev-01": 1', '"dev-01": 2')
    (tmp_path / "set/testset.json").write_text(text)
    with pytest.raises(UserError, match="its record is not what the seeds give now"):
        plans_of(tmp_path / "set")


def test_the_hidden_split_needs_a_secret_and_stands_alone(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv(SECRET, raising=False)
    with pytest.raises(UserError, match=r"needs a secret seed of 16 characters or more, found 0: set SHOPEDIT"):
        Order(("hidden",), secret=read_secret(None))
    with pytest.raises(UserError, match="'hidden' is built alone"):
        Order(("dev", "hidden"), secret=LONG_SECRET)
    with pytest.raises(UserError, match="unknown split 'train'"):
        Order(("train",))
    monkeypatch.setenv(SECRET, LONG_SECRET)
    assert read_secret(None) == LONG_SECRET
    (tmp_path / "seed").write_text("from a file\n")
    assert read_secret(tmp_path / "seed") == "from a file"
    with pytest.raises(UserError, match="nowhere: cannot be read as text"):
        read_secret(tmp_path / "nowhere")
    assert LONG_SECRET not in repr(Order(("hidden",), secret=LONG_SECRET))


def test_the_hidden_split_is_what_its_secret_says_and_never_writes_it(tmp_path: Path) -> None:
    order = replace(ORDER, splits=("hidden",), groups=1, secret=LONG_SECRET)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path / "set", order, done=lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    build(tmp_path / "set", order)
    assert read_testset(tmp_path / "set").name == "shopedit-hidden"
    assert not any(LONG_SECRET.encode() in p.read_bytes() for p in tmp_path.rglob("*") if p.is_file())
    assert list(candidates("hidden", 0, EDITS, 0, LONG_SECRET)) == list(candidates("hidden", 0, EDITS, 0, LONG_SECRET))
    assert list(candidates("hidden", 0, EDITS, 0, LONG_SECRET)) != list(candidates("hidden", 0, EDITS, 0, "another"))


def test_no_two_splits_share_a_scene() -> None:
    seeds: dict[int, tuple[str, int]] = {}
    for split in GROUPS:
        for number in range(GROUPS[split]):
            for attempt in range(4):
                seed = next(candidates(split, number, EDITS, attempt, LONG_SECRET)).source.seed
                assert seed % 2 == 0  # training scenes are odd
                assert (seed >= TRAINING_SEEDS) == (split == "hidden")
                assert seeds.setdefault(seed, (split, number)) == (split, number)
    assert GROUPS["hidden"] * EDITS >= 100


def test_a_reencoded_clip_is_a_near_duplicate_and_another_scene_is_not(built: Path, tmp_path: Path) -> None:
    first, second = (read_video(built / f"clips/dev-{n}/source.mp4").frames for n in ("00", "01"))
    write_mp4(Video(first), tmp_path / "again.mp4", crf=30)
    again = read_fingerprint(tmp_path / "again.mp4", 3)
    assert distance(again, fingerprint(first)) < NEAR < distance(fingerprint(first), fingerprint(second))
    prints = {"a": ("g0", fingerprint(first)), "b": ("g1", again), "c": ("g2", fingerprint(second)), "d": ("g0", again)}
    assert near_duplicates(prints) == [("a", "b"), ("b", "d")]


def test_a_source_like_that_of_another_group_is_drawn_anew() -> None:
    builder = Builder(judged_in=TINY)
    first = builder.draw("dev", 0)
    assert builder.draw("dev", 0, "", (), [first.print]).attempt > first.attempt


def test_a_product_that_vanishes_in_its_setting_has_no_contrast() -> None:
    frames = np.full((3, 48, 48, 3), 40, np.uint8)
    product = np.zeros((3, 48, 48), bool)
    product[:, 12:36, 12:36] = True
    assert contrast_of(frames, product) == pytest.approx(0, abs=0.1)
    frames[product] = (40, 90, 40)
    assert contrast_of(frames, product) == pytest.approx(50, abs=3)


def test_the_small_command_needs_neither_torch_nor_typer(tmp_path: Path) -> None:
    code = "import sys, testset.__main__; print([m for m in ('torch', 'typer', 'rich', 'timm') if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    command = [sys.executable, "-m", "testset", "build", "--out", str(tmp_path / "set"), "--split", "hidden"]
    run = subprocess.run(command, capture_output=True, text=True, env={"PATH": "", "PYTHONPATH": ":".join(sys.path)})
    assert run.returncode == 2
    assert run.stderr.strip().splitlines()[-1].startswith("the hidden split needs a secret seed")
    assert not list(tmp_path.iterdir())
