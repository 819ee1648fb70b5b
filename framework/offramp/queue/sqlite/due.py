"""Reading what is due in a lane: one statement for all rows, in a reader's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from offramp.queue.sqlite.codes import NEVER, as_json, decode
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3

SQL = load_statements(__package__, "lease.sql")


@attrs.frozen
class DueRow:
    """A delivery that is due, and its event; times in microseconds."""

    body: bytes
    id: int
    due_at: int
    number: int
    state: int
    attempts: int
    replayed_at: int | None
    recorded: int
    exchange: int | None
    source: str
    message_id: str
    type: str
    name: str
    accepted_at: int


@attrs.frozen
class Due:
    """What was found, and the (due_at, id) before which nothing else is left to find."""

    rows: list[DueRow]
    floor: tuple[int, int]


@attrs.frozen
class DueQuery:
    """Which rows are wanted: up to `n` of a lane, from `floor` on, due by `now`, but not `held`."""

    lane: str
    floor: tuple[int, int]
    now: int
    held: list[int]
    n: int

    def __call__(self, connection: sqlite3.Connection) -> Due:
        """Run in a read transaction."""
        due, low = self.floor
        found, joined = connection.execute(
            SQL["due"],
            {
                "lane": self.lane,
                "due": due,
                "id": low,
                "now": self.now,
                "held": as_json(self.held),
                "n": self.n,
            },
        ).fetchone()
        rows = []
        start = 0
        for *columns, size in decode(found):
            rows.append(DueRow(joined[start : start + size], *columns))
            start += size
        if len(rows) == self.n:
            return Due(rows, (rows[-1].due_at, rows[-1].id + 1))
        (later,) = connection.execute(
            SQL["next_due"], {"lane": self.lane, "now": self.now}
        ).fetchone()
        return Due(rows, (NEVER if later is None else later, 0))
