"""Moves the queue of rows into blocks, after `0007_blocks.sql`, in the same transaction.

A migration never changes: what it needs of the format of blocks stands here, and a test reads
what it writes with today's code.
"""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from itertools import accumulate, chain, groupby
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from offramp.storage.migrations.requests_0007 import Key, Requests, Result, pack_set

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Sequence

#: Events of one block, and bytes of their bodies, at most: a block is read and copied whole.
BLOCK_EVENTS = 400
BLOCK_BYTES = 1 << 20
#: Events whose old rows are deleted at once, so that the new ones take their room in the file.
DELETE_EVERY = 1_000
#: Texts that are kept parsed.
KEPT_TEXTS = 4_096
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
FROM events WHERE seq >= ? ORDER BY seq
"""
DELIVERIES = """
SELECT
  id, attempts, replayed_at, due_at, payload,
  lane, state, updated_at, reason, message, status, exchange
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
#: A row of DELIVERIES.
_Row: TypeAlias = "tuple[Any, ...]"

DELETE_OLD = (
    "DELETE FROM events WHERE seq < :seq",
    "DELETE FROM old_deliveries WHERE id < :delivery",
    "DELETE FROM records WHERE delivery < :delivery",
)
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
        events, last = _read(connection, first)
        runs = list(_cut(events))
        if last:
            yield from runs
            return
        first = events[-1].seq + 1
        if len(runs) > 1:
            # The last one may go on behind these rows: it is read once more, whole.
            first = runs.pop()[0].seq
        yield from runs


def _read(connection: sqlite3.Connection, first: int) -> tuple[list[_Event], bool]:
    """Some events from `first` on, and whether there are no more."""
    events = []
    size = 0
    for row in connection.execute(EVENTS, (first,)):
        event = _Event(*row)
        events.append(event)
        size += len(event.body or b"")
        if len(events) == BLOCK_EVENTS or size > BLOCK_BYTES:
            return events, False
    return events, True


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
    """Delete the rows of the events before one."""
    terms = {"seq": following, "delivery": following << POSITION_BITS}
    for statement in DELETE_OLD:
        connection.execute(statement, terms)


class _Deliveries:
    """The deliveries of a block's events, as their rows say."""

    def __init__(self, n: int) -> None:
        #: The subscriptions that each event has a delivery to.
        self.matched: list[tuple[int, ...]] = [()] * n
        #: Subscription -> positions that wait for their first attempt, ascending.
        self.waiting: dict[int, list[int]] = {}
        #: What those that were delivered at the first attempt share -> positions, ascending.
        self.delivered: dict[Key, list[int]] = {}
        #: Position and row of all others.
        self.others: list[tuple[int, _Row]] = []

    def read(self, rows: Iterable[_Row], first: int) -> None:
        """Sort the rows of the events from `first` on."""
        matched, waiting, delivered = self.matched, self.waiting, self.delivered
        for row in rows:
            place = (row[0] >> POSITION_BITS) - first
            attempts, replayed_at, _, payload, number, state = row[1:7]
            matched[place] += (number,)
            if replayed_at is not None or payload is not None:
                self.others.append((place, row))
            elif state == WAITING and attempts == 0:
                waiting.setdefault(number, []).append(place)
            elif state == DELIVERED and attempts == 1:
                delivered.setdefault(row[5:], []).append(place)
            else:
                self.others.append((place, row))


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
        self._filtered: dict[str | None, Any] = {}

    def add(self, run: Sequence[_Event]) -> None:
        """Move the events of one block."""
        first = run[0].seq
        self.following = first + len(run)
        ends = first << POSITION_BITS, self.following << POSITION_BITS
        deliveries = _Deliveries(len(run))
        deliveries.read(self._connection.execute(DELIVERIES, ends), first)
        self._add_block(run, deliveries.matched)
        self._add_deliveries(run, deliveries)
        others = [self._exception(run[place], row) for place, row in deliveries.others]
        self._connection.executemany(ADD_EXCEPTION, others)

    def _exception(self, event: _Event, row: _Row) -> tuple[Any, ...]:
        _, attempts, replayed_at, due_at, payload = row[:5]
        number, state, updated_at, reason, message, status, _ = row[5:]
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
            self.requests.refer(row[5:]),
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

    def _add_deliveries(self, run: Sequence[_Event], deliveries: _Deliveries) -> None:
        block, accepted_at = run[0].seq, run[0].accepted_at
        updated = dict.fromkeys(chain.from_iterable(deliveries.matched), accepted_at)
        results: dict[int, list[Result]] = {}
        for key, places in deliveries.delivered.items():
            results.setdefault(key[0], []).append(self.requests.settle(key, block, places))
            updated[key[0]] = max(updated[key[0]], key[2])
        for _, row in deliveries.others:
            number, _, at = row[5:8]
            updated[number] = max(updated[number], at)
        rows = []
        for number, at in updated.items():
            places = deliveries.waiting.get(number, [])
            waiting = pack_set(places) if places else None
            if len(places) == len(run):
                waiting = b""
            ended = _pack(results[number]) if number in results else None
            rows.append((block, number, waiting, at, ended))
        self._connection.executemany("INSERT INTO deliveries VALUES (?, ?, ?, ?, ?)", rows)

    def _read_filtered(self, text: str | None) -> Any:
        if text not in self._filtered:
            if len(self._filtered) >= KEPT_TEXTS:
                self._filtered.clear()
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
