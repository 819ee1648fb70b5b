"""Giving events another round: dead letters, and events that a subscription did not get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from msgspec.structs import replace

from offramp.queue.lease import split_delivery_id
from offramp.queue.sqlite.codes import FILTERED, WAITING, as_json
from offramp.queue.sqlite.counters import Changes
from offramp.queue.sqlite.exceptions import add_exceptions, new_exception
from offramp.queue.sqlite.numbering import number_subscriptions
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import Counted, Outcome, Reason, Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from offramp.queue.block import Block
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
        places = self.reader.of_events(connection, sorted(set(self.events) - known)).items()
        for event, block in self.reader.with_bodies(connection, places):
            place = event - block.number
            body = block.event(place)
            if body is not None and _count(changes, block, place, number):
                row = new_exception(
                    event=event,
                    subscription=number,
                    outcome=BACKFILLED,
                    head=block.head(place),
                    accepted_at=block.accepted_at,
                    now=self.now,
                    request=None,
                    body=body,
                )
                rows.append(replace(row, due_at=self.now, replayed_at=self.now))
        add_exceptions(connection, rows)
        changes.write(connection, self.now)
        return len(rows)


def _count(changes: Changes, block: Block, place: int, number: int) -> bool:
    """Count an event that is made due; false if the subscription got it before."""
    route = block.heads.route(place)
    if number in route.subscriptions:
        return False
    if route.filters(number):
        changes.states[number, FILTERED] -= 1
        changes.count(number, Counted.REPLAYED, "", 1)
    else:
        changes.accepted[number] += 1
        changes.count(number, Counted.ACCEPTED, "", 1)
    changes.states[number, WAITING] += 1
    return True
