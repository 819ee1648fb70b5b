"""Accepting, as it runs in the writer: the requests of a whole group become one block."""

from __future__ import annotations

import sqlite3
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
from offramp.queue.limits import DEDUPE_WINDOW_S
from offramp.queue.sqlite.codes import FILTERED, WAITING, as_json, digests_of, joined, to_us
from offramp.queue.sqlite.counters import NO_SUBSCRIPTION, Changes
from offramp.queue.sqlite.ids import KNOWN_ID, NOTHING_ASKED, MessageIds
from offramp.queue.sqlite.numbering import SubscriptionNumbers
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Counted

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence

    from offramp.queue.clock import Clock
    from offramp.queue.sqlite.heads import HeadReader
    from offramp.queue.values import EventBatch, Route

K = TypeVar("K", bound="Hashable")


class AcceptedBlock(msgspec.Struct, frozen=True):
    """A block that is new on disk, and what of it the subscriptions got."""

    block: Block
    #: Name and number of each subscription, and the set of its events.
    sets: Sequence[tuple[str, int, int]]


class Accepted(msgspec.Struct, frozen=True):
    """The result of one request: which events are new."""

    new: Sequence[bool]
    #: What was stored for all requests of a run; only its first result has it.
    stored: AcceptedBlock | None


class _Columns(msgspec.Struct):
    """The new events of a group of requests, column by column.

    `kind_of` and `route_of` are indexes, one for each event; empty where all of them are 0.
    """

    runs: list[Run]
    message_ids: list[str]
    kinds: list[Kind]
    kind_of: list[int]
    routes: list[Route]
    route_of: list[int]
    bodies: list[bytes]


class _Group(msgspec.Struct, frozen=True):
    """What one commit takes in; times in microseconds."""

    requests: Sequence[EventBatch]
    #: The digest of each event's message id.
    digests: Sequence[int]
    now: int
    #: Ids of events that were accepted since then are known.
    horizon: int


def _join(batches: Sequence[EventBatch]) -> _Columns:
    """Join the columns of batches."""
    kinds, kind_of = _indexed(
        [kind for each in batches for kind in zip(each.types, each.names, strict=True)]
    )
    # A router gives the same route to all events that go the same way. One that no new event goes
    # is left out: the set of its events would be empty, which stands for all.
    routes = {id(route): route for each in batches for route in each.routes}
    used, route_of = _indexed([id(each.routes[i]) for each in batches for i in each.route_of])
    return _Columns(
        runs=[Run(each.source, to_us(each.received_at), len(each)) for each in batches],
        message_ids=[message_id for each in batches for message_id in each.message_ids],
        kinds=[Kind(*kind) for kind in kinds],
        kind_of=kind_of,
        routes=[routes[route] for route in used],
        route_of=route_of,
        bodies=[body for each in batches for body in each.bodies],
    )


def _indexed(values: Sequence[K]) -> tuple[Iterable[K], list[int]]:
    """The different values, and the index of each among them; no indexes where all are 0."""
    indexes = {value: index for index, value in enumerate(dict.fromkeys(values))}
    return indexes, [indexes[value] for value in values] if len(indexes) > 1 else []


class Accepting:
    """Stores events and their deliveries; lives in the writer's thread."""

    def __init__(self, clock: Clock, reader: HeadReader) -> None:
        self._clock = clock
        self._subscriptions = SubscriptionNumbers()
        self._ids = MessageIds(reader)

    def forget(self) -> None:
        """Forget what is not on disk, since a transaction was undone."""
        self._subscriptions.forget()
        self._ids.forget()

    def run(self, connection: sqlite3.Connection, requests: Sequence[EventBatch]) -> list[Accepted]:
        """Store what is new in all the requests; a message id counts once among them too."""
        for batch in requests:
            _check(batch)
        group = _Group(
            requests=requests,
            digests=digests_of([each for batch in requests for each in batch.message_ids]),
            now=to_us(self._clock()),
            horizon=to_us(self._clock.ago(DEDUPE_WINDOW_S)),
        )
        stored = self._add_all(connection, group)
        if stored is None:
            answers, stored = self._add_new(connection, group)
        else:
            answers = [[True] * len(batch) for batch in requests]
        # One of them brings what was stored for all.
        return [Accepted(new, None if at else stored) for at, new in enumerate(answers)]

    def _add_all(self, connection: sqlite3.Connection, group: _Group) -> AcceptedBlock | None:
        """Store all events of a group; none of them where a message id may be known."""
        if self._ids.may_know(connection, group.digests):
            return None
        asked = self._ids.ask(group.digests, group.horizon)
        try:
            return self._add(connection, group, Changes(), asked)
        except sqlite3.IntegrityError as error:
            if error.args != (KNOWN_ID,):
                raise
            return None

    def _add_new(
        self, connection: sqlite3.Connection, group: _Group
    ) -> tuple[list[list[bool]], AcceptedBlock | None]:
        """Store those events of a group that are new; tells which, request by request."""
        events = [(batch.source, each) for batch in group.requests for each in batch.message_ids]
        flags = self._ids.find_new(connection, events, group.digests, group.horizon)
        answers = list(_cut(flags, group.requests))
        changes = Changes()
        requests = list(_only_new(group.requests, answers, changes))
        if not requests:
            changes.write(connection, group.now)
            return answers, None
        digests = list(compress(group.digests, flags))
        new = _Group(requests, digests, group.now, group.horizon)
        return answers, self._add(connection, new, changes, NOTHING_ASKED)

    def _add(
        self,
        connection: sqlite3.Connection,
        group: _Group,
        changes: Changes,
        asked: Mapping[str, str],
    ) -> AcceptedBlock:
        """Store a group; `asked` says which ids are looked up in the index before."""
        first = self._ids.next_event(connection)
        columns = _join(group.requests)
        numbers = self._subscriptions.of(connection, columns.routes)
        stored = _store(connection, columns, numbers, changes, asked, first, group.now)
        self._ids.add(connection, first, group.digests, group.now)
        return stored


def _check(batch: EventBatch) -> None:
    columns = (batch.types, batch.names, batch.bodies, batch.route_of)
    if {*map(len, columns)} != {len(batch)}:
        raise ValueError(
            f"a batch of {len(batch)} events has columns of {[*map(len, columns)]}: types, names, "
            "bodies and routes are to be as many"
        )


def _cut(flags: list[bool], requests: Sequence[EventBatch]) -> Iterator[list[bool]]:
    """The flags of each request."""
    start = 0
    for request in requests:
        end = start + len(request)
        yield flags[start:end]
        start = end


def _only_new(
    requests: Iterable[EventBatch], answers: Iterable[list[bool]], changes: Changes
) -> Iterator[EventBatch]:
    """The requests that bring new events, without their duplicates, which are counted."""
    for batch, new in zip(requests, answers, strict=True):
        if not all(new):
            key = NO_SUBSCRIPTION, batch.source, Counted.DUPLICATE.value, ""
            changes.counted[key] += new.count(False)
        if any(new):
            yield attrs.evolve(
                batch,
                message_ids=list(compress(batch.message_ids, new)),
                types=list(compress(batch.types, new)),
                names=list(compress(batch.names, new)),
                bodies=list(compress(batch.bodies, new)),
                route_of=list(compress(batch.route_of, new)),
            )


def _store(  # noqa: PLR0913, PLR0917 - what one commit knows
    connection: sqlite3.Connection,
    columns: _Columns,
    numbers: Mapping[str, int],
    changes: Changes,
    asked: Mapping[str, str],
    first: int,
    now: int,
) -> AcceptedBlock:
    """Store a block with the rows of its subscriptions, and count it."""
    n = len(columns.bodies)
    sets = _sets(columns.route_of, len(columns.routes), n)
    opened: dict[str, int] = {}
    for route, positions in zip(columns.routes, sets, strict=True):
        for name in route.subscriptions:
            opened[name] = opened.get(name, 0) | positions
    _count(changes, columns, sets, numbers)
    heads = pack_heads(
        Heads(
            runs=columns.runs,
            message_ids=columns.message_ids,
            kinds=columns.kinds,
            kind_of=columns.kind_of,
            routes=[_numbered(route, numbers) for route in columns.routes],
            route_of=columns.route_of,
        )
    )
    ends, body = pack_ends(columns.bodies), b"".join(columns.bodies)
    got = [(name, numbers[name], bits) for name, bits in opened.items()]
    terms = {
        **asked,
        "block": first,
        "n": n,
        "accepted_at": now,
        "checksum": checksum(heads, ends, body),
        "heads": heads,
        "ends": ends,
        "body": body,
    }
    connection.execute(SQL["accept_block"], terms | _deliveries(got, n) | changes.terms(now))
    return AcceptedBlock(Block(first, n, now, heads, ends, body), got)


def _sets(route_of: Sequence[int], n_routes: int, n: int) -> list[int]:
    """The set of the events of each route."""
    if n_routes == 1:
        return [all_of(n)]
    places: list[list[int]] = [[] for _ in range(n_routes)]
    for position, route in enumerate(route_of):
        places[route].append(position)
    return [set_of(positions) for positions in places]


def _numbered(route: Route, numbers: Mapping[str, int]) -> NumberedRoute:
    return NumberedRoute(
        [numbers[name] for name in route.subscriptions],
        {reason: [numbers[name] for name in names] for reason, names in route.filtered.items()},
    )


def _deliveries(got: Sequence[tuple[str, int, int]], n: int) -> dict[str, str | bytes]:
    """Each subscription's set as columns of `add_block`; that of all `n` becomes an empty one."""
    rows = []
    sets = []
    start = 0
    for _, number, bits in got:
        packed = b"" if bits == all_of(n) else pack_set(bits)
        rows.append((number, start, len(packed)))
        sets.append(packed)
        start += len(packed)
    return {"deliveries": as_json(rows), "sets": joined(sets)}


def _count(
    changes: Changes, columns: _Columns, sets: Sequence[int], numbers: Mapping[str, int]
) -> None:
    accepted: dict[str, int] = {}
    for run in columns.runs:
        accepted[run.source] = accepted.get(run.source, 0) + run.n
    for source, n in accepted.items():
        changes.counted[NO_SUBSCRIPTION, source, Counted.ACCEPTED.value, ""] += n
    for route, positions in zip(columns.routes, sets, strict=True):
        n = positions.bit_count()
        for name in route.subscriptions:
            _accept(changes, numbers[name], n)
            changes.states[numbers[name], WAITING] += n
        for reason, names in route.filtered.items():
            for name in names:
                _accept(changes, numbers[name], n)
                changes.enter(numbers[name], FILTERED, reason, n)


def _accept(changes: Changes, number: int, n: int) -> None:
    changes.accepted[number] += n
    changes.count(number, Counted.ACCEPTED, "", n)
