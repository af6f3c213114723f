"""Text in frames, read by RapidOCR with the PP-OCRv6 models that its wheel ships (Apache-2.0; no download)."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bench.features.bank import Arrays
from bench.types import Video
from bench.weights import MISSING, MissingWeights

WEIGHTS = "da2d61aa80aff563"
"""First 16 digits of the sha256 over the models of detection and recognition, in this order."""
MODELS = ("PP-OCRv6_det_small.onnx", "PP-OCRv6_rec_small.onnx")
LOOKS = 3
"""So many frames are read, evenly spread: reading is dear, and a label changes slowly."""


def looked_at(frames: int) -> list[int]:
    """Return the frames that are read: the middle of each third."""
    return sorted({int((k + 0.5) * frames / LOOKS) for k in range(LOOKS)})


@cache
def _reader() -> Any:
    mend = "run pip install 'rapidocr==3.10.0' onnxruntime"
    try:
        import rapidocr
    except ModuleNotFoundError:
        raise MissingWeights(f"{MISSING} rapidocr: {mend}") from None
    models = Path(rapidocr.__file__).parent / "models"
    content = hashlib.sha256()
    for name in MODELS:
        path = models / name
        if not path.is_file():
            raise MissingWeights(f"{MISSING} rapidocr ({name}): {mend}")
        content.update(path.read_bytes())
    if not content.hexdigest().startswith(WEIGHTS):
        raise MissingWeights(
            f"{MISSING} rapidocr: models of sha256 {content.hexdigest()[:16]}, wanted {WEIGHTS}: {mend}"
        )
    one = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    return rapidocr.RapidOCR(params={"Global.log_level": "critical", **one})


class Reading:
    """Extractor of `f0` ... : the texts found in each frame that is read, top to bottom; frames at their own size."""

    identity = f"rapidocr-v1-{WEIGHTS}-{LOOKS}looks"

    def extract(self, video: Video) -> Arrays:
        """Return one array of texts per frame that is read. Raises MissingWeights."""
        reader = _reader()
        found = {}
        for k, t in enumerate(looked_at(len(video.frames))):
            texts = reader(np.ascontiguousarray(video.frames[t][..., ::-1]), use_cls=False).txts or ()
            found[f"f{k}"] = np.array(texts, dtype=np.str_) if texts else np.zeros(0, "U1")
        return found


EXTRACTOR = Reading()
