"""Results as JSON, CSV and Markdown.

The canonical form holds what a run's definition decides and nothing that was measured or merely noted
(seconds, memory, dates, hosts, run names): two runs of the same thing give the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from bench.store.read import Board, Result, SetResult
from bench.summary import AXES, Row
from bench.types import MetricCard, Score

FORMULA = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
"""A text cell that starts with one of these is a formula to a spreadsheet."""


def _score(score: Score) -> dict[str, Any]:
    if score.value is None:
        return {"unscored": score.unscored}
    anchors = {"anchors": list(score.anchors)} if score.anchors else {}
    return {"value": score.value, **anchors, **({"series": list(score.series)} if score.series else {})}


def record(result: Result, measured: frozenset[str], *, canonical: bool) -> dict[str, Any]:
    """Return one result as JSON-ready values; `measured` names the metrics that the canonical form leaves
    out.
    """
    fields: dict[str, Any] = {
        "key": result.key,
        "method": result.method.name,
        "method_version": result.method.version,
        "method_key": result.method_key,
        "track": result.method.track,
        "control": result.method.control,
        "case": result.case.id,
        "case_version": result.case.version,
        "group": result.case.group,
        "scenario": result.case.scenario,
        "vertical": result.case.vertical,
        "split": result.case.split,
        "subsets": list(result.case.subsets),
        "seed": result.seed,
        "status": "ok" if result.ok else "failed",
        "stage": result.stage,
        "reason": result.reason,
        "edit_sha256": result.sha256,
        "frames": result.frames,
        "width": result.width,
        "height": result.height,
        "fps": result.fps,
        "nfe": result.nfe,
        "scores": {
            name: _score(score) for name, score in result.scores.items() if not (canonical and name in measured)
        },
    }
    if not canonical:
        fields |= {
            "seconds": result.seconds,
            "peak_memory": result.peak_memory,
            "notes": result.notes,
            "run": result.run,
            "device": result.device,
            "finished": result.finished,
        }
    return fields


def set_record(one: SetResult) -> dict[str, Any]:
    """Return what a metric of sets says, as JSON-ready values."""
    score = {name: value for name, value in asdict(one.score).items() if value is not None}
    names = {"method": one.method, "method_key": one.method_key, "split": one.split, "seed": one.seed}
    return {**names, "metric": one.metric, **score}


def to_json(
    board: Board,
    results: Iterable[Result],
    cards: Iterable[MetricCard],
    *,
    canonical: bool = False,
    sets: Iterable[SetResult] = (),
) -> str:
    """Return a document with the board's identity, one object per edit, ordered by method, case and seed, and one
    per metric of sets, method and split.
    """
    measured = frozenset(card.name for card in cards if card.family == "cost")
    document: dict[str, Any] = {
        "testset": board.testset,
        "version": board.version,
        "testset_digest": board.testset_digest,
        "protocol": board.protocol,
        "signature": board.signature,
        "edits": [record(result, measured, canonical=canonical) for result in results],
        "sets": [set_record(one) for one in sets],
    }
    return json.dumps(document, indent=2, sort_keys=canonical, ensure_ascii=False, allow_nan=False) + "\n"


def _cell(value: Any) -> Any:
    """Keep numbers numbers and make text inert: a spreadsheet must not run what a team wrote as its name."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return "'" + value
    return value


def to_csv(results: Sequence[Result]) -> str:
    """Return one line per edit (RFC 4180) and one column per metric, empty where there is no value."""
    metrics = list(dict.fromkeys(name for result in results for name in result.scores))
    heads = [
        *("method", "method_version", "track", "control", "case", "group", "scenario", "vertical", "split", "seed"),
        *("status", "stage", "reason", "edit_sha256", "seconds", "nfe", "peak_memory"),
    ]
    stream = io.StringIO()
    writer = csv.writer(stream)
    writer.writerow([*heads, *metrics])
    for result in results:
        fields = record(result, frozenset(), canonical=False)
        values = [result.scores[name].value if name in result.scores else None for name in metrics]
        writer.writerow([*(_cell(fields[head]) for head in heads), *values])
    return stream.getvalue()


def headings(metrics: Sequence[str]) -> list[str]:
    """Return the columns of a table of rows, in the order of `cells`."""
    axes = ("acc", "pres", "temp")
    return ["method", "track", "score", "95 %", *axes, *metrics, "s/edit", "NFE", "MiB", "fail"]


def cells(row: Row, metrics: Sequence[str]) -> list[str]:
    """Return a row as text, with a dash where there is no value."""

    def number(value: float | None, digits: int) -> str:
        return "-" if value is None else f"{value:.{digits}f}"

    score = row.score
    return [
        row.card.name,
        row.card.track,
        number(score.mean if score else None, 1),
        f"{score.low:.1f}-{score.high:.1f}" if score else "-",
        *(number(row.means.get(axis), 2) for axis in AXES),
        *(number(row.value(metric), 2) for metric in metrics),
        number(row.seconds, 2),
        number(row.nfe, 0),
        number(row.peak_memory / 2**20 if row.peak_memory else None, 0),
        f"{row.failed}/{row.edits}",
    ]


def to_markdown(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    """Return a table with the methods of each track, and one with the controls, which are never ranked."""
    methods = [row for row in rows if not row.card.control]
    tracks = dict.fromkeys(row.card.track for row in methods)
    tables = [(f"Methods, track {track}", [row for row in methods if row.card.track == track]) for track in tracks]
    parts = []
    for title, chosen in (*tables, ("Controls (not ranked)", [row for row in rows if row.card.control])):
        if chosen:
            heads = headings(metrics)
            lines = ["| " + " | ".join(heads) + " |", "|---|---" + "|---:" * (len(heads) - 2) + "|"]
            lines += ["| " + " | ".join(_markdown(c) for c in cells(row, metrics)) + " |" for row in chosen]
            parts.append(f"**{title}**\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _markdown(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ")
