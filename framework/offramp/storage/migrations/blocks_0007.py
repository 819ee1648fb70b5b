"""Moves the queue of rows into blocks, after `0007_blocks.sql`, in the same transaction.

A migration never changes: what it needs of the format of blocks stands here, and a test reads
what it writes with today's code.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any

import attrs
import msgspec

from offramp.storage.migrations.requests_0007 import Key, Requests, pack_set

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence

#: Events of one block, and bytes of their bodies, at most: a block is read and copied whole.
BLOCK_EVENTS = 400
BLOCK_BYTES = 1 << 20
#: Events whose old rows are deleted at once, so that the new ones take their room in the file.
DELETE_EVERY = 4_000
#: The id of an old delivery was its event's number and, in this many low bits, its position.
POSITION_BITS = 16
#: Microseconds of a period of the index of message ids: a day.
PERIOD_US = 86_400_000_000
#: States by number.
WAITING, DELIVERED = 0, 2
#: The array type of offsets: unsigned, 32 bits.
OFFSET = "I"

EVENTS = """
SELECT seq, source, message_id, type, name, received_at, accepted_at, filtered, body
FROM events WHERE seq >= ? ORDER BY seq LIMIT ?
"""
DELIVERIES = """
SELECT
  id, lane, state, attempts, replayed_at, updated_at, reason, message, status, exchange, payload,
  due_at
FROM old_deliveries LEFT JOIN records ON delivery = id
WHERE id >= ? AND id < ?
ORDER BY id
"""
ADD_EXCEPTION = """
INSERT INTO exceptions (
  event, subscription, state, due_at, attempts, updated_at, replayed_at, reason, message, status,
  source, message_id, type, name, received_at, accepted_at, request, payload, body
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
#: The ids of both old tables are sorted or few, so that each page of the new one is written once.
ADD_IDS = """
INSERT INTO ids (period, digest, event)
SELECT ?1, digest, seq FROM known_ids WHERE seq BETWEEN ?2 AND ?3
UNION ALL
SELECT ?1, digest, seq FROM dedupe WHERE seq BETWEEN ?2 AND ?3
"""
OLD_TABLES = ("old_deliveries", "records", "exchanges", "events", "known_ids", "dedupe")

_pack = msgspec.msgpack.Encoder().encode


def count(connection: sqlite3.Connection) -> int:
    """How many events there are to move; each has one id in either table."""
    [(n,)] = connection.execute(
        "SELECT (SELECT count(*) FROM known_ids) + (SELECT count(*) FROM dedupe)"
    )
    return int(n)


def move(connection: sqlite3.Connection, progress: Callable[[int], None]) -> None:
    """Move everything; `progress` is told how many events have been moved."""
    mover = _Mover(connection)
    moved = deleted = 0
    for run in _runs(connection):
        mover.add(run)
        moved += len(run)
        progress(moved)
        if moved - deleted >= DELETE_EVERY:
            deleted = moved
            mover.requests.trim()
            _delete_old(connection, run[-1].seq + 1)
    mover.requests.write_all()
    for period, first, last in mover.periods:
        connection.execute(ADD_IDS, (period, first, last))
    connection.execute("INSERT INTO marks (name, value) VALUES ('indexed', ?)", (mover.following,))
    for table in OLD_TABLES:
        connection.execute(f"DROP TABLE {table}")


class _Event(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of `events`."""

    seq: int
    source: str
    message_id: str
    type: str
    name: str
    received_at: int
    accepted_at: int
    #: JSON, reason -> subscriptions.
    filtered: str | None
    body: bytes | None


def _runs(connection: sqlite3.Connection) -> Iterator[Sequence[_Event]]:
    """The events, cut into what fits into a block: accepted at once, without a gap."""
    first = 0
    while True:
        rows = connection.execute(EVENTS, (first, BLOCK_EVENTS)).fetchall()
        runs = list(_cut([_Event(*row) for row in rows]))
        if len(rows) < BLOCK_EVENTS:
            yield from runs
            return
        first = rows[-1][0] + 1
        if len(runs) > 1:
            # The last one may go on behind these rows: it is read once more, whole.
            first = runs.pop()[0].seq
        yield from runs


def _cut(events: Sequence[_Event]) -> Iterator[Sequence[_Event]]:
    start = size = 0
    for place, event in enumerate(events):
        before = events[place - 1]
        size += len(event.body or b"")
        if place > start and (
            event.seq != before.seq + 1
            or event.accepted_at != before.accepted_at
            or (event.body is None) is not (before.body is None)
            or size > BLOCK_BYTES
        ):
            yield events[start:place]
            start, size = place, len(event.body or b"")
    if events:
        yield events[start:]


def _delete_old(connection: sqlite3.Connection, following: int) -> None:
    connection.execute("DELETE FROM events WHERE seq < ?", (following,))
    for table, column in (("old_deliveries", "id"), ("records", "delivery")):
        below = following << POSITION_BITS
        connection.execute(f"DELETE FROM {table} WHERE {column} < ?", (below,))


@attrs.define
class _Subscription:
    """What became of the events of a block in one subscription."""

    updated_at: int
    #: Positions that wait for their first attempt, ascending.
    open: list[int] = attrs.field(factory=list)
    #: What ended -> positions.
    results: dict[Key, list[int]] = attrs.field(factory=dict)


class _Mover:
    """Writes blocks, with their deliveries and exceptions."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.requests = Requests(connection)
        #: Period, first and last event of what was accepted in it.
        self.periods: list[tuple[int, int, int]] = []
        #: The number of the next event.
        self.following = 1
        #: The filtered subscriptions of events, parsed once for all that share the text.
        self._filtered: dict[str | None, Any] = {None: {}}

    def add(self, run: Sequence[_Event]) -> None:
        """Move the events of one block."""
        first = run[0].seq
        self.following = first + len(run)
        ends = first << POSITION_BITS, self.following << POSITION_BITS
        subscriptions: dict[int, _Subscription] = {}
        matched: list[tuple[int, ...]] = [()] * len(run)
        exceptions = []
        for row in self._connection.execute(DELIVERIES, ends):
            place = (row[0] >> POSITION_BITS) - first
            number, state, attempts, replayed_at, updated_at = row[1:6]
            matched[place] += (number,)
            subscription = subscriptions.get(number)
            if subscription is None:
                subscription = subscriptions[number] = _Subscription(run[0].accepted_at)
            if state == WAITING and attempts == 0 and replayed_at is None:
                subscription.open.append(place)
                continue
            subscription.updated_at = max(subscription.updated_at, updated_at)
            if state == DELIVERED and attempts == 1 and replayed_at is None and row[10] is None:
                key = (number, state, *row[5:10])
                subscription.results.setdefault(key, []).append(place)
            else:
                exceptions.append(self._exception(run[place], row))
        self._add_block(run, matched)
        self._add_deliveries(first, len(run), subscriptions)
        self._connection.executemany(ADD_EXCEPTION, exceptions)

    def _exception(self, event: _Event, row: tuple[Any, ...]) -> tuple[Any, ...]:
        _, number, state, attempts, replayed_at, updated_at = row[:6]
        reason, message, status, exchange, payload, due_at = row[6:]
        request = self.requests.refer(
            (number, state, updated_at, reason, message, status, exchange)
        )
        return (
            event.seq,
            number,
            state,
            due_at,
            attempts,
            updated_at,
            replayed_at,
            reason,
            message,
            status,
            event.source,
            event.message_id,
            event.type,
            event.name,
            event.received_at,
            event.accepted_at,
            request,
            payload,
            None if state == DELIVERED else event.body,
        )

    def _add_block(self, run: Sequence[_Event], matched: Sequence[tuple[int, ...]]) -> None:
        first, accepted_at = run[0].seq, run[0].accepted_at
        kinds: dict[tuple[str, str], int] = {}
        kind_of = [kinds.setdefault((each.type, each.name), len(kinds)) for each in run]
        routes: dict[tuple[tuple[int, ...], str | None], int] = {}
        route_of = [
            routes.setdefault((numbers, each.filtered), len(routes))
            for each, numbers in zip(run, matched, strict=True)
        ]
        heads = _pack(
            [
                [
                    [*request, len(list(events))]
                    for request, events in groupby(
                        run, lambda each: (each.source, each.received_at)
                    )
                ],
                [each.message_id for each in run],
                list(kinds),
                kind_of if len(kinds) > 1 else [],
                [[numbers, self._read_filtered(text)] for numbers, text in routes],
                route_of if len(routes) > 1 else [],
            ]
        )
        bodies = [each.body for each in run if each.body is not None]
        body = b"".join(bodies) if bodies else None
        ends = _pack_ends([len(each.body or b"") for each in run])
        checksum = _signed(zlib.crc32(body or b"")) << 32 | zlib.crc32(ends, zlib.crc32(heads))
        self._connection.execute(
            "INSERT INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?)",
            (first, len(run), accepted_at, checksum, heads, ends, body),
        )
        self._note_period(accepted_at // PERIOD_US, first, first + len(run) - 1)

    def _add_deliveries(self, block: int, n: int, subscriptions: dict[int, _Subscription]) -> None:
        rows = []
        for number, subscription in subscriptions.items():
            waiting: bytes | None = None
            if subscription.open:
                waiting = b"" if len(subscription.open) == n else pack_set(subscription.open)
            results = [
                [self.requests.settle(key, block, pack_set(places)), pack_set(places)]
                for key, places in subscription.results.items()
            ]
            packed = _pack(results) if results else None
            rows.append((block, number, waiting, subscription.updated_at, packed))
        self._connection.executemany("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?)", rows)

    def _read_filtered(self, text: str | None) -> Any:
        if text not in self._filtered:
            self._filtered[text] = json.loads(text or "{}")
        return self._filtered[text]

    def _note_period(self, period: int, first: int, last: int) -> None:
        if self.periods and self.periods[-1][0] == period:
            first = self.periods.pop()[1]
        self.periods.append((period, first, last))


def _signed(crc: int) -> int:
    return crc - (1 << 32) if crc >> 31 else crc


def _pack_ends(lengths: Sequence[int]) -> bytes:
    ends = array(OFFSET, accumulate(lengths))
    if sys.byteorder == "big":
        ends.byteswap()
    return ends.tobytes()
