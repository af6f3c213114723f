"""Clips survive files: bit for bit where promised, close where lossy, and with a reason where they cannot."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench.errors import CaseFailed
from bench.media import (
    probe,
    read_mask,
    read_png,
    read_video,
    write_lossless,
    write_mask,
    write_mp4,
    write_png,
)
from bench.types import Video


def noise(t: int = 5, h: int = 48, w: int = 64) -> Video:
    return Video(np.random.default_rng(3).integers(0, 256, (t, h, w, 3), dtype=np.uint8))


def waves(t: int = 5, h: int = 48, w: int = 64) -> Video:
    """Smooth colours over the whole range, moving: what 4:2:0 is made for."""
    yy, xx = np.mgrid[:h, :w] / 16
    frames = [np.stack([np.sin(xx + k / 4), np.cos(yy - k / 5), np.sin(xx + yy)], -1) for k in range(t)]
    return Video(np.uint8(np.clip(127.5 + 127 * np.stack(frames), 0, 255)))


@pytest.mark.parametrize("fps", [Fraction(8), Fraction(24000, 1001)])
def test_a_stored_edit_decodes_back_bit_for_bit(tmp_path: Path, fps: Fraction) -> None:
    video = Video(noise().frames, fps)
    write_lossless(video, tmp_path / "a.mp4")
    back = read_video(tmp_path / "a.mp4")
    assert np.array_equal(back.frames, video.frames)
    assert back.fps == fps


def test_an_odd_sized_clip_is_stored_without_loss_too(tmp_path: Path) -> None:
    video = noise(3, 33, 47)
    write_lossless(video, tmp_path / "a.mp4")
    assert np.array_equal(read_video(tmp_path / "a.mp4").frames, video.frames)


@pytest.mark.parametrize("write", [write_lossless, write_mp4])
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, write) -> None:
    for name in "abcdef":
        write(waves(), tmp_path / f"{name}.mp4")
    assert len({path.read_bytes() for path in tmp_path.iterdir()}) == 1


@pytest.mark.parametrize(("pix_fmt", "tolerance"), [("yuv420p", 2.0), ("yuv444p", 1.2)])
def test_a_lossy_clip_keeps_colours_and_range(tmp_path: Path, pix_fmt, tolerance: float) -> None:
    write_mp4(waves(), tmp_path / "a.mp4", crf=4, pix_fmt=pix_fmt)
    difference = np.abs(read_video(tmp_path / "a.mp4").frames.astype(int) - waves().frames)
    assert difference.mean() < tolerance


def test_a_wrong_matrix_would_be_seen(tmp_path: Path) -> None:
    """Guards the test above: BT.601 read as BT.709 moves saturated colours by far more than its tolerance."""
    from av import VideoFrame
    from av.video.reformatter import ColorRange

    from bench.media.color import to_yuv

    frame = to_yuv(VideoFrame.from_ndarray(waves().frames[0], format="rgb24"), "yuv444p")
    wrong = frame.reformat(
        format="rgb24", src_colorspace=5, src_color_range=ColorRange.MPEG, dst_color_range=ColorRange.JPEG
    ).to_ndarray()
    assert np.abs(wrong.astype(int) - waves().frames[0]).mean() > 4


def test_a_mask_comes_back_whole_and_small(tmp_path: Path) -> None:
    yy, xx = np.mgrid[:256, :256]
    mask = np.stack([(yy - 128) ** 2 + (xx - 100 - 3 * t) ** 2 < 60**2 for t in range(17)])
    write_mask(mask, tmp_path / "m.mp4")
    assert np.array_equal(read_mask(tmp_path / "m.mp4"), mask)
    assert (tmp_path / "m.mp4").stat().st_size < 6000


def test_a_noisy_mask_comes_back_whole(tmp_path: Path) -> None:
    mask = np.random.default_rng(0).random((4, 30, 46)) < 0.5
    write_mask(mask, tmp_path / "m.mp4")
    assert np.array_equal(read_mask(tmp_path / "m.mp4"), mask)


def test_probing_tells_size_length_and_rate_without_decoding(tmp_path: Path) -> None:
    write_mp4(waves(), tmp_path / "a.mp4")
    facts = probe(tmp_path / "a.mp4")
    assert (facts.width, facts.height, facts.frames, facts.fps) == (64, 48, 5, 8)
    assert (facts.codec, facts.pix_fmt) == ("h264", "yuv420p")


def test_a_png_comes_back_bit_for_bit(tmp_path: Path) -> None:
    write_png(noise().frames[0], tmp_path / "f.png")
    assert np.array_equal(read_png(tmp_path / "f.png"), noise().frames[0])


@pytest.mark.parametrize("read", [read_video, read_mask, read_png, probe])
def test_what_is_no_media_is_refused_by_name(tmp_path: Path, read) -> None:
    (tmp_path / "bad.mp4").write_bytes(b"this is not a clip" * 100)
    with pytest.raises(CaseFailed, match=r"bad\.mp4: cannot be decoded"):
        read(tmp_path / "bad.mp4")
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(CaseFailed, match=r"empty\.mp4: cannot be decoded"):
        read(tmp_path / "empty.mp4")
    with pytest.raises(CaseFailed, match=r"gone\.mp4: no such file"):
        read(tmp_path / "gone.mp4")


def test_a_clip_cut_off_in_the_middle_is_refused(tmp_path: Path) -> None:
    write_mp4(noise(9), tmp_path / "a.mp4")
    data = (tmp_path / "a.mp4").read_bytes()
    (tmp_path / "a.mp4").write_bytes(data[: len(data) // 3])
    with pytest.raises(CaseFailed, match=r"a\.mp4"):
        read_video(tmp_path / "a.mp4")


def test_a_playlist_in_disguise_opens_no_other_file(tmp_path: Path) -> None:
    write_mp4(waves(), tmp_path / "secret.mp4")
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    with pytest.raises(CaseFailed, match="cannot be decoded"):
        read_video(tmp_path / "list.mp4")


def test_a_clip_longer_than_the_limit_is_refused(tmp_path: Path) -> None:
    write_mp4(waves(), tmp_path / "a.mp4")
    with pytest.raises(CaseFailed, match="more than 4 frames"):
        read_video(tmp_path / "a.mp4", max_frames=4)


def test_odd_sizes_are_refused_for_browser_clips(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="even sizes"):
        write_mp4(noise(2, 33, 47), tmp_path / "a.mp4")
    assert list(tmp_path.iterdir()) == []
