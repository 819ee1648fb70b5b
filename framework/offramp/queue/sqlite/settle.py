"""Settling, as it runs in the writer: the outcomes of a whole group of batches."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import pack_set, unpack_open
from offramp.queue.sqlite.codes import (
    CODES,
    DELIVERED,
    WAITING,
    as_json,
    joined,
    to_us,
)
from offramp.queue.sqlite.counters import Changes, bucket
from offramp.queue.sqlite.exceptions import add_exceptions, new_exception, settle_rows
from offramp.queue.sqlite.requests import NewRequests, Result, pack, unpack_results
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from offramp.queue.lease import Lease, LeasePart
    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.exceptions import NewException
    from offramp.queue.sqlite.leases import Claim
    from offramp.queue.values import Outcome

#: The ends that a delivery can have without a row of its own.
IN_BLOCK = frozenset({Stage.DELIVERED, Stage.FILTERED})


@attrs.frozen
class OutcomeGroup:
    """Deliveries that end with one outcome: sets of blocks, and rows of their own."""

    outcome: Outcome
    sets: list[tuple[LeasePart, int]] = attrs.field(factory=list)
    rows: list[DueRow] = attrs.field(factory=list)


@attrs.frozen
class Outcomes:
    """Outcomes of deliveries of one subscription, by its number."""

    number: int
    groups: Sequence[OutcomeGroup]


@attrs.frozen
class Settled(Outcomes):
    """One caller's outcomes, with what was still held when it called."""

    claim: Claim


def group_outcomes(
    claim: Claim, lease: Lease, outcome: Outcome | None, exceptions: Mapping[int, Outcome]
) -> Settled:
    """Sort what was claimed of a lease by its outcomes."""
    sets = {id(part): (part, bits) for part, bits in claim.sets}
    rows = {row.id: row for row in claim.rows}
    groups: dict[int, OutcomeGroup] = {}
    for position, other in exceptions.items():
        part, inside = lease.locate(position)
        group = groups.setdefault(id(other), OutcomeGroup(other))
        if part.row is not None:
            if part.row in rows:
                group.rows.append(rows.pop(part.row))
        elif id(part) in sets:
            bit = 1 << part.positions[inside]
            _, left = sets[id(part)]
            if left & bit:
                sets[id(part)] = part, left & ~bit
                _add_bit(group, part, bit)
    if outcome is not None:
        rest = [(part, bits) for part, bits in sets.values() if bits]
        groups[0] = OutcomeGroup(outcome, rest, list(rows.values()))
    return Settled(lease.number, tuple(groups.values()), claim)


def _add_bit(group: OutcomeGroup, part: LeasePart, bit: int) -> None:
    if group.sets and group.sets[-1][0] is part:
        group.sets[-1] = part, group.sets[-1][1] | bit
    else:
        group.sets.append((part, bit))


class _BlockRow(NamedTuple):
    """A row of `deliveries`, with its block's number of events and time (µs)."""

    block: int
    subscription: int
    n: int
    accepted_at: int
    open: bytes | None
    results: bytes | None


class ChangedRow(NamedTuple):
    """A row of `deliveries` of which events have ended."""

    block: int
    subscription: int
    #: The set of what still waits.
    waiting: int
    #: What ended before, as it is stored.
    results: bytes | None
    #: What ended now: request -> set.
    ended: Mapping[int, int]


def write_block_rows(
    connection: sqlite3.Connection, changed: Iterable[ChangedRow], now: int
) -> None:
    """Store rows of `deliveries`."""
    rows: list[tuple[int | None, ...]] = []
    blobs: list[bytes] = []
    start = 0
    for row in changed:
        before = [] if row.results is None else unpack_results(row.results)
        new = (Result(request, pack_set(bits)) for request, bits in row.ended.items())
        results = [*before, *new]
        opened = pack_set(row.waiting)
        packed = pack(results) if results else b""
        middle = start + len(opened)
        key = row.block, row.subscription
        rows.append((*key, start, len(opened) or None, middle, len(packed) or None))
        blobs += (opened, packed)
        start = middle + len(packed)
    if rows:
        terms = {"rows": as_json(rows), "blobs": joined(blobs), "now": now}
        connection.execute(SQL["settle_blocks"], terms)


class _Rows:
    """The rows of blocks and subscriptions that one write changes."""

    def __init__(self, connection: sqlite3.Connection, pairs: Iterable[tuple[int, int]]) -> None:
        asked = sorted(set(pairs))
        found = connection.execute(SQL["settled_rows"], {"pairs": as_json(asked)}) if asked else ()
        self._rows = {(row[0], row[1]): _BlockRow(*row) for row in found}
        self._ended: dict[tuple[int, int], int] = defaultdict(int)
        self._requests: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)

    def end(self, block: int, subscription: int, bits: int, request: int | None) -> None:
        """Take events out of those that wait: a request delivered them, or they got rows."""
        self._ended[block, subscription] |= bits
        if request is not None:
            requests = self._requests[block, subscription]
            requests[request] = requests.get(request, 0) | bits

    def accepted_at(self, block: int, subscription: int) -> int:
        """When a block was accepted, in microseconds."""
        return self._rows[block, subscription].accepted_at

    def write(self, connection: sqlite3.Connection, now: int) -> None:
        """Store them."""
        write_block_rows(connection, self._changed(), now)

    def _changed(self) -> Iterator[ChangedRow]:
        for key, bits in self._ended.items():
            row = self._rows[key]
            waiting = unpack_open(row.open, row.n)
            if bits & ~waiting:
                raise LookupError(f"block {row.block}: outcomes met deliveries that do not wait")
            yield ChangedRow(*key, waiting & ~bits, row.results, self._requests.get(key, {}))


class Settling:
    """Stores outcomes; lives in the writer's thread."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now

    def run(self, connection: sqlite3.Connection, settled: Sequence[Outcomes]) -> list[None]:
        """Store the outcomes of all callers; fencing was done by who holds the leases."""
        now = to_us(self._now())
        pairs = (
            (part.block, each.number)
            for each in settled
            for group in each.groups
            for part, _ in group.sets
        )
        rows = _Rows(connection, pairs)
        requests = NewRequests(connection)
        changes = Changes()
        added: list[NewException] = []
        for each in settled:
            # Those in blocks first: others that share their exchange share their request.
            for group in sorted(each.groups, key=lambda group: not _in_block(group)):
                _count(group, each.number, rows, changes, now)
                if _in_block(group):
                    _end_in_blocks(group, each.number, rows, requests)
                else:
                    added += _leave_blocks(group, each.number, rows, requests, now)
        own = [
            (each.number, row, group.outcome)
            for each in settled
            for group in each.groups
            for row in group.rows
        ]
        settle_rows(connection, own, requests, now)
        add_exceptions(connection, added)
        requests.write(connection, now)
        rows.write(connection, now)
        changes.write(connection, now)
        return [None] * len(settled)


def _in_block(group: OutcomeGroup) -> bool:
    # What ends in its block was tried once.
    once = all(part.attempt == 1 for part, _ in group.sets)
    return group.outcome.stage in IN_BLOCK and group.outcome.attempted and once


def _end_in_blocks(group: OutcomeGroup, number: int, rows: _Rows, requests: NewRequests) -> None:
    if group.sets:
        sets = [(part.block, bits) for part, bits in group.sets]
        request = requests.ended(number, group.outcome, sets)
        for block, bits in sets:
            rows.end(block, number, bits, request)


def _leave_blocks(
    group: OutcomeGroup, number: int, rows: _Rows, requests: NewRequests, now: int
) -> Iterator[NewException]:
    for part, bits in group.sets:
        rows.end(part.block, number, bits, None)
        for position, body in zip(part.positions, part.bodies, strict=True):
            if bits >> position & 1:
                yield new_exception(
                    event=part.block + position,
                    subscription=number,
                    outcome=group.outcome,
                    attempts=part.attempt - 1 + group.outcome.attempted,
                    head=part.head(position),
                    # Not in the future, which a clock set back makes of it: windows begin there.
                    accepted_at=min(now, rows.accepted_at(part.block, number)),
                    now=now,
                    request=requests.exchange(number, group.outcome),
                    body=body,
                )


def _count(group: OutcomeGroup, number: int, rows: _Rows, changes: Changes, now: int) -> None:
    """Count what leaves waiting and retrying, and where it goes."""
    state, reason = CODES[group.outcome.stage], group.outcome.reason
    delivered = state == DELIVERED
    for part, bits in group.sets:
        n = bits.bit_count()
        changes.states[number, WAITING] -= n
        changes.enter(number, state, reason, n)
        if delivered:
            waited = now - rows.accepted_at(part.block, number)
            changes.latencies[number, bucket(waited)] += n
    for row in group.rows:
        changes.states[number, row.state] -= 1
        changes.enter(number, state, reason, 1)
        if delivered:
            changes.latencies[number, bucket(now - row.opened_at)] += 1
