"""What all studies of rows share: the variants, the command line, the JSON and the plots."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.errors import BenchError, UserError
from bench.types import SCENARIOS
from methods.studies.plots import differences, read, save
from methods.studies.runs import Where, run
from methods.studies.summary import METRICS, by_method, pairs, summary
from methods.studies.variants import Variant, write_rows

OUT = Path("docs/studies")
EDITS = "-edits.json"
"""What the file of a study's single edits is called after its name."""
Split = Annotated[str, typer.Option(help="Split or named part; choices are made on dev.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...")]
Devices = Annotated[str, typer.Option(help="cpu, cuda, cuda:1 ...; cuda:0,cuda:1 for workers in turn.")]
TestSet = Annotated[str, typer.Option(help="Registered name or folder.")]
Protocol = Annotated[str, typer.Option(help="Protocol that scores: lite-1, or full-1 for the 5B model's clips.")]
Limit = Annotated[int | None, typer.Option(help="Only the first N cases, to try a study out.", min=1)]
Home = Annotated[Path | None, typer.Option(help="Folder of the store that edits are kept in and resumed from.")]
Workers = Annotated[int, typer.Option(help="Processes that edit and score.", min=1)]
DrawOnly = Annotated[bool, typer.Option("--draw-only", help="Draw the JSON that lies in --out again; run nothing.")]
Out = Annotated[Path, typer.Option(help="Folder for the JSON, the plots and the variants' rows.")]


@dataclass(frozen=True, slots=True)
class Study:
    """Variants to run, and what to draw of their summaries."""

    name: str
    """Lower-kebab; also the stem of its files."""
    question: str
    variants: tuple[Variant, ...]
    draw: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    """From the study's document to charts by file suffix."""
    against: str | None = None
    """The variant that each other is subtracted from, case by case."""
    compared: tuple[tuple[str, str], ...] = ()
    """More pairs of variants: the second is subtracted from the first."""
    metrics: tuple[str, ...] = METRICS
    """What is summed up; those outside the protocol are scored besides it."""
    split: str = "dev"
    """Where it is run unless told otherwise; the larger sweeps are run on a part."""
    extra: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """From the document to what else it says."""

    def document(self, exported: Mapping[str, Any], where: Where) -> dict[str, Any]:
        """Return the study's JSON from what `bench export` says; BenchError when a variant has no edits."""
        edits = by_method(exported["edits"])
        names = [variant.name for variant in self.variants]
        compared = [(self.against, name) for name in names if self.against not in (None, name)]
        compared += [pair for pair in self.compared if set(pair) <= set(names)]
        if absent := [name for name in names if name not in edits]:
            raise BenchError(f"no edits of {', '.join(absent)} in the store; look at what `bench run` said above")
        rows = [summary(variant, edits[variant.name], self.metrics) for variant in self.variants]
        document = {
            "study": self.name,
            "question": self.question,
            **{key: exported[key] for key in ("testset", "version", "testset_digest", "signature")},
            "split": where.split,
            "device": where.device,
            "partial": where.limit is not None,
            "variants": rows,
            "pairs": pairs(edits, compared, self.metrics),
        }
        return document | (self.extra(document) if self.extra else {})

    def edits(self, exported: Mapping[str, Any], where: Where) -> str:
        """Return the score of every edit as JSON, one a line: what another machine compares its own with."""
        names = [variant.name for variant in self.variants]
        head = {key: exported[key] for key in ("testset", "version", "testset_digest", "signature")}
        head |= {"testset": where.testset, "protocol": where.protocol, "split": where.split, "device": where.device}
        lines = [
            json.dumps({"method": e["method"], "case": e["case"], "score": e["scores"].get("score", {}).get("value")})
            for e in exported["edits"]
            if e["method"] in names
        ]
        start = json.dumps({"study": self.name, **head, "rows": names})[:-1]
        return f'{start}, "edits": [\n' + ",\n".join(lines) + "\n]}\n"

    def make(self, where: Where, out: Path) -> Path:
        """Run the study, or what is left of it; return the path of its JSON, beside which its plots lie."""
        rows = out / "rows" / self.name
        write_rows(rows, self.variants)
        exported = run([variant.name for variant in self.variants], rows, where, self.metrics[len(METRICS) :])
        path = out / f"{self.name}.json"
        document = self.document(exported, where)
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
        (out / f"{self.name}{EDITS}").write_text(self.edits(exported, where), encoding="utf-8")
        self.plot(out)
        return path

    def plot(self, out: Path) -> None:
        """Draw the study's JSON; UserError when there is none, or what draws is not installed."""
        for suffix, chart in self.draw(read(out / f"{self.name}.json")).items():
            save(chart, out / f"{self.name}{suffix}.svg")


def whole_or_elsewhere(out: Path, whole: bool) -> None:
    """Raise UserError where a part of a study would take the place of the whole one that is shipped."""
    if not whole and out == OUT:
        raise UserError(f"a part, or another split, would take the place of the study in {OUT}; wanted --out FOLDER")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Say what is wrong in one line, with exit code 2, where the block raises an error that is on purpose."""
    try:
        yield
    except BenchError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None


def command(study: Study) -> None:
    """Run a study from the command line."""
    found = tuple(dict.fromkeys(variant.series for variant in study.variants))

    def main(
        split: Split = study.split,
        device: Devices = "cpu",
        testset: TestSet = "shopedit-300",
        protocol: Protocol = "lite-1",
        limit: Limit = None,
        home: Home = None,
        out: Out = OUT,
        workers: Workers = 1,
        series: Annotated[list[str] | None, typer.Option(help="Only these series, e.g. rows; repeat for more.")] = None,
        draw_only: DrawOnly = False,
    ) -> None:
        where = Where(split, testset, device, protocol, limit, home, workers)
        chosen = study
        with one_line_errors():
            if unknown := [name for name in series or () if name not in found]:
                raise UserError(f"--series {unknown[0]}: {study.name} has no such; wanted one of {', '.join(found)}")
            if series:
                kept = tuple(v for v in study.variants if v.series in series or v.name == study.against)
                chosen = replace(study, variants=kept)
            if draw_only:
                study.plot(out)
            else:
                whole_or_elsewhere(out, series is None and limit is None and split == study.split)
                typer.echo(chosen.make(where, out))

    main.__doc__ = study.question
    typer.run(main)


def points(document: Mapping[str, Any], metric: str = "score") -> list[dict[str, Any]]:
    """Return a document's variants as points for `methods.studies.plots.lines`; those without a value are left out."""
    return [
        {"x": row["x"], "series": row["series"], **{k: row["metrics"][metric][k] for k in ("mean", "low", "high")}}
        for row in document["variants"]
        if row["metrics"][metric] is not None
    ]


def panels(document: Mapping[str, Any], x: str, first: str | None = None, second: str | None = None) -> Any:
    """Return the chart of a document's pairs with that first or second: what the first is ahead, also by scenario."""
    labels = {row["name"]: f"{row['series']}: {row['x']}" for row in document["variants"]}
    rows = []
    for pair in document["pairs"]:
        if (first or pair["a"], second or pair["b"]) != (pair["a"], pair["b"]):
            continue
        for group in ("all", *SCENARIOS):
            found = pair if group == "all" else pair["scenarios"].get(group)
            if found is not None:
                rows.append(
                    {"label": labels[pair["b" if second is None else "a"]], "group": group}
                    | {k: found[k] for k in ("mean", "low", "high")}
                )
    return differences(rows, x)
