"""The headline: its algebra, and its end points and order on real clips of the shipped test set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from bench import protocol
from bench.errors import UserError
from bench.features.bank import FeatureBank
from bench.metrics import Sample, damage
from bench.score import AXES, Formula, Term, combine, place, place_all
from bench.types import SCENARIOS, Asset, EditCase, Instruction, Score, Video

LITE = protocol.load("lite-1")
HIGHER = Term("m", "accuracy", "higher", "source", 1.0)
LOWER = Term("m", "accuracy", "lower", "source", 1.0)


@pytest.mark.parametrize(
    ("term", "value", "control", "truth", "x"),
    [
        (HIGHER, 15, 10, 20, 0.5),
        (HIGHER, 5, 10, 20, 0.0),
        (HIGHER, 25, 10, 20, 1.0),
        (LOWER, 2, 8, 0, 0.75),
        (LOWER, -1, 8, 0, 1.0),
        (replace(LOWER, least_span=10), 2, 1, 0, 0.8),
        (replace(LOWER, least_span=10), 2, -3, 0, 0.8),
        (replace(LOWER, most_span=4), 2, 100, 0, 0.5),
        (HIGHER, 3, 3, 3, 1.0),
        (HIGHER, 2, 3, 3, 0.0),
    ],
)
def test_a_value_is_placed_between_control_and_truth(
    term: Term, value: float, control: float, truth: float, x: float
) -> None:
    assert place(term, value, control, truth).x == pytest.approx(x)


def formula(*terms: Term) -> Formula:
    return Formula(terms, accuracy=1.0, preservation=0.5, temporal=0.5)


def test_the_headline_is_the_product_of_powers_of_weighted_geometric_means() -> None:
    terms = (
        Term("a", "accuracy", "higher", "source", 3.0),
        Term("b", "accuracy", "higher", "source", 1.0),
        Term("c", "preservation", "higher", "other", 1.0),
        Term("d", "temporal", "higher", "frozen", 1.0),
    )
    values = {"a": 0.5, "b": 0.25, "c": 0.81, "d": 0.64}
    scores = {k: Score(v, anchors=(0.0, 1.0)) for k, v in values.items()}
    found = combine(formula(*terms), place_all(formula(*terms), scores, 0.2))
    accuracy = 0.5**0.75 * 0.25**0.25
    assert found["accuracy"].value == pytest.approx(accuracy)
    assert found["score"].value == pytest.approx(100 * accuracy * 0.9 * 0.8)


def test_one_axis_at_nothing_is_nothing_in_all() -> None:
    terms = tuple(Term(axis, axis, "higher", "source", 1.0) for axis in AXES)
    for lost in AXES:
        scores = {axis: Score(float(axis != lost), anchors=(0.0, 1.0)) for axis in AXES}
        assert combine(formula(*terms), place_all(formula(*terms), scores, 0.2))["score"].value == 0


def test_a_metric_that_does_not_apply_leaves_its_weight_to_the_others() -> None:
    terms = (Term("a", "accuracy", "higher", "source", 3.0), Term("b", "accuracy", "higher", "source", 1.0))
    scores = {"a": Score(unscored="needs x"), "b": Score(0.25, anchors=(0.0, 1.0))}
    assert combine(formula(*terms), place_all(formula(*terms), scores, 0.2))["accuracy"].value == 0.25


def test_a_headline_is_never_made_of_fewer_axes() -> None:
    scores = {"m": Score(1.0, anchors=(0.0, 1.0))}
    found = combine(formula(HIGHER), place_all(formula(HIGHER), scores, 0.2))
    assert found["score"].unscored == "needs preservation and temporal"


def test_where_next_to_nothing_lies_outside_the_mask_other_terms_apply() -> None:
    names = {share: {t.metric for t in LITE.formula.applying(share)} for share in (0.2, 0.95)}
    assert "ssim-outside" in names[0.2] and "structure-effl0-target" not in names[0.2]
    assert "ssim-outside" not in names[0.95] and "structure-effl0-target" in names[0.95]


def test_the_signature_changes_with_any_parameter_and_not_with_a_title() -> None:
    other = replace(LITE, formula=replace(LITE.formula, accuracy=0.99))
    assert other.signature != LITE.signature
    first = LITE.formula.terms[0]
    nudged = replace(LITE.formula, terms=(replace(first, weight=2.1), *LITE.formula.terms[1:]))
    assert replace(LITE, formula=nudged).signature != LITE.signature
    assert protocol.load("lite-1").signature == LITE.signature
    assert LITE.signature.startswith("lite-1:") and len(LITE.signature) == len("lite-1:") + 12


def test_every_term_of_the_formula_is_a_metric_of_the_protocol_with_that_direction_and_axis() -> None:
    cards = {m.card.name: m.card for m in LITE.metrics}
    for term in LITE.formula.terms:
        assert cards[term.metric].better == term.better
        assert cards[term.metric].axis == term.axis
    for axis in AXES:
        for share in (0.2, 0.95):
            assert [t for t in LITE.formula.applying(share) if t.axis == axis and t.weight > 0]


def test_an_unknown_protocol_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown protocol 'lite1': did you mean lite-1\?"):
        protocol.load("lite1")


def test_a_failed_edit_scores_nothing_and_stays() -> None:
    whole = a_case(target=ASSET, mask=ASSET)
    failed = LITE.failed_scores("no clip was written", whole)
    assert {failed[name].value for name in (*AXES, "score")} == {0.0}
    assert failed["psnr"].unscored == "no clip was written"
    assert set(failed) == {card.name for card in LITE.cards}


def test_a_failed_edit_gets_no_headline_where_no_edit_of_the_case_could_have_one() -> None:
    bare = LITE.failed_scores("no clip was written", a_case())
    assert {score.unscored for score in bare.values()} == {"no clip was written"}
    unmasked = LITE.failed_scores("no clip was written", a_case(target=ASSET))
    assert [name for name, score in unmasked.items() if score.value == 0.0] == ["preservation", "temporal"]


ASSET = Asset(path="clip.mp4", sha256="0" * 64, width=32, height=32, frames=5)


def a_case(**files: Asset) -> EditCase:
    words = {"source_prompt": "a", "target_prompt": "b", "instruction": Instruction(en="c", zh="")}
    return EditCase(id="x", group="x", scenario="color", vertical="toys", source=ASSET, split="test", **words, **files)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def tiles(colours: np.ndarray, side: int) -> np.ndarray:
    sharp = np.kron(colours.astype(np.uint8), np.ones((side, side, 1), np.uint8))
    return cv2.GaussianBlur(sharp, (0, 0), 1.5)  # as soft as a lens leaves edges


def still_life(whole: bool) -> Sample:
    """A camera passes over a textured ground with a box on it; the box (or all) changes its colour."""
    rng = np.random.default_rng(int(whole))
    size, frames = 96, 9
    ground = tiles(rng.integers(40, 216, (20, 20, 3)), 8)
    box = np.zeros(ground.shape[:2], bool)
    box[48:88, 48:88] = True
    changed = np.where((box | whole)[..., None], ground[..., [2, 0, 1]] // 2 + 60, ground).astype(np.uint8)

    def filmed(picture: np.ndarray) -> np.ndarray:
        return np.stack([picture[2 * t : 2 * t + size, t : t + size] for t in range(frames)])

    source, target = Video(filmed(ground)), Video(filmed(changed))
    mask = np.ones(source.shape, bool) if whole else filmed(box)
    other = Video(filmed(tiles(rng.integers(0, 256, (40, 40, 3)), 4)))
    asset = Asset(path="-", sha256="-", width=size, height=size, frames=frames)
    case = EditCase(
        id="case",
        group="clip",
        scenario="style" if whole else "color",
        vertical="home",
        source=asset,
        source_prompt="",
        target_prompt="",
        instruction=Instruction(en="", zh=""),
        split="dev",
    )
    return Sample(case, source, target, target, mask, other=other, features=FeatureBank())


@pytest.fixture(scope="module", params=[False, True], ids=["box", "whole"])
def sample(request: pytest.FixtureRequest) -> Sample:
    return still_life(request.param)


def headline(sample: Sample, edit: Video) -> float:
    value = LITE.score_edit(sample.with_edit(edit))["score"].value
    assert value is not None
    return value


def test_the_end_points_hold_exactly(sample: Sample) -> None:
    assert sample.target is not None
    assert headline(sample, sample.target) == 100
    assert headline(sample, sample.source) == 0
    assert headline(sample, damage.frozen(sample.target)) == 0
    assert headline(sample, damage.frozen(sample.source)) == 0


def test_half_done_blurred_tinted_and_disordered_edits_lie_in_between_in_that_order(sample: Sample) -> None:
    assert sample.target is not None
    target = sample.target
    faint = headline(sample, damage.blur(target, 0.6))
    half = headline(sample, damage.blend(sample.source, target))
    assert 80 < faint < 100
    assert 5 < half <= 55
    assert headline(sample, damage.blur(target, 2.5)) < faint - 5
    assert headline(sample, damage.cast(target)) < faint - 5
    for broken in (damage.shuffled(target), damage.flicker(target)):
        assert headline(sample, broken) < 15


def test_the_anchors_come_with_the_result_and_explain_it(sample: Sample) -> None:
    assert sample.target is not None
    edit = damage.blur(sample.target, 1.0)
    scores = LITE.score_edit(sample.with_edit(edit))
    placed = LITE.explain(scores, sample)
    again = combine(LITE.formula, placed)
    assert again["score"].value == scores["score"].value
    margin = scores["margin-lab"]
    assert margin.anchors == (0.0, 1.0)
    assert {p.term.metric for p in placed} == {t.metric for t in LITE.formula.applying(sample.mask.mean())}  # type: ignore[union-attr]


def test_without_a_target_metrics_remain_but_no_headline(sample: Sample) -> None:
    scores = LITE.score_edit(replace(sample, target=None, edit=sample.source))
    assert scores["score"].value is None
    assert scores["psnr"].unscored == "needs a target clip"
    assert scores["motion-lk"].value == 1


def test_an_edit_of_another_length_is_refused(sample: Sample) -> None:
    short = Video(sample.source.frames[:-1])
    with pytest.raises(ValueError, match="the edit is"):
        LITE.score_edit(sample.with_edit(short))


@pytest.mark.slow  # five clips for each of 30 edits
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_controls_and_half_made_edits_score_what_they_must_in_every_scenario_of_mini(scenario: str) -> None:
    from bench import registry
    from bench.inputs import CaseReader, other_clip, wrong_answer

    testset = registry.testset("shopedit-300")
    reader = CaseReader(testset.root)
    wrong_scores, half_scores = [], []
    for case in testset.select("mini"):
        if case.scenario != scenario:
            continue
        clips = reader.references(case, other_clip(case, testset.cases))
        sibling = wrong_answer(case, testset.cases)
        assert clips.target is not None and sibling is not None and sibling.target is not None
        sample = Sample(case, clips.source, clips.source, clips.target, clips.mask, clips.product_mask, clips.other)
        assert headline(sample, clips.target) == 100, case.id
        assert headline(sample, clips.source) == 0, case.id
        assert headline(sample, damage.frozen(clips.target)) == 0, case.id
        wrong_scores.append(headline(sample, reader.video(sibling.target)))
        half_scores.append(headline(sample, damage.blend(clips.source, clips.target)))
    assert len(wrong_scores) >= 4
    assert np.mean(wrong_scores) <= 15
    assert np.mean(half_scores) <= 55
