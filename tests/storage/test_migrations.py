"""Migrations: once, in order, all or none; and a newer file is left alone."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from offramp.errors import StorageError
from offramp.storage import Store
from offramp.storage import migrate as migrating
from offramp.storage.migrate import Migration, known_migrations, migrate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FIRST = Migration(
    "-- A comment; with a semicolon.\nCREATE TABLE a (n);\nINSERT INTO a VALUES (';');\n"
)
SECOND = Migration("CREATE TABLE b (n);\nINSERT INTO b SELECT n FROM a;\n")
BAD = Migration("CREATE TABLE c (n);\nINSERT INTO nowhere VALUES (1);")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    """An empty database in memory."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        yield connection


def version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def test_each_migration_is_applied_once_in_order(connection: sqlite3.Connection) -> None:
    """A file that has seen the first gets only the second, and then none."""
    migrate(connection, [FIRST])
    migrate(connection, [FIRST, SECOND])
    migrate(connection, [FIRST, SECOND])
    assert version(connection) == 2
    assert connection.execute("SELECT n FROM b").fetchall() == [(";",)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(connection: sqlite3.Connection) -> None:
    """Not even the good ones before it stay, so the older version still runs."""
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        migrate(connection, [FIRST, SECOND, BAD])
    assert version(connection) == 0
    assert connection.execute("SELECT name FROM sqlite_schema").fetchall() == []


def test_a_file_of_a_newer_version_is_refused(connection: sqlite3.Connection) -> None:
    """The message says what to do, and the file is not touched."""
    migrate(connection, [FIRST, SECOND])
    with pytest.raises(
        StorageError, match=r"newer version of Offramp .* at 2, .* knows 1.*install"
    ):
        migrate(connection, [FIRST])
    assert version(connection) == 2


async def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """Opening says the same, and lets the folder go."""
    async with Store.open(tmp_path) as store:
        await store.write(lambda c: c.execute("PRAGMA user_version = 999"))
    for _ in range(2):
        with pytest.raises(StorageError, match="newer version"):
            async with Store.open(tmp_path):
                pass


def test_an_old_sqlite_is_refused(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names both versions."""
    monkeypatch.setattr(migrating, "OLDEST_SQLITE", (99, 0, 0))
    with pytest.raises(StorageError, match=r"SQLite [\d.]+ is too old: .* 99\.0\.0"):
        migrate(connection, [FIRST])


def test_the_migrations_apply_to_an_empty_file(connection: sqlite3.Connection) -> None:
    """What is shipped is numbered without a gap, and each table is strict."""
    migrate(connection, known_migrations())
    assert version(connection) == len(known_migrations())
    tables = connection.execute(
        "SELECT name, strict FROM pragma_table_list WHERE name NOT LIKE 'sqlite_%'"
    ).fetchall()
    assert tables
    assert [name for name, strict in tables if not strict] == []


def test_what_was_disabled_before_its_time_was_kept_is_so_from_now_on(
    connection: sqlite3.Connection,
) -> None:
    """A source that is disabled already takes events for the whole grace after an upgrade."""
    migrations = known_migrations()
    periods = next(n for n, each in enumerate(migrations) if "config_periods" in each.text)
    migrate(connection, migrations[:periods])
    rows = [("source", "on", '{"enabled":true}', 0), ("source", "off", '{"enabled":false}', 0),
            ("instance", "gone", None, 1)]  # fmt: skip
    connection.executemany(
        "INSERT INTO config (kind, id, revision, doc, deleted) VALUES (?, ?, 1, ?, ?)", rows
    )
    before = time.time()
    migrate(connection, migrations)
    [row] = connection.execute("SELECT kind, id, state, since, until FROM config_periods")
    assert (row[:3], row[4]) == (("source", "off", "disabled"), None)
    assert before - 1 <= row[3] <= time.time() + 1
