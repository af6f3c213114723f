"""A folder to start a submission from: every field explained, nothing filled in that the check would believe."""

from __future__ import annotations

from pathlib import Path

from bench.errors import UserError
from submissions.manifest import FILE, FORMAT

_TEXT = """\
# A ShopEdit-Bench submission. Fill in every field, put one clip per case into videos/ (videos/<case_id>.mp4),
# and check it:  bench submit check {folder}
format: {format}

method:
  name:            # lower case with hyphens, stable over versions: my-editor
  version:         # what made these very clips: 1.0, or a commit
  track:           # what the method was given: text, first-frame (also the edited first frame) or mask

testset:
  name: {testset}
  version: {version}
  split: {split}

team:              # as it should be shown
contact:           # an e-mail address for questions; never shown
paper:             # https address, or empty
code:              # https address, or empty
licence:           # under which the clips may be shown: CC-BY-4.0
model:             # base model and size: Wan2.2-TI2V-5B
hardware:          # what it ran on: 1x H100 80GB
seconds_per_edit:  # mean wall time of an edit without loading the model: 12.5
"""


def write_template(folder: Path, testset: str, version: str, split: str) -> Path:
    """Write `submission.yaml` and an empty `videos/` and return the manifest's path.

    Raises `UserError` where the folder holds something already.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: there already and not an empty folder; name a new one")
    (folder / "videos").mkdir(parents=True)
    text = _TEXT.format(folder=folder.name, format=FORMAT, testset=testset, version=version, split=split)
    (folder / FILE).write_text(text, encoding="utf-8")
    return folder / FILE
