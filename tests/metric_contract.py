"""What every metric must satisfy, whoever wrote it. `check(metric, sample)` raises AssertionError with the reason.

An outside package that adds a metric can run it on its own clips.
"""

from __future__ import annotations

from dataclasses import replace

from bench.features.bank import FeatureBank
from bench.metrics import Metric, Sample
from bench.metrics.damage import DAMAGES
from bench.types import MetricCard, Score, Video

TOLERANCE = 1e-4
"""Relative to the value's size (or absolute below 1): `same` and invariance mean this."""


def close(a: float, b: float) -> bool:
    return abs(a - b) <= TOLERANCE * max(1.0, abs(a), abs(b))


def in_range(card: MetricCard, value: float) -> bool:
    low, high = card.range
    return (low is None or value >= low - 1e-6) and (high is None or value <= high + 1e-6)


def worse(card: MetricCard, damaged: float, whole: float) -> bool:
    gap = whole - damaged if card.better == "higher" else damaged - whole
    return gap > 10 * TOLERANCE * max(1.0, abs(whole))


def value(metric: Metric, sample: Sample) -> float:
    score = metric.score(sample)
    assert score.value is not None, f"{metric.card.name} is unscored: {score.unscored}"
    return score.value


def without(sample: Sample, need: str) -> Sample:
    """The sample without what a card may need; words that ask for nothing are none."""
    if need == "prompts":
        return replace(sample, case=sample.case.model_copy(update={"target_prompt": sample.case.source_prompt}))
    return replace(sample, **{need: {} if need == "vocabulary" else None})


def check(metric: Metric, sample: Sample) -> None:
    """Hold a metric to its card on a sample that has a target and a mask; the sample's own edit is not used."""
    assert sample.target is not None and sample.mask is not None
    card = metric.card
    truth = sample.with_edit(sample.target)
    whole = value(metric, truth)
    assert in_range(card, whole), f"{card.name}: {whole} is outside {card.range}"

    fresh = replace(truth, features=FeatureBank(), edit=Video(sample.target.frames.copy(), sample.target.fps))
    assert close(value(metric, fresh), whole), f"{card.name} depends on what the feature bank already holds"

    for damage, reaction in card.reactions.items():
        damaged = value(metric, sample.with_edit(DAMAGES[damage](sample.target, sample.mask)))
        assert in_range(card, damaged), f"{card.name} under {damage}: {damaged} is outside {card.range}"
        if reaction == "same":
            assert close(damaged, whole), f"{card.name} must not react to {damage}: {whole} became {damaged}"
        elif reaction == "worse":
            assert worse(card, damaged, whole), f"{card.name} must get worse under {damage}: {whole} became {damaged}"

    for need in card.needs:
        lacking: Score = metric.score(without(truth, need))
        assert lacking.value is None, f"{card.name} says it needs a {need} but scores without one"
        assert lacking.unscored and lacking.unscored.startswith("needs"), f"{card.name}: '{lacking.unscored}'"
