"""A third party's results on footage without ground truth, by commands alone, from the folder to the row on the board.

On two real clips made small; docs/submitting.md has the same commands on all twelve as they are.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench.media import read_video, write_mp4
from bench.types import Video

REAL = Path(os.environ.get("SHOPEDIT_REAL", Path(__file__).resolve().parents[2] / "shared" / "real"))
CASES = ("sofa-leather", "street-watercolor")
MANIFEST = """\
format: 1
method: {name: kiwi-edit, version: "1.0", track: text}
testset: {name: real, version: 1.0, split: test}
team: Showlab
contact: someone@example.org
code: https://github.com/showlab/Kiwi-Edit
licence: MIT
model: Wan2.2-TI2V-5B
hardware: not stated
seconds_per_edit: 60
"""
pytestmark = [pytest.mark.slow, pytest.mark.skipif(not REAL.is_dir(), reason=f"needs the clips of {REAL}")]


def small(source: Path, target: Path) -> None:
    """Write 20 frames of a clip at a fifth of its size."""
    clip = read_video(source)
    height, width = (side // 10 * 2 for side in clip.shape[1:])
    frames = [cv2.resize(f, (width, height), interpolation=cv2.INTER_AREA) for f in clip.frames[:20]]
    target.parent.mkdir(parents=True, exist_ok=True)
    write_mp4(Video(np.stack(frames), clip.fps), target)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the clips, the table and the submission, and an empty state folder."""
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    with (REAL / "cases.csv").open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["case_id"] in CASES]
    kept = [name for name in rows[0] if not name.endswith("_sha256")]  # of the clips as they were
    for row in rows:
        small(REAL / row["source"], tmp_path / row["source"])
        small(REAL / "kiwi-edit" / f"{row['case_id']}.mp4", tmp_path / "kiwi" / "videos" / f"{row['case_id']}.mp4")
    with (tmp_path / "cases.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, kept, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    (tmp_path / "kiwi" / "submission.yaml").write_text(MANIFEST, encoding="utf-8")
    return tmp_path


def bench(*arguments: str) -> str:
    done = subprocess.run([sys.executable, "-m", "bench.cli", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_results_of_real_clips_go_from_the_folder_to_the_board(place: Path) -> None:
    bench("testset", "import", "cases.csv", "--out", "real")
    assert "2 clips" in bench("submit", "check", "kiwi", "--testset", "real")
    bench("submit", "pack", "kiwi", "kiwi.zip", "--testset", "real")
    submission = bench("submit", "add", "kiwi.zip", "--testset", "real", "--as", "showlab").partition(":")[0]

    # A worker that is killed in mid-scoring loses at most the clip in hand, and the next one goes on.
    worker = subprocess.Popen([sys.executable, "-m", "bench.cli", "submit", "work"], start_new_session=True)
    log = place / "home" / "submissions" / submission / "home" / "journal"
    until = time.monotonic() + 300
    while not any('"kind":"edit"' in path.read_text() for path in log.glob("*.jsonl")):
        assert time.monotonic() < until
        assert worker.poll() is None
        time.sleep(0.05)
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    assert "lease runs until" in bench("submit", "work")
    from bench.home import Home
    from submissions.ledger import Ledger
    from submissions.scoring import LEASE, sweep

    ledger = Ledger(Home(place / "home"))
    now = ledger.now
    ledger.now = lambda: now() + LEASE
    assert sweep(ledger) == (f"{submission}: requeue",)
    assert "1 scored" in bench("submit", "work")
    assert "in-review" in bench("submit", "status", submission)
    bench("review", "show", submission)
    bench("review", "accept", submission, "--by", "moderator")

    from leaderboard import query, source

    store = source.open_source()
    (board,) = store.boards
    columns = store.columns(board)
    shown = query.view(columns, "test")
    assert shown.composites == ()
    row = columns.row("kiwi-edit-by-showlab")
    for metric in ("structure-effl0", "motion-lk", "warp-excess-dis", "flicker-difference", "framecos-effl0"):
        assert np.isfinite(shown.of(metric)[row]).all(), metric
    assert store.provenance(columns.keys[row]) == "re-scored"
    (standing,) = query.standings(shown, "motion-lk")
    assert standing.edits == 2
    assert standing.failed == 0
