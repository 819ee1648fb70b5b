"""Numbers that the file remembers by name, such as how far the index of message ids reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3


def read_mark(connection: sqlite3.Connection, name: str) -> int | None:
    """The number that is remembered by a name, if there is one."""
    found = connection.execute(SQL["mark"], {"name": name}).fetchone()
    return None if found is None else int(found[0])


def read_marks(connection: sqlite3.Connection, prefix: str) -> dict[str, int]:
    """The numbers that are remembered by names that begin with a text."""
    return dict(connection.execute(SQL["marks"], {"prefix": prefix}).fetchall())


def set_mark(connection: sqlite3.Connection, name: str, value: int) -> None:
    """Remember a number by a name, instead of the one before."""
    connection.execute(SQL["set_mark"], {"name": name, "value": value})


def drop_mark(connection: sqlite3.Connection, name: str) -> None:
    """Forget the number of a name."""
    connection.execute(SQL["drop_mark"], {"name": name})
