"""The ranking as files: CSV, JSON, LaTeX and Parquet, each with means and intervals."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bench.export import FORMULA
from bench.store.read import Board
from leaderboard import numbers
from leaderboard.query import Standing, View
from leaderboard.ranking_table import Intervals, Scale, places

if TYPE_CHECKING:
    import pandas as pd

_LATEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    sign: f"\\{sign}" for sign in "{}$&#%_"
}


def records(
    standings: Sequence[Standing], found: Mapping[int, Intervals], names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return one flat record per method; None where there is no value."""
    made = []
    for s in standings:
        record: dict[str, Any] = {
            "method": s.card.name,
            "version": s.card.version,
            "track": s.card.track,
            "control": s.card.control,
            "rank_low": s.ranks[0] if s.ranks else None,
            "rank_high": s.ranks[1] if s.ranks else None,
        }
        for name in names:
            mine = found.get(s.row, {}).get(name)
            record |= {name: mine and mine.mean, f"{name}_low": mine and mine.low, f"{name}_high": mine and mine.high}
        record |= {
            "seconds": s.cost["seconds"],
            "nfe": s.cost["nfe"],
            "peak_memory_bytes": s.cost["peak_memory"],
            "edits": s.edits,
            "failed": s.failed,
            "missing_cases": s.missing,
        }
        made.append(record)
    return made


def to_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the records as RFC 4180; text that a spreadsheet would run is inert."""
    stream = io.StringIO()
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]) if rows else ["method"])
    writer.writeheader()
    for row in rows:
        writer.writerow({k: f"'{v}" if isinstance(v, str) and v.startswith(FORMULA) else v for k, v in row.items()})
    return stream.getvalue()


def to_json(board: Board, split: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the records with the board's identity."""
    document = {
        "testset": board.testset,
        "version": board.version,
        "testset_digest": board.testset_digest,
        "signature": board.signature,
        "split": split,
        "rows": rows,
    }
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_latex(
    board: Board,
    split: str,
    standings: Sequence[Standing],
    found: Mapping[int, Intervals],
    names: Sequence[str],
    scale: Mapping[str, Scale],
) -> str:
    """Return a booktabs table (needs the package `booktabs`); every text is escaped."""
    heads = ["Method", "Track", "Rank", *names, "s/edit", "NFE"]
    lines = [
        f"% {escape(board.testset)} {escape(board.version)}, {escape(split)}, {escape(board.signature)}",
        r"\begin{tabular}{lll" + "r" * (len(names) + 2) + "}",
        r"\toprule",
        " & ".join(escape(head) for head in heads) + r" \\",
        r"\midrule",
    ]
    control = False
    for s in standings:
        if s.card.control and not control:
            lines.append(r"\midrule")
        control = s.card.control
        cells = [escape(s.card.name), escape(s.card.track), escape(places(s.ranks) if s.ranks else "--")]
        for name in names:
            mine = found.get(s.row, {}).get(name)
            low, mean, high = (scale[name].write(v) for v in (mine.low, mine.mean, mine.high)) if mine else ("--",) * 3
            cells.append(f"{escape(mean)} {{\\scriptsize [{escape(low)}, {escape(high)}]}}" if mine else "--")
        cells += [escape(numbers.seconds(s.cost["seconds"])), escape(numbers.fixed(s.cost["nfe"], 0))]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def escape(text: str) -> str:
    """Return text that LaTeX sets as it stands."""
    plain = " ".join(text.split()).replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "--")
    return "".join(_LATEX.get(sign, sign) for sign in plain)


def to_parquet(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the records as Parquet."""
    import pandas as pd

    return _parquet(pd.DataFrame.from_records(list(rows)))


def edits_to_parquet(shown: View) -> bytes:
    """Return one row per method and case that was run, with the mean over seeds of every metric."""
    import numpy as np
    import pandas as pd

    rows, at = np.nonzero(shown.run())
    columns, cases = shown.columns, shown.cases
    frame = pd.DataFrame(
        {
            "method": pd.Categorical([columns.methods[i].name for i in rows]),
            "track": pd.Categorical([columns.methods[i].track for i in rows]),
            "case": pd.Categorical([cases[i].id for i in at]),
            "group": pd.Categorical([cases[i].group for i in at]),
            "scenario": pd.Categorical([cases[i].scenario for i in at]),
            "vertical": pd.Categorical([cases[i].vertical for i in at]),
            "split": pd.Categorical([cases[i].split for i in at]),
            "failed": columns.failed[:, shown.at][rows, at].astype(int),
        }
        | {name: shown.of(name)[rows, at] for name in columns.values}
    )
    return _parquet(frame)


def _parquet(frame: pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    frame.to_parquet(stream, index=False)
    return stream.getvalue()
