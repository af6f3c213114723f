"""A store for the board's tests."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from tests import fixtures


def fill(home: Path, toyset: Path) -> Path:
    """Fill a state folder: `blend` and `fails-once` share a track, `still` has another, `masked` lacks cases."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in fixtures.ENVIRONMENT.items():
            patch.setenv(name, value)
        run(prepare(RunSpec(("blend", "fails-once", "still"), "smoke", str(toyset), "toy"), open_home(home)))
        run(prepare(RunSpec(("masked",), "smoke", str(toyset), "toy", limit=3), open_home(home)))
    return home


BEACON = (
    "![x](http://beacon.invalid/a.png) <img src=http://beacon.invalid/b.png onerror=alert(1)> [l](javascript:alert(1))"
)
"""Fetches a remote image where Markdown or HTML reads it."""


def poison(home: Path, copy: Path) -> Path:
    """Copy a state folder with the beacon in every text that comes from outside."""
    shutil.copytree(home, copy, ignore=shutil.ignore_patterns("cache"))
    card = ("name", "description", "family", "paper", "licence")
    case = (
        "source_prompt",
        "target_prompt",
        "vertical",
        "split",
        "licence",
        "group",
        "instruction.en",
        "instruction.zh",
    )
    with closing(sqlite3.connect(copy / "bench.db")) as db, db:
        for word in card:
            before = "json_extract(card, '$.name')" if word == "name" else "''"
            db.execute(f"UPDATE method SET card = json_set(card, '$.{word}', ? || {before})", (BEACON,))
        db.execute("UPDATE method SET name = json_extract(card, '$.name')")
        db.execute("UPDATE method SET card = json_set(card, '$.parameters', json_object(?1, ?1))", (BEACON,))
        for word in case:
            db.execute(f"UPDATE \"case\" SET record = json_set(record, '$.{word}', ?)", (BEACON,))
        for word in ("keep", "tags"):
            db.execute(f"UPDATE \"case\" SET record = json_set(record, '$.{word}', json_array(?))", (BEACON,))
        changed = json.dumps([dict.fromkeys(("name", "source", "target"), BEACON)])
        db.execute("UPDATE \"case\" SET record = json_set(record, '$.attributes', json(?))", (changed,))
        db.execute('UPDATE "case" SET case_id = ? || case_id', (BEACON,))
        db.execute("UPDATE \"case\" SET record = json_set(record, '$.id', case_id)")
        db.execute("UPDATE metric SET card = json_set(card, '$.title', ?1, '$.description', ?1)", (BEACON,))
        db.execute("UPDATE testset SET name = ?1, version = ?1", (BEACON,))
        db.execute("UPDATE edit SET reason = ?1, stage = ?1 WHERE reason IS NOT NULL", (BEACON,))
        for word in ("cpu", "gpu", "commit"):
            db.execute(f"UPDATE environment SET facts = json_set(facts, '$.{word}', ?)", (BEACON,))
        db.execute("UPDATE score SET unscored = ? WHERE unscored IS NOT NULL", (BEACON,))
        db.execute("UPDATE run SET split = ?", (BEACON,))
        _poison_people(db)
    return copy


def _poison_people(db: sqlite3.Connection) -> None:
    """Put the beacon into what submitters, moderators and openers of studies write, as far as there are any."""
    for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {trigger}")  # the log is append-only
    db.execute("UPDATE submission SET source = ?1, reason = ?1, testset = ?1, row_name = ?1", (BEACON,))
    problem = dict.fromkeys(("file", "rule", "found", "limit", "remedy"), BEACON)
    flag = dict.fromkeys(("check", "case", "found", "limit"), BEACON)
    db.execute("UPDATE submission SET problems = ?, flags = ?", (json.dumps([problem]), json.dumps([flag])))
    db.execute("UPDATE submission_event SET actor = ?1, action = ?1, reason = ?1", (BEACON,))
    db.execute("UPDATE study SET name = ?1 || id, split = ?1", (BEACON,))
    for row, cases in db.execute("SELECT id, cases FROM study").fetchall():
        told = {name: {**case, "instruction": {"en": BEACON, "zh": BEACON}} for name, case in json.loads(cases).items()}
        db.execute("UPDATE study SET cases = ? WHERE id = ?", (json.dumps(told), row))
