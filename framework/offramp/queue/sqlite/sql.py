"""All statements of this engine by name, from its `.sql` files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3

#: The files by what uses them.
_FILES = (
    "accept",
    "lease",
    "settle",
    "exceptions",
    "requests",
    "counters",
    "ledger",
    "dead_letters",
    "reconcile",
    "retention",
    "backup",
    "check",
    "marks",
)

SQL = load_statements(__package__, *(f"{file}.sql" for file in _FILES))

_PROCEDURES = load_statements(__package__, "procedures.sql")


def create_procedures(connection: sqlite3.Connection) -> None:
    """Make the writing connection's procedures: views whose triggers run several statements.

    Each statement that Python runs lets go of the interpreter's lock several times, and must win it
    back from a busy event loop; a procedure is one.
    """
    for statement in _PROCEDURES.values():
        connection.execute(statement)
