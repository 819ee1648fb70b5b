"""Giving events another round: dead letters, and events that a subscription did not get."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs
from msgspec.structs import replace

from offramp.queue.lease import split_delivery_id
from offramp.queue.sqlite.codes import FILTERED, WAITING, as_json
from offramp.queue.sqlite.copies import read_copies
from offramp.queue.sqlite.counters import Changes
from offramp.queue.sqlite.exceptions import add_exceptions, new_exception
from offramp.queue.sqlite.numbering import number_subscriptions
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Counted, Outcome, Reason, Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from offramp.queue.block import Block
    from offramp.queue.lease import EventHead
    from offramp.queue.sqlite.heads import HeadReader

#: What an event that is made due stands at, until its first attempt.
BACKFILLED = Outcome(stage=Stage.WAITING, reason=Reason.REPLAYED.value, attempted=False)


def replay_some(connection: sqlite3.Connection, ids: Sequence[str], now: int) -> dict[str, int]:
    """Make those deliveries that are still dead due at `now` (µs): subscription -> how many."""
    given = {"ids": as_json([split_delivery_id(each) for each in ids])}
    standing = connection.execute(SQL["standing"], given).fetchall()
    connection.execute(SQL["replay"], {**given, "now": now, "reason": Reason.REPLAYED.value})
    changes = Changes()
    replayed: dict[str, int] = {}
    for number, name, state, n in standing:
        changes.states[number, state] -= n
        changes.states[number, WAITING] += n
        changes.count(number, Counted.REPLAYED, "", n)
        replayed[name] = replayed.get(name, 0) + n
    changes.write(connection, now)
    return replayed


@attrs.frozen
class Backfill:
    """Makes events due in a subscription that filtered them, or that they came before."""

    name: str
    #: Numbers of events.
    events: Sequence[int]
    now: int
    reader: HeadReader

    def __call__(self, connection: sqlite3.Connection) -> int:
        """Run in the writer; answers how many events."""
        number = number_subscriptions(connection, [self.name])[self.name]
        asked = {"events": as_json(self.events), "subscription": number}
        known = {event for (event,) in connection.execute(SQL["has_rows"], asked)}
        changes = Changes()
        rows = []
        for event in self._events(connection, sorted(set(self.events) - known)):
            if _count(changes, event, number):
                row = new_exception(
                    event=event.number,
                    subscription=number,
                    outcome=BACKFILLED,
                    head=event.head,
                    accepted_at=event.accepted_at,
                    now=self.now,
                    request=None,
                    body=event.body,
                )
                rows.append(replace(row, due_at=self.now, replayed_at=self.now))
        add_exceptions(connection, rows)
        changes.write(connection, self.now)
        return len(rows)

    def _events(self, connection: sqlite3.Connection, events: Sequence[int]) -> Iterator[_Event]:
        """Those of some events of which there is a body: of the block, or a copy in a row."""
        places = self.reader.of_events(connection, events)
        left = set(events)
        for number, block in self.reader.with_bodies(connection, places.items()):
            body = block.event(number - block.number)
            if body is not None:
                left.remove(number)
                head = block.head(number - block.number)
                yield _Event(number, block, head, block.accepted_at, body)
        for number, copy in read_copies(connection, sorted(left)).items():
            yield _Event(number, places[number], copy.head, copy.accepted_at, copy.body)


class _Event(NamedTuple):
    """An event that is made due, with its block, if that is left."""

    number: int
    block: Block | None
    head: EventHead
    #: In microseconds.
    accepted_at: int
    body: bytes


def _count(changes: Changes, event: _Event, number: int) -> bool:
    """Count an event that is made due; false if the subscription got it before."""
    block = event.block
    route = None if block is None else block.heads.route(event.number - block.number)
    if route is not None and number in route.subscriptions:
        return False
    if route is not None and route.filters(number):
        changes.states[number, FILTERED] -= 1
        changes.count(number, Counted.REPLAYED, "", 1)
    else:
        changes.accepted[number] += 1
        changes.count(number, Counted.ACCEPTED, "", 1)
    changes.states[number, WAITING] += 1
    return True
