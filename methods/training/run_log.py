"""What a training command says: a line for people, a JSON line for programs, scalars for TensorBoard."""

from __future__ import annotations

import json
import math
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


class RunLog:
    """Writes `log.jsonl` in the run's folder and TensorBoard events beside its resume state."""

    def __init__(self, folder: Path, state: Path, say: Callable[[str], None], since: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        state.mkdir(parents=True, exist_ok=True)
        self._path = folder / "log.jsonl"
        self._say = say
        self._since = since
        self._board = self._open_board(state / "tensorboard")

    def event(self, name: str, **fields: Any) -> None:
        """Record one event; fields are JSON values, non-finite numbers become text."""
        record = {"event": name, "seconds": round(time.monotonic() - self._since, 1), **_clean(fields)}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")
        text = " ".join(f"{key} {_short(value)}" for key, value in record.items() if key != "event")
        self._say(f"{name}: {text}")

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Add curves to TensorBoard where it is installed."""
        if self._board is not None:
            for name, value in values.items():
                self._board.add_scalar(name, value, step)

    def image(self, step: int, name: str, picture: Any) -> None:
        """Add a picture, uint8 [3, H, W], to TensorBoard where it is installed."""
        if self._board is not None:
            self._board.add_image(name, picture, step)

    def show(self, text: str) -> None:
        """Say something for people only, e.g. a table."""
        self._say(text)

    @contextmanager
    def timed(self, name: str, **fields: Any) -> Iterator[None]:
        """Record how long a part of the setup took."""
        start = time.monotonic()
        yield
        self.event(name, took=round(time.monotonic() - start, 1), **fields)

    def attempt(self, name: str, work: Callable[[], T]) -> T | None:
        """Return the result of an evaluation or a picture, or None after recording why it failed.

        Training time is dear: what only reports on it must not end it.
        """
        try:
            return work()
        except Exception as error:
            lines = "".join(traceback.format_exception(error)[-3:])
            self.event("failed", what=name, error=f"{type(error).__name__}: {error}", trace=lines[-2000:])
            return None

    def close(self) -> None:
        """Flush the curves."""
        if self._board is not None:
            self._board.close()

    def _open_board(self, folder: Path) -> Any:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            self.event("note", text="TensorBoard is not installed: no curves, log.jsonl has all figures")
            return None
        return SummaryWriter(str(folder))


def _clean(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _clean(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(v) for v in value]
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else str(value)
    return value


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
