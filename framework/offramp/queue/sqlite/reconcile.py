"""The check behind the promise: recounts everything, and compares it with the counters."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from offramp.errors import counted
from offramp.queue.block import (
    DamagedBlockError,
    all_of,
    read_block,
    read_heads,
    set_of,
    unpack_open,
    unpack_set,
)
from offramp.queue.sqlite.codes import FILTERED, NEVER, RETRYING, STAGES, WAITING
from offramp.queue.sqlite.ids import INDEXED
from offramp.queue.sqlite.marks import read_mark
from offramp.queue.sqlite.requests import FORGOTTEN, read_results, unpack_parts
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Reconciliation

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from offramp.queue.block import Block, Heads
    from offramp.queue.sqlite.heads import HeadReader

#: Requests that are kept in memory: neighbouring blocks share theirs.
REQUESTS_KEPT = 256


class _Tally(NamedTuple):
    subscription: int
    state: int
    #: Of all time.
    n: int
    #: Without what retention took.
    kept: int


class _Subscription(NamedTuple):
    number: int
    name: str
    accepted: int


class _Exception(NamedTuple):
    event: int
    subscription: int
    state: int
    due_at: int | None


class _BlockRow(NamedTuple):
    block: int
    subscription: int
    open: bytes | None
    results: bytes | None


class _Request(NamedTuple):
    subscription: int
    state: int
    #: Block -> the set that ended with it.
    parts: Mapping[int, int]


def reconcile(connection: sqlite3.Connection, reader: HeadReader) -> Reconciliation:
    """Recount everything in one read transaction."""
    subscriptions = _subscriptions(connection)
    recount = _Recount(connection, reader, {each.number: each.name for each in subscriptions})
    faults = [
        *recount.faults(),
        *_wrong_tallies(recount.counted, _tallies(connection), recount.names),
        *_wrong_sums(_tallies(connection), subscriptions),
    ]
    return Reconciliation(deliveries=recount.counted.total(), faults=tuple(faults))


def wrong_sums(connection: sqlite3.Connection) -> list[str]:
    """The sum rule by the counters alone: accepted = ends + in flight, in every subscription."""
    return list(_wrong_sums(_tallies(connection), _subscriptions(connection)))


def _tallies(connection: sqlite3.Connection) -> list[_Tally]:
    return [_Tally(*row) for row in connection.execute(SQL["tallies"])]


def _subscriptions(connection: sqlite3.Connection) -> list[_Subscription]:
    return [_Subscription(*row) for row in connection.execute(SQL["accepted"])]


def _wrong_tallies(
    found: Counter[tuple[int, int]], tallies: Iterable[_Tally], names: Mapping[int, str]
) -> Iterator[str]:
    kept = Counter({(tally.subscription, tally.state): tally.kept for tally in tallies})
    for key in sorted({*found, *kept}):
        subscription, state = key
        if found[key] != kept[key]:
            yield (
                f"subscription {names[subscription]}: {found[key]} {STAGES[state].value}, "
                f"but the counter says {kept[key]}"
            )


def _wrong_sums(tallies: Iterable[_Tally], subscriptions: Iterable[_Subscription]) -> Iterator[str]:
    sums: Counter[int] = Counter()
    for tally in tallies:
        sums[tally.subscription] += tally.n
    for each in subscriptions:
        if each.accepted != sums[each.number]:
            yield (
                f"subscription {each.name}: {each.accepted} accepted, "
                f"but ends and in flight sum up to {sums[each.number]}"
            )


class _References(NamedTuple):
    """How many rows of their own refer to a request."""

    request: int
    n: int


T = TypeVar("T", _Exception, _BlockRow, _References)


class _Ahead(Generic[T]):
    """Rows in the order of their first column, taken up to a number."""

    def __init__(self, rows: Iterator[T]) -> None:
        self._rows: Iterator[T] = rows
        self._next: T | None = next(rows, None)

    def before(self, end: int) -> Iterator[T]:
        """The rows that come next and whose first column is below `end`."""
        while self._next is not None and self._next[0] < end:
            yield self._next
            self._next = next(self._rows, None)


class _Recount:
    """Reads all blocks, with what became of their events, in the order of their numbers."""

    def __init__(
        self, connection: sqlite3.Connection, reader: HeadReader, names: Mapping[int, str]
    ) -> None:
        self.names = names
        self._reader = reader
        #: (subscription, state) -> deliveries that stand there.
        self.counted: Counter[tuple[int, int]] = Counter()
        self._connection = connection
        self._request = lru_cache(REQUESTS_KEPT)(self._read_request)
        #: Sets in the rows of blocks, each with its request.
        self._results = 0
        #: Events of which there are only rows of their own.
        self._lone: set[int] = set()

    def faults(self) -> Iterator[str]:
        """Count, and tell what is wrong."""
        rows = _Ahead(_Exception(*row) for row in self._connection.execute(SQL["all_exceptions"]))
        deliveries = _Ahead(
            _BlockRow(*row) for row in self._connection.execute(SQL["all_deliveries"])
        )
        end = 0
        for row in self._reader.rows_from(self._connection, "whole_blocks", {}, 0):
            number, n, *_ = row
            if number < end:
                yield f"block {number}: its events are also those of the block before"
            end = number + n
            yield from self._outside(rows.before(number), deliveries.before(number))
            yield from self._in_block(row, list(rows.before(end)), deliveries.before(number + 1))
        yield from self._outside(rows.before(NEVER), deliveries.before(NEVER))
        yield from self._wrong_requests()
        yield from self._wrong_ids()

    def _outside(
        self, rows: Iterator[_Exception], deliveries: Iterator[_BlockRow]
    ) -> Iterator[str]:
        """What belongs to no block: rows of their own may, those of blocks may not."""
        for own in rows:
            self._lone.add(own.event)
            yield from self._own_row(own)
        unreadable = []
        for row in deliveries:
            if self._reader.is_damaged(row.block):
                unreadable.append(row)
                continue
            name = self.names[row.subscription]
            yield f"block {row.block} is gone, but subscription {name} has it"
        yield from self._unreadable(unreadable)

    def _unreadable(self, rows: Sequence[_BlockRow]) -> Iterator[str]:
        """Count what stands in blocks that cannot be read, of which each ends where one begins."""
        begins = sorted({row.block for row in rows})
        for row in rows:
            known = self._reader.damage.range_of(row.block)
            end = next((each for each in begins if each > row.block), NEVER)
            n = min(end, row.block if known is None else known.end) - row.block
            waiting = unpack_open(row.open, n).bit_count()
            name = self.names[row.subscription]
            if not self._is_decided(row.block):
                yield (
                    f"the block that begins with event {row.block} cannot be read: of {name}, "
                    f"{counted(waiting, 'delivery', 'deliveries')} in it cannot be sent"
                )
            yield from self._row(row, n, 0, None)

    def _is_decided(self, block: int) -> bool:
        """Whether a person has expired what waited in a damaged block."""
        known = self._reader.damage.range_of(block)
        return known is not None and self._reader.damage.is_decided(known)

    def _own_row(self, row: _Exception) -> Iterator[str]:
        self.counted[row.subscription, row.state] += 1
        if (row.state <= RETRYING) is (row.due_at is None):
            yield (
                f"event {row.event} in subscription {self.names[row.subscription]}: "
                f"{STAGES[row.state].value}, and due at {row.due_at}"
            )

    def _in_block(
        self,
        row: tuple[int, int, int, int, bytes, bytes, bytes | None],
        rows: list[_Exception],
        deliveries: Iterator[_BlockRow],
    ) -> Iterator[str]:
        number, n, *_ = row
        own: dict[int, list[int]] = defaultdict(list)
        for own_row in rows:
            own[own_row.subscription].append(own_row.event - number)
            yield from self._own_row(own_row)
        sets = {subscription: set_of(places) for subscription, places in own.items()}
        block, damage = _read(row)
        if damage is not None:
            self._reader.read_whole(row)  # notes it for all readers
            if not self._is_decided(number):
                yield damage
        matched, filtered = ({}, {}) if block is None else _routed(block.heads, n)
        for subscription, bits in filtered.items():
            self.counted[subscription, FILTERED] += (bits & ~sets.get(subscription, 0)).bit_count()
        for each in deliveries:
            expected = None if block is None else matched.get(each.subscription, 0)
            yield from self._row(each, n, sets.get(each.subscription, 0), expected)

    def _row(self, row: _BlockRow, n: int, own: int, expected: int | None) -> Iterator[str]:
        """A block's row of a subscription: each event that it got is in exactly one place."""
        where = f"block {row.block}, subscription {self.names[row.subscription]}"
        waiting, results = unpack_open(row.open, n), read_results(row.results)
        self.counted[row.subscription, WAITING] += waiting.bit_count()
        for number, bits in results:
            if number != FORGOTTEN:
                yield from self._result(where, row, number, bits)
        if expected is not None:
            own &= expected
        sets = [waiting, own, *(bits for _, bits in results)]
        found = 0
        for bits in sets:
            found |= bits
        if sum(bits.bit_count() for bits in sets) != found.bit_count():
            yield f"{where}: some of its deliveries stand at two places"
        if expected is not None and found != expected:
            missing, strange = (expected & ~found).bit_count(), (found & ~expected).bit_count()
            yield f"{where}: {missing} of its deliveries stand nowhere, {strange} are not its own"

    def _result(self, where: str, row: _BlockRow, number: int, bits: int) -> Iterator[str]:
        self._results += 1
        request = self._request(number)
        if request is None:
            yield f"{where}: request {number} is gone"
            return
        self.counted[row.subscription, request.state] += bits.bit_count()
        if request.subscription != row.subscription or request.parts.get(row.block) != bits:
            yield f"{where}: request {number} does not name the same deliveries"

    def _read_request(self, number: int) -> _Request | None:
        found = self._connection.execute(SQL["request_parts"], {"request": number}).fetchone()
        if found is None:
            return None
        subscription, state, packed = found
        parts = [] if packed is None else unpack_parts(packed)
        sets = {part.block: unpack_set(part.positions) for part in parts}
        return _Request(subscription, state, sets)

    def _wrong_requests(self) -> Iterator[str]:
        """Requests whose references are not as many as they say."""
        of_rows = _Ahead(
            _References(*row) for row in self._connection.execute(SQL["references_of_rows"])
        )
        sets = 0
        for number, refs, packed in self._connection.execute(SQL["all_requests"]):
            yield from self._gone(of_rows.before(number))
            found = 0 if packed is None else len(unpack_parts(packed))
            sets += found
            found += sum(references.n for references in of_rows.before(number + 1))
            if found != refs or not found:
                yield f"request {number}: {counted(found, 'row')} of it, but it says {refs}"
        yield from self._gone(of_rows.before(NEVER))
        if sets != self._results:
            yield f"requests name {sets} sets of deliveries, but blocks have {self._results}"

    def _gone(self, of_rows: Iterable[_References]) -> Iterator[str]:
        for request, n in of_rows:
            yield f"request {request} is gone, but {counted(n, 'row')} of their own refer to it"

    def _wrong_ids(self) -> Iterator[str]:
        """Events that cannot be found by their message ids."""
        (first,) = self._connection.execute(SQL["first_block"]).fetchone()
        until = read_mark(self._connection, INDEXED) or 0
        first = until if first is None else min(first, until)
        known = bytearray(until - first)
        lone = set(self._lone)
        for (event,) in self._connection.execute(SQL["all_ids"]):
            if first <= event < until:
                known[event - first] = 1
            lone.discard(event)
        missing = len(lone)
        for number, n, _ in self._reader.rows_from(self._connection, "block_times", {}, 0):
            if number + n <= until:
                missing += n - known.count(1, number - first, number - first + n)
        if missing:
            yield f"{counted(missing, 'event')} cannot be found by message id"


def _read(
    row: tuple[int, int, int, int, bytes, bytes, bytes | None],
) -> tuple[Block | None, str | None]:
    """The block of a row, as far as it is sound, and what is wrong with it."""
    try:
        return read_block(row), None
    except DamagedBlockError as error:
        damage = str(error)
    try:
        return read_heads(row[:6]), damage
    except DamagedBlockError:
        return None, damage


def _routed(heads: Heads, n: int) -> tuple[dict[int, int], dict[int, int]]:
    """By subscription, the sets of the events of a block that it got, and that it filtered."""
    places: list[list[int]] = [[] for _ in heads.routes]
    for place, index in enumerate(heads.route_of):
        places[index].append(place)
    sets: Sequence[int] = [set_of(each) for each in places] if heads.route_of else [all_of(n)]
    matched: dict[int, int] = defaultdict(int)
    filtered: dict[int, int] = defaultdict(int)
    for route, bits in zip(heads.routes, sets, strict=True):
        for subscription in route.subscriptions:
            matched[subscription] |= bits
        for subscriptions in route.filtered.values():
            for subscription in subscriptions:
                filtered[subscription] |= bits
    return matched, filtered
