"""All statements of this engine by name, from its `.sql` files."""

from __future__ import annotations

from offramp.storage import load_statements

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
)

SQL = {
    name: statement
    for file in _FILES
    for name, statement in load_statements(__package__, f"{file}.sql").items()
}
