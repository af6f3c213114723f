"""A vision-language model as a judge, off by default: asked for with `--metric judge-edit` and an endpoint.

Any endpoint that speaks OpenAI's chat completions will do, local or not. It is asked one closed question per attribute
that the edit changes or must keep, each in both orders of its options, at temperature 0. An answer that is neither
option is wrong. Every raw answer is written down. It never enters a score: judges drift, and this one is not ours.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from bench.errors import CaseFailed
from bench.metrics import Sample
from bench.types import EditCase, MetricCard, Score, Video

URL, MODEL, KEY = "BENCH_JUDGE_URL", "BENCH_JUDGE_MODEL", "BENCH_JUDGE_KEY"
"""Environment variables: base URL such as http://localhost:8000/v1, the model's name, the key where one is needed."""
FRAMES = 8
TIMEOUT = 120
PROMPT = (
    "These are {n} frames of one product video clip, in order. {question} Answer with the letter A or B alone.\n"
    "A: {first}\nB: {second}"
)


@dataclass(frozen=True, slots=True)
class Question:
    """One closed question and its two options."""

    text: str
    right: str
    wrong: str


def questions(case: EditCase) -> tuple[Question, ...]:
    """Return one question per attribute that the edit changes: is it now the target's value or still the source's?"""
    return tuple(
        Question(f"Which of the two is the {a.name} of the scene or its product?", a.target, a.source)
        for a in case.attributes
        if a.target != a.source
    )


class Judge:
    """Share of right answers over questions and both orders of their options."""

    @property
    def card(self) -> MetricCard:
        """What the metric says of itself; the model's name stands as its weights, so that each model's answers are
        scores of their own.
        """
        return MetricCard(
            name="judge-edit",
            title="Edit made, by a vision-language judge",
            family="semantics",
            better="higher",
            range=(0, 1),
            weights=os.environ.get(MODEL) if os.environ.get(URL) else None,
            description="Closed questions in both orders, temperature 0; answers that are no option count as wrong. "
            "Not comparable between models or dates.",
            reactions={"identity": "same"},
        )

    def score(self, sample: Sample) -> Score:
        """Return the share, with 1 or 0 per answer as its series. Raises CaseFailed where the endpoint does."""
        url, model = os.environ.get(URL), os.environ.get(MODEL)
        if not url or not model:
            return Score(unscored=f"needs a judge: set {URL} and {MODEL}")
        asked = questions(sample.case)
        if not asked:
            return Score(unscored="needs a case with attributes")
        pictures = [_data_url(f) for f in _looked_at(sample.edit)]
        clip = sample.features.digest(sample.edit)
        series = [
            float(answer == right)
            for question in asked
            for answer, right in _answers(url, model, question, pictures, clip, sample.case.id)
        ]
        return Score(float(np.mean(series)), series=tuple(series))


def _answers(
    url: str, model: str, question: Question, pictures: list[str], clip: str, case: str
) -> Iterator[tuple[str | None, str]]:
    """Yield the letter the judge chose (None for anything else) and the right one, for both orders."""
    for right, options in (("A", (question.right, question.wrong)), ("B", (question.wrong, question.right))):
        text = PROMPT.format(n=len(pictures), question=question.text, first=options[0], second=options[1])
        raw = _ask(url, model, text, pictures)
        letter = raw.strip().strip(".:)*").upper()
        answer = letter if letter in ("A", "B") else None
        _write_down({"case": case, "clip": clip, "model": model, "prompt": text, "answer": raw, "read_as": answer})
        yield answer, right


def _ask(url: str, model: str, text: str, pictures: list[str]) -> str:
    content: list[dict[str, Any]] = [{"type": "image_url", "image_url": {"url": p}} for p in pictures]
    body = {
        "model": model,
        "temperature": 0,
        "max_tokens": 8,
        "messages": [{"role": "user", "content": [*content, {"type": "text", "text": text}]}],
    }
    headers = {"Content-Type": "application/json"}
    if key := os.environ.get(KEY):
        headers["Authorization"] = f"Bearer {key}"
    request = urllib.request.Request(f"{url.rstrip('/')}/chat/completions", json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            found = json.loads(answer.read())["choices"][0]["message"]["content"]
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        # No score is better than a wrong one: the job stays due.
        raise CaseFailed(f"the judge at {url} gave no answer: {type(error).__name__}: {error}") from error
    return str(found)


def answers_file() -> Path:
    """Return where raw answers are kept: `judge/answers.jsonl` in the state folder."""
    from bench.home import open_home

    return open_home().root / "judge" / "answers.jsonl"


def _write_down(record: dict[str, Any]) -> None:
    path = answers_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    record |= {"asked": datetime.now(timezone.utc).isoformat(timespec="seconds")}
    record |= {"prompt_sha256": hashlib.sha256(str(record["prompt"]).encode()).hexdigest()}
    with path.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(record, ensure_ascii=False) + "\n")


def _looked_at(video: Video) -> list[np.ndarray]:
    places = np.unique(np.linspace(0, len(video.frames) - 1, FRAMES).round().astype(int))
    return [video.frames[p] for p in places]


def _data_url(frame: np.ndarray) -> str:
    done, data = cv2.imencode(".png", cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    assert done
    return "data:image/png;base64," + base64.b64encode(data.tobytes()).decode()


METRICS = (Judge(),)
