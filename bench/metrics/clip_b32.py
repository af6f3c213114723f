"""CLIP ViT-B/32: does the edit say what the target prompt says, and more so than the source did?

A plain cosine with the target prompt is hardly a measure: untouched sources score within two points of the best
editors. So each form here compares with the source, over whole frames and over the box around the edited region.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bench import weights
from bench.features.clip_b32 import EXTRACTOR, crops, text
from bench.metrics import Sample
from bench.metrics.region import reference
from bench.types import MetricCard, Score, Video

WEIGHTS = weights.CATALOGUE["clip-vit-b32"].sha256
Embeddings = NDArray[np.float32]
Form = Literal["text", "direction", "frame-accuracy"]


def margin(edit: Embeddings, source: Embeddings, before: Embeddings, after: Embeddings) -> Embeddings:
    """Return 100 (cos(edit, target prompt) - cos(source, target prompt)) per frame."""
    return np.asarray(100 * (edit - source) @ after)


def direction(edit: Embeddings, source: Embeddings, before: Embeddings, after: Embeddings) -> Embeddings:
    """Return cos(edit - source, target prompt - source prompt) per frame; 0 where nothing changed (Gal et al. 2022)."""
    change, asked = edit - source, after - before
    length = np.linalg.norm(change, axis=-1) * np.linalg.norm(asked)
    return np.where(length > 1e-6, change @ asked / np.maximum(length, 1e-6), 0.0)


def frame_accuracy(edit: Embeddings, source: Embeddings, before: Embeddings, after: Embeddings) -> Embeddings:
    """Return 1 per frame that is closer to the target prompt than to the source prompt, else 0."""
    return (edit @ after > edit @ before).astype(np.float32)


FORMS: dict[Form, tuple[Callable[[Embeddings, Embeddings, Embeddings, Embeddings], Embeddings], str, str]] = {
    "text": (margin, "text margin", "100 times the gain in cosine with the target prompt over the source clip."),
    "direction": (direction, "direction", "Cosine of the change of the picture with the change of the prompt."),
    "frame-accuracy": (frame_accuracy, "frame accuracy", "Share of frames closer to the target prompt."),
}
RANGES: dict[Form, tuple[float, float]] = {"text": (-200, 200), "direction": (-1, 1), "frame-accuracy": (0, 1)}


class ClipText:
    """One form over whole frames, or over the box around the edited region."""

    def __init__(self, form: Form, region: Literal["", "inside"]) -> None:
        self._form, self._region = form, region
        _, title, description = FORMS[form]
        self.card = MetricCard(
            name=f"clip-{form}-b32" + (f"-{region}" if region else ""),
            title=f"CLIP {title}, ViT-B/32" + (" (edited region)" if region else ""),
            family="semantics",
            better="higher",
            range=RANGES[form],
            needs=("prompts", "mask") if region else ("prompts",),
            backbone="ViT-B-32-quickgelu openai",
            weights=WEIGHTS,
            paper="Radford et al. 2021 (CLIP), arXiv:2103.00020; direction: Gal et al. 2022, arXiv:2108.00946",
            description=description,
            reactions={"identity": "same"},
        )

    def score(self, sample: Sample) -> Score:
        """Return the mean and its series over every fourth frame. Raises MissingWeights, UserError for long prompts."""
        bank, case = sample.features, sample.case
        if case.source_prompt == case.target_prompt:
            return Score(unscored="needs prompts that differ")
        if self._region:
            if sample.mask is None or not sample.mask.any():
                return Score(unscored="needs a mask that is not empty")
            edit, source = (crops(bank, v, sample.mask) for v in (sample.edit, sample.source))
        else:
            edit, source = (bank.get(v, EXTRACTOR)["embeddings"] for v in (sample.edit, sample.source))
        if not len(edit):
            return Score(unscored="needs a looked-at frame with something in the mask")
        series = FORMS[self._form][0](edit, source, text(bank, case.source_prompt), text(bank, case.target_prompt))
        return Score(float(np.mean(series, dtype=np.float64)), series=tuple(map(float, series)))


class ClipFrames:
    """Absolute difference of neighbour cosines between edit and reference."""

    card = MetricCard(
        name="clip-frames-b32",
        title="Frame consistency (difference to the reference), CLIP ViT-B/32",
        family="temporal",
        better="lower",
        range=(0, 2),
        backbone="ViT-B-32-quickgelu openai",
        weights=WEIGHTS,
        paper="after CLIP-F (Wu et al. 2023, arXiv:2310.16003), as a two-sided difference",
        description="A plain cosine is best for a frozen clip; as a difference it is not.",
        reactions={"identity": "same", "frozen": "worse"},
    )

    def score(self, sample: Sample) -> Score:
        """Return the mean difference over looked-at neighbours. Raises MissingWeights."""

        def cosines(video: Video) -> Embeddings:
            found = sample.features.get(video, EXTRACTOR)["embeddings"].astype(np.float64)
            return np.asarray((found[:-1] * found[1:]).sum(-1))

        wanted = cosines(reference(sample))
        if not len(wanted):
            return Score(unscored="needs five frames")
        series = np.abs(cosines(sample.edit) - wanted)
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (*(ClipText(form, region) for form in FORMS for region in ("", "inside")), ClipFrames())
