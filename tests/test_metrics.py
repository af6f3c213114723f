"""Every metric of lite-1 against its card, against references, and against the traps of published code."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import metrics, protocol
from bench.features import effnet
from bench.features.bank import FeatureBank
from bench.metrics import Metric, Sample, damage
from bench.metrics.margin import way
from bench.metrics.ssim import ssim_map
from bench.types import Asset, EditCase, Instruction, MetricCard, Score, Video
from tests import metric_contract

LITE = protocol.load("lite-1")
PICTURES = [m for m in LITE.metrics if m.card.family != "cost" and m.card.name != "label-text"]
SIDE, FRAMES = 96, 9


def scene(seed: int, object_colour: tuple[int, int, int], brightness: int = 0) -> tuple[Video, np.ndarray]:
    """A textured disc over a textured ground, both travelling; and where the disc is."""
    rng = np.random.default_rng(seed)
    big = SIDE + 40
    ground = cv2.GaussianBlur(rng.normal(128, 90, (big, big, 3)), (0, 0), 3).clip(0, 255) * 0.6 + 50 + brightness
    skin = cv2.GaussianBlur(rng.normal(0, 120, (big, big, 1)), (0, 0), 2)[..., None]
    frames, masks = [], []
    y, x = np.mgrid[:SIDE, :SIDE]
    for t in range(FRAMES):
        disc = (y - 40 - t) ** 2 + (x - 34 - 2 * t) ** 2 < 22**2
        moved = np.roll(skin, (t, 2 * t), (0, 1))[:SIDE, :SIDE]
        body = np.clip(np.asarray(object_colour) + moved, 0, 255)
        frames.append(np.where(disc[..., None], body, ground[2 * t : 2 * t + SIDE, t : t + SIDE]))
        masks.append(disc)
    return Video(np.stack(frames).clip(0, 255).astype(np.uint8)), np.stack(masks)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Small pictures gain nothing from threads, and threads that wait for a busy machine cost minutes."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=[1, 2])
def sample(request: pytest.FixtureRequest) -> Sample:
    source, mask = scene(request.param, (150, 60, 60))
    target, _ = scene(request.param, (60, 90, 170))
    other, _ = scene(request.param + 10, (90, 150, 60), 40)
    grown = np.stack([cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) for m in mask]) > 0
    asset = Asset(path="-", sha256="-", width=SIDE, height=SIDE, frames=FRAMES)
    case = EditCase(
        id="case",
        group="clip",
        scenario="color",
        vertical="home",
        source=asset,
        source_prompt="",
        target_prompt="",
        instruction=Instruction(en="", zh=""),
        split="dev",
    )
    return Sample(case, source, target, target, grown, other=other, features=FeatureBank())


def scored(name: str, sample: Sample) -> float:
    metric = metrics.registered()[name]
    assert isinstance(metric, Metric)
    return metric_contract.value(metric, sample)


@pytest.mark.parametrize("metric", PICTURES, ids=lambda m: m.card.name)
def test_every_metric_keeps_its_card(metric: Metric, sample: Sample) -> None:
    metric_contract.check(metric, sample)


def test_every_card_declares_identity_and_all_but_the_source_metric_see_a_frozen_clip() -> None:
    for metric in PICTURES:
        assert metric.card.reactions.get("identity") == "same", metric.card.name
        if metric.card.name != "structure-effl0":
            assert metric.card.reactions.get("frozen") == "worse", metric.card.name


def test_a_contract_check_fails_for_a_metric_that_lies(sample: Sample) -> None:
    class Sharpness:
        card = MetricCard(name="lie", title="", family="structure", better="higher", reactions={"noise": "worse"})

        def score(self, sample: Sample) -> Score:
            return Score(float(np.abs(np.diff(sample.edit.frames.astype(float), axis=2)).mean()))

    with pytest.raises(AssertionError, match="must get worse under noise"):
        metric_contract.check(Sharpness(), sample)


def test_ssim_equals_scikit_image_with_wang_settings(sample: Sample) -> None:
    from skimage.metrics import structural_similarity

    rng = np.random.default_rng(0)
    a = sample.source.frames[:2]
    b = np.clip(a + rng.normal(0, 20, a.shape), 0, 255).astype(np.uint8)
    wanted = [
        structural_similarity(
            x, y, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255
        )
        for x, y in zip(a, b, strict=True)
    ]
    assert ssim_map(a, b).mean((1, 2)) == pytest.approx(wanted, abs=1e-6)


def test_psnr_equals_scikit_image_per_frame(sample: Sample) -> None:
    from skimage.metrics import peak_signal_noise_ratio

    edit = damage.noise(sample.edit, 10)
    wanted = [peak_signal_noise_ratio(x, y) for x, y in zip(sample.edit.frames, edit.frames, strict=True)]
    metric = metrics.registered()["psnr"]
    assert isinstance(metric, Metric)
    assert metric.score(sample.with_edit(edit)).series == pytest.approx(wanted, abs=1e-6)


def test_patch_colours_differ_as_scikit_image_says() -> None:
    from skimage.color import deltaE_ciede2000, rgb2lab

    from bench.metrics.colour import colour_difference

    colours = np.random.default_rng(0).integers(0, 256, (2, 20, 3)).astype(np.uint8)
    # One flat frame per colour, so that averaging over a patch changes nothing.
    clips = [Video(np.broadcast_to(c[:, None, None], (20, 16, 16, 3)).copy()) for c in colours]
    wanted = deltaE_ciede2000(rgb2lab(colours[0]), rgb2lab(colours[1]))
    assert colour_difference(FeatureBank(), *clips)[:, 0, 0] == pytest.approx(wanted, abs=0.02)


def test_masked_pixels_do_not_count_outside_the_mask(sample: Sample) -> None:
    inside = np.where(sample.mask[..., None], 255 - sample.target.frames, sample.target.frames)
    ruined = sample.with_edit(Video(inside))
    for metric in PICTURES:
        if metric.card.name.endswith("-outside"):
            assert scored(metric.card.name, ruined) == pytest.approx(scored(metric.card.name, sample), abs=1e-6)


def test_psnr_outside_gains_nothing_from_a_larger_mask() -> None:
    # Published masked PSNR divides by all pixels and so rises with the mask's share.
    frames = np.full((1, 40, 40, 3), 100, np.uint8)
    source, edit = Video(frames), Video(frames + np.uint8(10))
    small, large = np.zeros((1, 40, 40), bool), np.zeros((1, 40, 40), bool)
    small[:, :4], large[:, :30] = True, True
    values = [
        scored("psnr-outside", Sample(case=None, source=source, edit=edit, target=source, mask=m))  # type: ignore[arg-type]
        for m in (small, large)
    ]
    assert values[0] == pytest.approx(values[1]) == pytest.approx(20 * np.log10(255 / 10))


def test_a_mask_over_all_leaves_nothing_outside_to_score(sample: Sample) -> None:
    full = replace(sample, mask=np.ones_like(sample.mask))
    for metric in PICTURES:
        if metric.card.name.endswith("-outside"):
            assert metric.score(full).unscored == "needs 10% of the pixels outside the mask"


def test_the_margin_is_nothing_half_and_all_of_the_way(sample: Sample) -> None:
    half = damage.blend(sample.source, sample.target)
    for name, tolerance in (("margin-lab", 0.1), ("margin-effl0", 0.2)):
        assert scored(name, sample.with_edit(sample.source)) == 0
        assert scored(name, sample.with_edit(half)) == pytest.approx(0.5, abs=tolerance)
        assert scored(name, sample) == 1


def test_the_margin_counts_what_was_asked_and_what_was_not() -> None:
    source, target = np.zeros((1, 2), np.float32), np.array([[2.0, 0.0]], np.float32)
    found = way(np.array([[1.0, 1.0]], np.float32), source, target, np.ones((1, 1), np.float32))
    assert (found.made, found.stray, found.margin) == pytest.approx((0.5, 0.5, 0.4))
    beyond = way(np.array([[4.0, 0.0]], np.float32), source, target, np.ones((1, 1), np.float32))
    assert (beyond.made, beyond.stray) == pytest.approx((1, 1))
    backwards = way(np.array([[-2.0, 0.0]], np.float32), source, target, np.ones((1, 1), np.float32))
    assert backwards.margin == 0
    held = way(np.array([[1.0, 1.0]], np.float32), source, target, np.ones((1, 1), np.float32), least=4)
    assert (held.made, held.stray) == pytest.approx((0.5, 0.25))
    capped = way(np.array([[1.0, 1.0]], np.float32), source, target, np.ones((1, 1), np.float32), most=1)
    assert (capped.made, capped.stray) == pytest.approx((0.5, 1.0))


def test_margins_are_refused_where_nothing_changes(sample: Sample) -> None:
    same = replace(sample, source=sample.target)
    for name in ("margin-lab", "margin-effl0"):
        metric = metrics.registered()[name]
        assert isinstance(metric, Metric)
        assert metric.score(same).unscored.startswith("needs a")  # type: ignore[union-attr]


def test_motion_fidelity_knows_still_backwards_and_slow(sample: Sample) -> None:
    frames = sample.target.frames
    assert scored("motion-lk", sample) == 1
    assert scored("motion-lk", sample.with_edit(damage.frozen(sample.target))) < 0.01
    assert scored("motion-lk", sample.with_edit(Video(frames[::-1].copy()))) < 0.05
    slow = Video(frames[np.arange(FRAMES) // 2])
    assert scored("motion-lk", sample.with_edit(slow)) == pytest.approx(0.45, abs=0.15)


def test_motion_fidelity_is_blind_to_colour_and_grain(sample: Sample) -> None:
    assert scored("motion-lk", sample.with_edit(damage.noise(sample.target, 6))) > 0.85
    assert scored("motion-lk", sample.with_edit(Video(255 - sample.target.frames))) > 0.95


def test_motion_of_a_still_reference_is_unscored(sample: Sample) -> None:
    still = damage.frozen(sample.target)
    metric = metrics.registered()["motion-lk"]
    assert isinstance(metric, Metric)
    assert "move" in (metric.score(replace(sample, target=still)).unscored or "")


def test_flow_finds_a_known_shift() -> None:
    from bench.features.flow import EXTRACTOR

    clip, _ = scene(3, (90, 90, 90))
    moved = Video(np.stack([clip.frames[0], np.roll(clip.frames[0], (3, 2), (0, 1))]))
    found = EXTRACTOR.extract(moved)["forward"][0, 16:-16, 16:-16].astype(float)
    assert np.abs(np.median(found, (0, 1)) - [2, 3]).max() < 0.1


def test_features_do_not_depend_on_the_batch(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    one = effnet.EXTRACTOR.extract(sample.source)
    monkeypatch.setattr(effnet, "BATCH", 4)
    many = effnet.EXTRACTOR.extract(sample.source)
    for name in one:
        assert np.abs(one[name].astype(float) - many[name]).max() <= 2e-3 * np.abs(one[name]).max()


def test_the_backbone_recognises_a_cat() -> None:
    import torch
    from skimage import data

    picture = cv2.resize(data.chelsea()[:, 75:375], (224, 224), interpolation=cv2.INTER_AREA)
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 127.5 - 1
    with torch.inference_mode():
        likely = effnet._network()(pixels).softmax(1)[0, 281:286].sum()
    assert likely > 0.5  # ImageNet classes 281 to 285 are the domestic cats


def test_altered_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(effnet, "WEIGHTS", "0" * 64)
    with pytest.raises(effnet.UserError, match=r"has sha256 579344248a93, wanted 000000000000: run `pip"):
        effnet.weights_path()


class Counting:
    identity = "counting-v1"

    def __init__(self) -> None:
        self.calls = 0

    def extract(self, video: Video) -> dict[str, np.ndarray]:
        self.calls += 1
        return {"mean": video.frames.mean((1, 2, 3))}


def test_the_bank_looks_once_at_equal_clips_and_keeps_it_on_disk(tmp_path: Path, sample: Sample) -> None:
    counting = Counting()
    bank = FeatureBank(tmp_path)
    first = bank.get(sample.source, counting)
    again = bank.get(Video(sample.source.frames.copy(), sample.source.fps), counting)
    reopened = FeatureBank(tmp_path).get(sample.source, counting)
    assert counting.calls == 1
    assert (first["mean"] == again["mean"]).all() and (first["mean"] == reopened["mean"]).all()
    bank.get(sample.target, counting)
    assert counting.calls == 2


def test_the_bank_forgets_the_least_recent_beyond_its_limit(sample: Sample) -> None:
    counting = Counting()
    bank = FeatureBank(max_bytes=2 * FRAMES * 8)
    for clip in (sample.source, sample.target, sample.source, sample.other, sample.source):
        bank.get(clip, counting)
    assert counting.calls == 3
    bank.get(sample.target, counting)
    assert counting.calls == 4


def test_the_bank_holds_neither_large_clips_nor_large_values_beyond_its_limit() -> None:
    import gc
    import weakref

    bank = FeatureBank(max_bytes=3_000_000)
    clips = [Video(np.full((4, 512, 512, 3), value, np.uint8)) for value in range(3)]
    alive = [weakref.ref(clip.frames) for clip in clips]
    names = [bank.digest(clip) for clip in clips]
    assert bank.digest(clips[0]) == names[0] != names[1]
    calls: list[int] = []
    for number in (0, 1, 2, 0):
        bank.memo(("map", number), lambda number=number: (calls.append(number), np.zeros(250_000)))
    assert calls == [0, 1, 2, 0]
    bank.memo(("map", 0), lambda: calls.append(9))
    assert calls == [0, 1, 2, 0]
    del clips
    gc.collect()
    assert not any(reference() is not None for reference in alive)


def test_one_large_array_does_not_push_out_what_the_next_metric_reads() -> None:
    bank = FeatureBank(max_bytes=1_000)
    calls: list[str] = []

    def recall(name: str, size: int) -> None:
        bank.recall(f"{name}-x", lambda: (calls.append(name), {"a": np.zeros(size)})[1])

    for name, size in (("features", 1_000), ("flow", 10_000), ("features", 1_000)):
        recall(name, size)
    assert calls == ["features", "flow"]
    for number in range(3):
        recall(f"flow{number}", 10_000)
    recall("features", 1_000)
    assert calls[-1] == "features"


@pytest.mark.parametrize("name", ["seconds", "nfe", "peak-memory"])
def test_cost_that_nobody_measured_is_unscored(name: str, sample: Sample) -> None:
    metric = metrics.registered()[name]
    assert isinstance(metric, Metric)
    assert metric.score(sample).unscored == f"needs a run that measured {name}"
    paid = replace(sample, cost=metrics.Cost(1.5, 20, 2**30))
    assert metric.score(paid).value in (1.5, 20.0, 2.0**30)


def test_metrics_can_be_listed_without_torch() -> None:
    import subprocess

    code = "import sys, bench.protocol as p; p.load('lite-1'); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_package_adds_a_metric_with_one_entry_point(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    from importlib.metadata import EntryPoint
    from types import ModuleType

    class Brightness:
        card = MetricCard(name="brightness", title="Brightness", family="structure", better="higher", range=(0, 255))

        def score(self, sample: Sample) -> Score:
            return Score(float(sample.edit.frames.mean()))

    module = ModuleType("elsewhere")
    module.METRICS = (Brightness(),)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "elsewhere", module)
    entry = EntryPoint("elsewhere", "elsewhere", metrics.ENTRY_POINTS)
    monkeypatch.setattr(metrics, "entry_points", lambda group: [entry])
    metrics.registered.cache_clear()
    try:
        assert metrics.registered()["brightness"].card.title == "Brightness"
        module.METRICS = (Brightness(), Brightness())  # type: ignore[attr-defined]
        metrics.registered.cache_clear()
        with pytest.raises(ValueError, match="two metrics are named 'brightness'; the second is in elsewhere"):
            metrics.registered()
    finally:
        metrics.registered.cache_clear()
