"""The board over 1,000 methods x 300 edits x 25 metrics: `python -m tests.benchmarks.board_many --home FOLDER`.

Builds the store by bulk SQL where FOLDER does not hold it yet, then prints: the database's answer to the page, the
first paint and a change of filter in Chromium, and the server's memory. Values are random; only their number matters.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from bench.home import Home
from bench.identity import method_key, metric_key
from bench.store.access import open_reader, open_store
from bench.store.columns import load
from bench.summary import AXES, HEADLINE
from bench.types import SCENARIOS, Asset, EditCase, Instruction, MethodCard, MetricCard
from leaderboard import query
from tests import browser

METHODS, CASES, CLIPS, METRICS, RUNS = 1000, 300, 75, 25, 200
TRACKS = ("text", "first-frame", "mask")
VERTICALS = ("apparel", "home", "electronics", "beauty", "jewellery", "food", "toys")
LIMITS = {"page query": 0.150, "first paint": 2.0, "filter": 0.5, "server": 2**30}


def cases() -> list[EditCase]:
    asset = Asset(path="clips/a.mp4", sha256="0" * 64, width=256, height=256, frames=17)
    return [
        EditCase(
            id=f"case-{i:03d}",
            group=f"clip-{i % CLIPS:02d}",
            scenario=SCENARIOS[i % len(SCENARIOS)],
            vertical=VERTICALS[(i % CLIPS) % len(VERTICALS)],
            source=asset,
            target=asset,
            mask=asset,
            source_prompt="a red fabric table lamp in a white studio",
            target_prompt="a blue fabric table lamp in a white studio",
            instruction=Instruction(en="Make the table lamp blue.", zh="把台灯改成蓝色。"),
            split="test",
        )
        for i in range(CASES)
    ]


def methods() -> list[MethodCard]:
    controls = [MethodCard(name=name, family="control", control=True) for name in ("ground-truth", "copy-source")]
    rows = [
        MethodCard(name=f"method-{i:04d}", family="made up", track=TRACKS[i % 3], parameters={"steps": i})
        for i in range(METHODS - len(controls))
    ]
    return controls + rows


def metrics() -> list[MetricCard]:
    composites = [
        MetricCard(
            name=name, title=name.title(), family="score", better="higher", range=(0, 100 if name == HEADLINE else 1)
        )
        for name in (*AXES, HEADLINE)
    ]
    others = [
        MetricCard(name=f"metric-{i:02d}", title=f"Metric {i}", family="structure", better="higher")
        for i in range(METRICS - len(composites))
    ]
    return composites + others


def build(home: Home) -> None:
    """Fill an empty store. Rows are made inside the database; nothing else could make 7.5 million in a minute."""
    open_store(home, None)
    home.journals.mkdir(exist_ok=True)
    begin = datetime(2026, 1, 1, tzinfo=timezone.utc)
    with closing(sqlite3.connect(home.root / "bench.db")) as db, db:
        db.execute("INSERT INTO testset VALUES (1, 'd', 'made-up', '1.0')")
        db.execute("INSERT INTO protocol VALUES (1, 'lite-1:many', 'lite-1')")
        db.execute("INSERT INTO environment VALUES (1, 'e', '{}')")
        for i, case in enumerate(cases(), 1):
            facts = (case.id, case.group, case.scenario, case.vertical, case.split, case.model_dump_json())
            db.execute('INSERT INTO "case" VALUES (?, 1, ?, ?, ?, ?, ?, ?)', (i, *facts))
        keys = []
        for i, card in enumerate(methods(), 1):
            keys.append(method_key(card))
            db.execute("INSERT INTO method VALUES (?, ?, ?, 1, ?)", (i, keys[-1], card.name, card.model_dump_json()))
        for i, metric in enumerate(metrics(), 1):
            facts = (i, metric_key(metric), metric.name, 1, i, metric.model_dump_json())
            db.execute("INSERT INTO metric VALUES (?, ?, ?, ?, ?, ?)", facts)
        names = json.dumps([case.id for case in cases()])
        each = METHODS // RUNS
        for i in range(RUNS):
            at = (begin + timedelta(minutes=i)).strftime("%Y%m%dT%H%M%S.000000") + "-000000"
            mine = json.dumps(keys[i * each : (i + 1) * each])
            db.execute(
                "INSERT INTO run VALUES (?, 1, 1, 1, 'test', 0, 'finished', ?, ?, '{}', ?, ?, 1)",
                (at, begin.isoformat(), begin.isoformat(), names, mine),
            )
        db.execute(
            "INSERT INTO edit (testset_id, key, case_id, method_id, run_id, seed, status, sha256, seconds, nfe,"
            " peak_memory, notes, device, finished)"
            " SELECT 1, m.id || '-' || c.id, c.id, m.id, (SELECT min(id) FROM run), 0, 'ok', 'x', 1 + m.id % 97, 50,"
            " 1000000000 + m.id * 1000000, '{}', 'cpu', '2026' FROM method m, \"case\" c ORDER BY m.id, c.id"
        )
        quality = "(0.2 + 0.6 * ((e.method_id * 7919) % 1000) / 1000.0 + 0.2 * (abs(random()) % 1000) / 1000.0)"
        db.execute(
            "INSERT INTO score (edit_id, metric_id, protocol_id, key, value, series)"
            f" SELECT e.id, k.id, 1, 'k', CASE WHEN k.name = '{HEADLINE}' THEN 100 ELSE 1 END * {quality}, '[]'"
            " FROM edit e, metric k ORDER BY e.id, k.id"
        )


def seconds(work: Callable[[], Any], times: int = 5) -> float:
    """Return the median time of some repetitions."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[times // 2]


@contextmanager
def painted(tab: Any, change: Callable[[], Any], *ready: str) -> Iterator[list[float]]:
    """Time from a change until the page shows each thing that it must, in this order; then wait for all the rest."""
    took: list[float] = []
    start = time.perf_counter()
    change()
    for shown in ready:
        tab.wait_for_function(shown, polling=10)
        took.append(time.perf_counter() - start)
    browser.settle(tab)
    yield took


def resident(process: int) -> int:
    """Return the peak resident memory of a process and its children, in bytes."""
    tree = subprocess.run(["pgrep", "-P", str(process)], capture_output=True, text=True, check=False).stdout.split()
    total = 0
    for pid in (process, *map(int, tree)):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        total += int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024
    return total


def told(name: str, value: float, unit: str = "s") -> None:
    limit = LIMITS[name]
    shown, most = (f"{v / 2**20:.0f} MiB" if unit == "B" else f"{v:.3f} s" for v in (value, limit))
    print(f"{name:>12}: {shown}, {value / limit:.2f} of the {most} allowed")


TABLES = """[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
    .map(e => e.shadowRoot?.querySelector('tbody')?.textContent).filter(Boolean)"""
"""The rows of every table on the page, as text."""
RANKED = f"{TABLES}.some(rows => /method-[0-9]{{4}}/.test(rows))"
CHANGED = f"{TABLES}.length === window.old.length && {TABLES}.every((rows, i) => rows !== window.old[i])"
"""Whether no table is as it was; a style sheet or a spinner that comes and goes is no change."""

PLOT = """[...document.querySelectorAll('[data-testid=stBidiComponentIsolated]')]
    .map(e => e.shadowRoot?.querySelector('.chart svg[role=group]')?.innerHTML).find(Boolean)"""
"""Quality against cost, below the tables."""
PLOTTED = f"{PLOT} && {PLOT} !== window.plot"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--home", type=Path, required=True)
    home = Home(parser.parse_args().home.resolve())
    if not (home.root / "bench.db").is_file():
        home.root.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        build(home)
        print(f"store of {METHODS * CASES * METRICS:,} scores built in {time.perf_counter() - start:.0f} s")
    os.environ["BENCH_HOME"] = str(home.root)
    reader = open_reader(home, None)
    board = reader.boards()[0]
    folder = home.cache / "board"
    start = time.perf_counter()
    columns = load(reader.engine, board, folder)
    print(f"columns read for the first time, or from the file: {time.perf_counter() - start:.1f} s")
    told("page query", seconds(lambda: load(reader.engine, board, folder)))
    shown = query.view(columns, "test")
    print(f"ranking of all cases computed in {seconds(lambda: query.standings(shown)):.3f} s")
    some = [s.row for s in list(query.standings(shown))[:150]]
    print(f"600 intervals computed in {seconds(lambda: query.intervals(shown, some, shown.composites)):.3f} s")
    with browser.board(home.root) as address, browser.chromium() as chromium:
        for visitor in ("first", "second", "third"):
            with browser.page(chromium) as tab:
                with painted(tab, lambda: tab.goto(address, wait_until="commit"), RANKED) as took:
                    print(f"{visitor} visitor after the start: {took[0]:.2f} s")
                if visitor == "third":
                    told("first paint", took[0])
                    times = []
                    for name in ("Colour", "Material", "Style"):
                        tab.locator("[data-testid=stSelectbox]", has_text="Scenario").locator("input").first.click()
                        tab.get_by_role("option", name=name).wait_for()
                        tab.evaluate(f"() => {{ window.old = {TABLES}; window.plot = {PLOT} }}")
                        with painted(tab, tab.get_by_role("option", name=name).click, CHANGED, PLOTTED) as took:
                            times.append(took)
                    tables, plots = (sorted(each)[1] for each in zip(*times, strict=True))
                    told("filter", tables)
                    print(f"plots below the tables after the same change: {plots:.3f} s")
        told("server", resident(browser.board.process), "B")


if __name__ == "__main__":
    main()
