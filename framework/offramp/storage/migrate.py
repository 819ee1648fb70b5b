"""Brings the file's tables up to date: numbered `.sql` files, each applied once, in order."""

from __future__ import annotations

import sqlite3
from importlib import resources
from typing import TYPE_CHECKING

from offramp.errors import StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: The tables are STRICT, which began with this version. Source: sqlite.org/stricttables.html.
OLDEST_SQLITE = (3, 37, 0)


def known_migrations() -> list[str]:
    """The text of every migration, number 1 first, from `migrations/NNNN_what.sql`."""
    folder = resources.files("offramp.storage").joinpath("migrations")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    numbers = [int(file.name.partition("_")[0]) for file in files]
    if numbers != list(range(1, len(files) + 1)):
        raise StorageError(f"the migrations are numbered {numbers}: they must count up from 1")
    return [file.read_text(encoding="utf-8") for file in files]


def migrate(connection: sqlite3.Connection, migrations: Sequence[str]) -> None:
    """Apply the migrations that the file does not have yet, all of them or none.

    Raises `StorageError`, and changes nothing, if a newer version wrote the file.
    """
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        needed = ".".join(map(str, OLDEST_SQLITE))
        raise StorageError(
            f"SQLite {sqlite3.sqlite_version} is too old: a Python with {needed} or newer is needed"
        )
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(migrations):
        raise StorageError(
            f"the data was written by a newer version of Offramp (its tables are at {version}, "
            f"this version knows {len(migrations)}): install that version, or restore a backup"
        )
    if version == len(migrations):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for text in migrations[version:]:
            for statement in _statements(text):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _statements(text: str) -> Iterator[str]:
    # `executescript` would commit first, and half of a migration could then remain.
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
