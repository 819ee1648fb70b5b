"""Accepting, as it runs in the writer: a whole group of requests in a handful of statements."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate, compress
from typing import TYPE_CHECKING, TypeAlias

import attrs

from offramp.queue.protocol import Counted
from offramp.queue.sqlite.codes import (
    FILTERED,
    LANES_PER_EVENT,
    POSITION_BITS,
    WAITING,
    as_json,
    clean,
    digest,
    joined,
    to_us,
)
from offramp.queue.sqlite.ids import MessageIds
from offramp.queue.sqlite.tallies import NO_LANE, Changes
from offramp.storage import load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from offramp.queue.protocol import NewItem

SQL = load_statements(__package__, "accept.sql")

#: What an event does to the counters: source, lanes, filtered (as JSON of lane numbers).
_Way: TypeAlias = "tuple[str, tuple[str, ...], str | None]"


@attrs.frozen
class Accepted:
    """The result of one request: which items are new, and when they were accepted (µs)."""

    new: list[bool]
    at: int


class LaneNumbers:
    """The numbers of lanes, kept in the writer's memory and checked against the table."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}

    def of(self, connection: sqlite3.Connection, names: Iterable[str]) -> Mapping[str, int]:
        """Number the lanes; new ones are added in this transaction."""
        # A group that was undone took its new lanes with it: then the count has fallen.
        (count,) = connection.execute(SQL["lane_count"]).fetchone()
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
        digests = [digest(clean(item.message_id)) for item in items]
        flags = self._ids.find_new(connection, items, digests, now)
        fresh = list(compress(items, flags))
        lanes = self._lanes.of(connection, _lane_names(fresh))
        filtered = [_filtered(item, lanes) for item in fresh]
        if fresh:
            first = _add_events(connection, fresh, filtered, now)
            self._ids.add(connection, first, list(compress(digests, flags)))
            deliveries = list(_deliveries(fresh, first, lanes))
            connection.execute(SQL["add_deliveries"], {"rows": as_json(deliveries), "now": now})
        changes = _count(fresh, filtered, lanes)
        for item, new in zip(items, flags, strict=True):
            if not new:
                changes.counted[NO_LANE, item.source, Counted.DUPLICATE.value, ""] += 1
        changes.write(connection, now)
        ends = list(accumulate(len(request) for request in requests))
        starts = [0, *ends]
        return [Accepted(flags[start:end], now) for start, end in zip(starts, ends, strict=False)]


def _lane_names(items: Iterable[NewItem]) -> Iterable[str]:
    for item in items:
        yield from item.lanes
        for names in item.filtered.values():
            yield from names


def _filtered(item: NewItem, lanes: Mapping[str, int]) -> str | None:
    if not item.filtered:
        return None
    return as_json(
        {reason: [lanes[name] for name in names] for reason, names in item.filtered.items()}
    )


def _add_events(
    connection: sqlite3.Connection, items: list[NewItem], filtered: list[str | None], now: int
) -> int:
    """Store events; answers the seq of the first, the others follow it."""
    (first,) = connection.execute(SQL["next_seq"]).fetchone()
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
    return int(first)


def _deliveries(
    items: list[NewItem], first: int, lanes: Mapping[str, int]
) -> Iterator[tuple[int, int]]:
    for seq, item in enumerate(items, first):
        if len(item.lanes) > LANES_PER_EVENT:
            raise ValueError(f"{item.message_id}: an event has {LANES_PER_EVENT} lanes at most")
        base = seq << POSITION_BITS
        for position, name in enumerate(item.lanes):
            yield base + position, lanes[name]


def _count(items: list[NewItem], filtered: list[str | None], lanes: Mapping[str, int]) -> Changes:
    # Most events of a group go the same ways, so they are counted by way, not one by one.
    ways: Counter[_Way] = Counter()
    samples = {}
    for item, reasons in zip(items, filtered, strict=True):
        ways[item.source, item.lanes, reasons] += 1
        samples[reasons] = item.filtered
    changes = Changes()
    for (source, matched, reasons), n in ways.items():
        changes.counted[NO_LANE, source, Counted.ACCEPTED.value, ""] += n
        for name in matched:
            _add(changes, lanes[name], n)
            changes.states[lanes[name], WAITING] += n
        for reason, names in samples[reasons].items():
            for name in names:
                _add(changes, lanes[name], n)
                changes.enter(lanes[name], FILTERED, reason, n)
    return changes


def _add(changes: Changes, lane: int, n: int) -> None:
    changes.accepted[lane] += n
    changes.count(lane, Counted.ACCEPTED, "", n)
