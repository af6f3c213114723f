"""Is the word on the product's label still, or now, the right one?"""

from __future__ import annotations

import re

import numpy as np

from bench.features.ocr import EXTRACTOR, WEIGHTS
from bench.metrics import Sample
from bench.types import EditCase, MetricCard, Score

TAG = "label"
LEGIBLE = 0.75
"""A frame counts where the reader gets this share of the word out of the ground truth itself."""
_WORD = re.compile(r"[A-Z0-9]{2,}")


def word_of(case: EditCase) -> str | None:
    """Return the word that the label must show: what an edit of the label asks for, else the word to be kept.

    A label's word is written in capitals in `keep`; the case is tagged `label`.
    """
    if TAG not in case.tags:
        return None
    asked = [a.target for a in case.attributes if a.name == TAG]
    kept = [k for k in case.keep if _WORD.fullmatch(k)]
    return next(iter(asked + kept), None)


def likeness(word: str, texts: np.ndarray) -> float:
    """Return the likeness in [0, 1] of the most like text: 1 - edits / length of the longer, whatever the case."""
    wanted = word.casefold()
    found = [t.casefold().strip() for t in texts.tolist()]
    return max((1 - _edits(wanted, t) / max(len(wanted), len(t)) for t in found if t), default=0.0)


def _edits(a: str, b: str) -> int:
    """Return the Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        last, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (x != y))
    return row[-1]


class LabelText:
    """Likeness of the text read to the word, mean over the frames in which the ground truth can be read."""

    card = MetricCard(
        name="label-text",
        title="Label text, by OCR",
        family="accuracy",
        better="higher",
        range=(0, 1),
        needs=("target",),
        backbone="PP-OCRv6 small (rapidocr 3.10)",
        weights=WEIGHTS,
        paper="1 - normalised edit distance (Levenshtein 1966) of the most like text in the frame",
        description="On cases tagged `label` only; three frames are read.",
        reactions={"identity": "same"},
    )

    def score(self, sample: Sample) -> Score:
        """Return the likeness and its series over the legible frames. Raises MissingWeights."""
        word = word_of(sample.case)
        if word is None:
            return Score(unscored="needs a case tagged `label`, with its word in capitals among what is kept")
        if sample.target is None:
            return Score(unscored="needs a target clip")
        target, edit = (sample.features.get(v, EXTRACTOR) for v in (sample.target, sample.edit))
        legible = [name for name in target if likeness(word, target[name]) >= LEGIBLE]
        if not legible:
            return Score(unscored="needs a label that can be read in the target")
        series = [likeness(word, edit[name]) for name in legible]
        return Score(float(np.mean(series)), series=tuple(series))


METRICS = (LabelText(),)
