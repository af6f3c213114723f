"""Sum up exported edits: means with intervals clustered on source clips, per variant and per scenario, and pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

from bench.stats import Interval, compare, holm, interval
from methods.studies.variants import Variant

METRICS = ("score", "accuracy", "preservation", "temporal")
RESAMPLES = 2000
Edits = list[Mapping[str, Any]]


def by_method(edits: Iterable[Mapping[str, Any]]) -> dict[str, Edits]:
    """Return exported edits by method, each method's in case order."""
    found: dict[str, Edits] = {}
    for edit in sorted(edits, key=lambda e: str(e["case"])):
        found.setdefault(edit["method"], []).append(edit)
    return found


def summary(variant: Variant, edits: Edits, metrics: Sequence[str] = METRICS) -> dict[str, Any]:
    """Return what a variant scores and costs; means are macro-averages over scenarios, as the board's are."""
    made = [edit for edit in edits if edit["status"] == "ok"]
    return {
        "name": variant.name,
        "base": variant.base,
        "series": variant.series,
        "x": variant.x,
        "changes": dict(variant.changes),
        "method_key": edits[0]["method_key"],
        "edits": len(edits),
        "failed": len(edits) - len(made),
        "metrics": {name: _interval(edits, name) for name in metrics},
        "scenarios": {
            scenario: _interval([e for e in edits if e["scenario"] == scenario], METRICS[0])
            for scenario in sorted({str(e["scenario"]) for e in edits})
        },
        "nfe": fmean(e["nfe"] for e in made) if made else None,
        "seconds": fmean(e["seconds"] for e in made) if made else None,
        "peak_memory": max(e["peak_memory"] for e in made) if made else None,
    }


def pairs(
    edits: Mapping[str, Edits], compared: Iterable[tuple[str, str]], metrics: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the first method minus the second of each pair, by case: the first metric over all and per scenario.

    Its p-values are Holm-corrected over the pairs. `metrics` holds the other metrics' differences over all.
    """
    rows = []
    for a, b in compared:
        both = _common(edits[a], edits[b], metrics[0])
        scenarios = sorted({str(one["scenario"]) for one, _ in both})
        row = {"a": a, "b": b, **_difference(both, metrics[0])}
        row["scenarios"] = {
            name: _difference([pair for pair in both if pair[0]["scenario"] == name], metrics[0]) for name in scenarios
        }
        others = {metric: _common(edits[a], edits[b], metric) for metric in metrics[1:]}
        row["metrics"] = {metric: _difference(found, metric) for metric, found in others.items() if found}
        rows.append(row)
    for row, p in zip(rows, holm([row["p"] for row in rows]), strict=True):
        row["p_holm"] = p
    return rows


def _difference(both: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], metric: str) -> dict[str, Any]:
    found = compare(
        [_value(a, metric) for a, _ in both],
        [_value(b, metric) for _, b in both],
        [str(a["group"]) for a, _ in both],
        [str(a["scenario"]) for a, _ in both],
        resamples=RESAMPLES,
    )
    return {**_plain(found.difference), "p": found.p}


def _common(a: Edits, b: Edits, metric: str) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return the pairs of edits of one case that both have a value; a failed edit's score is 0."""
    others = {edit["case"]: edit for edit in _scored(b, metric)}
    return [(edit, others[edit["case"]]) for edit in _scored(a, metric) if edit["case"] in others]


def _scored(edits: Edits, metric: str) -> Edits:
    return [edit for edit in edits if "value" in edit["scores"].get(metric, {})]


def _interval(edits: Edits, metric: str) -> dict[str, Any] | None:
    scored = _scored(edits, metric)
    if not scored:
        return None
    values = [_value(e, metric) for e in scored]
    groups, scenarios = ([str(e[key]) for e in scored] for key in ("group", "scenario"))
    return _plain(interval(values, groups, scenarios, resamples=RESAMPLES))


def _value(edit: Mapping[str, Any], metric: str) -> float:
    return float(edit["scores"][metric]["value"])


def _plain(found: Interval) -> dict[str, Any]:
    return asdict(found)
