"""Clips from outside: read by a confined process, and held to what their case asks for."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.testsets import read_testset
from bench.types import EditCase
from submissions import probe as probing
from submissions.clips import clip_problems
from submissions.probe import Ended, Facts, probe
from submissions.probe_child import ADDRESS_SPACE, CPU_SECONDS, OPEN_FILES
from tests.fixtures import FRAMES, HEIGHT, WIDTH
from tests.hostile_clips import ACCEPTED_CLIPS, HOSTILE_CLIPS, clip, good

BUDGET_KIB = 128 * 1024


@pytest.fixture(scope="module")
def case(toyset: Path) -> EditCase:
    return read_testset(toyset).cases[0]


@pytest.mark.parametrize("name", HOSTILE_CLIPS)
def test_a_hostile_clip_is_refused_within_the_memory_budget(name: str, tmp_path: Path, case: EditCase) -> None:
    make, rule = HOSTILE_CLIPS[name]
    path = tmp_path / "clip.mp4"
    make(path)
    problems, peak = clip_problems(path, "videos/clip.mp4", case)
    assert rule in {p.rule for p in problems}, problems
    assert all(p.file == "videos/clip.mp4" and p.found and p.limit and p.remedy for p in problems)
    assert peak <= BUDGET_KIB
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ACCEPTED_CLIPS)
def test_an_honest_clip_is_accepted(name: str, tmp_path: Path, case: EditCase) -> None:
    path = tmp_path / "clip.mp4"
    ACCEPTED_CLIPS[name](path)
    problems, peak = clip_problems(path, "videos/clip.mp4", case)
    assert problems == []
    assert 0 < peak <= BUDGET_KIB


@pytest.mark.parametrize(
    ("codec", "options"),
    [("libsvtav1", {"svtav1-params": "lp=1"}), ("libx265", {"x265-params": "log-level=none"})],
)
def test_newer_codecs_are_accepted(codec: str, options: dict[str, str], tmp_path: Path, case: EditCase) -> None:
    path = tmp_path / "clip.mp4"
    clip(path, codec=codec, size=(128, 128), options=options)  # their encoders cannot take the toy size
    larger = case.model_copy(update={"source": case.source.model_copy(update={"width": 128, "height": 128})})
    assert clip_problems(path, "videos/clip.mp4", larger)[0] == []


def test_a_playlist_reads_no_sibling_even_where_it_reaches_the_reader(tmp_path: Path) -> None:
    good(tmp_path / "sibling.mp4")
    playlist = tmp_path / "clip.mp4"
    playlist.write_text("ffconcat version 1.0\nfile sibling.mp4\n")
    found = probe(playlist, FRAMES, WIDTH, HEIGHT)
    assert isinstance(found, Facts)
    assert found.unreadable and found.decoded == 0


def test_a_playlist_reaches_no_network_even_where_it_reaches_the_reader(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        playlist = tmp_path / "clip.mp4"
        playlist.write_text(f"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:{server.getsockname()[1]}/x.ts\n#EXT-X-ENDLIST\n")
        found = probe(playlist, FRAMES, WIDTH, HEIGHT)
        assert isinstance(found, Facts) and found.unreadable
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("name", ["matroska", "avi", "raw stream"])
def test_other_containers_are_not_read_even_where_they_reach_the_reader(name: str, tmp_path: Path) -> None:
    HOSTILE_CLIPS[name][0](tmp_path / "clip.mp4")
    found = probe(tmp_path / "clip.mp4", FRAMES, WIDTH, HEIGHT)
    assert isinstance(found, Facts)
    assert found.unreadable and not found.streams


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are shown by Linux alone")
def test_the_reader_is_confined_before_it_sees_a_byte() -> None:
    command = [sys.executable, "-I", str(probing.CHILD), "5", "48", "32"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes) as child:  # type: ignore[call-overload]
        wanted = {
            "Max address space": str(ADDRESS_SPACE),
            "Max cpu time": str(CPU_SECONDS),
            "Max open files": str(OPEN_FILES),
            "Max file size": "0",
            "Max core file size": "0",
        }
        found: dict[str, str] = {}
        deadline = time.monotonic() + 20
        while found != wanted and time.monotonic() < deadline:
            lines = Path(f"/proc/{child.pid}/limits").read_text().splitlines()
            found = {name: line[len(name) :].split()[0] for line in lines for name in wanted if line.startswith(name)}
            time.sleep(0.02)
        assert found == wanted
        assert child.poll() is None
        child.kill()


def test_a_link_put_in_place_of_a_clip_is_not_followed(tmp_path: Path) -> None:
    good(tmp_path / "real.mp4")
    (tmp_path / "clip.mp4").symlink_to(tmp_path / "real.mp4")
    with pytest.raises(OSError, match="symbolic links"):
        probe(tmp_path / "clip.mp4", FRAMES, WIDTH, HEIGHT)


CONFINED = "import json, runpy, sys\nconfine = runpy.run_path({child!r})['confine']\nconfine()\n"
LIARS = {
    "dies": ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "clip-crash"),
    "fails": ("raise SystemExit(3)", "clip-crash"),
    "sleeps": ("import time; time.sleep(60)", "clip-time"),
    "is stopped": ("import os, signal; os.kill(os.getpid(), signal.SIGXCPU)", "clip-time"),
    "says nothing": ("", "clip-crash"),
    "talks without end": ("import sys\nwhile True: sys.stdout.write('x' * 65536)", "clip-time"),
    "makes up fields": ("print('{\"accepted\": true}')", "clip-crash"),
    "says infinity": ("print('{\"times\": [Infinity]}')", "clip-crash"),
    "gives a rate that takes forever to compute": ('print(\'{"fps": "1e999999999"}\')', "clip-crash"),
    "runs out of memory": ("print('{\"memory\": true}')", "clip-memory"),
    "allocates": (CONFINED + "bytearray(2 ** 30)", "clip-crash"),
    "writes a file": (CONFINED + "open({out!r}, 'w').write('x' * 99999)", "clip-crash"),
    "opens many files": (CONFINED + "[open('/dev/null') for _ in range(99)]", "clip-crash"),
    "hides in the environment": ("import os; assert not set(os.environ) - {{'LC_CTYPE'}}", "clip-crash"),
}


@pytest.mark.parametrize("name", LIARS)
def test_a_reader_taken_over_by_a_clip_gains_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, rule = LIARS[name]
    script = tmp_path / "child.py"
    if "{child!r}" in code:
        code = code.format(child=str(probing.CHILD), out=str(tmp_path / "written"))
    script.write_text(code)
    monkeypatch.setattr(probing, "CHILD", script)
    (tmp_path / "clip.mp4").write_bytes(b"taken over")
    found = probe(tmp_path / "clip.mp4", FRAMES, WIDTH, HEIGHT, seconds=3)
    assert isinstance(found, Ended)
    assert found.rule == rule
    written = tmp_path / "written"
    assert not written.exists() or written.stat().st_size == 0
