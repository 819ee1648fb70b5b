"""What changes deliveries in flight from outside: a lane's end, and a clock that was set back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from offramp.queue.sqlite.codes import EXPIRED, as_json
from offramp.queue.sqlite.tallies import Changes
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3

SQL = load_statements(__package__, "upkeep.sql")

#: Deliveries of one write: some 20 ms of the writer's time, between which others get in.
CHUNK = 2_000


@attrs.frozen
class Cancel:
    """Ends a chunk of a lane as expired, but for those `held`; run in the writer."""

    lane: str
    held: list[int]
    reason: str
    message: str
    now: int

    def __call__(self, connection: sqlite3.Connection) -> list[int]:
        """Answers how many were waiting and how many retrying; none when all is done."""
        asked = {"name": self.lane, "held": as_json(self.held), "n": CHUNK}
        found = connection.execute(SQL["cancellable"], asked).fetchall()
        ended = [0, 0]
        if found:
            terms = {"now": self.now, "reason": self.reason, "message": self.message}
            ids = as_json([number for number, _, _ in found])
            connection.execute(SQL["cancel"], {**terms, "ids": ids})
            changes = Changes()
            for _, lane, state in found:
                ended[state] += 1
                changes.states[lane, state] -= 1
                changes.enter(lane, EXPIRED, self.reason, 1)
            changes.write(connection, self.now)
        return ended


@attrs.frozen
class Rebase:
    """Moves a chunk of a lane to a clock that was set back, each with the delay it had."""

    lane: str
    now: int

    def __call__(self, connection: sqlite3.Connection) -> bool:
        """Whether there may be more; run in the writer."""
        terms = {"name": self.lane, "now": self.now, "n": CHUNK}
        return connection.execute(SQL["rebase"], terms).rowcount == CHUNK
