"""Looking through accepted events, latest first, for those that meet conditions."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import all_of, positions_of, set_of
from offramp.queue.sqlite.codes import FILTERED, NEVER, as_json, to_us
from offramp.queue.sqlite.counters import HOUR_US
from offramp.queue.sqlite.records import EventPlace
from offramp.queue.sqlite.requests import read_results
from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from offramp.queue.block import Block, Heads
    from offramp.queue.sqlite.heads import HeadReader
    from offramp.queue.values import EventFilter

#: Events that a listing looks through for one page, so that none keeps a reader's thread for
#: long. A block out of time counts as one.
SCAN = 20_000
#: Blocks that one statement reads: the first, and others where each holds few events.
BLOCKS_AT_ONCE = 32
MOST_BLOCKS_AT_ONCE = 1_024
#: Events without a block that one statement reads.
LONE_AT_ONCE = 1_000
#: Blocks are numbered as they are accepted; a clock that was set back by up to an hour does not
#: hide them from a listing by time.
MAX_SET_BACK_US = HOUR_US


@attrs.frozen(kw_only=True)
class Conditions:
    """An `EventFilter` as the tables know it: times in microseconds, a subscription's number."""

    source: str | None
    type: str | None
    name: str | None
    since: int
    until: int
    filtered_by: int | None

    @classmethod
    def of(cls, which: EventFilter, filtered_by: int | None) -> Conditions:
        """Translate a filter; `filtered_by` is the number of the subscription that it names."""
        return cls(
            source=which.source,
            type=which.type,
            name=which.name,
            since=0 if which.since is None else to_us(which.since),
            until=NEVER if which.until is None else to_us(which.until),
            filtered_by=filtered_by,
        )


@attrs.frozen
class Found:
    """Events that meet conditions, latest first, and the event below which to go on, if any."""

    places: Sequence[EventPlace]
    after: int | None


class _LoneEvent(NamedTuple):
    """An event of which there are only rows of their own, and whether one meets the conditions."""

    event: int
    meets: bool


class _BlockTime(NamedTuple):
    """When a block was accepted, in microseconds."""

    block: int
    accepted_at: int


class _Step(NamedTuple):
    """What one step of the search looked at: all events down to `low`, at a cost."""

    low: int
    cost: int
    places: Sequence[EventPlace]


def find_events(
    connection: sqlite3.Connection,
    reader: HeadReader,
    which: Conditions,
    *,
    below: int,
    limit: int,
) -> Found:
    """Find up to `limit` events before `below` that meet conditions, among the next `SCAN`."""
    search = _Search(connection, reader, which)
    found: list[EventPlace] = []
    left = SCAN
    for step in search.steps(below):
        found += step.places[: limit - len(found)]
        if len(found) == limit:
            return Found(found, found[-1].event)
        left -= step.cost
        if left <= 0:
            return Found(found, step.low)
    return Found(found, None)


@attrs.frozen
class _Search:
    connection: sqlite3.Connection
    reader: HeadReader
    which: Conditions

    def steps(self, below: int) -> Iterator[_Step]:
        """Go through the events before `below`, latest first."""
        which = self.which
        low, upper = 0, below
        if which.since > 0:
            low, _ = self._first_from(which.since - MAX_SET_BACK_US)
        if which.until < NEVER:
            upper = min(below, self._first_from(which.until + MAX_SET_BACK_US)[1])
        at_once = BLOCKS_AT_ONCE
        while upper > low:
            terms = {"below": upper, "n": at_once}
            rows = self.connection.execute(SQL["heads_below"], terms).fetchall()
            if not rows:
                yield from self._lone(low, upper)
                return
            blocks = {block.number: block for block in self.reader.read(rows)}
            filtered = self._filtered(min(number for number, *_ in rows), upper)
            for number, n, *_ in rows:
                yield from self._lone(max(number + n, low), upper)
                if number < low:
                    return
                # A damaged block is passed over.
                block = blocks.get(number)
                yield (
                    self._step(block, min(upper - number, n), filtered)
                    if block
                    else _Step(number, 1, ())
                )
                upper = number
            n_events = sum(n for _, n, *_ in rows)
            at_once = min(MOST_BLOCKS_AT_ONCE, max(SCAN * len(rows) // n_events, BLOCKS_AT_ONCE))

    def _step(self, block: Block, n: int, filtered: _FilteredInRange | None) -> _Step:
        """Look at the first `n` events of a block."""
        if not self.which.since <= block.accepted_at < self.which.until:
            return _Step(block.number, 1, ())
        bits = all_of(n) & _meeting(block.heads, self.which)
        if filtered is not None:
            bits &= filtered.of(block)
        places = [EventPlace(block.number + place, block) for place in positions_of(bits)[::-1]]
        return _Step(block.number, n, places)

    def _lone(self, low: int, upper: int) -> Iterator[_Step]:
        """Look at events between blocks: retention took theirs, and left rows of their own."""
        while low < upper:
            terms = {**attrs.asdict(self.which), "low": low, "below": upper, "n": LONE_AT_ONCE}
            rows = [_LoneEvent(*row) for row in self.connection.execute(SQL["lone_events"], terms)]
            upper = rows[-1].event if len(rows) == LONE_AT_ONCE else low
            if rows:
                places = [EventPlace(row.event, None) for row in rows if row.meets]
                yield _Step(upper, len(rows), places)

    def _filtered(self, low: int, upper: int) -> _FilteredInRange | None:
        if self.which.filtered_by is None:
            return None
        return _FilteredInRange.read(self.connection, self.which.filtered_by, low, upper)

    def _first_from(self, at: int) -> tuple[int, int]:
        """Where the blocks begin that were accepted at `at` or later, by bisection.

        The first number behind the one of the last block before, and that of the first of them.
        """
        low = 0
        (high,) = self.connection.execute(SQL["next_event"]).fetchone()
        first: int = high
        while low < high:
            middle = (low + high) // 2
            found = self.connection.execute(SQL["block_from"], {"block": middle}).fetchone()
            block = None if found is None else _BlockTime(*found)
            if block is not None and block.accepted_at < at:
                low = block.block + 1
            else:
                high = middle
                first = first if block is None else block.block
        return low, first


@attrs.frozen
class _FilteredInRange:
    """What a subscription filtered, besides what stands in the heads, in a range of events."""

    subscription: int
    #: Event -> whether its own row, which overrides the heads, says that it was filtered.
    rows: dict[int, bool]
    #: Block -> the set that was filtered when it was tried.
    tried: dict[int, int]

    @classmethod
    def read(
        cls, connection: sqlite3.Connection, subscription: int, low: int, upper: int
    ) -> _FilteredInRange:
        """Read it for the events from `low` to before `upper`."""
        terms = {"subscription": subscription, "low": low, "below": upper}
        rows = {
            event: state == FILTERED
            for event, state in connection.execute(SQL["rows_in_range"], terms)
        }
        results = {
            block: read_results(packed)
            for block, packed in connection.execute(SQL["results_in_range"], terms)
        }
        numbers = sorted({number for each in results.values() for number, _ in each})
        asked = {"requests": as_json(numbers)}
        filtering = {number for (number,) in connection.execute(SQL["filtering_requests"], asked)}
        tried: dict[int, int] = {}
        for block, each in results.items():
            for number, bits in each:
                if number in filtering:
                    tried[block] = tried.get(block, 0) | bits
        return cls(subscription, rows, tried)

    def of(self, block: Block) -> int:
        """The set of a block that the subscription filtered."""
        heads = block.heads
        bits = _where(
            len(heads.routes),
            heads.route_of,
            block.n,
            lambda index: heads.routes[index].filters(self.subscription),
        )
        bits |= self.tried.get(block.number, 0)
        if self.rows:
            for place in range(block.n):
                own = self.rows.get(block.number + place)
                if own is not None:
                    bits = bits | 1 << place if own else bits & ~(1 << place)
        return bits


def _meeting(heads: Heads, which: Conditions) -> int:
    """The set of a block's events that have the source, the type and the name asked for."""
    bits = all_of(len(heads.message_ids))
    if which.source is not None:
        bits &= _of_source(heads, which.source)
    if which.type is not None or which.name is not None:
        kinds = heads.kinds
        bits &= _where(
            len(kinds),
            heads.kind_of,
            len(heads.message_ids),
            lambda index: (
                which.type in {None, kinds[index].type} and which.name in {None, kinds[index].name}
            ),
        )
    return bits


def _of_source(heads: Heads, source: str) -> int:
    bits = start = 0
    for run in heads.runs:
        if run.source == source:
            bits |= all_of(run.n) << start
        start += run.n
    return bits


def _where(n_values: int, index_of: Sequence[int], n: int, meets: Callable[[int], Any]) -> int:
    """The set of those of `n` events whose value, by index, meets a condition."""
    wanted = {index for index in range(n_values) if meets(index)}
    if not wanted:
        return 0
    if len(wanted) == n_values:
        return all_of(n)
    return set_of([place for place, index in enumerate(index_of) if index in wanted])
