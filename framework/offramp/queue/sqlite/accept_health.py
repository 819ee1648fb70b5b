"""Whether accepting works: after a failure it is tried without storing anything."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, NoReturn

import attrs

from offramp.errors import StorageError
from offramp.queue.values import EventBatch, Route
from offramp.storage import Rank, Work

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from offramp.queue.sqlite.accept import Accepting

#: Random bytes of the message id that a dry run looks up and stores.
ID_BYTES = 16


class DryRunEndedError(Exception):
    """Undoes a dry run that went well."""


class AcceptHealth:
    """Remembers the last failure of accepting, until accepting works again.

    A load balancer that acts on the failure sends nothing more, so there has to be another way to
    notice that it is over: a dry run. One is made after the start too.
    """

    def __init__(self) -> None:
        #: One event like those that could not be stored; `None` if all is well.
        self._suspect: EventBatch | None = _FIRST

    def note(self, batch: EventBatch, error: BaseException | None) -> None:
        """Note how accepting a batch ended."""
        if error is None:
            self._suspect = None
        elif isinstance(error, StorageError):
            self._suspect = EventBatch(
                source=batch.source,
                received_at=batch.received_at,
                message_ids=batch.message_ids[:1],
                types=batch.types[:1],
                names=batch.names[:1],
                bodies=batch.bodies[:1],
                routes=batch.routes,
                route_of=batch.route_of[:1],
            )

    def suspect(self) -> EventBatch | None:
        """An event to try, like the first that could not be stored; `None` if all is well.

        It has an id of its own: a page that only some ids need keeps nobody else from accepting.
        """
        if self._suspect is None:
            return None
        return attrs.evolve(self._suspect, message_ids=[secrets.token_hex(ID_BYTES)])

    def work(self, accepting: Accepting) -> Work[EventBatch, None]:
        """The write that tries to store a batch, and always ends with an error."""

        def run(connection: sqlite3.Connection, batches: Sequence[EventBatch]) -> NoReturn:
            accepting.run(connection, batches)
            raise DryRunEndedError

        return Work(run=run, alone=True, rank=Rank.LAST, undone=accepting.forget)


#: What is tried before anything was accepted: an event that no subscription gets.
_FIRST = EventBatch(
    source="",
    received_at=0.0,
    message_ids=[""],
    types=["track"],
    names=[""],
    bodies=[b"{}"],
    routes=[Route(subscriptions=())],
    route_of=[0],
)
