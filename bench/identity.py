"""What makes two edits, or two scores, the same: versioned hashes over exactly the facts that define them.

In an edit's identity: the method's name, version, parameters, weights and track, the content of every file
its track gives it, the case's id, version and words, and the seed. In a score's: the edit's bytes, the
content of the files it is compared with, the metric's version and weights, and the protocol's signature.
Left out on purpose: host, device, executor, batch size and everything descriptive (tags, licence, splits,
display texts); those are provenance or may be corrected later.

`tests/golden/identity.json` pins the hashes. Change what goes into one, and `IDENTITY_VERSION` must rise
with it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.types import EditCase, MethodCard, MetricCard, TestSet

IDENTITY_VERSION = 1


def _plain(value: Any) -> Any:
    """Give numbers one spelling (2.0 is 2) and refuse what has no stable one."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot be part of an identity")
        return int(value) if value.is_integer() else value
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError("only text may name the parts of an identity")
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (str, int, bool)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot be part of an identity")


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of a value: sorted keys, no spaces, UTF-8, integral floats written as
    integers.

    Raises TypeError or ValueError for anything but text, finite numbers, booleans, None, lists and mappings
    by text.
    """
    text = json.dumps(_plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(value: Any) -> str:
    """Return the sha256 (hex) of a value's canonical JSON."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def file_digest(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    found = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def method_key(card: MethodCard) -> str:
    """Return the identity of a method: rows that share it make the same edits."""
    return digest(
        {
            "identity": IDENTITY_VERSION,
            "name": card.name,
            "version": card.version,
            "parameters": card.parameters,
            "weights": card.weights,
            "track": card.track,
            "oracle": card.oracle,
        }
    )


def metric_key(card: MetricCard) -> str:
    """Return the identity of a metric: its name, version and weights."""
    return digest({"identity": IDENTITY_VERSION, "name": card.name, "version": card.version, "weights": card.weights})


def job_key(card: MethodCard, case: EditCase, assets: Mapping[str, str], seed: int) -> str:
    """Return the identity of one edit. `assets` maps each role the method is given to its file's sha256."""
    return digest(
        {
            "method": method_key(card),
            "case": [case.id, case.version],
            "words": [case.source_prompt, case.target_prompt, case.instruction.en],
            "assets": assets,
            "seed": seed,
        }
    )


def score_key(edit_sha256: str | None, references: Mapping[str, str], card: MetricCard, signature: str) -> str:
    """Return the identity of one score. `references` maps each role the edit is compared with to a sha256.

    `edit_sha256` is None for an edit that does not exist, whose score is the protocol's for a failure.
    """
    return digest({"edit": edit_sha256, "references": references, "metric": metric_key(card), "protocol": signature})


def missing_key(key: str, inventory: str) -> str:
    """Return the key under which it is noted that weights lack for a score, given which weights are there."""
    return f"{key}:missing:{digest(inventory)[:12]}"


def set_key(method: str, card: MetricCard, signature: str, seed: int, clips: Mapping[str, tuple[str, str]]) -> str:
    """Return the identity of one score of a whole set of edits.

    `clips` maps each case id to the sha256 of the clip that counts as the edit and of its target.
    """
    return digest(
        {
            "method": method,
            "metric": metric_key(card),
            "protocol": signature,
            "seed": seed,
            "clips": {case: list(pair) for case, pair in clips.items()},
        }
    )


def testset_digest(testset: TestSet) -> str:
    """Return the identity of a test set: its name, version and every word of every case."""
    cases = sorted((_words(case) for case in testset.cases), key=lambda case: str(case["id"]))
    return digest({"name": testset.name, "version": testset.version, "cases": cases})


def _words(case: EditCase) -> dict[str, Any]:
    """Return every word of a case. Fields that came later are left out where unset, so that old digests stand."""
    later = {"first_frame"}
    return {k: v for k, v in case.model_dump(mode="json").items() if k not in later or v is not None}
