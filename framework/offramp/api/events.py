"""Accepted events: the list, and one event with its deliveries and their reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from offramp.api.host_context import HostContext
from offramp.api.operations import PAGE, Call, Operation, Query, Reply
from offramp.api.paging import paged
from offramp.api.reasons import why
from offramp.api.records import event_record, event_row
from offramp.api.shapes import EventPage, EventRecords, EventShape
from offramp.errors import NotFoundError
from offramp.queue import EventFilter, EventRecord

SOURCE = Query(name="source", summary="Only events of this source")


class EventsResource:
    """Accepted events and their deliveries."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="GET",
            path="/api/events",
            tag="events",
            summary="List accepted events, latest first",
            serve=self.listing,
            answer=EventPage,
            query=(SOURCE, *PAGE),
        )
        yield Operation(
            method="GET",
            path="/api/events/{message_id}",
            tag="events",
            summary="Show one event: its delivery to each subscription, and the reasons",
            serve=self.show,
            answer=EventRecords,
            query=(SOURCE,),
        )

    async def listing(self, call: Call) -> Reply:
        """Answer with a page of events."""
        with paged():
            page = await self._host.ledger.events(
                EventFilter(source=call.query["source"]),
                limit=call.query["limit"],
                cursor=call.query["cursor"],
            )
        rows = [event_row(record) for record in page.rows]
        return Reply(data=EventPage(rows=rows, cursor=page.cursor))

    async def show(self, call: Call) -> Reply:
        """Answer with one event."""
        message_id = call.path["message_id"]
        records = await self._host.ledger.event(message_id, source=call.query["source"])
        if not records:
            raise NotFoundError(
                f"no event with the messageId {message_id!r} is stored: it was never sent, the "
                "collector refused it, or it is older than the retention"
            )
        return Reply(
            data=EventRecords(events=[await self._explained(record) for record in records])
        )

    async def _explained(self, record: EventRecord) -> EventShape:
        shown: dict[str, Any] = event_record(record)
        for shape, delivery in zip(shown["deliveries"], record.deliveries, strict=True):
            shape["why"] = await why(self._host, delivery, shown["event"])
        return cast("EventShape", shown)
