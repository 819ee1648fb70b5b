"""The end of a subscription: what is in flight in it ends as expired."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import pack_set, positions_of, unpack_open
from offramp.queue.limits import CHUNK
from offramp.queue.sqlite.codes import EXPIRED, NEVER, RETRYING, WAITING, as_json
from offramp.queue.sqlite.counters import Changes
from offramp.queue.sqlite.exceptions import add_exceptions, new_exception
from offramp.queue.sqlite.numbering import find_number
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Outcome, Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from offramp.queue.sqlite.cache import BlockReader


class Cancelled(NamedTuple):
    """How many of a chunk were waiting and how many retrying, and where the next begins."""

    waiting: int
    retrying: int
    floor: int


@attrs.frozen(kw_only=True)
class Cancel:
    """Ends a chunk of a subscription as expired, but for what is leased; run in the writer."""

    name: str
    #: What is leased: block -> set, and rows of their own.
    taken: Mapping[int, int]
    taken_rows: Sequence[int]
    #: Events -> numbers of attempts, as far as they are not on disk.
    unanswered: Mapping[int, int]
    reason: str
    message: str
    now: int
    #: The block to go on from.
    floor: int
    #: Only what belongs to events below this one ends.
    before: int = NEVER
    blocks: BlockReader

    def __call__(self, connection: sqlite3.Connection) -> Cancelled | None:
        """Run in the writer; `None` when all is done."""
        number = find_number(connection, self.name)
        if number is None:
            return None
        changes = Changes()
        cancelled = self._cancel_rows(connection, number, changes)
        if cancelled is None:
            cancelled = self._cancel_block(connection, number, changes)
        changes.write(connection, self.now)
        return cancelled

    def _cancel_rows(
        self, connection: sqlite3.Connection, number: int, changes: Changes
    ) -> Cancelled | None:
        asked = {
            "subscription": number,
            "held": as_json(self.taken_rows),
            "before": self.before,
            "n": CHUNK,
        }
        rows = connection.execute(SQL["cancellable_rows"], asked).fetchall()
        if not rows:
            return None
        ended = [0, 0]
        for _, state in rows:
            ended[state] += 1
        terms = {"now": self.now, "reason": self.reason, "message": self.message}
        ids = as_json([row for row, _ in rows])
        unanswered = as_json(list(self.unanswered.items()))
        connection.execute(SQL["cancel_rows"], {**terms, "ids": ids, "unanswered": unanswered})
        self._count(changes, number, ended[WAITING], ended[RETRYING])
        return Cancelled(ended[WAITING], ended[RETRYING], self.floor)

    def _cancel_block(
        self, connection: sqlite3.Connection, number: int, changes: Changes
    ) -> Cancelled | None:
        """End what waits in the next block: each gets a row of its own, so that it can be replayed.

        A damaged block is left as it is, and passed over: its events cannot be copied.
        """
        asked = {"subscription": number, "n": 1}
        rows = self.blocks.heads.rows_between(
            connection, "open_blocks", asked, self.floor, self.before
        )
        if not rows:
            return None
        found = rows[0]
        first, n, accepted_at, packed = found
        waiting = unpack_open(packed, n)
        free = waiting & ~self.taken.get(first, 0)
        if not free:
            return Cancelled(0, 0, first + 1)
        block = self.blocks.read(connection, [first]).get(first)
        if block is None:
            return Cancelled(0, 0, first + 1)
        outcome = Outcome(
            stage=Stage.EXPIRED, reason=self.reason, message=self.message, attempted=False
        )
        positions = positions_of(free)
        add_exceptions(
            connection,
            [
                new_exception(
                    event=first + place,
                    subscription=number,
                    outcome=outcome,
                    attempts=self.unanswered.get(first + place, 0),
                    head=block.head(place),
                    accepted_at=accepted_at,
                    now=self.now,
                    request=None,
                    body=body,
                )
                for place, body in zip(positions, block.events(positions), strict=True)
            ],
        )
        terms = {
            "block": first,
            "subscription": number,
            "open": pack_set(waiting & ~free) or None,
            "now": self.now,
        }
        connection.execute(SQL["set_open"], terms)
        self._count(changes, number, len(positions), 0)
        return Cancelled(len(positions), 0, first + 1)

    def _count(self, changes: Changes, number: int, waiting: int, retrying: int) -> None:
        changes.states[number, WAITING] -= waiting
        changes.states[number, RETRYING] -= retrying
        changes.enter(number, EXPIRED, self.reason, waiting + retrying)
