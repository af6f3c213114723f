"""Single frames as PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.errors import CaseFailed


def write_png(frame: NDArray[np.uint8], path: Path) -> None:
    """Write an H x W x 3 RGB frame without loss; the same frame gives the same bytes."""
    import cv2

    done, data = cv2.imencode(".png", frame[..., ::-1])
    if not done:
        raise ValueError(f"cannot encode a frame of shape {frame.shape} as PNG")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())


def read_png(path: Path) -> NDArray[np.uint8]:
    """Return an H x W x 3 RGB frame. Raises `CaseFailed` when the file is missing or no picture."""
    import cv2

    if not path.is_file():
        raise CaseFailed(f"{path.name}: no such file")
    data = np.frombuffer(path.read_bytes(), np.uint8)
    frame = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    if frame is None:
        raise CaseFailed(f"{path.name}: cannot be decoded as a picture")
    return np.ascontiguousarray(frame[..., ::-1], dtype=np.uint8)
