"""From a journal's rows to figures with intervals, and to what is wanted of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from bench import stats
from bench.stats import Interval
from bench.types import SCENARIOS
from methods.training.report.journal import Journal

Figures = dict[str, Any]
CONTROLS = ("copy-source", "first-frame")


@dataclass(frozen=True, slots=True)
class Claim:
    """A figure and what is wanted of it."""

    name: str
    found: float
    low: float | None
    high: float | None
    """95 % bootstrap interval over source clips; None where the figure is no mean."""
    wanted: str
    holds: bool


def summarise(journal: Journal, unreliable: Iterable[str] = ()) -> Figures:
    """Return `figures` by section, and the list of `claims`, of every section that has rows.

    Attributes that are `unreliable` are in the figures of text and not in its claims.
    """
    sections: dict[str, Callable[[dict[int, Any]], tuple[Figures, list[Claim]]]] = {
        "vae": _vae,
        "seconds": _seconds,
        "text": lambda rows: _text(rows, set(unreliable)),
        "inversion": _inversion,
        "edits": _edits,
    }
    figures: Figures = {}
    claims: list[Claim] = []
    for name, work in sections.items():
        if rows := journal.rows(name):
            figures[name], found = work(rows)
            claims += found
    return {"figures": figures, "claims": [asdict(claim) for claim in claims]}


def table(report: Mapping[str, Any]) -> str:
    """Return the claims as text, and the table of edits."""
    lines = [f"{'':<52}{'found':>9}  {'95 % interval':<18}{'wanted':<12}"]
    for claim in report["claims"]:
        spread = "" if claim["low"] is None else f"[{claim['low']:.3f}, {claim['high']:.3f}]"
        state = "holds" if claim["holds"] else "no"
        lines.append(f"{claim['name']:<52}{claim['found']:>9.3f}  {spread:<18}{claim['wanted']:<12}{state}")
    if edits := report["figures"].get("edits"):
        lines += ["", f"PSNR to the target, dB, whole / inside the edit, {edits['pairs']} held-out edits"]
        lines.append(f"{'':<16}" + "".join(f"{name:>15}" for name in ("all", *SCENARIOS)))
        for method, row in edits["methods"].items():
            cells = [row["all"], *(row["scenarios"].get(s) for s in SCENARIOS)]
            text = (f"{c['whole']['mean']:.2f} / {_mean(c['inside']):.2f}" if c else "-" for c in cells)
            lines.append(f"{method:<16}" + "".join(f"{cell:>15}" for cell in text))
    return "\n".join(lines)


def _vae(rows: dict[int, Any]) -> tuple[Figures, list[Claim]]:
    found = {name: _interval([row[name] for row in rows.values()], rows) for name in ("psnr", "ssim", "detail_ratio")}
    frames = [row["latent_frames"] for row in rows.values()]
    found["drift"] = _interval([each[-1] - each[0] for each in frames], rows)
    by_frame = [sum(column) / len(column) for column in zip(*frames, strict=True)]
    figures: Figures = {name: asdict(value) for name, value in found.items()}
    figures |= {"clips": len(rows), "psnr_by_latent_frame": by_frame}
    return figures, [
        _at_least("autoencoder, PSNR in dB", found["psnr"], 34),
        _at_least("autoencoder, SSIM", found["ssim"], 0.94),
        _at_least("autoencoder, Laplacian energy of the original's", found["detail_ratio"], 0.8),
        _at_least("autoencoder, last latent frame less first, dB", found["drift"], -0.5),
    ]


def _seconds(rows: dict[int, Any]) -> tuple[Figures, list[Claim]]:
    figures = rows[0]
    claims = [
        Claim(f"seconds to {what}", least := figures[what]["least"], None, None, f"<= {limit}", least <= limit)
        for what, limit in (("encode", 0.6), ("decode", 2.0), ("forward", 0.2))
    ]
    return figures, claims


def _text(rows: dict[int, Any], unreliable: set[str]) -> tuple[Figures, list[Claim]]:
    """Right readings over both sides of an edit, and swapped words that are read, over edits."""
    right: dict[str, list[tuple[float, int]]] = {}
    swaps: dict[str, list[tuple[float, int]]] = {}
    for number, row in rows.items():
        before, after = row["sides"]
        for side in (before, after):
            for name, (wanted, found) in side.items():
                right.setdefault(name, []).append((float(wanted == found), number))
        name = row["swapped"]
        if name in before and name in after and before[name][0] != after[name][0]:
            made = after[name][1] == after[name][0] and before[name][1] != after[name][1]
            swaps.setdefault(name, []).append((float(made), number))
    figures: Figures = {
        "edits": len(rows),
        "right": {name: asdict(_shares(found)) for name, found in right.items()},
        "swapped": {name: asdict(_shares(found)) for name, found in swaps.items()},
        "not judged": sorted(unreliable),
    }
    wanted = {"product": 0.8, "color": 0.9}
    claims = [
        _at_least(f"text to video, right {name}", _shares(right[name]), least)
        for name, least in wanted.items()
        if name in right
    ]
    judged = [each for name, found in swaps.items() if name not in unreliable for each in found]
    if judged:
        figures["swapped"]["all"] = asdict(_shares(judged))
        claims.append(_at_least("text to video, swapped word is read", _shares(judged), 0.8))
    return figures, claims


def _inversion(rows: dict[int, Any]) -> tuple[Figures, list[Claim]]:
    wanted = {"midpoint": 45, "euler": 36}
    found = {name: _interval([row[name] for row in rows.values()], rows) for name in wanted}
    claims = [_at_least(f"inversion and back, {n}, 20 forwards, dB", found[n], least) for n, least in wanted.items()]
    return {name: asdict(value) for name, value in found.items()} | {"clips": len(rows)}, claims


def _edits(rows: dict[int, Any]) -> tuple[Figures, list[Claim]]:
    methods = list(next(iter(rows.values()))["whole"])
    by_scenario = {s: {n: row for n, row in rows.items() if row["scenario"] == s} for s in SCENARIOS}
    by_scenario = {s: own for s, own in by_scenario.items() if own}
    figures: Figures = {"pairs": len(rows), "methods": {}}
    for method in methods:
        figures["methods"][method] = {
            "all": _both(rows, method),
            "scenarios": {s: _both(own, method) for s, own in by_scenario.items()},
        }

    def gain(over: str, of: str = "ti2v-inversion", rows: dict[int, Any] = rows, where: str = "whole") -> Interval:
        known = {n: row for n, row in rows.items() if row[where][of] is not None}
        strata = [row["scenario"] for row in known.values()]
        return _interval([row[where][of] - row[where][over] for row in known.values()], known, strata)

    claims = [
        _at_least("ti2v-inversion over copy-source, dB", gain("copy-source"), 6),
        _at_least("ti2v-inversion over first-frame, dB", gain("first-frame"), 3.5),
        _at_most("vae-target over ti2v-inversion, dB", gain("ti2v-inversion", "vae-target"), 2.5),
    ]
    for scenario, own in by_scenario.items():
        for control in CONTROLS:
            name = f"inside, {scenario}: over {control}, dB"
            claims.append(_at_least(name, gain(control, rows=own, where="inside"), 0))
    if "product" in by_scenario:
        claims.append(
            _at_least("product swaps: over from-noise, dB", gain("from-noise", rows=by_scenario["product"]), 0)
        )
    return figures, claims


def _both(rows: dict[int, Any], method: str) -> Figures:
    found: Figures = {}
    for where in ("whole", "inside"):
        known = {n: row for n, row in rows.items() if row[where][method] is not None}
        values = [row[where][method] for row in known.values()]
        strata = [row["scenario"] for row in known.values()]
        found[where] = asdict(_interval(values, known, strata)) if known else None
    return found


def _shares(found: Sequence[tuple[float, int]]) -> Interval:
    return _interval([value for value, _ in found], [number for _, number in found])


def _interval(values: Sequence[float], numbers: Iterable[int], strata: Sequence[str] | None = None) -> Interval:
    """Resample held-out edits: each has a source clip of its own, and both of its sides go together."""
    return stats.interval(values, [str(number) for number in numbers], strata)


def _at_least(name: str, found: Interval, limit: float) -> Claim:
    return Claim(name, found.mean, found.low, found.high, f">= {limit:g}", found.mean >= limit)


def _at_most(name: str, found: Interval, limit: float) -> Claim:
    return Claim(name, found.mean, found.low, found.high, f"<= {limit:g}", found.mean <= limit)


def _mean(interval: Mapping[str, float] | None) -> float:
    return float("nan") if interval is None else interval["mean"]
