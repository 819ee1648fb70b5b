"""The deliveries of a subscription, latest first, merged from blocks, requests and rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from offramp.queue.block import positions_of, unpack_set
from offramp.queue.sqlite.codes import CODES, DEAD_CODES, DELIVERED, NEVER, RETRYING, WAITING
from offramp.queue.sqlite.dead_letters import numbers_of
from offramp.queue.sqlite.records import deliveries_of_events, open_set
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


def list_recent(
    connection: sqlite3.Connection,
    reader: HeadReader,
    name: str,
    stage: Stage | None,
    *,
    limit: int,
    place: RecentPlace,
) -> Page[Delivery]:
    """Read one page of what stands at a stage, or at any but filtered."""
    found = connection.execute(SQL["number"], {"name": name}).fetchone()
    if found is None:
        return Page(rows=())
    states = ANY_STATE if stage is None else (CODES[stage],)
    entries = sorted(_entries(connection, found[0], states, limit + 1, place), reverse=True)
    page = entries[:limit]
    events = [entry.event for entry in page]
    cursor = None
    if len(entries) > limit:
        waiting = min((entry.event for entry in page if entry.waiting), default=place.waiting)
        cursor = f"{page[-1].at}-{page[-1].event}-{waiting}"
    return Page(rows=deliveries_of_events(connection, reader, events, found[0]), cursor=cursor)


def _entries(
    connection: sqlite3.Connection,
    subscription: int,
    states: tuple[int, ...],
    n: int,
    place: RecentPlace,
) -> Iterator[_Entry]:
    """The latest `n` of each kind, and maybe more."""
    for state in states:
        terms = {
            "subscription": subscription,
            "state": state,
            "before": place.at,
            "below": place.event,
            "limit": n,
        }
        name = "rows_in_flight" if state <= RETRYING else "rows_that_ended"
        yield from (_Entry(*row) for row in connection.execute(SQL[name], terms).fetchall())
        if state == WAITING:
            yield from _waiting(connection, subscription, n, place)
        if state == DELIVERED:
            yield from _ended(connection, subscription, state, n, place)


def _waiting(
    connection: sqlite3.Connection, subscription: int, n: int, place: RecentPlace
) -> Iterator[_Entry]:
    """What waits in blocks, due since its acceptance."""
    terms = {"subscription": subscription, "below": place.waiting, "n": n + 1}
    at = place.at
    for block, size, accepted_at, packed in connection.execute(SQL["open_below"], terms).fetchall():
        at = min(at, accepted_at)
        for position in positions_of(open_set(packed, size))[::-1]:
            if block + position < place.waiting:
                yield _Entry(at, block + position, waiting=True)
                n -= 1
        if n <= 0:
            return


def _ended(
    connection: sqlite3.Connection, subscription: int, state: int, n: int, place: RecentPlace
) -> Iterator[_Entry]:
    """What ended without rows of their own, by the requests that ended it."""
    before = place.at
    while n > 0:
        terms = {"subscription": subscription, "state": state, "before": before, "n": n}
        rows = connection.execute(SQL["requests_until"], terms).fetchall()
        if not rows:
            return
        for at, packed in rows:
            for part in unpack_parts(packed):
                for position in positions_of(unpack_set(part.positions)):
                    entry = _Entry(at, part.block + position)
                    if entry[:2] < place[:2]:
                        yield entry
                        n -= 1
        before = rows[-1][0] - 1
