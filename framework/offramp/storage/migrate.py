"""Brings the file's tables up to date: numbered migrations, each applied once, in order."""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import attrs

from offramp.errors import StorageError, StorageFullError
from offramp.storage.migrations import blocks_0007

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_log = logging.getLogger("offramp.storage")

#: The tables are STRICT, which began with this version. Source: sqlite.org/stricttables.html.
OLDEST_SQLITE = (3, 37, 0)
#: Seconds until the first message about the progress, and between two. The log leaves out what is
#: said more than ten times a minute.
FIRST_MESSAGE_S: Final = 1.0
MESSAGE_EVERY_S: Final = 6.0
#: Free bytes that moving rows needs, per byte of the file that is in use: the log holds all that
#: is written until the end, and then the file may grow by what did not fit into its free pages.
ROOM_PER_BYTE: Final = 1.5
#: Bytes in which room is told.
MEGABYTE: Final = 1_000_000


@attrs.frozen
class Move:
    """Rows that are moved in Python, after the SQL of a migration."""

    #: How many there are.
    count: Callable[[sqlite3.Connection], int]
    #: Moves them all; the function that it gets is to be told how many have been moved.
    run: Callable[[sqlite3.Connection, Callable[[int], None]], None]


@attrs.frozen
class Migration:
    """One step from an older file to a newer one."""

    text: str
    move: Move | None = None


#: By number of the migration.
MOVES: Final = {7: Move(blocks_0007.count, blocks_0007.move)}


def known_migrations() -> list[Migration]:
    """Every migration, number 1 first, from `migrations/NNNN_what.sql`."""
    folder = resources.files("offramp.storage").joinpath("migrations")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".sql")),
        key=lambda file: file.name,
    )
    numbers = [int(file.name.partition("_")[0]) for file in files]
    if numbers != list(range(1, len(files) + 1)):
        raise StorageError(f"the migrations are numbered {numbers}: they must count up from 1")
    return [
        Migration(file.read_text(encoding="utf-8"), MOVES.get(number))
        for number, file in zip(numbers, files, strict=True)
    ]


def migrate(connection: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Apply the migrations that the file does not have yet, all of them or none.

    Raises `StorageError`, and changes nothing, if a newer version wrote the file, or if the disk
    has no room for it.
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
    pending = migrations[version:]
    if not pending:
        return
    moves = any(each.move is not None for each in pending)
    if moves:
        _check_room(connection)
    (secure,) = connection.execute("PRAGMA secure_delete").fetchone()
    # What is deleted is written over by what takes its room, without being erased before.
    connection.execute("PRAGMA secure_delete = FAST")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for each in pending:
            _apply(connection, each)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException as error:
        # SQLite itself undoes all of it where the disk fails.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise _filled(connection) from error
        raise
    connection.execute(f"PRAGMA secure_delete = {secure}")
    if moves:
        # Else the log would keep its size on disk. If the disk is too full for it, a later one does
        # it: all that was written is safe.
        with contextlib.suppress(sqlite3.OperationalError):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _apply(connection: sqlite3.Connection, migration: Migration) -> None:
    for statement in _statements(migration.text):
        connection.execute(statement)
    if migration.move is not None:
        progress = Progress(migration.move.count(connection))
        migration.move.run(connection, progress)
        progress.finish()


class Progress:
    """Writes into the log how far a move is, where it takes more than a moment."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._began = time.monotonic()
        self._next = self._began + FIRST_MESSAGE_S

    def __call__(self, done: int) -> None:
        """Note how many events have been moved."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + MESSAGE_EVERY_S
            _log.info(
                "bringing the data up to date: %s of %s events", f"{done:,}", f"{self._total:,}"
            )

    def finish(self) -> None:
        """Note that all have been moved."""
        seconds = time.monotonic() - self._began
        if seconds >= FIRST_MESSAGE_S:
            _log.info(
                "the data is up to date: %s events in %.0f seconds", f"{self._total:,}", seconds
            )


def _check_room(connection: sqlite3.Connection) -> None:
    """Raise `StorageFullError` if the disk has too little room to move what is in the file."""
    path = _path(connection)
    if path is None:
        return
    # What a process that was killed left in the log takes room until then.
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    used = _pragma(connection, "page_count") - _pragma(connection, "freelist_count")
    needed = round(used * _pragma(connection, "page_size") * ROOM_PER_BYTE)
    disk = os.statvfs(path.parent)
    free = disk.f_bavail * disk.f_frsize
    if free < needed:
        raise StorageFullError(
            f"{path} was written by an older version, and its data must be brought up to date: "
            f"that needs {_megabytes(needed)} of free disk space, and there are "
            f"{_megabytes(free)}; nothing was changed: free some room or move the data folder to a "
            "larger disk, then start again; until then, the older version still runs"
        )


def _filled(connection: sqlite3.Connection) -> StorageFullError:
    return StorageFullError(
        f"the disk of {_path(connection)} filled up while the data was brought up to date; nothing "
        "was changed: free some room, then start again; until then, the older version still runs"
    )


def _path(connection: sqlite3.Connection) -> Path | None:
    """The file, or nothing for a database in memory."""
    [(name,)] = connection.execute("SELECT file FROM pragma_database_list WHERE name = 'main'")
    return Path(name) if name else None


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _megabytes(n: int) -> str:
    return f"{n / MEGABYTE:,.0f} MB"


def _statements(text: str) -> Iterator[str]:
    # `executescript` would commit first, and half of a migration could then remain.
    statement = ""
    for line in text.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
