"""Accepting, as it runs in the writer: the requests of a whole group become one block."""

from __future__ import annotations

from collections import Counter
from itertools import compress
from typing import TYPE_CHECKING, TypeVar

import attrs
import msgspec

from offramp.queue.block import (
    Block,
    Heads,
    Kind,
    NumberedRoute,
    Run,
    all_of,
    checksum,
    pack_ends,
    pack_heads,
    pack_set,
    set_of,
)
from offramp.queue.sqlite.codes import FILTERED, WAITING, as_json, digest, joined, to_us
from offramp.queue.sqlite.counters import NO_SUBSCRIPTION, Changes
from offramp.queue.sqlite.ids import MessageIds
from offramp.queue.sqlite.numbering import SubscriptionNumbers
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Counted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from offramp.queue.values import EventBatch, Route

T = TypeVar("T")


@attrs.frozen
class AcceptedBlock:
    """A block that is new on disk, and what of it the subscriptions got."""

    block: Block
    #: Name and number of each subscription, and the set of its events.
    sets: Sequence[tuple[str, int, int]]


@attrs.frozen
class Accepted:
    """The result of one request: which events are new."""

    new: Sequence[bool]
    #: What was stored for all requests of a run; only its first result has it.
    stored: AcceptedBlock | None


class _Columns(msgspec.Struct):
    """The new events of a group of requests, column by column."""

    runs: list[Run]
    message_ids: list[str]
    kinds: dict[tuple[str, str], int]
    kind_of: list[int]
    routes: list[Route]
    route_of: list[int]
    bodies: list[bytes]

    @classmethod
    def of(cls, batches: Sequence[EventBatch], flags: Sequence[bool] | None) -> _Columns:
        """Join the columns of batches; `flags` says which events are new, `None` that all are."""
        columns = cls([], [], {}, [], [], [], [])
        indexes: dict[int, int] = {}
        start = 0
        for batch in batches:
            end = start + len(batch)
            columns._add(batch, None if flags is None else flags[start:end], indexes)
            start = end
        return columns

    def _add(
        self, batch: EventBatch, flags: Sequence[bool] | None, indexes: dict[int, int]
    ) -> None:
        columns = (batch.types, batch.names, batch.bodies, batch.route_of)
        if any(len(column) != len(batch) for column in columns):
            raise ValueError(
                f"a batch of {len(batch)} events has columns of {[*map(len, columns)]}: types, "
                "names, bodies and routes are to be as many"
            )
        n = len(batch) if flags is None else sum(flags)
        if not n:
            return
        self.runs.append(Run(batch.source, to_us(batch.received_at), n))

        def new(column: Iterable[T]) -> Iterable[T]:
            return column if flags is None else compress(column, flags)

        self.message_ids += new(batch.message_ids)
        self.bodies += new(batch.bodies)
        kinds = self.kinds
        self.kind_of += [
            kinds.setdefault(kind, len(kinds))
            for kind in new(zip(batch.types, batch.names, strict=True))
        ]
        route_of = list(new(batch.route_of))
        # A router gives the same route to all events that go the same way. One that no new event
        # goes is left out: the set of its events would be empty, which stands for all.
        places = {}
        for index in sorted(set(route_of)):
            route = batch.routes[index]
            place = indexes.setdefault(id(route), len(self.routes))
            if place == len(self.routes):
                self.routes.append(route)
            places[index] = place
        self.route_of += [places[index] for index in route_of]


class Accepting:
    """Stores events and their deliveries; lives in the writer's thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._subscriptions = SubscriptionNumbers()
        self._ids = MessageIds()

    def forget(self) -> None:
        """Forget what is not on disk, since a transaction was undone."""
        self._subscriptions.forget()
        self._ids.forget()

    def run(self, connection: sqlite3.Connection, requests: Sequence[EventBatch]) -> list[Accepted]:
        """Store what is new in all the requests; a message id counts once among them too."""
        now = to_us(self._now())
        events = [
            (batch.source, message_id) for batch in requests for message_id in batch.message_ids
        ]
        digests = [digest(message_id) for _, message_id in events]
        first = self._ids.next_event(connection)
        flags = self._ids.find_new(connection, events, digests, now)
        columns = _Columns.of(requests, flags)
        changes = Changes()
        stored = None
        if columns.message_ids:
            numbers = self._subscriptions.of(connection, columns.routes)
            stored = _store(connection, columns, numbers, changes, first, now)
            fresh = digests if flags is None else list(compress(digests, flags))
            self._ids.add(connection, first, fresh, now)
        if flags is not None:
            for (source, _), new in zip(events, flags, strict=True):
                if not new:
                    changes.counted[NO_SUBSCRIPTION, source, Counted.DUPLICATE.value, ""] += 1
        changes.write(connection, now)
        return list(_results(requests, flags, stored))


def _results(
    requests: Sequence[EventBatch], flags: list[bool] | None, stored: AcceptedBlock | None
) -> Iterator[Accepted]:
    start = 0
    for request in requests:
        end = start + len(request)
        new = [True] * len(request) if flags is None else flags[start:end]
        yield Accepted(new, stored if start == 0 else None)
        start = end


def _store(  # noqa: PLR0913, PLR0917 - what one commit knows
    connection: sqlite3.Connection,
    columns: _Columns,
    numbers: Mapping[str, int],
    changes: Changes,
    first: int,
    now: int,
) -> AcceptedBlock:
    """Store a block with the rows of its subscriptions, and count it."""
    sets = _sets(columns.route_of, len(columns.routes))
    opened: dict[str, int] = {}
    for route, positions in zip(columns.routes, sets, strict=True):
        for name in route.subscriptions:
            opened[name] = opened.get(name, 0) | positions
    block = _add_block(connection, columns, numbers, first, now)
    got = [(name, numbers[name], bits) for name, bits in opened.items()]
    _add_deliveries(connection, got, block)
    _count(changes, columns, sets, numbers)
    return AcceptedBlock(block, got)


def _sets(route_of: Sequence[int], n_routes: int) -> list[int]:
    """The set of the events of each route."""
    if n_routes == 1:
        return [all_of(len(route_of))]
    places: list[list[int]] = [[] for _ in range(n_routes)]
    for position, route in enumerate(route_of):
        places[route].append(position)
    return [set_of(positions) for positions in places]


def _add_block(
    connection: sqlite3.Connection,
    columns: _Columns,
    numbers: Mapping[str, int],
    first: int,
    now: int,
) -> Block:
    heads = pack_heads(
        Heads(
            runs=columns.runs,
            message_ids=columns.message_ids,
            kinds=[Kind(*kind) for kind in columns.kinds],
            kind_of=columns.kind_of if len(columns.kinds) > 1 else [],
            routes=[_numbered(route, numbers) for route in columns.routes],
            route_of=columns.route_of if len(columns.routes) > 1 else [],
        )
    )
    ends, body = pack_ends(columns.bodies), b"".join(columns.bodies)
    n = len(columns.bodies)
    row = {
        "block": first,
        "n": n,
        "accepted_at": now,
        "checksum": checksum(heads, ends, body),
        "heads": heads,
        "ends": ends,
        "body": body,
    }
    connection.execute(SQL["add_block"], row)
    return Block(first, n, now, heads, ends, body)


def _numbered(route: Route, numbers: Mapping[str, int]) -> NumberedRoute:
    return NumberedRoute(
        [numbers[name] for name in route.subscriptions],
        {reason: [numbers[name] for name in names] for reason, names in route.filtered.items()},
    )


def _add_deliveries(
    connection: sqlite3.Connection, got: Sequence[tuple[str, int, int]], block: Block
) -> None:
    """Store each subscription's set; that of all events is stored as an empty one."""
    if not got:
        return
    rows = []
    sets = []
    start = 0
    for _, number, bits in got:
        packed = b"" if bits == all_of(block.n) else pack_set(bits)
        rows.append((number, start, len(packed)))
        sets.append(packed)
        start += len(packed)
    terms = {
        "block": block.number,
        "rows": as_json(rows),
        "sets": joined(sets),
        "now": block.accepted_at,
    }
    connection.execute(SQL["add_deliveries"], terms)


def _count(
    changes: Changes, columns: _Columns, sets: Sequence[int], numbers: Mapping[str, int]
) -> None:
    for run in columns.runs:
        changes.counted[NO_SUBSCRIPTION, run.source, Counted.ACCEPTED.value, ""] += run.n
    matched: Counter[int] = Counter()
    for route, positions in zip(columns.routes, sets, strict=True):
        n = positions.bit_count()
        if not n:
            continue
        for name in route.subscriptions:
            matched[numbers[name]] += n
        for reason, names in route.filtered.items():
            for name in names:
                _accept(changes, numbers[name], n)
                changes.enter(numbers[name], FILTERED, reason, n)
    for number, n in matched.items():
        _accept(changes, number, n)
        changes.states[number, WAITING] += n


def _accept(changes: Changes, number: int, n: int) -> None:
    changes.accepted[number] += n
    changes.count(number, Counted.ACCEPTED, "", n)
