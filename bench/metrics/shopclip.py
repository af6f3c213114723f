"""Agreement of an edit with the words by shopclip: `lite-1`'s own versions of CLIP's metrics, in the same forms.

Over whole frames, or over squares about the edit mask. The model knows the rendered domain only.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bench.features.text_image import WEIGHTS, Vectors, embed_close_ups, embed_frames, embed_texts, load
from bench.metrics import Sample
from bench.metrics.clip_b32 import FORMS, RANGES, Form
from bench.metrics.region import reference
from bench.types import MetricCard, Score, Video


class TextAgreement:
    """One form over whole frames, or over squares about the edited region."""

    def __init__(self, form: Form, region: Literal["", "inside"]) -> None:
        self._form, self._region = form, region
        _, title, description = FORMS[form]
        self.card = MetricCard(
            name=f"shopclip-{form}" + (f"-{region}" if region else ""),
            title=f"shopclip {title}" + (" (edited region)" if region else ""),
            family="semantics",
            better="higher",
            range=RANGES[form],
            needs=("prompts", "mask") if region else ("prompts",),
            backbone="shopclip",
            weights=WEIGHTS,
            paper="as CLIP's (Radford et al. 2021; direction: Gal et al. 2022), with a model of this domain",
            description=f"{description} Knows the rendered domain only: elsewhere it means nothing.",
            reactions={"identity": "same"},
        )

    def score(self, sample: Sample) -> Score:
        """Return the mean and its series over looked-at frames."""
        case = sample.case
        if case.source_prompt == case.target_prompt:
            return Score(unscored="needs prompts that differ")
        if self._region and (sample.mask is None or not sample.mask.any()):
            return Score(unscored="needs a mask that is not empty")
        model, prompts = load(), (case.source_prompt, case.target_prompt)
        if (longest := max(map(model.tokens, prompts))) > model.longest:
            # Cutting a prompt silently would score another prompt.
            return Score(unscored=f"needs prompts of at most {model.longest} tokens, found {longest}")
        before, after = embed_texts(prompts)
        edit, source = (self._vectors(sample, v) for v in (sample.edit, sample.source))
        series = FORMS[self._form][0](edit, source, before, after)
        return Score(float(np.mean(series, dtype=np.float64)), series=tuple(map(float, series)))

    def _vectors(self, sample: Sample, video: Video) -> Vectors:
        if self._region and sample.mask is not None:
            return embed_close_ups(sample.features, video, sample.mask)
        return embed_frames(sample.features, video)


class FrameConsistency:
    """Absolute difference of neighbour cosines between edit and reference, as `framecos-effl0` with other features."""

    card = MetricCard(
        name="shopclip-frames",
        title="Frame consistency (difference to the reference), shopclip",
        family="temporal",
        better="lower",
        range=(0, 2),
        backbone="shopclip",
        weights=WEIGHTS,
        paper="after CLIP-F (Wu et al. 2023, arXiv:2310.16003), as a two-sided difference",
        description="A plain cosine is best for a frozen clip; as a difference it is not.",
        reactions={"identity": "same", "frozen": "worse"},
    )

    def score(self, sample: Sample) -> Score:
        """Return the mean difference and its series over looked-at neighbours."""
        vectors = (embed_frames(sample.features, clip) for clip in (reference(sample), sample.edit))
        wanted, found = ((v[:-1] * v[1:]).sum(1, dtype=np.float64) for v in vectors)
        if not len(wanted):
            return Score(unscored="needs three frames")
        series = np.abs(found - wanted)
        return Score(float(series.mean()), series=tuple(series.tolist()))


METRICS = (*(TextAgreement(form, region) for form in FORMS for region in ("", "inside")), FrameConsistency())
