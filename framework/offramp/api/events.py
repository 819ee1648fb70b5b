"""Accepted events: the list, and one event with its deliveries and their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, cast

from offramp.api.deliveries import STAGES
from offramp.api.host_context import HostContext
from offramp.api.operations import PAGE, Call, Operation, Query, Reply
from offramp.api.paging import paged
from offramp.api.problems import refuse_parameter
from offramp.api.reasons import why
from offramp.api.records import event_record, event_row
from offramp.api.shapes import EventPage, EventRecords, EventShape
from offramp.api.times import write_optional
from offramp.api.triggers import body_condition
from offramp.errors import NotFoundError, TriggerError
from offramp.plugins import pick
from offramp.queue import EventFilter, EventRecord, Stage

SOURCE = Query(name="source", summary="Only events of this source")
SEARCH: Final = (
    SOURCE,
    Query(name="where", summary="Only events that meet this condition, in FQL"),
    Query(name="since", summary="Accepted at or after this time", kind="time"),
    Query(name="until", summary="Accepted before this time", kind="time"),
    Query(name="subscription", summary="Only events with a delivery to this subscription"),
    Query(name="outcome", summary="Only events with a delivery in this stage", choices=STAGES),
    Query(name="reason", summary="Only events with a delivery that stands there for this reason"),
)


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
            summary="List or search accepted events, latest first",
            serve=self.listing,
            answer=EventPage,
            query=(*SEARCH, *PAGE),
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
        which = await self._filter(call.query)
        with paged():
            page = await self._host.ledger.events(
                which, limit=call.query["limit"], cursor=call.query["cursor"]
            )
        return Reply(
            data=EventPage(
                rows=[event_row(record) for record in page.rows],
                cursor=page.cursor,
                scanned=page.scanned,
                reached_at=write_optional(page.reached_at),
                damaged=page.damaged,
                without_body=page.without_body,
            )
        )

    async def _filter(self, query: Mapping[str, Any]) -> EventFilter:
        subscription, where, outcome = query["subscription"], query["where"], query["outcome"]
        if subscription is not None and subscription not in await self._host.queue.depths():
            # One that was deleted has deliveries, one that is new has none.
            _refuse_unknown(self._host.config.subscriptions, subscription)
        try:
            condition = None if where is None else body_condition(where)
        except TriggerError as error:
            faults = (f"{fault.place}: {fault.message}" for fault in error.faults)
            raise refuse_parameter("where", "; ".join(faults)) from None
        return EventFilter(
            source=query["source"],
            since=query["since"],
            until=query["until"],
            subscription=subscription,
            stages=None if outcome is None else frozenset({Stage(outcome)}),
            reason=query["reason"],
            where=condition,
        )

    async def show(self, call: Call) -> Reply:
        """Answer with one event."""
        message_id = call.path["message_id"]
        records = await self._host.ledger.event(message_id, source=call.query["source"])
        if not records:
            raise NotFoundError(
                f"no event with the messageId {message_id!r} is stored: it was never sent, the "
                f"collector refused it, or it is older than the retention{_unreadable(self._host)}"
            )
        return Reply(
            data=EventRecords(events=[await self._explained(record) for record in records])
        )

    async def _explained(self, record: EventRecord) -> EventShape:
        shown: dict[str, Any] = event_record(record)
        for shape, delivery in zip(shown["deliveries"], record.deliveries, strict=True):
            shape["why"] = await why(self._host, delivery, shown["event"])
        return cast("EventShape", shown)


def _unreadable(host: HostContext) -> str:
    """That an event may be among those that the disk spoiled, if there are any."""
    return "; or the disk spoiled it, see `offramp status`" if host.damage.ranges else ""


def _refuse_unknown(known: Mapping[str, Any], subscription: str) -> None:
    try:
        pick(known, subscription, "subscription")
    except NotFoundError as error:
        raise refuse_parameter("subscription", str(error)) from None
