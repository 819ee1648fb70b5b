"""Copies of events in rows of their own: what is left once retention took the body of a block."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from offramp.queue.lease import EventHead
from offramp.queue.sqlite.codes import as_json
from offramp.queue.sqlite.sql import SQL

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable


class Copy(NamedTuple):
    """An event as a row of its own has it; times in microseconds."""

    event: int
    source: str
    message_id: str
    type: str
    name: str
    received_at: int
    accepted_at: int
    body: bytes

    @property
    def head(self) -> EventHead:
        """What is known of it without its body."""
        return EventHead(
            source=self.source,
            message_id=self.message_id,
            type=self.type,
            name=self.name,
            received_at=self.received_at,
        )


def read_copies(connection: sqlite3.Connection, events: Iterable[int]) -> dict[int, Copy]:
    """The copies of events, of those of which there is one."""
    asked = as_json(list(events))
    if asked == "[]":
        return {}
    rows = connection.execute(SQL["copies_of_events"], {"events": asked})
    return {copy.event: copy for copy in (Copy(*row) for row in rows)}
