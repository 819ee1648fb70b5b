"""The deliveries of a subscription, latest first, merged from blocks, requests and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import positions_of, unpack_open, unpack_set
from offramp.queue.sqlite.codes import (
    CODES,
    DEAD_CODES,
    DELIVERED,
    EXPIRED,
    NEVER,
    RETRYING,
    WAITING,
)
from offramp.queue.sqlite.dead_letters import numbers_of
from offramp.queue.sqlite.numbering import find_number
from offramp.queue.sqlite.records import deliveries_of_events
from offramp.queue.sqlite.requests import unpack_parts
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Page

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from offramp.queue.sqlite.heads import HeadReader
    from offramp.queue.values import Delivery, Stage

#: The states that a listing of all stages shows: all but what was filtered.
ANY_STATE = (WAITING, RETRYING, DELIVERED, *DEAD_CODES)
#: Those that deliveries reach without a row of their own, by a request.
ENDS_IN_BLOCKS = (DELIVERED, EXPIRED)


class RecentPlace(NamedTuple):
    """A place in the listing: the time (µs) and the event below which the next page begins.

    What waits in blocks is listed by number, so that a clock that was set back neither hides nor
    repeats any of it: it has an event of its own below which to go on.
    """

    at: int
    event: int
    waiting: int


def recent_place_of(cursor: str | None) -> RecentPlace:
    """Read a page's cursor; raises `ValueError` for what is none."""
    if cursor is None:
        return RecentPlace(NEVER, NEVER, NEVER)
    at, event, waiting = numbers_of(cursor, 3)
    return RecentPlace(at, event, waiting)


class _Entry(NamedTuple):
    """A delivery of the listing: when it is due or ended, and its event."""

    at: int
    event: int
    #: Whether it waits in its block.
    waiting: bool = False


@attrs.frozen(kw_only=True)
class RecentQuery:
    """Which page of which deliveries is wanted; of all stages but filtered, where none is given."""

    reader: HeadReader
    name: str
    stage: Stage | None
    limit: int
    place: RecentPlace

    def __call__(self, connection: sqlite3.Connection) -> Page[Delivery]:
        """Run in a read transaction."""
        subscription = find_number(connection, self.name)
        if subscription is None:
            return Page(rows=())
        entries = sorted(self._entries(connection, subscription), reverse=True)
        page = entries[: self.limit]
        cursor = None
        if len(entries) > self.limit:
            last = page[-1]
            waiting = [entry.event for entry in page if entry.waiting]
            cursor = f"{last.at}-{last.event}-{min(waiting, default=self.place.waiting)}"
        events = [entry.event for entry in page]
        rows = deliveries_of_events(connection, self.reader, events, subscription)
        return Page(rows=rows, cursor=cursor)

    def _entries(self, connection: sqlite3.Connection, subscription: int) -> Iterator[_Entry]:
        """The latest of each kind, as many as may be needed, and maybe more."""
        for state in ANY_STATE if self.stage is None else (CODES[self.stage],):
            terms = {
                "subscription": subscription,
                "state": state,
                "before": self.place.at,
                "below": self.place.event,
                "limit": self.limit + 1,
            }
            name = "rows_in_flight" if state <= RETRYING else "rows_that_ended"
            yield from (_Entry(*row) for row in connection.execute(SQL[name], terms).fetchall())
            if state == WAITING:
                yield from self._waiting(connection, subscription)
            if state in ENDS_IN_BLOCKS:
                yield from self._ended(connection, subscription, state)

    def _waiting(self, connection: sqlite3.Connection, subscription: int) -> Iterator[_Entry]:
        """What waits in blocks, due since its acceptance."""
        left = self.limit + 1
        below, at = self.place.waiting, self.place.at
        terms = {"subscription": subscription, "below": below, "n": left + 1}
        rows = connection.execute(SQL["open_below"], terms).fetchall()
        for block, size, accepted_at, packed in rows:
            at = min(at, accepted_at)
            for position in positions_of(unpack_open(packed, size))[::-1]:
                if block + position < below:
                    yield _Entry(at, block + position, waiting=True)
                    left -= 1
            if left <= 0:
                return

    def _ended(
        self, connection: sqlite3.Connection, subscription: int, state: int
    ) -> Iterator[_Entry]:
        """What has no row of its own: delivered at the first attempt, or damaged and expired."""
        left = self.limit + 1
        before = self.place.at
        while left > 0:
            terms = {"subscription": subscription, "state": state, "before": before, "n": left}
            rows = connection.execute(SQL["ending_requests"], terms).fetchall()
            if not rows:
                return
            for at, packed in rows:  # latest first
                for part in unpack_parts(packed):
                    for position in positions_of(unpack_set(part.positions)):
                        entry = _Entry(at, part.block + position)
                        if entry[:2] < self.place[:2]:
                            yield entry
                            left -= 1
            before = at - 1
