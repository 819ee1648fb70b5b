"""Message ids that came before: the latest are looked up in memory, all others in an index."""

from __future__ import annotations

from bisect import bisect_left
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from offramp.queue.limits import DAY_S
from offramp.queue.sqlite.codes import US, as_json, digests_of
from offramp.queue.sqlite.heads import ALL, HeadReader
from offramp.queue.sqlite.marks import read_mark, set_mark
from offramp.queue.sqlite.sql import SQL
from offramp.storage import connect_beside

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

#: Microseconds of a period of the index, which is deleted as a whole.
PERIOD_US = round(DAY_S * US)
#: Ids of a run, which go into the index in the order of their digests: the longer the run, the more
#: of them share a page. There are two runs in memory, some 4 MB each.
RUN = 32_768
#: Ids that one commit moves into the index at least; it moves twice as many as it brings. Few: in a
#: large index each takes a page of its own, and somebody waits for the commit.
STEP = 64
#: What the procedure `add_block` says, and does nothing, where it finds an id in the index.
KNOWN_ID = "known id"
#: The terms with which it looks for none.
NOTHING_ASKED = {"digests": "[]", "periods": "[]"}
#: The name of the mark up to which events are in the index.
INDEXED = "indexed"


def period_of(now: int) -> int:
    """The period of ids that go into the index at a time (µs): a number of days."""
    return now // PERIOD_US


class _Known(NamedTuple):
    """An event that has the digest of a new one, and what tells whether it is the same."""

    accepted_at: int
    source: str
    message_id: str


class _Run:
    """Ids on their way to the index."""

    __slots__ = ("events", "others")

    def __init__(self) -> None:
        #: The first event of each digest.
        self.events: dict[int, int] = {}
        #: The others of a digest that more than one has: an id may come from two sources.
        self.others: dict[int, list[int]] = {}

    def add(self, digests: Iterable[int], first: int) -> None:
        """Add the digests of events from `first` on."""
        events = self.events
        for event, each in enumerate(digests, first):
            if events.setdefault(each, event) != event:
                self.others.setdefault(each, []).append(event)

    def find(self, digests: Iterable[int]) -> dict[int, int]:
        """The events that have one of some digests, each with it, in the order of the digests."""
        events, others = self.events, self.others
        if not others:
            return {events[each]: each for each in digests}
        return {event: each for each in digests for event in (events[each], *others.get(each, ()))}

    def parts(self) -> list[str]:
        """All as rows of `index_ids` without brackets, `STEP` digests each, ascending."""
        digests = sorted(self.events)
        parts = (digests[start : start + STEP] for start in range(0, len(digests), STEP))
        return [as_json(self.find(part))[1:-1] for part in parts]


class MessageIds:
    """Tells which events are new; lives in the writer's thread.

    Memory may know ids that are not on disk, since retention took the event: whatever is found is
    compared with the block itself. It must never know fewer.
    """

    def __init__(self, reader: HeadReader | None = None) -> None:
        self._reader = reader or HeadReader()
        #: The run that grows, and the one that moves to the index.
        self._growing = _Run()
        self._moving = _Run()
        #: The parts that are left of the latter, in reverse order. They are written at once: ids
        #: that are looked up one by one, much later, are out of the processor's cache.
        self._left: list[str] = []
        #: The first event behind the run that moves, and the period that it moves to.
        self._moved_until = 0
        self._period = 0
        #: The event that comes after all that memory knows of; none while that is not certain.
        self._next: int | None = None
        #: The periods of the index, ascending.
        self._periods: list[int] = []

    def forget(self) -> None:
        """Forget all: what was learnt or moved may have been undone."""
        self._next = None

    def next_event(self, connection: sqlite3.Connection) -> int:
        """The number of the next event; learns anew what is not in the index, if need be."""
        if self._next is None:
            self._growing, self._moving, self._left = _Run(), _Run(), []
            self._periods = [period for (period,) in connection.execute(SQL["id_periods"])]
            if self._reader.damage.ranges:
                # A transaction that reads a damaged page cannot write.
                with closing(connect_beside(connection)) as reader:
                    until = self._learn(reader)
            else:
                until = self._learn(connection)
            self._next = until
        return self._next

    def _learn(self, connection: sqlite3.Connection) -> int:
        """Remember the ids that are not in the index; answers the number of the next event."""
        (until,) = connection.execute(SQL["next_event"]).fetchone()
        first = read_mark(connection, INDEXED) or 0
        rows = self._reader.rows_between(connection, "heads_between", ALL, first, until)
        for block in self._reader.read(rows):
            self._growing.add(digests_of(block.heads.message_ids), block.number)
        found: int = until
        return found

    def may_know(self, connection: sqlite3.Connection, digests: Sequence[int]) -> bool:
        """Whether memory knows one of some digests, or one comes twice; the index is not asked."""
        self.next_event(connection)
        unique = set(digests)
        runs = (self._growing, self._moving)
        return len(unique) < len(digests) or any(run.events.keys() & unique for run in runs)

    def ask(self, digests: Sequence[int], horizon: int) -> dict[str, str]:
        """The terms that look up in the index what was accepted since (µs)."""
        # Later periods too: the clock may have been set back.
        periods = [period for period in self._periods if period >= period_of(horizon)]
        return {"digests": as_json(sorted(digests)), "periods": as_json(periods)}

    def find_new(
        self,
        connection: sqlite3.Connection,
        events: Sequence[tuple[str, str]],
        digests: Sequence[int],
        horizon: int,
    ) -> list[bool]:
        """Tell for each (source, message id) whether it came for the first time since (µs)."""
        asked = self.ask(digests, horizon)
        found = {event for (event,) in connection.execute(SQL["known_ids"], asked)}
        for run in (self._growing, self._moving):
            found.update(run.find(run.events.keys() & set(digests)))
        known = self._read_known(connection, found)
        seen = {(event.source, event.message_id) for event in known if event.accepted_at > horizon}
        flags = []
        for event in events:
            flags.append(event not in seen)
            seen.add(event)
        return flags

    def add(
        self, connection: sqlite3.Connection, first: int, digests: Sequence[int], now: int
    ) -> None:
        """Make events from `first` on findable."""
        if self._left:
            self._move(connection, 1 + 2 * len(digests) // STEP)
        elif len(self._growing.events) >= RUN:
            self._begin_move(first, now)
        self._growing.add(digests, first)
        self._next = first + len(digests)

    def _begin_move(self, first: int, now: int) -> None:
        self._moving, self._growing = self._growing, _Run()
        self._left = self._moving.parts()[::-1]
        self._moved_until = first
        # Never before the latest one, even if the clock was set back: a search for duplicates reads
        # all periods from some day on.
        self._period = max((period_of(now), *self._periods))
        if self._period not in self._periods:
            self._periods.append(self._period)

    def _move(self, connection: sqlite3.Connection, n: int) -> None:
        """Move `n` more parts to the index, the smallest digests first."""
        rows = ",".join(reversed(self._left[-n:]))
        del self._left[-n:]
        connection.execute(SQL["index_ids"], {"period": self._period, "rows": f"{{{rows}}}"})
        if not self._left:
            set_mark(connection, INDEXED, self._moved_until)
            self._moving = _Run()

    def _read_known(self, connection: sqlite3.Connection, events: Iterable[int]) -> list[_Known]:
        """Read what is known of events; those that retention took are left out.

        So are those of damaged blocks: nothing of these is ever sent, so they may come again.
        """
        asked = sorted(events)
        known = []
        for block in self._reader.heads_of(connection, asked):
            first = bisect_left(asked, block.number)
            for event in asked[first : bisect_left(asked, block.number + block.n)]:
                head = block.head(event - block.number)
                known.append(_Known(block.accepted_at, head.source, head.message_id))
        return known
