"""A test set, or one case of it, as records and as tables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.table import Table

from bench.cli.console import escape
from bench.errors import unknown
from bench.testsets import assets_of
from bench.types import EditCase, TestSet


def overview(testset: TestSet) -> dict[str, Any]:
    """Return name, version, folder and the number of cases by split and scenario."""
    splits = {name: testset.select(name) for name in testset.splits}
    return {
        "name": testset.name,
        "version": testset.version,
        "folder": str(testset.root),
        "cases": len(testset.cases),
        "clips": len({case.group for case in testset.cases}),
        "without": {
            role: sum(getattr(case, role) is None for case in testset.cases)
            for role in ("target", "mask", "product_mask")
        },
        "splits": {name: dict(sorted(Counter(c.scenario for c in cases).items())) for name, cases in splits.items()},
    }


def overview_table(testset: TestSet) -> Table:
    """Return the number of cases by scenario and split."""
    counts = overview(testset)["splits"]
    table = Table("scenario", *map(escape, counts), title=escape(f"{testset.name} {testset.version}"), box=None)
    for scenario in sorted({case.scenario for case in testset.cases}):
        table.add_row(scenario, *(str(found.get(scenario, 0)) for found in counts.values()))
    table.add_row("all", *(str(sum(found.values())) for found in counts.values()))
    return table


def whole_case(testset: TestSet, case_id: str) -> dict[str, Any]:
    """Return everything the test set says of a case, and its siblings. Raises `UserError` for an unknown id."""
    by_id = {case.id: case for case in testset.cases}
    if case_id not in by_id:
        raise unknown("case", case_id, by_id)
    case = by_id[case_id]
    siblings = [other.id for other in testset.cases if other.group == case.group and other.id != case.id]
    return {**case.model_dump(mode="json"), "siblings": siblings, "folder": str(testset.root)}


def case_table(record: dict[str, Any]) -> Table:
    """Return a record of `whole_case` as fields and values; a file takes one line."""
    files = assets_of(EditCase.model_validate({k: v for k, v in record.items() if k in EditCase.model_fields}))
    table = Table("field", "value", box=None, pad_edge=False)
    for field, value in record.items():
        if field in files:
            a = files[field]
            text = f"{a.path}  {a.width}x{a.height}, {a.frames} frames at {a.fps}/s, sha256 {a.sha256[:12]}"
        elif field == "attributes":
            text = ", ".join(f"{change['name']}: {change['source']} -> {change['target']}" for change in value)
        elif field == "instruction":
            text = "\n".join(filter(None, value.values()))
        else:
            text = ", ".join(map(str, value)) if isinstance(value, list) else str("-" if value is None else value)
        table.add_row(field, escape(text or "-"))
    return table
