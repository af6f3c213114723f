"""The database is what the journals say, can be made anew from them, and keeps its schema in step with its models."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

from bench.errors import UserError
from bench.home import open_home
from bench.plan import RunSpec
from bench.run import prepare, run
from bench.store import journal
from bench.store.access import open_reader
from bench.store.db import HEAD, alembic_config, open_engine
from bench.store.models import Base
from bench.store.read import Reader
from bench.store.records import EditRecord
from bench.store.repo import Store
from bench.store.verify import problems, rebuild


@pytest.fixture
def filled(toy: Path, toyset: Path) -> Path:
    """A state folder with one finished run that has a failure in it."""
    run(prepare(RunSpec(("fails-once",), "smoke", str(toyset), "toy", controls=False), open_home()))
    return toy


def execute(home: Path, statement: str) -> None:
    with create_engine(f"sqlite:///{home / 'bench.db'}").begin() as connection:
        connection.execute(text(statement))


def test_migrations_give_exactly_the_models_tables(tmp_path: Path) -> None:
    from alembic import command

    engine = open_engine(f"sqlite:///{tmp_path / 'a.db'}")
    command.check(alembic_config(engine))
    assert set(inspect(engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}


def test_the_newest_migration_is_the_one_the_program_expects(tmp_path: Path) -> None:
    from alembic.script import ScriptDirectory

    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    assert ScriptDirectory.from_config(alembic_config(engine)).get_heads() == [HEAD]


def test_a_sqlite_store_is_safe_for_readers_beside_a_writer(tmp_path: Path) -> None:
    with open_engine(f"sqlite:///{tmp_path / 'a.db'}").connect() as connection:
        pragmas = {p: connection.execute(text(f"PRAGMA {p}")).scalar() for p in ("journal_mode", "foreign_keys")}
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1}


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'bench.db'}"
    open_engine(url)
    execute(tmp_path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(UserError, match=r"schema 9999 is newer than this program's .*; update shopedit-bench"):
        open_engine(url)


@pytest.mark.parametrize("url", ["nonsense", "nodialect://x"])
def test_an_address_that_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(UserError, match="wanted an SQLAlchemy URL"):
        open_engine(url)


def test_a_file_that_is_no_database_names_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "bench.db").write_bytes(b"x" * 4096)
    with pytest.raises(UserError, match="bench store rebuild"):
        open_engine(f"sqlite:///{tmp_path / 'bench.db'}")


def test_a_whole_store_has_no_problems(filled: Path) -> None:
    assert list(problems(open_home())) == []


def test_folding_the_journals_in_again_changes_nothing(filled: Path) -> None:
    before = open_reader(open_home(), None).results(open_reader(open_home(), None).boards()[0])
    store = Store(open_engine(open_home().database_url), open_home().journals)
    for path in sorted(open_home().journals.glob("*.jsonl")):
        for record, offset in journal.read(path):
            store.apply(record, offset)
    reader = open_reader(open_home(), None)
    after = reader.results(reader.boards()[0])
    assert [vars_of(r) for r in after] == [vars_of(r) for r in before]


def vars_of(result: object) -> dict[str, object]:
    return {name: getattr(result, name) for name in result.__dataclass_fields__}


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("UPDATE score SET value = 99 WHERE value = 0", "the database says"),
        ("DELETE FROM edit WHERE status = 'failed'", "in a journal, not in the database"),
        ("UPDATE edit SET sha256 = 'ff' WHERE id = 1", "clip ff: missing"),
    ],
)
def test_a_row_that_was_tampered_with_is_found_and_mended(filled: Path, statement: str, line: str) -> None:
    execute(filled, statement)
    assert any(line in problem for problem in problems(open_home()))
    rebuild(open_home())
    assert list(problems(open_home())) == []


def test_a_clip_that_was_damaged_or_removed_is_found(filled: Path) -> None:
    first, second = sorted((filled / "blobs").glob("??/*"))[:2]
    first.write_bytes(first.read_bytes()[:-1])
    second.unlink()
    found = list(problems(open_home()))
    assert len(found) == 2
    assert any(first.name in line and "another hash" in line for line in found)
    assert any(second.name in line and "missing" in line for line in found)


def test_a_lost_or_ruined_database_is_made_anew_from_the_journals(filled: Path) -> None:
    reader = open_reader(open_home(), None)
    before = [vars_of(r) for r in reader.results(reader.boards()[0])]
    (filled / "bench.db").write_bytes(b"ruined" * 1000)
    assert rebuild(open_home()) == 10
    assert (filled / "bench.db.old").read_bytes().startswith(b"ruined")
    reader = open_reader(open_home(), None)
    assert [vars_of(r) for r in reader.results(reader.boards()[0])] == before


def test_without_a_journal_there_is_nothing_to_rebuild_from(toy: Path) -> None:
    with pytest.raises(UserError, match="holds no journal"):
        rebuild(open_home())


def test_a_journal_line_that_is_whole_but_no_record_is_named(filled: Path) -> None:
    path = next((filled / "journal").glob("*.jsonl"))
    with path.open("ab") as stream:
        stream.write(b'{"kind": "edit"}\n')
    with pytest.raises(UserError, match=rf"{path.name}: byte \d+: not a record"):
        open_reader(open_home(), None)


def test_a_journal_line_cut_short_is_passed_over(filled: Path) -> None:
    path = next((filled / "journal").glob("*.jsonl"))
    data = path.read_bytes()
    path.write_bytes(data + b'{"kind": "edit", "run')
    assert len(list(journal.read(path))) == 10
    assert list(problems(open_home())) == []


def test_a_success_is_not_undone_by_a_later_failure(filled: Path) -> None:
    path = next((filled / "journal").glob("*.jsonl"))
    records = [record for record, _ in journal.read(path)]
    success = next(r for r in records if isinstance(r, EditRecord) and r.status == "ok")
    failure = success.model_copy(
        update={"status": "failed", "stage": "edit", "reason": "later", "edit": None, "scores": []}
    )
    store = Store(open_engine(open_home().database_url), open_home().journals)
    store.apply(failure, path.stat().st_size)
    reader = open_reader(open_home(), None)
    result = next(r for r in reader.results(reader.boards()[0]) if r.key == success.key)
    assert result.ok
    assert result.scores


@pytest.mark.parametrize("seed", range(4))
def test_rows_do_not_depend_on_the_order_in_which_journals_are_read(
    filled: Path, toyset: Path, tmp_path: Path, seed: int
) -> None:
    """Two runs of the same jobs, one of them made to succeed where the other failed, in a random interleaving."""
    first = [r for r, _ in journal.read(next((filled / "journal").glob("*.jsonl")))]
    success = next(r for r in first if isinstance(r, EditRecord) and r.status == "ok")

    def again(record):
        record = record.model_copy(update={"run": "99991231T000000-000000"})
        if isinstance(record, EditRecord) and record.edit:
            return record.model_copy(update={"edit": record.edit.model_copy(update={"seconds": 9.0})})
        if isinstance(record, EditRecord):
            return record.model_copy(update={"edit": success.edit, "status": "ok", "stage": None, "reason": None})
        return record

    def fold(name: str, pick) -> list[dict[str, object]]:
        engine = open_engine(f"sqlite:///{tmp_path / name}")
        store = Store(engine, tmp_path / "no-journals")
        queues = [list(first), [again(r) for r in first]]
        while any(queues):
            queue = pick([q for q in queues if q])
            store.apply(queue.pop(0), 1)
        reader = Reader(engine)
        return [vars_of(r) for r in reader.results(reader.boards()[0])]

    assert fold("a.db", random.Random(seed).choice) == fold("b.db", lambda queues: queues[0])


def test_the_store_may_lie_elsewhere_by_url(toy: Path, toyset: Path, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    spec = RunSpec(("blend",), "smoke", str(toyset), "toy", controls=False, limit=1)
    run(prepare(spec, open_home(), url))
    assert not (toy / "bench.db").exists()
    assert len(open_reader(open_home(), url).runs()) == 1
    assert list(problems(open_home(), url)) == []


def test_a_state_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="name another folder with --home"):
        open_home(tmp_path / "file" / "home")
