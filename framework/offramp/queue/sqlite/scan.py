"""Looking through accepted events, latest first, for those that meet conditions."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, NamedTuple

import attrs

from offramp.queue.block import all_of, positions_of
from offramp.queue.sqlite.codes import CODES, NEVER, as_json, to_us
from offramp.queue.sqlite.copies import read_copies
from offramp.queue.sqlite.counters import HOUR_US
from offramp.queue.sqlite.records import EventPlace
from offramp.queue.sqlite.sql import SQL
from offramp.queue.sqlite.standing import Asked, Standing, places_where
from offramp.storage.connect import is_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from offramp.queue.block import Block, Heads
    from offramp.queue.sqlite.heads import HeadReader, HeadsRow
    from offramp.queue.values import EventFilter

#: What a listing looks through for one page, so that none keeps a reader's thread for long: so many
#: events without their bodies. A block out of time costs as much as one event.
SCAN = 20_000
#: What it costs to read the body of an event, and each so many bytes of it.
COST_OF_BODY = 3
BYTES_OF_COST = 1_024
#: Blocks that one statement reads: the first, and others where each holds few events.
BLOCKS_AT_ONCE = 32
MOST_BLOCKS_AT_ONCE = 1_024
#: Events of neighbouring blocks of which deliveries are read together: of fewer there would be many
#: statements, of more a page would read much that it does not list.
GROUP = 2_000
#: Events without a block that one statement reads.
LONE_AT_ONCE = 1_000
#: Blocks are numbered as they are accepted; a clock that was set back by up to an hour does not
#: hide them from a listing by time.
MAX_SET_BACK_US = HOUR_US
#: In place of the number of a subscription that has none yet.
NO_NUMBER = -1


@attrs.frozen(kw_only=True)
class Conditions:
    """An `EventFilter` as the tables know it: times in microseconds, a subscription's number."""

    source: str | None
    type: str | None
    name: str | None
    since: int
    until: int
    #: Of a delivery; `None` if none is asked for.
    delivery: Asked | None
    where: Callable[[bytes], bool] | None

    @classmethod
    def of(cls, which: EventFilter, subscription: int | None) -> Conditions:
        """Translate a filter; `subscription` is the number of the one that it names."""
        asked = None
        if subscription is not None or which.stages is not None or which.reason is not None:
            asked = Asked(subscription, _codes_of(which), which.reason, missing=which.missing)
        return cls(
            source=which.source,
            type=which.type,
            name=which.name,
            since=0 if which.since is None else to_us(which.since),
            until=NEVER if which.until is None else to_us(which.until),
            delivery=asked,
            where=which.where,
        )

    def as_terms(self) -> dict[str, object]:
        """The conditions as terms of a statement."""
        asked = self.delivery or Asked(None, frozenset(CODES.values()), None, missing=False)
        return {
            "source": self.source,
            "type": self.type,
            "name": self.name,
            "since": self.since,
            "until": self.until,
            "subscription": asked.subscription,
            "states": as_json(sorted(asked.states)),
            "reason": asked.reason,
        }


def _codes_of(which: EventFilter) -> frozenset[int]:
    return frozenset(
        CODES.values() if which.stages is None else map(CODES.__getitem__, which.stages)
    )


def states_of(which: EventFilter) -> str:
    """The states that a filter asks for, as a JSON list for a statement."""
    return as_json(sorted(_codes_of(which)))


@attrs.frozen(kw_only=True)
class Found:
    """Events that meet conditions, latest first, and what was looked at; see `SearchPage`."""

    places: Sequence[EventPlace] = ()
    #: The event below which to go on, if there is more.
    after: int | None = None
    scanned: int = 0
    damaged: int = 0
    without_body: int = 0
    #: In microseconds.
    reached_at: int | None = None


class _LoneEvent(NamedTuple):
    """An event of which there are only rows of their own, and whether one meets the conditions."""

    event: int
    meets: bool


class _BlockTime(NamedTuple):
    """When a block was accepted, in microseconds."""

    block: int
    accepted_at: int


class _Step(NamedTuple):
    """What one step of the search looks at: `n` events down from before `top` to `low`."""

    low: int
    top: int
    n: int
    #: Each is found when it is asked for, so that a search can end in the middle of a step.
    places: Iterable[EventPlace] = ()


def find_events(
    connection: sqlite3.Connection,
    reader: HeadReader,
    which: Conditions,
    *,
    below: int,
    limit: int,
) -> Found:
    """Find events before `below` that meet conditions: up to `limit`, until `SCAN` is spent."""
    search = _Search(connection, reader, which)
    found: list[EventPlace] = []
    for step in search.steps(below):
        for place in step.places:
            found.append(place)
            if len(found) == limit:
                search.scanned += min(step.n, step.top - place.event)
                return search.found(found, place.event)
        search.scanned += step.n
        if search.cost >= SCAN:
            return search.found(found, step.low)
    return search.found(found, None)


@attrs.define
class _Search:
    connection: sqlite3.Connection
    reader: HeadReader
    which: Conditions
    cost: int = 0
    scanned: int = 0
    damaged: int = 0
    without_body: int = 0
    reached_at: int | None = None

    def found(self, places: Sequence[EventPlace], after: int | None) -> Found:
        """What was found so far."""
        return Found(
            places=places,
            after=after,
            scanned=self.scanned,
            damaged=self.damaged,
            without_body=self.without_body,
            reached_at=self.reached_at,
        )

    def steps(self, below: int) -> Iterator[_Step]:
        """Go through the events before `below`, latest first."""
        which = self.which
        low = 0
        upper = min(below, self._next_event())
        if which.since > 0:
            low, _ = self._first_from(which.since - MAX_SET_BACK_US)
        if which.until < NEVER:
            upper = min(upper, self._first_from(which.until + MAX_SET_BACK_US)[1])
        at_once = BLOCKS_AT_ONCE
        while upper > low:
            rows = self._heads_below(upper, at_once)
            if not rows:
                yield from self._between(low, upper)
                return
            blocks = {block.number: block for block in self.reader.read(rows)}
            for group in _groups(rows):
                standing = self._standing({number: n for number, n, *_ in group}, upper)
                for number, n, *_ in group:
                    yield from self._between(max(number + n, low), upper)
                    if number < low:
                        return
                    yield self._step(number, min(upper - number, n), blocks.get(number), standing)
                    upper = number
            n_events = sum(n for _, n, *_ in rows)
            at_once = min(MOST_BLOCKS_AT_ONCE, max(SCAN * len(rows) // n_events, BLOCKS_AT_ONCE))

    def _next_event(self) -> int:
        """The number behind that of the last event."""
        (number,) = self.connection.execute(SQL["next_event"]).fetchone()
        return int(number)

    def _heads_below(self, upper: int, n: int) -> list[HeadsRow]:
        """The latest blocks before `upper`, latest first: `n`, or those around damaged pages."""
        try:
            terms = {"below": upper, "n": n}
            return self.connection.execute(SQL["heads_below"], terms).fetchall()
        except sqlite3.DatabaseError as error:
            if not is_damage(error):
                raise
        rows: list[HeadsRow] = []
        low = upper
        while low > 0 and not rows:
            low = max(0, low - SCAN)
            rows = self.reader.rows_between(
                self.connection, "heads_between", {"n": NEVER}, low, upper
            )
        return rows[::-1]

    def _between(self, low: int, upper: int) -> Iterator[_Step]:
        """Look at events between blocks: theirs cannot be read, or are gone."""
        for each in self.reader.damage.ranges:
            self.damaged += max(0, min(each.end, upper) - max(each.first, low))
        yield from self._lone(low, upper)

    def _step(self, number: int, n: int, block: Block | None, standing: Standing | None) -> _Step:
        """Look at the first `n` events of a block; none if it is damaged."""
        self.cost += 1
        if block is None:
            self.damaged += n
            return _Step(number, number + n, 0)
        self.reached_at = block.accepted_at
        if not self.which.since <= block.accepted_at < self.which.until:
            return _Step(number, number + n, 0)
        self.cost += n - 1
        bits = all_of(n) & _meeting(block.heads, self.which)
        if standing is not None:
            bits &= standing.of(block)
        places = [EventPlace(number + place, block) for place in positions_of(bits)[::-1]]
        return _Step(number, number + n, n, self._that_meet(places))

    def _lone(self, low: int, upper: int) -> Iterator[_Step]:
        """Look at events between blocks: retention took theirs, and left rows of their own."""
        while low < upper:
            terms = {**self.which.as_terms(), "low": low, "below": upper, "n": LONE_AT_ONCE}
            rows = [_LoneEvent(*row) for row in self.connection.execute(SQL["lone_events"], terms)]
            top, upper = upper, rows[-1].event if len(rows) == LONE_AT_ONCE else low
            if rows:
                self.cost += len(rows)
                places = [EventPlace(row.event, None) for row in rows if row.meets]
                yield _Step(upper, top, len(rows), self._that_meet(places))

    def _that_meet(self, places: Sequence[EventPlace]) -> Iterable[EventPlace]:
        """Those of some neighbours whose bodies meet the condition on them."""
        if self.which.where is None or not places:
            return places
        return self._with_bodies(places, self.which.where)

    def _with_bodies(
        self, places: Sequence[EventPlace], where: Callable[[bytes], bool]
    ) -> Iterator[EventPlace]:
        bodies = {
            event: body
            for event, block in self.reader.with_bodies(self.connection, places)
            if (body := block.event(event - block.number)) is not None
        }
        missing = [event for event, _ in places if event not in bodies]
        copies = read_copies(self.connection, missing)
        bodies |= {event: copy.body for event, copy in copies.items()}
        self.cost += len(places) * COST_OF_BODY + sum(map(len, bodies.values())) // BYTES_OF_COST
        for place in places:
            body = bodies.get(place.event)
            if body is None:
                self._leave_out(place)
            elif where(body):
                yield place

    def _leave_out(self, place: EventPlace) -> None:
        if place.block is not None and self.reader.is_damaged(place.block.number):
            self.damaged += 1
        else:
            self.without_body += 1

    def _standing(self, sizes: dict[int, int], upper: int) -> Standing | None:
        if self.which.delivery is None:
            return None
        return Standing.read(self.connection, self.which.delivery, sizes, upper)

    def _first_from(self, at: int) -> tuple[int, int]:
        """Where the blocks begin that were accepted at `at` or later, by bisection.

        The first number behind the one of the last block before, and that of the first of them.
        """
        low = 0
        first = high = self._next_event()
        while low < high:
            middle = (low + high) // 2
            block = self._block_from(middle)
            if block is not None and block.accepted_at < at:
                low = block.block + 1
            else:
                high = middle
                first = first if block is None else block.block
        return low, first

    def _block_from(self, low: int) -> _BlockTime | None:
        terms = {"n": 1}
        rows = self.reader.rows_between(self.connection, "block_times", terms, low, NEVER)
        return _BlockTime(rows[0][0], rows[0][2]) if rows else None


def _groups(rows: Iterable[HeadsRow]) -> Iterator[list[HeadsRow]]:
    """Neighbouring blocks of some `GROUP` events together."""
    group: list[HeadsRow] = []
    left = GROUP
    for row in rows:
        group.append(row)
        left -= row[1]
        if left <= 0:
            yield group
            group, left = [], GROUP
    if group:
        yield group


def _meeting(heads: Heads, which: Conditions) -> int:
    """The set of a block's events that have the source, the type and the name asked for."""
    bits = all_of(len(heads.message_ids))
    if which.source is not None:
        bits &= _of_source(heads, which.source)
    if which.type is not None or which.name is not None:
        kinds = heads.kinds
        bits &= places_where(
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
