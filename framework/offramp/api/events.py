"""Accepted events: a listing, and one event's whole story with the reasons."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from offramp.api.operations import PAGE, Call, Operation, Query, Reply
from offramp.api.paging import paged
from offramp.api.parts import Parts
from offramp.api.reasons import why
from offramp.api.shapes import EventPage, Stories, StoryShape
from offramp.api.stories import story_row, tell
from offramp.errors import NotFoundError
from offramp.queue import Story

SOURCE = Query(name="source", summary="Only what this source sent")


class EventsResource:
    """Answers what came, and what became of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

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
            summary="Tell one event's whole story: what became of it at each subscription, and why",
            serve=self.story,
            answer=Stories,
            query=(SOURCE,),
        )

    async def listing(self, call: Call) -> Reply:
        """Answer with a page of events."""
        with paged():
            page = await self._parts.ledger.events(
                source=call.query["source"],
                limit=call.query["limit"],
                cursor=call.query["cursor"],
            )
        rows = [story_row(story) for story in page.rows]
        return Reply(data=EventPage(rows=rows, cursor=page.cursor))

    async def story(self, call: Call) -> Reply:
        """Answer with one event."""
        message_id = call.path["message_id"]
        stories = await self._parts.ledger.event(message_id, source=call.query["source"])
        if not stories:
            raise NotFoundError(
                f"no event with the messageId {message_id!r} was accepted: it was never sent, the "
                "collector refused it, or it is older than what is kept"
            )
        return Reply(data=Stories(stories=[await self._told(story) for story in stories]))

    async def _told(self, story: Story) -> StoryShape:
        told: dict[str, Any] = tell(story)
        for shape, delivery in zip(told["deliveries"], story.deliveries, strict=True):
            shape["why"] = await why(self._parts, delivery, told["event"])
        return cast("StoryShape", told)
