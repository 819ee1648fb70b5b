"""Gathers the events of one request for the queue: each is routed as it is read, and not kept.

Only what the queue stores stays until the commit. Events that waited for it would be out of the
processor's cache when the next ones are read, which makes reading them a third slower.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from offramp.delivery.router import SourceRoutes
from offramp.errors import EventError, Fault
from offramp.event import DELETE, Discard, ReadEvent
from offramp.queue import EventBatch, Route

#: Why a request for a deletion is refused.
_DELETE_NOT_ALLOWED: Final = (
    "is 'delete', which only a source with `server_side = true` may send, as a key in a page is "
    "public; otherwise use `offramp delete-user`, or POST /api/delete-requests of the control API"
)


class Incoming:
    """The events of one request; add them and store them without awaiting anything in between."""

    def __init__(
        self,
        routes: SourceRoutes,
        store: Callable[[Incoming], Awaitable[Sequence[bool]]],
        *,
        allow_deletes: bool = False,
    ) -> None:
        #: Reads what has to be read of an event before it is added.
        self.reader: Final = routes.reader
        self._allow_deletes = allow_deletes
        self._route = routes.route
        self._store = store
        self._message_ids: list[str] = []
        self._types: list[str] = []
        self._names: list[str] = []
        self._bodies: list[bytes] = []
        self._routes: list[Route] = []
        self._route_of: list[int] = []
        #: By the identity of a route, its index in `_routes`.
        self._indexes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._bodies)

    def add_whole(self, event: dict[str, Any], body: bytes) -> None:
        """Add an event of which nothing was left out when it was read.

        Raises `EventError` for a request for a deletion, unless those are allowed.
        """
        if event["type"] == DELETE and not self._allow_deletes:
            fault = Fault("$.type", _DELETE_NOT_ALLOWED)
            raise EventError([fault], reason=Discard.DELETE_NOT_ALLOWED)
        self.add(self.reader.of(event), body)

    def add(self, event: ReadEvent, body: bytes) -> None:
        """Route a plain event that `reader` read; keep its JSON, which is what is stored."""
        route = self._route(event)
        index = self._indexes.get(id(route))
        if index is None:
            index = self._indexes[id(route)] = len(self._routes)
            self._routes.append(route)
        self._route_of.append(index)
        self._message_ids.append(event.messageId)
        self._types.append(event.type)
        self._names.append(_name_of(event))
        self._bodies.append(body)

    async def store(self) -> Sequence[bool]:
        """Store what was added and return once it is durable; `False` marks a duplicate.

        Raises `QueueFullError` or `StorageError` if nothing was stored. May be cancelled.
        """
        return await self._store(self)

    def batch(self, source: str, received_at: float) -> EventBatch:
        """The events as the queue takes them; `received_at` is in epoch seconds."""
        return EventBatch(
            source=source,
            received_at=received_at,
            message_ids=self._message_ids,
            types=self._types,
            names=self._names,
            bodies=self._bodies,
            routes=self._routes,
            route_of=self._route_of,
        )


def _name_of(event: ReadEvent) -> str:
    """The event's or page's name, for listings."""
    name = event.event
    return name if type(name) is str and name else str(name or event.name or "")
