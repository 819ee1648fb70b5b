"""Accepting, as it runs in the writer: a whole group of requests in a handful of statements."""

from __future__ import annotations

from itertools import compress
from typing import TYPE_CHECKING

import attrs

from offramp.queue.sqlite.codes import (
    LANES_PER_EVENT,
    POSITION_BITS,
    as_json,
    digest,
    joined,
    to_us,
)
from offramp.queue.sqlite.counting import Counts
from offramp.queue.sqlite.ids import MessageIds
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from offramp.queue.protocol import NewItem

SQL = load_statements(__package__, "accept.sql")


@attrs.frozen
class Accepted:
    """The result of one request: which items are new, and when they were accepted (µs)."""

    new: list[bool]
    at: int
    #: How many deliveries each lane got; told once for all requests of a run, in its first result.
    lanes: Mapping[str, int]


class LaneNumbers:
    """The numbers of lanes, kept in the writer's memory and checked against the table."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(
        self, connection: sqlite3.Connection, names: Iterable[str], count: int
    ) -> Mapping[str, int]:
        """Number the lanes, of which there are `count`; new ones are added in this transaction."""
        # A group that was undone took its new lanes with it: then the count has fallen.
        if count != len(self._known):
            self._known = dict(connection.execute(SQL["all_lanes"]))
        missing = sorted({name for name in names if name not in self._known})
        if missing:
            connection.execute(SQL["add_lanes"], {"names": as_json(missing)})
            self._known = dict(connection.execute(SQL["all_lanes"]))
        return self._known


class Accepting:
    """Stores events and their deliveries; lives in the writer's thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._lanes = LaneNumbers()
        self._ids = MessageIds()

    def run(
        self, connection: sqlite3.Connection, requests: Sequence[Sequence[NewItem]]
    ) -> list[Accepted]:
        """Store what is new in all the requests; a message id counts once among them too."""
        now = to_us(self._now())
        items = [item for request in requests for item in request]
        digests = [digest(item.message_id) for item in items]
        lane_count, first = connection.execute(SQL["ends"]).fetchone()
        self._ids.catch_up(connection, first)
        flags = self._ids.find_new(connection, items, digests, now)
        fresh = list(compress(items, flags))
        counts = Counts()
        if fresh:
            lanes = self._lanes.of(connection, _lane_names(fresh), lane_count)
            filtered = _filtered(fresh, lanes)
            _add_events(connection, fresh, filtered, first, now)
            self._ids.add(connection, first, list(compress(digests, flags)))
            deliveries = _deliveries(fresh, first, lanes)
            connection.execute(SQL["add_deliveries"], {"rows": as_json(deliveries), "now": now})
            counts.accepted(fresh, filtered, lanes)
        if len(fresh) < len(items):
            counts.duplicates(item for item, new in zip(items, flags, strict=True) if not new)
        counts.changes.write(connection, now)
        return list(_shared(requests, flags, now, counts.deliveries))


def _shared(
    requests: Sequence[Sequence[NewItem]], flags: list[bool], now: int, lanes: Mapping[str, int]
) -> Iterator[Accepted]:
    start = 0
    for request in requests:
        end = start + len(request)
        yield Accepted(flags[start:end], now, lanes if start == 0 else {})
        start = end


def _lane_names(items: Iterable[NewItem]) -> set[str]:
    names: set[str] = set()
    seen: set[int] = set()
    for item in items:
        if id(item.filtered) not in seen:
            seen.add(id(item.filtered))
            names.update(*item.filtered.values())
        names.update(item.lanes)
    return names


def _filtered(items: Iterable[NewItem], lanes: Mapping[str, int]) -> list[str | None]:
    # Events that went the same ways share one mapping.
    written: dict[int, str | None] = {}
    texts = []
    for item in items:
        key = id(item.filtered)
        if key not in written:
            numbers = {
                reason: [lanes[name] for name in names] for reason, names in item.filtered.items()
            }
            written[key] = as_json(numbers) if numbers else None
        texts.append(written[key])
    return texts


def _add_events(
    connection: sqlite3.Connection,
    items: list[NewItem],
    filtered: list[str | None],
    first: int,
    now: int,
) -> None:
    """Store events from seq `first` on."""
    rows = []
    start = 0
    for item, reasons in zip(items, filtered, strict=True):
        size = len(item.body)
        received_at = to_us(item.received_at)
        rows.append(
            (item.source, item.message_id, item.type, item.name, received_at, reasons, start, size)
        )
        start += size
    bodies = joined(item.body for item in items)
    terms = {"first": first, "rows": as_json(rows), "bodies": bodies, "now": now}
    connection.execute(SQL["add_events"], terms)


def _deliveries(
    items: list[NewItem], first: int, lanes: Mapping[str, int]
) -> list[tuple[int, int]]:
    rows = []
    for seq, item in enumerate(items, first):
        if len(item.lanes) > LANES_PER_EVENT:
            raise ValueError(f"{item.message_id}: an event has {LANES_PER_EVENT} lanes at most")
        base = seq << POSITION_BITS
        rows += [(base + position, lanes[name]) for position, name in enumerate(item.lanes)]
    return rows
