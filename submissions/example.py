"""A worked example of a submission: the results of a method of three lines, complete and ready to check."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.media import read_video, write_mp4
from bench.testsets import select
from bench.types import TestSet, Video
from submissions.manifest import FILE
from submissions.template import write_template

FIELDS = {
    "name": "warm-tint",
    "version": "1.0",
    "track": "text",
    "team": "Example team",
    "contact": "someone@example.org",
    "paper": "",
    "code": "",
    "licence": "CC-BY-4.0",
    "model": "none, a tint",
    "hardware": "1x CPU",
    "seconds_per_edit": "0.01",
}


def tint(video: Video) -> Video:
    """Return the clip in warmer light: more red, less blue. The whole "method" of the example."""
    warmer = video.frames * np.array([1.15, 1.0, 0.85])
    return Video(np.clip(warmer, 0, 255).round().astype(np.uint8), video.fps)


def write_example(folder: Path, testset: TestSet, split: str) -> int:
    """Write a submission of the example's edits of a split, and return the number of clips.

    Raises `UserError` for an unknown split, and where the folder holds something already.
    """
    cases = select(testset, split)
    manifest = write_template(folder, testset.name, testset.version, split)
    lines = []
    for line in manifest.read_text(encoding="utf-8").splitlines():
        field = line.partition(":")[0].strip()
        head = line.partition(":")[0]
        # The test set's own name and version are filled in by the template.
        blank = line.partition(":")[2].lstrip().startswith("#")
        lines.append(f"{head}: {FIELDS[field]}".rstrip() if blank and field in FIELDS else line)
    (folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")
    for case in cases:
        source = read_video(testset.root / case.source.path)
        write_mp4(tint(source), folder / "videos" / f"{case.id}.mp4", pix_fmt="yuv444p")
    return len(cases)
