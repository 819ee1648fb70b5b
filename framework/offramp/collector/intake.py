"""Where the collector's events go, and how one is taken for a caller that is not a sender."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

import attrs

from offramp.collector.limits import Limits
from offramp.collector.messages import EventMaker, parse
from offramp.delivery.incoming import Incoming
from offramp.errors import EventError, Fault
from offramp.event import Arrival, Discard
from offramp.queue import Clock
from offramp.web.completion import new_id as make_id


class Intake(Protocol):
    """Where the collector's events go."""

    def source_of(self, write_key: str) -> str | None:
        """Name the source of a write key whose events are taken, comparing in constant time."""
        ...

    def closed_source_of(self, write_key: str) -> str | None:
        """Name the source of a write key that has been disabled for too long, likewise."""
        ...

    def open(self, source: str, *, allow_deletes: bool = False) -> Incoming:
        """Gather the events of a request; add and store them without awaiting in between.

        Requests for deletions are refused, unless the source is server-side or they are allowed.
        """
        ...

    def refuse(self, source: str | None, reason: str, count: int = 1) -> None:
        """Count events that were refused for good, by discard code."""
        ...


@attrs.frozen(kw_only=True)
class EventTaker:
    """Takes events with the checks, the completion and the storing of the tracking API."""

    intake: Intake
    limits: Limits = attrs.field(factory=Limits)
    clock: Clock = attrs.field(factory=Clock)
    new_id: Callable[[], str] = make_id

    async def __call__(
        self, source: str, text: bytes, *, allow_deletes: bool = False
    ) -> tuple[dict[str, Any], bool]:
        """Store an event; return it, completed, and whether it is new, once it is on disk.

        Without a type it is a track call. Raises `EventError` for what the tracking API refuses,
        `TimeoutError` if storing takes too long, `QueueFullError` and `StorageError`.
        """
        incoming = self.intake.open(source, allow_deletes=allow_deletes)
        try:
            event, body = self._made(text)
            incoming.add_whole(event, body)
        except EventError as error:
            self.intake.refuse(source, error.reason)
            raise
        async with asyncio.timeout(self.limits.accept_seconds):
            [is_new] = await incoming.store()
        return event, is_new

    def _made(self, text: bytes) -> tuple[dict[str, Any], bytes]:
        bound = self.limits.max_event_bytes
        if len(text) > bound:
            message = f"has {len(text)} bytes; the most allowed is {bound}"
            raise EventError([Fault("$", message)], reason=Discard.EVENT_TOO_LARGE)
        arrival = Arrival(
            kind="track",
            received_at=datetime.fromtimestamp(self.clock(), UTC),
            new_id=self.new_id,
            clock_trusted=self.clock.doubt is None,
        )
        return EventMaker(limits=self.limits).one(parse(text), text, arrival)
