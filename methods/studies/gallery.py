"""Where the training-free methods fail, to be looked at: `python -m methods.studies.gallery`.

For each scenario the edit that the first row did worst, and the one that it did best, as strips of frames: source,
target, and the edit of every row, each with its score and the terms that cost it most. The picks go to `gallery.json`,
the strips beside it, and a table of them into `limits.md`, between two marks: the rest of that page is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bench import registry
from bench.blobs import BlobStore
from bench.errors import BenchError, UserError
from bench.home import open_home
from bench.media import read_mask, read_video
from bench.testsets import select
from bench.types import SCENARIOS, EditCase, TestSet
from methods.studies.runs import Where, explained, run
from methods.studies.strips import Clip, around, write_strip
from methods.studies.study import OUT, Devices, Home, Limit, Out, Protocol, Workers, one_line_errors, whole_or_elsewhere
from methods.studies.study import TestSet as TestSetName
from methods.studies.summary import METRICS, Edits, by_method

NAME = "gallery"
QUESTION = "Which edits do the training-free methods fail at, and what is to be seen there?"
ROWS = ("ti2v-v2", "ti2v-inversion")
PAGE = "limits.md"
START, END = "<!-- made by methods.studies.gallery -->", "<!-- end of what was made -->"
NAMED = 2
"""Terms that the table names: those that cost most."""


def picked(edits: Edits) -> list[tuple[str, str, str]]:
    """Return (scenario, `worst` or `best`, case) by the scores of one row; a scenario's only edit is its worst."""
    found = []
    for scenario in SCENARIOS:
        scores = {e["case"]: _value(e, "score") for e in edits if e["scenario"] == scenario}
        order = sorted((case for case in scores if scores[case] is not None), key=lambda case: scores[case])
        found += [(scenario, pick, case) for pick, case in zip(("worst", "best"), _ends(order), strict=False)]
    return found


def _ends(order: Sequence[str]) -> Sequence[str]:
    return order if len(order) < 2 else (order[0], order[-1])


def document(exported: Mapping[str, Any], rows: Sequence[str], where: Where, cases: TestSet) -> dict[str, Any]:
    """Return the study's JSON from what `bench export` and, for each picked edit, `bench score explain` say.

    BenchError when a row has no edits, or the first no scores.
    """
    edits = by_method(e for e in exported["edits"] if e["method"] in rows)
    if absent := [row for row in rows if row not in edits]:
        raise BenchError(f"no edits of {', '.join(absent)} in the store; look at what `bench run` said above")
    of_case = {row: {e["case"]: e for e in sorted(edits[row], key=lambda e: -e["seed"])} for row in rows}
    picks = []
    for scenario, pick, case in picked(list(of_case[rows[0]].values())):
        stored = [of_case[row][case] for row in rows if case in of_case[row]]
        picks.append(
            {
                "scenario": scenario,
                "pick": pick,
                "case": case,
                "instruction": _case(cases, case).instruction.en,
                "picture": f"{NAME}-{scenario}-{pick}.jpg",
                "edits": [_edit(edit, where) for edit in stored],
            }
        )
    if not picks:
        raise BenchError(f"no edit of {rows[0]} has a score, so none is its worst")
    return {
        "study": NAME,
        "question": QUESTION,
        **{key: exported[key] for key in ("testset", "version", "testset_digest", "signature")},
        "split": where.split,
        "device": where.device,
        "partial": where.limit is not None,
        "rows": list(rows),
        "picks": picks,
    }


def _edit(edit: Mapping[str, Any], where: Where) -> dict[str, Any]:
    kept = {key: edit[key] for key in ("method", "method_key", "status", "reason", "edit_sha256")}
    values = {metric: _value(edit, metric) for metric in METRICS}
    axes = explained(edit["method"], edit["case"], edit["seed"], where)["axes"] if "score" in edit["scores"] else []
    lost = [
        {"axis": axis["axis"], "metric": term["metric"], "points": term["lost"]}
        for axis in axes
        for term in axis["terms"]
        if term["lost"]
    ]
    return {**kept, **values, "lost": sorted(lost, key=lambda term: -term["points"])}


def _value(edit: Mapping[str, Any], metric: str) -> float | None:
    value: float | None = edit["scores"].get(metric, {}).get("value")
    return value


def _case(cases: TestSet, name: str) -> EditCase:
    return next(case for case in cases.cases if case.id == name)


def draw(found: Mapping[str, Any], cases: TestSet, blobs: BlobStore, out: Path) -> None:
    """Write the strip of every pick. CaseFailed where a clip is lost."""
    for pick in found["picks"]:
        case = _case(cases, pick["case"])
        shown = [(name, cases.root / a.path) for name, a in (("source", case.source), ("target", case.target)) if a]
        shown += [(label(e), blobs.path(e["edit_sha256"]) if e["edit_sha256"] else None) for e in pick["edits"]]
        part = around(read_mask(cases.root / case.mask.path)) if case.mask else (slice(None), slice(None))
        clips = [Clip(name, read_video(path).frames[:, part[0], part[1]] if path else None) for name, path in shown]
        head = f"{pick['scenario']}, {pick['pick']} of {found['rows'][0]}: {pick['case']}"
        write_strip(out / pick["picture"], [head, f"“{pick['instruction']}”"], clips)


def label(edit: Mapping[str, Any]) -> str:
    """Return what a strip says over an edit: its score, its axes, and the term that cost it most."""
    if edit["status"] != "ok":
        return f"{edit['method']}: not made ({edit['reason']})"
    if edit["score"] is None:
        return f"{edit['method']}: no score"
    axes = ", ".join(f"{axis} {edit[axis]:.2f}" for axis in METRICS[1:] if edit[axis] is not None)
    return f"{edit['method']}: {edit['score']:.1f} points ({axes}); most lost: {lost(edit, 1)}"


def lost(edit: Mapping[str, Any], terms: int, mark: str = "") -> str:
    """Return the terms that cost an edit most, with their axes and points."""
    named = [f"{t['axis']} {mark}{t['metric']}{mark} {t['points']:.1f}" for t in edit["lost"][:terms]]
    return ", ".join(named) or "-"


def table(found: Mapping[str, Any]) -> str:
    """Return the made part of the page, marks included: one line a pick."""
    rows = found["rows"]
    part = ", its first cases alone" if found["partial"] else ""
    on = f"`{found['split']}` of {found['testset']} {found['version']}{part}, {found['signature']}, {found['device']}"
    lines = [
        START,
        "",
        f"{on}; worst and best by the score of `{rows[0]}`:",
        "",
        f"| scenario | pick | case | {' | '.join(f'`{row}`' for row in rows)} | where `{rows[0]}` loses most |",
        f"| --- | --- | --- |{' ---: |' * len(rows)} --- |",
    ]
    for pick in found["picks"]:
        scores = {edit["method"]: edit["score"] for edit in pick["edits"]}
        cells = ["-" if scores.get(row) is None else f"{scores[row]:.1f}" for row in rows]
        names = [pick["scenario"], f"[{pick['pick']}]({pick['picture']})", f"`{pick['case']}`"]
        lines.append(f"| {' | '.join([*names, *cells, lost(pick['edits'][0], NAMED, '`')])} |")
    return "\n".join([*lines, "", END])


def paged(text: str, made: str) -> str:
    """Return the page with its made part replaced; UserError when it has no place for one."""
    before, start, rest = text.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end:
        raise UserError(f"{PAGE}: lacks the line '{END if start else START}'; the table goes between the two marks")
    return before + made + after


def unsaid(found: Mapping[str, Any], text: str) -> list[str]:
    """Return the cases that the page names in its table alone: nobody has said yet what is to be seen there."""
    by_hand = paged(text, "")
    return [p["case"] for p in found["picks"] if p["case"] not in by_hand]


def make(rows: Sequence[str], where: Where, out: Path) -> Path:
    """Run what the store lacks, write JSON, strips and the page's table; return the path of the JSON.

    UserError, before anything is run, for a row, a test set or a split that is not there, and a page without the marks.
    """
    for row in rows:
        registry.method(row)
    cases = registry.testset(where.testset)
    select(cases, where.split)
    page = out / PAGE
    text = page.read_text(encoding="utf-8") if page.is_file() else f"# Limits\n\n{START}\n{END}\n"
    paged(text, "")
    found = document(run(rows, None, where), rows, where, cases)
    out.mkdir(parents=True, exist_ok=True)
    draw(found, cases, BlobStore(open_home(where.home).blobs), out)
    for old in {path.name for path in out.glob(f"{NAME}-*.jpg")} - {pick["picture"] for pick in found["picks"]}:
        (out / old).unlink()
    path = out / f"{NAME}.json"
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
    page.write_text(paged(text, table(found)), encoding="utf-8")
    for case in unsaid(found, text):
        typer.echo(f"{page} does not say yet what is to be seen in {case}", err=True)
    return path


def main(
    row: Annotated[list[str] | None, typer.Option(help="Rows to show, the one that picks first; repeat.")] = None,
    split: Annotated[str, typer.Option(help="Split or named part.")] = "mini",
    device: Devices = "cpu",
    testset: TestSetName = "shopedit-300",
    protocol: Protocol = "lite-1",
    limit: Limit = None,
    home: Home = None,
    out: Out = OUT,
    workers: Workers = 1,
) -> None:
    """Show the edits of each scenario that a row did worst and best, beside the other rows' edits of them."""
    where = Where(split, testset, device, protocol, limit, home, workers)
    with one_line_errors():
        whole_or_elsewhere(out, limit is None and split == "mini")
        typer.echo(make(list(dict.fromkeys(row or ROWS)), where, out))


if __name__ == "__main__":
    typer.run(main)
