"""The optional judge, against a real server that answers as a model would and keeps what it was asked."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from bench import protocol
from bench.errors import CaseFailed
from bench.identity import metric_key
from bench.metrics import Sample
from bench.metrics.judge import KEY, MODEL, URL, Judge, answers_file
from bench.types import Asset, AttributeChange, EditCase, Instruction, Video


class Model:
    """What the server says next, and all it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self.keys: list[str | None] = []
        self.says = "A"
        self.status = 200


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Model]:
    state = Model()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append(body)
            state.keys.append(self.headers.get("Authorization"))
            text = body["messages"][0]["content"][-1]["text"]
            options = dict(line.split(": ", 1) for line in text.splitlines() if line[:3] in ("A: ", "B: "))
            said = next(k for k, v in options.items() if v == "red") if state.says == "red" else state.says
            self.send_response(state.status if self.path == "/v1/chat/completions" else 404)
            self.end_headers()
            self.wfile.write(json.dumps({"choices": [{"message": {"content": said}}]}).encode())

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv(URL, f"http://127.0.0.1:{server.server_port}/v1/")
    monkeypatch.setenv(MODEL, "some-vlm")
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    yield state
    server.shutdown()


@pytest.fixture
def sample() -> Sample:
    frames = np.zeros((17, 32, 48, 3), np.uint8)
    frames[..., 0] = (np.arange(17) * 10)[:, None, None]
    clip = Video(frames)
    asset = Asset(path="-", sha256="-", width=48, height=32, frames=17)
    case = EditCase(
        id="case",
        group="clip",
        scenario="color",
        vertical="home",
        source=asset,
        source_prompt="a blue bag",
        target_prompt="a red bag",
        instruction=Instruction(en="", zh=""),
        attributes=(AttributeChange(name="color", source="blue", target="red"),),
        split="dev",
    )
    return Sample(case, clip, clip)


def test_a_judge_that_sees_the_edit_gives_all_and_one_that_always_says_a_gives_half(
    model: Model, sample: Sample
) -> None:
    model.says = "red"
    assert Judge().score(sample).value == 1
    model.says = " a."
    found = Judge().score(sample)
    assert (found.value, found.series) == (0.5, (1.0, 0.0))


def test_an_answer_that_is_no_option_is_wrong_and_kept_as_it_was_said(model: Model, sample: Sample) -> None:
    model.says = "I am not able to tell."
    assert Judge().score(sample).value == 0
    kept = [json.loads(line) for line in answers_file().read_text().splitlines()]
    assert [(k["answer"], k["read_as"], k["case"]) for k in kept] == [("I am not able to tell.", None, "case")] * 2
    assert kept[0]["prompt"] != kept[1]["prompt"] and kept[0]["model"] == "some-vlm"


def test_the_judge_is_shown_eight_whole_frames_at_temperature_nothing(
    model: Model, sample: Sample, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(KEY, "secret")
    Judge().score(sample)
    body = model.asked[0]
    pictures = [part["image_url"]["url"] for part in body["messages"][0]["content"] if part["type"] == "image_url"]
    shown = [
        cv2.imdecode(np.frombuffer(base64.b64decode(p.partition(",")[2]), np.uint8), cv2.IMREAD_COLOR) for p in pictures
    ]
    assert body["temperature"] == 0 and len(shown) == 8
    assert [int(s[0, 0, 2]) for s in (shown[0], shown[-1])] == [0, 160] and shown[0].shape == (32, 48, 3)
    assert model.keys == ["Bearer secret"] * 2
    assert "secret" not in answers_file().read_text()


def test_a_judge_that_fails_gives_no_score_at_all(model: Model, sample: Sample) -> None:
    model.status = 500
    with pytest.raises(CaseFailed, match=r"the judge at http://127\.0\.0\.1.* gave no answer: HTTPError: .*500"):
        Judge().score(sample)


def test_no_judge_is_asked_unless_one_is_named(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(URL, raising=False)
    unnamed = metric_key(Judge().card)
    assert Judge().score(sample).unscored == f"needs a judge: set {URL} and {MODEL}"
    for name in ("lite-1", "full-1"):
        assert "judge-edit" not in {m.card.name for m in protocol.load(name).metrics}
    monkeypatch.setenv(URL, "http://127.0.0.1:9")
    monkeypatch.setenv(MODEL, "x")
    assert metric_key(Judge().card) != unnamed  # so that what could not be judged before is due now
    plain = replace(sample, case=sample.case.model_copy(update={"attributes": ()}))
    assert Judge().score(plain).unscored == "needs a case with attributes"
