"""A protocol is a frozen set of metrics and one formula; its signature says which scores may be compared."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

import numpy as np

from bench.errors import unknown
from bench.full import FULL_1, FULL_1_METRICS, FULL_1_SETS
from bench.metrics import Metric, Sample, SetMetric, measure, registered
from bench.metrics.damage import frozen
from bench.score import AXES, Control, Formula, Placed, Term, combine, place_all
from bench.types import EditCase, MetricCard, Score, Video
from bench.weights import MISSING

LITE_1_METRICS = (
    "psnr",
    "psnr-inside",
    "psnr-outside",
    "ssim",
    "ssim-outside",
    "perc-effl0",
    "perc-effl0-outside",
    "structure-effl0",
    "structure-effl0-target",
    "edges-gms",
    "edges-gms-outside",
    "margin-lab",
    "margin-effl0",
    "label-text",
    "ciede2000",
    "ciede2000-outside",
    "motion-lk",
    "warp-excess-dis",
    "flicker-difference",
    "framecos-effl0",
    "seconds",
    "nfe",
    "peak-memory",
)

LITE_1_SETS = ("kvd-effl0t", "fvd-effl0t", "fid-effl0")

LITE_1 = Formula(
    terms=(
        Term("margin-lab", "accuracy", "higher", "source", weight=4),
        Term("margin-effl0", "accuracy", "higher", "source", weight=1),
        Term(
            "ciede2000-outside",
            "preservation",
            "lower",
            "other",
            weight=4,
            least_span=20,
            most_span=25,
            where="outside",
        ),
        Term("ssim-outside", "preservation", "higher", "other", weight=2, least_span=0.4, where="outside"),
        Term("perc-effl0-outside", "preservation", "lower", "other", weight=1, least_span=1, where="outside"),
        Term("structure-effl0-target", "preservation", "lower", "other", weight=1, least_span=120, where="whole"),
        Term("ssim", "preservation", "higher", "other", weight=1, least_span=0.4, where="whole"),
        Term("motion-lk", "temporal", "higher", "frozen", weight=3),
        Term("flicker-difference", "temporal", "lower", "frozen", weight=1, least_span=16, most_span=32),
    ),
    accuracy=1.0,
    preservation=0.5,
    temporal=0.5,
)
"""The headline of `lite-1`. How each number was chosen: docs/score.md."""


def _composite(name: str, title: str, top: float, description: str) -> MetricCard:
    return MetricCard(name=name, title=title, family="score", better="higher", range=(0, top), description=description)


COMPOSITES = (
    _composite("accuracy", "Accuracy", 1, "Was the asked edit made, inside the mask? 0: untouched source."),
    _composite("preservation", "Preservation", 1, "Was the rest left alone? 0: another clip."),
    _composite("temporal", "Temporal", 1, "Does it move as it should, without flicker? 0: frozen."),
    _composite("score", "Score", 100, "The three axes multiplied; 0 for the source, 100 for the ground truth."),
)


@dataclass(frozen=True, slots=True)
class Protocol:
    """Scores one edit: every metric of the list, the three axes and the headline."""

    name: str
    metrics: tuple[Metric, ...]
    formula: Formula
    sets: tuple[SetMetric, ...] = ()
    """Metrics of whole sets of edits, scored at the end of a run (`bench.sets`); never part of the headline."""

    @property
    def cards(self) -> tuple[MetricCard, ...]:
        """The composites' cards, headline last, then the metrics'."""
        return COMPOSITES + tuple(m.card for m in self.metrics)

    @property
    def signature(self) -> str:
        """`<name>:<12 hex>` over every card (versions and weights included) and every parameter of the formula.

        Scores of unequal signature are never compared, averaged or ranked together. Titles and descriptions may
        change without changing it.
        """
        every = (*self.cards, *(m.card for m in self.sets))
        cards = [c.model_dump(mode="json", exclude={"title", "description", "paper"}) for c in every]
        content = json.dumps([self.name, cards, self.formula.digest()], sort_keys=True)
        return f"{self.name}:{hashlib.sha256(content.encode()).hexdigest()[:12]}"

    def score_edit(self, sample: Sample) -> dict[str, Score]:
        """Return a Score by id for every card; metrics of the headline carry their anchors on this case.

        Raises ValueError where the edit has not the source's length and size: that edit has failed.
        """
        if sample.edit.shape != sample.source.shape:
            raise ValueError(
                f"the edit is {sample.edit.shape} (frames, height, width), the source {sample.source.shape}"
            )
        scores = {m.card.name: measure(m, sample) for m in self.metrics}
        if sample.target is None:
            return {name: Score(unscored="needs a target clip") for name in (*AXES, "score")} | scores
        by_name = {m.card.name: m for m in self.metrics}
        for term in self.formula.applying(_mask_share(sample)):
            value = scores[term.metric]
            if value.value is None:
                continue
            anchors = _anchors(by_name[term.metric], term.control, sample)
            if anchors is not None:
                scores[term.metric] = replace(value, anchors=anchors)
        composites = combine(self.formula, self.explain(scores, sample))
        for term in self.formula.applying(_mask_share(sample)):
            reason = scores[term.metric].unscored
            if reason and reason.startswith(MISSING):
                # Other metrics do not take its weight: the score would be another one under the same name.
                composites |= {term.axis: Score(unscored=reason), "score": Score(unscored=reason)}
        return composites | scores

    def explain(self, scores: dict[str, Score], sample: Sample) -> tuple[Placed, ...]:
        """Return how each metric of the headline was placed between its anchors on this edit."""
        return place_all(self.formula, scores, _mask_share(sample))

    def failed_scores(self, reason: str, case: EditCase) -> dict[str, Score]:
        """Return the scores of an edit that is missing or unusable: 0 on every composite, all else unscored.

        A failed edit stays in every mean; dropping it would reward failing on hard cases. A composite that no edit of
        the case could have, for want of a target or mask, is unscored here too.
        """
        axes = self._axes_of(case)
        within = [*axes, "score"] if len(axes) == len(AXES) else axes
        unscored = dict.fromkeys((*AXES, "score", *(m.card.name for m in self.metrics)), Score(unscored=reason))
        return unscored | dict.fromkeys(within, Score(0.0))

    def _axes_of(self, case: EditCase) -> list[str]:
        """Return the axes of which some metric finds on the case what it needs. Anchors need the target."""
        lacking = {role for role in ("mask", "product_mask") if getattr(case, role) is None}
        needs = {m.card.name: set(m.card.needs) for m in self.metrics}
        terms = [t for t in self.formula.terms if not needs[t.metric] & lacking] if case.target else []
        return [axis for axis in AXES if any(t.axis == axis for t in terms)]


def load(name: str) -> Protocol:
    """Return the protocol of that name. Raises UserError for an unknown one."""
    protocols = {
        "lite-1": (LITE_1_METRICS, LITE_1_SETS, LITE_1),
        "full-1": (FULL_1_METRICS, FULL_1_SETS, FULL_1),
    }
    if name not in protocols:
        raise unknown("protocol", name, protocols)
    wanted, sets, formula = protocols[name]
    found = registered()
    return Protocol(
        name,
        tuple(_per_edit(found[metric]) for metric in wanted),
        formula,
        tuple(_of_sets(found[metric]) for metric in sets),
    )


def _per_edit(metric: Metric | SetMetric) -> Metric:
    if not isinstance(metric, Metric):
        raise TypeError(f"{metric.card.name} is a metric of sets, not of edits")
    return metric


def _of_sets(metric: Metric | SetMetric) -> SetMetric:
    if not isinstance(metric, SetMetric):
        raise TypeError(f"{metric.card.name} is a metric of edits, not of sets")
    return metric


def _mask_share(sample: Sample) -> float:
    return 1.0 if sample.mask is None else float(sample.mask.mean())


def _anchors(metric: Metric, control: Control, sample: Sample) -> tuple[float, float] | None:
    """Return what the control and the ground truth get on this case; None where the case lacks either clip."""
    if sample.target is None or (control == "other" and sample.other is None):
        return None
    target, bank = sample.target, sample.features
    clips = [bank.digest(v) if v is not None else "" for v in (sample.source, target, sample.other)]
    mask = "" if sample.mask is None else hashlib.sha256(np.packbits(sample.mask).tobytes()).hexdigest()

    def value(edit: Video | None) -> float:
        found = metric.score(sample.with_edit(edit)).value if edit is not None else None
        return np.nan if found is None else found

    def measure() -> dict[str, np.ndarray]:
        edit = {"source": sample.source, "frozen": frozen(target), "other": sample.other}[control]
        return {"control": np.array(value(edit)), "truth": np.array(value(target))}

    key = hashlib.sha256("|".join([*clips, mask, control]).encode()).hexdigest()
    found = bank.recall(f"anchor-{metric.card.name}-v{metric.card.version}-{key}", measure)
    low, high = float(found["control"]), float(found["truth"])
    return (low, high) if np.isfinite([low, high]).all() else None
