"""Words on labels are read from real pixels, by models that come with a package."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from bench import protocol
from bench.features import ocr
from bench.features.bank import FeatureBank
from bench.metrics import Sample, damage
from bench.metrics.label import LabelText, likeness, word_of
from bench.types import Asset, AttributeChange, EditCase, Instruction, Video
from bench.weights import MissingWeights
from tests import metric_contract


def clip(word: str, frames: int = 6) -> Video:
    """A bottle-like shape with a word on it, drifting to the right."""
    shown = []
    for t in range(frames):
        frame = np.full((192, 192, 3), (205, 200, 190), np.uint8)
        cv2.rectangle(frame, (40 + t, 30), (150 + t, 185), (60, 110, 70), -1)
        cv2.rectangle(frame, (46 + t, 80), (144 + t, 125), (245, 245, 240), -1)
        cv2.putText(frame, word, (50 + t, 114), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (20, 20, 20), 2, cv2.LINE_AA)
        shown.append(frame)
    return Video(np.stack(shown))


def case(**changes: object) -> EditCase:
    asset = Asset(path="-", sha256="-", width=192, height=192, frames=6)
    fields = {"tags": ("label",), "keep": ("juice bottle", "NOVA", "glass")} | changes
    return EditCase(
        id="case",
        group="clip",
        scenario="color",
        vertical="food",
        source=asset,
        source_prompt="",
        target_prompt="",
        instruction=Instruction(en="", zh=""),
        split="dev",
        **fields,
    )


@pytest.fixture(scope="module")
def sample() -> Sample:
    kept = clip("NOVA")
    return Sample(case(), kept, kept, kept, features=FeatureBank())


def test_the_word_is_what_is_kept_or_what_an_edit_of_the_label_asks_for() -> None:
    assert word_of(case()) == "NOVA"
    assert word_of(case(tags=())) is None
    assert word_of(case(keep=("juice bottle",))) is None
    asked = AttributeChange(name="label", source="NOVA", target="MINT")
    assert word_of(case(attributes=(asked,), keep=("glass",))) == "MINT"


@pytest.mark.parametrize(
    ("texts", "value"),
    [(["NOVA"], 1), (["nova", "x"], 1), (["N0VA"], 0.75), (["OVA"], 0.75), ([], 0), (["MINT"], 0), (["NOVA BAR"], 0.5)],
)
def test_likeness_is_one_less_the_share_of_letters_to_change(texts: list[str], value: float) -> None:
    assert likeness("NOVA", np.array(texts, np.str_)) == value


def test_a_kept_label_is_read_and_a_changed_or_smeared_one_is_not(sample: Sample) -> None:
    metric = LabelText()
    assert metric.score(sample).value == 1
    assert (metric.score(sample.with_edit(clip("MINT"))).value or 0) <= 0.25
    assert metric.score(sample.with_edit(damage.blur(clip("NOVA"), 8))).value == 0
    assert metric.score(sample.with_edit(clip(""))).value == 0


def test_the_metric_keeps_its_card(sample: Sample) -> None:
    mask = np.zeros(sample.source.shape, bool)
    mask[:, 80:126, 46:150] = True
    metric_contract.check(LabelText(), replace(sample, mask=mask))


def test_three_frames_are_read_and_each_clip_once(sample: Sample) -> None:
    assert ocr.looked_at(17) == [2, 8, 14] and ocr.looked_at(1) == [0]
    found = sample.features.get(sample.target, ocr.EXTRACTOR)
    assert [v.tolist() for v in found.values()] == [["NOVA"]] * 3
    assert sample.features.get(Video(sample.target.frames.copy()), ocr.EXTRACTOR) is found


def test_cases_without_a_legible_label_are_left_out_with_the_reason(sample: Sample) -> None:
    plain = Sample(case(tags=()), sample.source, sample.edit, sample.target)
    assert (LabelText().score(plain).unscored or "").startswith("needs a case tagged `label`")
    blank = Sample(case(), clip(""), sample.edit, clip(""))
    assert LabelText().score(blank).unscored == "needs a label that can be read in the target"


def test_other_models_than_the_pinned_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "WEIGHTS", "0" * 16)
    ocr._reader.cache_clear()
    with pytest.raises(MissingWeights, match=r"needs weights rapidocr: models of sha256 [0-9a-f]{16}, wanted 0000"):
        ocr._reader()
    ocr._reader.cache_clear()


def test_both_protocols_read_labels_and_neither_weighs_them() -> None:
    for name in ("lite-1", "full-1"):
        found = protocol.load(name)
        assert "label-text" in {m.card.name for m in found.metrics}
        assert "label-text" not in {t.metric for t in found.formula.terms}
