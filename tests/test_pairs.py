"""Training pairs: from a seed to audited shards, and back to clips, whatever happens on the way."""

from __future__ import annotations

import errno
import io
import json
import lzma
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from bench.errors import UserError
from bench.media import write_mp4
from bench.testsets import read_testset, verify_assets
from bench.types import SCENARIOS, Video
from methods.training.command import CONFIGS
from methods.training.dmd.config import DmdConfig
from methods.training.dmd.start import read as read_dmd
from methods.training.pairs import build as building
from methods.training.pairs.audit import detail, edit_mask, flags
from methods.training.pairs.augment import REVERSED, apply, apply_to_mask, rendered_frames
from methods.training.pairs.augment import draw as draw_augmentation
from methods.training.pairs.build import build, read_manifest
from methods.training.pairs.decisions import decide, read_decisions, read_hard, usable, write_hard
from methods.training.pairs.draw import draw
from methods.training.pairs.mine import as_testset
from methods.training.pairs.read import conditions, pair_files, read_pairs, verify
from methods.training.pairs.record import KEYS, Augmentation, BuildSettings, Manifest
from methods.training.pairs.shard import read_shard, write_shard
from testset.scenes.vocabulary import MOTIONS

SMALL = {"width": 32, "height": 32, "frames": 5, "per_shard": 4}
SETTINGS = BuildSettings(count=14, **SMALL)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pairs")
    build(out, SETTINGS)
    return out


@pytest.fixture
def pairs(built: Path, tmp_path: Path) -> Path:
    """A copy to be spoilt."""
    return Path(shutil.copytree(built, tmp_path / "pairs"))


def digests(folder: Path) -> dict[str, str]:
    return {shard.name: shard.sha256 for shard in read_manifest(folder).shards}


def test_a_build_holds_captions_masks_and_attributes_of_every_scenario(built: Path) -> None:
    manifest = read_manifest(built)
    assert [len(s.pairs) for s in manifest.shards] == [4, 4, 4, 2]
    assert {p.scenario for p in manifest.pairs} == set(SCENARIOS)
    for pair in manifest.pairs:
        assert pair.source_caption.en != pair.target_caption.en and pair.source_caption.zh != pair.target_caption.zh
        assert pair.change.source != pair.change.target and pair.change.name not in pair.keep
        assert pair.instruction.en and pair.instruction.zh
    clean = [p for p in read_pairs(built) if not p.record.flags]
    assert len(clean) >= 8
    for pair in clean:
        assert pair.source.shape == pair.target.shape == (5, 32, 32, 3) and pair.mask.shape == (5, 32, 32)
        difference = np.abs(pair.source.astype(int) - pair.target.astype(int)).mean(-1)
        assert difference[pair.mask].mean() > 4
        assert pair.mask.all() or difference[~pair.mask].mean() < 2.5, "but for the codec, the rest is the same"
    assert verify(built) == 14


def test_a_longer_build_begins_with_the_shorter_one(built: Path) -> None:
    longer = BuildSettings(count=5000, **SMALL)
    assert [draw(longer.seed, i).key for i in (0, 4999)] == ["000000", "004999"]
    assert draw(0, 3) == draw(0, 3) != draw(0, 3, attempt=1) and draw(0, 3).source != draw(1, 3).source
    assert read_manifest(built).pairs[7].scenario == draw(0, 7).scenario == SCENARIOS[0]


def test_the_shipped_manifest_holds_the_pairs_that_its_seed_gives() -> None:
    packed = Path(__file__).parent.parent / "docs" / "pairs" / "v2-manifest.json.xz"
    manifest = Manifest.model_validate_json(lzma.decompress(packed.read_bytes()))
    assert len(manifest.pairs) == manifest.settings.count == 10_000 and len(manifest.shards) == 200
    for pair in manifest.pairs[::199]:
        again = draw(manifest.settings.seed, int(pair.key), pair.attempt)
        assert again.record(pair.flags) == pair


def test_sixty_four_pairs_are_built_by_the_command_even_if_it_is_killed_on_the_way(built: Path, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    command = [sys.executable, "-m", "bench.cli", "pairs", "build", "--out", str(out), "--count", "64"]
    command += ["--size", "32x32", "--frames", "5", "--per-shard", "8"]
    environment = os.environ | {"SHOPEDIT_PLUGINS": "commands:pairs=methods.training.pairs.command:app"}
    child = subprocess.Popen(
        [*command, "--workers", "1"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not (out / "pairs-000008.json").exists():
        assert child.poll() is None, "it ended before it could be killed"
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert not (out / "manifest.json").exists()
    with pytest.raises(UserError, match="finish it with `bench pairs build --out"):
        read_manifest(out)
    made = (out / "pairs-000000.tar").stat().st_mtime_ns
    (out / "pairs-000008.part").write_bytes(b"half a shard")
    done = subprocess.run([*command, "--workers", "2"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "64 pairs, 8 shards" in done.stdout
    assert (out / "pairs-000000.tar").stat().st_mtime_ns == made, "what is whole is not made again"
    assert not list(out.glob("*.part")) and verify(out) == 64
    assert all(count >= 9 for count in read_manifest(out).statistics["scenarios"].values())
    for (record, files), (other, same) in zip(pair_files(built), pair_files(out), strict=False):
        assert record == other and files == same, "neither processes, shards nor a kill change a byte"


def test_other_settings_are_refused_in_one_line(pairs: Path) -> None:
    with pytest.raises(UserError, match=r"pairs of another build \(seed: 0 -> 1\): name another --out") as error:
        build(pairs, SETTINGS.model_copy(update={"seed": 1}))
    assert "\n" not in str(error.value)


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tarfile.TarFile.addfile

    def full(self, entry, fileobj=None) -> None:
        if entry.name.startswith("000005"):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, entry, fileobj)

    monkeypatch.setattr(tarfile.TarFile, "addfile", full)
    with pytest.raises(UserError, match=r"is full after 1 of 4 shards: free some space, and the same command") as error:
        build(tmp_path, SETTINGS)
    assert "\n" not in str(error.value)
    assert [p.name for p in tmp_path.glob("pairs-*")] != [] and not list(tmp_path.glob("*.part"))
    monkeypatch.undo()
    build(tmp_path, SETTINGS)
    assert digests(tmp_path) == digests(built)


def test_a_shard_cut_short_altered_or_lost_is_named_and_made_again(pairs: Path, built: Path) -> None:
    shard = pairs / "pairs-000004.tar"
    shard.write_bytes(shard.read_bytes()[:9000])
    with pytest.raises(UserError, match=r"pairs-000004\.tar is cut short or damaged after \d whole pairs .*delete it"):
        list(read_pairs(pairs))
    shard.unlink()
    with pytest.raises(UserError, match=r"pairs-000004\.tar is missing: build the pairs again"):
        verify(pairs)
    build(pairs, SETTINGS)
    assert digests(pairs) == digests(built) and verify(pairs) == 14
    last = pairs / "pairs-000012.tar"
    last.write_bytes(last.read_bytes() + b"\0" * 512)
    with pytest.raises(UserError, match=r"pairs-000012\.tar is altered: sha256 \w{12}, expected"):
        verify(pairs)


def test_a_pair_without_a_mask_is_named(tmp_path: Path) -> None:
    path = tmp_path / "s.tar"
    with tarfile.open(path, "w") as tar:
        for name in ("000000.source.mp4", "000000.target.mp4", "000000.json", "000001.source.mp4"):
            entry = tarfile.TarInfo(name)
            tar.addfile(entry, io.BytesIO(b""))
    with pytest.raises(UserError, match=r"pair 000000 has no mask\.mp4; wanted source\.mp4"):
        list(read_shard(path))


def test_a_clip_that_does_not_decode_or_fit_is_named(pairs: Path) -> None:
    files = dict(read_shard(pairs / "pairs-000012.tar"))
    write_mp4(Video(np.zeros((3, 32, 32, 3), np.uint8), Fraction(8)), pairs / "short.mp4")
    for spoilt, message in ((b"no clip", "pair 000013: target.mp4: cannot be decoded"), (None, "differ in size")):
        files["000013"]["target.mp4"] = spoilt if spoilt is not None else (pairs / "short.mp4").read_bytes()
        write_shard(pairs / "pairs-000012.tar", files.items())
        with pytest.raises(UserError, match=message):
            list(read_pairs(pairs))


def test_the_webdataset_library_reads_the_shards(built: Path) -> None:
    import webdataset

    found = list(webdataset.WebDataset(str(built / "pairs-{000000,000004}.tar"), shardshuffle=False))
    assert [sample["__key__"] for sample in found] == [f"{i:06d}" for i in range(8)]
    assert set(KEYS) <= found[0].keys()
    assert json.loads(found[0]["json"])["key"] == "000000"


def test_the_card_and_the_statistics_count_what_is_there(built: Path) -> None:
    card = (built / "README.md").read_text()
    assert 'data_files: "pairs-*.tar"' in card and "| color | 2 |" in card
    found = read_manifest(built).statistics
    assert found["pairs"] == 14 and sum(found["scenarios"].values()) == 14
    assert sum(found["targets"]["color"].values()) == 2
    assert found["bytes"] == sum(f.stat().st_size for f in built.glob("*.tar"))


def clips(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    source = torch.randint(60, 180, (9, 32, 32, 3), generator=random, dtype=torch.uint8)
    target = source.clone()
    target[:, 8:20, 10:22] = torch.tensor([220, 30, 30], dtype=torch.uint8)
    return source, target


def test_the_audit_flags_each_fault_and_leaves_a_good_pair_alone() -> None:
    source, target = clips()
    mask = edit_mask(source, target)
    assert flags(source, target, mask) == ()
    assert bool(mask[:, 6:22, 8:24].all()) and not bool(mask[:, :5].any()), "two pixels wider than the edit"
    assert flags(source, source, edit_mask(source, source)) == ("empty-mask",)
    faint = source.clone()
    faint[:, 8:20, 10:22] += 2
    assert flags(source, faint, edit_mask(source, faint)) == ("no-change",)
    everywhere = (target.int() + 9).clamp(0, 255).to(torch.uint8)
    assert "leak" in flags(source, everywhere, mask)
    white = target.clone()
    white[:, 8:] = 255
    assert "clipped" in flags(source, white, edit_mask(source, white))
    flat = torch.full_like(source, 90)
    other = flat.clone()
    other[:, 8:24, 8:24] = 99
    assert detail(flat) == 0 and "blurred" in flags(flat, other, edit_mask(flat, other))


def test_augmentations_treat_source_target_and_mask_alike() -> None:
    source, target = clips()
    mask = edit_mask(source, target)
    rng = random.Random(0)
    kinds = set()
    for _ in range(40):
        a = draw_augmentation(rng, "the camera pans across")
        kinds |= {name for name in ("crop", "slow", "gain", "light") if getattr(a, name) is not None}
        kinds |= {"reverse"} if a.reverse else set()
        frames = 5 if a.slow is not None else 9
        assert rendered_frames(frames, a) == 9
        one, other = (apply(clip, a, frames).int() for clip in (source, target))
        moved = apply_to_mask(mask, a, frames)
        assert one.shape == (frames, 32, 32, 3) and moved.shape == (frames, 32, 32)
        assert int((one - other).abs().amax(-1)[~moved].max()) <= 1, a
        assert float((one - other).abs().float().mean(-1)[moved].mean()) > 5, a
    assert kinds == {"crop", "slow", "gain", "light", "reverse"}
    assert torch.equal(apply(source, Augmentation(), 9), source), "no augmentation is none"
    assert torch.equal(apply(source, Augmentation(reverse=True), 9), source.flip(0))
    bright = apply(source, Augmentation(gain=(1.1, 1.0, 0.9)), 9).float().mean((0, 1, 2))
    assert bright[0] > bright[1] > bright[2]
    lit = apply(source, Augmentation(light=(0.3, 0.0, 0.2)), 9).float()
    assert lit[:, :, 16:].mean() > lit[:, :, :16].mean() and lit[-1].mean() > lit[0].mean()


def test_a_clip_that_runs_backwards_is_called_what_it_shows() -> None:
    assert set(REVERSED) < set(MOTIONS) and "the camera rises" not in REVERSED
    drawn = next(d for i in range(400) if (d := draw(0, i)).augmentation.reverse and "pushes in" in d.source.motion)
    record = drawn.record(())
    assert "pulls back" in record.source_caption.en and "pushes in" not in record.source_caption.en
    assert "镜头拉远" in record.target_caption.zh and record.keep["motion"] == "the camera pulls back"
    never = draw_augmentation(random.Random(1), "the camera rises")
    assert not any(draw_augmentation(random.Random(i), "the camera rises").reverse for i in range(50)), never


def test_decisions_are_stored_and_decide_what_is_read(pairs: Path) -> None:
    manifest = read_manifest(pairs)
    clean = [p.key for p in manifest.pairs if not p.flags]
    assert usable(pairs, manifest) == clean
    decide(pairs, clean[0], False)
    assert usable(pairs, manifest) == clean[1:] and read_decisions(pairs) == {clean[0]: False}
    assert clean[0] not in [p.record.key for p in read_pairs(pairs)]
    decide(pairs, clean[0], None)
    assert usable(pairs, manifest) == clean
    flagged = manifest.model_copy(
        update={
            "shards": tuple(
                s.model_copy(update={"pairs": tuple(p.model_copy(update={"flags": ("blurred",)}) for p in s.pairs)})
                for s in manifest.shards
            )
        }
    )
    assert usable(pairs, flagged) == []
    decide(pairs, clean[2], True)
    assert usable(pairs, flagged) == [clean[2]]
    (pairs / "decisions.json").write_text("{")
    with pytest.raises(UserError, match=r"decisions\.json: not JSON"):
        read_decisions(pairs)


def test_a_person_accepts_and_rejects_on_the_page(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("SHOPEDIT_PAIRS", str(pairs))
    page = AppTest.from_file(str(Path(building.__file__).with_name("review_app.py")), default_timeout=60).run()
    assert not page.exception
    page.segmented_control[0].set_value("all").run()
    assert "000000" in page.subheader[0].value and not page.exception
    page.button(key="reject").click().run()
    assert read_decisions(pairs) == {"000000": False} and "rejected" in page.subheader[0].value
    page.button(key="next").click().run()
    page.button(key="accept").click().run()
    assert read_decisions(pairs) == {"000000": False, "000001": True}
    page.button(key="undo").click().run()
    assert read_decisions(pairs) == {"000000": False} and not page.exception


def test_a_distillation_reads_targets_and_meets_hard_ones_more_often(pairs: Path) -> None:
    tiny = read_dmd(CONFIGS / "dmd-tiny.yaml", None)
    config = DmdConfig.model_validate(tiny.model_dump() | {"render_batch": 8, "chinese": 0.0})
    keys = usable(pairs, read_manifest(pairs))
    write_hard(pairs, "some-method", 30.0, {keys[0]: 12.0})
    assert read_hard(pairs) == {keys[0]: 12.0}
    (stream,) = conditions([pairs], config)
    batches = list(stream)
    assert sum(len(texts) for _, texts in batches) == len(keys) + 2
    first = next(p for p in read_pairs(pairs) if p.record.key == keys[0])
    assert batches[0][1][0] == [first.record.target_caption.en] * config.captions
    assert torch.equal(batches[0][0][0, 0], torch.from_numpy(first.target[0]))
    with pytest.raises(UserError, match=r"no pairs of 64x32 with 1 frames or more \(found: 32x32\): name a folder"):
        conditions([pairs], config.model_copy(update={"sizes": ((32, 32), (32, 64))}))
    with pytest.raises(UserError, match=r"no pairs of 32x32 with 9 frames or more \(found: none\)"):
        conditions([pairs], DmdConfig.model_validate(config.model_dump() | {"frames": 9, "gan": {}}))


def test_a_distillation_runs_on_pairs(pairs: Path, tmp_path: Path) -> None:
    from methods.training.clock import Clock
    from methods.training.dmd.start import start
    from methods.training.team import alone
    from tests import tiny_model
    from tests.moving_boxes import MovingBoxes

    tiny = read_dmd(CONFIGS / "dmd-tiny.yaml", None)
    model = str(tiny_model.build(tmp_path / "model"))
    stage = start(tiny, MovingBoxes(), alone("cpu"), Clock(steps=1), teacher=model, out=tmp_path / "run", pairs=[pairs])
    stage.run()
    assert len(stage.pools[0].latents) == len(usable(pairs, read_manifest(pairs))) and stage.student.step == 1


def test_pairs_become_a_test_set_that_methods_run_on(pairs: Path, tmp_path: Path) -> None:
    keys = usable(pairs, read_manifest(pairs))[:3]
    as_testset(pairs, tmp_path / "set", keys)
    found = read_testset(tmp_path / "set")
    assert [c.id for c in found.cases] == [f"pair-{key}" for key in keys]
    assert verify_assets(found, found.cases) == 9
    _, files = next(pair_files(pairs, {keys[0]}))
    assert (tmp_path / "set" / found.cases[0].target.path).read_bytes() == files["target.mp4"]


def test_mining_keeps_what_a_method_fails(pairs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from methods.training.pairs.mine import mine
    from tests.fixtures import ENVIRONMENT

    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    # `still` shows the source, the toy score of which is 0; `truth` is the target.
    hard = mine(pairs, "still", 30.0, limit=3, protocol="toy")
    assert list(hard) == usable(pairs, read_manifest(pairs))[:3] and max(hard.values()) < 30
    assert read_hard(pairs) == hard
    assert mine(pairs, "truth", 30.0, limit=3, protocol="toy") == {} == read_hard(pairs)
    with pytest.raises(UserError, match="protocol toy has no metric 'sharpness'"):
        mine(pairs, "still", 30.0, limit=3, protocol="toy", metric="sharpness")


def test_wrong_flags_are_named_in_one_line(tmp_path: Path) -> None:
    from methods.training.pairs.command import build as command

    for flags_, message in (({"size": "256"}, "--size 256: wanted width x height"), ({"size": "40x32"}, "--width: ")):
        with pytest.raises(UserError, match=message):
            command(tmp_path / "out", **{"seed": 0, "frames": 5, "fps": 8, "per_shard": 4, "count": 1} | flags_)
    assert not (tmp_path / "out").exists()
