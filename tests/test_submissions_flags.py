"""What a moderator is pointed to: copies, frozen, reversed and stuttering clips, and scores no edit should have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.media import read_video, write_mp4
from bench.types import Asset, Score, Video
from submissions.frames import read_foreign
from submissions.suspicion import CHECKS, Seen, clip_flags, score_flags
from submissions.thumbs import apart, packed, sampled, thumbs, unpacked


@pytest.fixture(scope="module")
def source() -> Video:
    """A chequered box that crosses a ramp and grows, 12 frames of 128 x 128."""
    rng = np.random.default_rng(0)
    ramp = np.broadcast_to(np.arange(128, dtype=np.uint8)[:, None, None], (128, 128, 3))
    chequers = rng.integers(0, 255, (6, 6, 3), np.uint8).repeat(16, 0).repeat(16, 1)
    frames = np.stack([ramp] * 12).copy()
    for t in range(12):
        size = 40 + 2 * t
        frames[t, 8 + 2 * t : 8 + 2 * t + size, 4 * t : 4 * t + size] = chequers[:size, :size]
    return Video(frames, Fraction(8))


@pytest.fixture(scope="module")
def edit(source: Video) -> Video:
    """The source with one region in another colour, its frames in order."""
    frames = source.frames.copy()
    frames[:, 20:40, 20:40, 0] = 255 - frames[:, 20:40, 20:40, 0] // 2
    return Video(frames, source.fps)


def checks(shown: Video, source: Video, target: Video | None = None, others: tuple[Video, ...] = ()) -> set[str]:
    seen = Seen(
        "case",
        thumbs(shown),
        thumbs(source),
        None if target is None else thumbs(target),
        tuple(sampled(thumbs(other)) for other in others),
    )
    return {flag.check for flag in clip_flags([seen])}


def encoded(video: Video, folder: Path, crf: int) -> Video:
    write_mp4(video, folder / f"{crf}.mp4", crf)
    return read_video(folder / f"{crf}.mp4")


def test_an_honest_edit_raises_no_flag(source: Video, edit: Video) -> None:
    other = Video(255 - source.frames, source.fps)
    assert checks(edit, source, other, (other,)) == set()


@pytest.mark.parametrize("crf", [10, 23])
def test_a_copy_is_known_again_after_encoding(crf: int, source: Video, edit: Video, tmp_path: Path) -> None:
    again = encoded(source, tmp_path, crf)
    assert checks(again, source) == {"copy-of-source"}
    assert checks(again, edit, target=source) == {"copy-of-target"}
    assert checks(again, edit, others=(source,)) == {"copy-of-submission"}


def test_frozen_reversed_and_stuttering_clips_are_told_apart(source: Video, edit: Video) -> None:
    frozen = Video(np.repeat(edit.frames[:1], len(edit.frames), 0), edit.fps)
    assert checks(frozen, source) == {"still"}
    assert checks(Video(edit.frames[::-1], edit.fps), source) == {"reversed"}
    halved = Video(np.repeat(edit.frames[::2], 2, 0)[: len(edit.frames)], edit.fps)
    assert "repeated-frames" in checks(halved, source)


def test_thumbs_are_block_means_and_survive_being_kept_as_text() -> None:
    frames = np.zeros((3, 32, 48, 3), np.uint8)
    frames[1, :2, :3] = 200
    found = thumbs(Video(frames, Fraction(8)))
    assert found[1, 0, 0] == 200
    assert found.sum() == 200
    assert apart(unpacked(packed(found)), found) <= 0.5
    long = thumbs(Video(np.zeros((40, 16, 16, 3), np.uint8), Fraction(8)))
    assert len(unpacked(packed(long))) == 17
    assert apart(found, long) == float("inf")


def scored(**values: float) -> dict[str, Score]:
    anchors = {"ssim": (0.0, 1.0), "error": (1.0, 0.0)}
    return {name: Score(value, anchors=anchors[name]) for name, value in values.items()}


def test_scores_beyond_the_truth_and_far_from_all_rows_are_flagged() -> None:
    better = {"ssim": "higher", "error": "lower"}
    fair = [scored(ssim=0.8, error=0.5)] * 4
    rows = {"ssim": [0.6, 0.7, 0.75, 0.8, 0.82], "error": [0.4, 0.5, 0.5, 0.55, 0.6]}
    assert not list(score_flags(fair, better, rows))
    good = [scored(ssim=1.2, error=0.5)] * 4
    assert [(f.check, f.found) for f in score_flags(good, better, rows)] == [
        ("beyond-truth", "ssim on 4 of 4 edits"),
        ("outlier", "ssim 1.2"),
    ]
    assert not [f for f in score_flags(good, {"ssim": "higher"}, {"ssim": [0.1] * 4}) if f.check == "outlier"]


def test_nearly_all_kept_and_nearly_nothing_edited_is_flagged() -> None:
    copied = [{"preservation": Score(0.99), "accuracy": Score(0.0)}] * 3
    assert [f.check for f in score_flags(copied, {}, {})] == ["no-edit"]
    made = [{"preservation": Score(0.99), "accuracy": Score(0.4)}] * 3
    assert not list(score_flags(made, {}, {}))


@pytest.mark.parametrize("crf", [4, 28])
def test_a_foreign_clip_is_decoded_as_our_own_decoder_would(crf: int, source: Video, tmp_path: Path) -> None:
    write_mp4(source, tmp_path / "a.mp4", crf)
    frames, height, width = source.shape
    asset = Asset(path="a", sha256="", width=width, height=height, frames=frames, fps=str(source.fps))
    own, foreign = read_video(tmp_path / "a.mp4"), read_foreign(tmp_path / "a.mp4", asset)
    assert np.array_equal(own.frames, foreign.frames)
    assert own.fps == foreign.fps


def test_a_clip_that_is_not_what_it_was_probed_to_be_is_no_clip(source: Video, tmp_path: Path) -> None:
    from bench.errors import CaseFailed

    write_mp4(source, tmp_path / "a.mp4")
    frames, height, width = source.shape
    longer = Asset(path="a", sha256="", width=width, height=height, frames=frames + 1, fps="8")
    wider = Asset(path="a", sha256="", width=width + 2, height=height, frames=frames, fps="8")
    for asset in (longer, wider):
        with pytest.raises(CaseFailed, match="decodes to"):
            read_foreign(tmp_path / "a.mp4", asset)
    (tmp_path / "link.mp4").symlink_to(tmp_path / "a.mp4")
    with pytest.raises(OSError):
        read_foreign(tmp_path / "link.mp4", longer)


def test_every_check_has_a_reason_in_the_documentation() -> None:
    text = (Path(__file__).parent.parent / "docs" / "reviewing.md").read_text()
    for check, meaning in CHECKS.items():
        assert f"| `{check}` | {meaning} |" in text
