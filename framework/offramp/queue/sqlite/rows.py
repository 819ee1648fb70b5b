"""Inserting many rows by one statement, which lets go of the interpreter's lock only once."""

from __future__ import annotations

from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

#: Parameters of one statement. Source: sqlite.org/limits.html, SQLITE_MAX_VARIABLE_NUMBER.
MOST_PARAMETERS = 32_766


def insert_rows(connection: sqlite3.Connection, name: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Run a named INSERT, which ends with the placeholders of one row, for all rows."""
    if not rows:
        return
    most = MOST_PARAMETERS // len(rows[0])
    for start in range(0, len(rows), most):
        some = rows[start : start + most]
        connection.execute(_statement(name, len(some)), tuple(chain.from_iterable(some)))


@lru_cache
def _statement(name: str, n: int) -> str:
    head, separator, row = SQL[name].rpartition("VALUES ")
    return head + separator + ", ".join([row] * n)
