"""What people decided about pairs, and which of them are hard: two small files beside the shards."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bench.errors import UserError
from methods.training.pairs.record import Manifest

DECISIONS = "decisions.json"
HARD = "hard.json"


def read_decisions(folder: Path) -> dict[str, bool]:
    """Return True (accepted) or False (rejected) by key, for the pairs that were looked at."""
    return {key: bool(entry["accepted"]) for key, entry in _read(folder / DECISIONS).items()}


def decide(folder: Path, key: str, accepted: bool | None) -> None:
    """Store a decision about one pair, or take it back with None; the file is replaced as a whole."""
    entries = _read(folder / DECISIONS)
    entries.pop(key, None)
    if accepted is not None:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        entries[key] = {"accepted": accepted, "decided": now}
    _write(folder / DECISIONS, dict(sorted(entries.items())))


def read_hard(folder: Path) -> dict[str, float]:
    """Return the score of the mining method by key, for the pairs that it failed."""
    return {key: float(score) for key, score in _read(folder / HARD).get("pairs", {}).items()}


def write_hard(folder: Path, method: str, below: float, scores: dict[str, float]) -> None:
    """Store which pairs a method failed, and by how much."""
    _write(folder / HARD, {"method": method, "below": below, "pairs": dict(sorted(scores.items()))})


def usable(folder: Path, manifest: Manifest) -> list[str]:
    """Return the keys that training reads: accepted by eye, or never looked at and without a flag."""
    decisions = read_decisions(folder)
    return [pair.key for pair in manifest.pairs if decisions.get(pair.key, not pair.flags)]


def _read(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); restore or delete it") from None
    return found


def _write(path: Path, entries: dict[str, Any]) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
