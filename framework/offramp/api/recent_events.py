"""Tries a trigger on the latest stored events, and finds samples that it selects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, TypedDict

import msgspec

from offramp import _json
from offramp.api.host_context import HostContext
from offramp.api.operations import MAX_LIMIT, Call, Operation, Reply
from offramp.api.paging import paged
from offramp.api.shapes import Time
from offramp.api.times import write_optional, write_time
from offramp.api.triggers import compile_at, condition_of
from offramp.fql import FalseCondition, Trigger, why_not
from offramp.plugins import pick
from offramp.pointers import pointer_of
from offramp.queue import EventFilter, EventRecord, SearchPage

#: Events on which a trigger is tried if the caller does not say how many.
DEFAULT_RECENT: Final = 100
DEFAULT_SAMPLES: Final = 10


class LatestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A trigger as text or tree, and whose latest events it is about; by default everybody's."""

    trigger: str | dict[str, Any]
    source: str | None = None
    #: Stands for its source.
    instance: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)]
    cursor: str | None = None


class RecentBody(LatestBody):
    """A trigger as text or tree, and whose latest events it is tried on; by default everybody's."""

    #: How many events are looked at.
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_RECENT


class SamplesBody(LatestBody):
    """A trigger as text or tree, and whose latest events are searched; by default everybody's."""

    #: The most samples.
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)] = DEFAULT_SAMPLES


class FalseConditionShape(TypedDict):
    """The first condition of a trigger that is false for an event."""

    #: JSON pointer into the trigger's tree.
    pointer: str
    #: The condition as FQL.
    text: str
    words: str
    #: What the event has at the paths of the condition; a missing path is left out.
    actual: dict[str, Any]


class EventHead(TypedDict):
    """What a list shows of an event."""

    message_id: str
    source: str
    type: str
    name: str
    accepted_at: Time


class RecentRow(EventHead):
    """One event, and whether the trigger selects it."""

    #: `None` if the JSON of the event is no longer kept.
    matches: bool | None
    why: FalseConditionShape | None


class Recent(TypedDict):
    """The latest events, latest first; the counts are of this page.

    A page may be short and still have a cursor: one request looks through a bounded number of
    events, of which only some may be of the source.
    """

    rows: list[RecentRow]
    matching: int
    #: Events whose JSON is no longer kept, so that the trigger cannot be tried on them.
    without_body: int
    damaged: int
    cursor: str | None


class SampleRow(EventHead):
    """One event as a mapping sees it."""

    event: dict[str, Any]


class Samples(TypedDict):
    """Events that a trigger selects, latest first; a page may be empty and still have a cursor.

    One request looks through a bounded number of events.
    """

    rows: list[SampleRow]
    cursor: str | None
    #: Events that were looked at for this page.
    scanned: int
    #: When the last of them was accepted; `None` without any.
    reached_at: Time | None
    without_body: int
    damaged: int


class RecentEventsResource:
    """Triggers and the events that are stored."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/triggers/recent",
            tag="triggers",
            summary="Try a trigger on the latest stored events: how many match, which not, and why",
            serve=self.recent,
            answer=Recent,
            body=RecentBody,
        )
        yield Operation(
            method="POST",
            path="/api/triggers/samples",
            tag="triggers",
            summary="Find the latest stored events that a trigger selects, as a mapping sees them",
            serve=self.samples,
            answer=Samples,
            body=SamplesBody,
        )

    async def recent(self, call: Call) -> Reply:
        """Answer with a page of the latest events and the trigger's result for each."""
        body: RecentBody = call.body
        trigger = compile_at(body.trigger, "trigger")
        page = await self._page(body, EventFilter(source=self._source(body)))
        rows = await self._host.compute(lambda: [_row(trigger, record) for record in page.rows])
        answer: Recent = {
            "rows": rows,
            "matching": sum(row["matches"] is True for row in rows),
            "without_body": sum(row["matches"] is None for row in rows),
            "damaged": page.damaged,
            "cursor": page.cursor,
        }
        return Reply(data=answer)

    async def samples(self, call: Call) -> Reply:
        """Answer with a page of the latest events that match."""
        body: SamplesBody = call.body
        where = condition_of(compile_at(body.trigger, "trigger"))
        page = await self._page(body, EventFilter(source=self._source(body), where=where))
        rows = await self._host.compute(lambda: [*_samples(page.rows)])
        answer: Samples = {
            "rows": rows,
            "cursor": page.cursor,
            "scanned": page.scanned,
            "reached_at": write_optional(page.reached_at),
            "without_body": page.without_body,
            "damaged": page.damaged,
        }
        return Reply(data=answer)

    def _source(self, body: LatestBody) -> str | None:
        config = self._host.config
        if body.instance is not None:
            return pick(config.instances, body.instance, "instance").source
        if body.source is not None:
            pick(config.sources, body.source, "source")
        return body.source

    async def _page(self, body: LatestBody, which: EventFilter) -> SearchPage[EventRecord]:
        with paged(in_body=True):
            return await self._host.ledger.events(
                which, bodies=True, limit=body.limit, cursor=body.cursor
            )


def _row(trigger: Trigger, record: EventRecord) -> RecentRow:
    if record.body is None:
        return {**_head(record), "matches": None, "why": None}
    found = why_not(trigger, _json.loads(record.body))
    return {**_head(record), "matches": found is None, "why": false_condition(found)}


def _samples(records: Iterable[EventRecord]) -> Iterator[SampleRow]:
    for record in records:
        if record.body is not None:
            yield {**_head(record), "event": _json.loads(record.body)}


def false_condition(found: FalseCondition | None) -> FalseConditionShape | None:
    """Show a condition that is false, with a pointer in place of its place."""
    if found is None:
        return None
    return {
        "pointer": pointer_of(found["place"]),
        "text": found["text"],
        "words": found["words"],
        "actual": found["actual"],
    }


def _head(record: EventRecord) -> EventHead:
    return {
        "message_id": record.message_id,
        "source": record.source,
        "type": record.type,
        "name": record.name,
        "accepted_at": write_time(record.accepted_at),
    }
