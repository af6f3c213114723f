"""What a metric says does not depend on batch size, threads, processes or device."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench import protocol
from bench.features import device, effnet
from bench.features.bank import FeatureBank
from bench.metrics import Sample, damage
from tests.metric_contract import TOLERANCE
from tests.test_score import still_life

LITE = protocol.load("lite-1")


@pytest.fixture(scope="module")
def sample() -> Sample:
    whole = still_life(False)
    assert whole.target is not None
    return whole.with_edit(damage.noise(damage.blur(whole.target, 1.0), 4))


@pytest.fixture(scope="module")
def values(sample: Sample) -> dict[str, float]:
    return scored(sample)


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
    device.use("cpu")


def scored(sample: Sample) -> dict[str, float]:
    """Every value of lite-1, the axes and the score included, from an empty bank."""
    found = LITE.score_edit(replace(sample, features=FeatureBank()))
    return {name: score.value for name, score in found.items() if score.value is not None}


def hold(found: dict[str, float], wanted: dict[str, float]) -> None:
    assert found.keys() == wanted.keys() and len(found) >= 20
    for name, value in wanted.items():
        assert abs(found[name] - value) <= TOLERANCE * max(1.0, abs(value)), (name, found[name], value)


def test_batches_of_frames_change_nothing(
    sample: Sample, values: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effnet, "BATCH", 4)
    hold(scored(sample), values)


@pytest.mark.slow  # threads that spin on a busy machine take minutes
def test_threads_change_nothing(sample: Sample, values: dict[str, float]) -> None:
    import cv2
    import torch

    torch.set_num_threads(2)
    before = cv2.getNumThreads()
    cv2.setNumThreads(4)
    try:
        hold(scored(sample), values)
    finally:
        cv2.setNumThreads(before)


def test_another_process_says_the_same(values: dict[str, float]) -> None:
    code = (
        "import json, tests.test_invariance as t; from bench.metrics import damage; w = t.still_life(False); "
        "print(json.dumps(t.scored(w.with_edit(damage.noise(damage.blur(w.target, 1.0), 4)))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    hold(json.loads(done.stdout), values)


def test_a_gpu_says_what_a_cpu_says(sample: Sample, values: dict[str, float]) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    device.use("cuda")
    hold(scored(sample), values)
