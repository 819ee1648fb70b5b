"""Test events: taken for a source exactly as if an SDK had sent them, and then delivered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final, TypedDict

from offramp import _json
from offramp._version import __version__
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import ProblemError
from offramp.plugins import pick

#: What is sent if the caller gives no event.
DEFAULT_EVENT: Final = {
    "type": "track",
    "event": "Test Event",
    "userId": "test-user",
    "properties": {"test": True},
    "context": {
        "groupId": "test-group",
        "library": {"name": "offramp", "version": __version__},
    },
}


class EventBody(TypedDict, total=False):
    """An event as an SDK sends it: any keys; without a type it is a track call."""

    type: Any
    event: Any
    userId: Any
    anonymousId: Any
    messageId: Any
    properties: Any
    context: Any


class Taken(TypedDict):
    """An event that was taken; `GET /api/events/{message_id}` shows what becomes of it."""

    source: str
    message_id: str
    #: True if the source has sent an event with this messageId before: this one is not delivered.
    duplicate: bool
    #: As it is stored.
    event: dict[str, Any]


async def take_event(
    host: HostContext, source: str, event: Mapping[str, Any], *, allow_deletes: bool = False
) -> tuple[dict[str, Any], bool]:
    """Store an event of a source; raises `ProblemError` with 503 if that takes too long."""
    try:
        return await host.take_event(source, _json.dumps(event), allow_deletes=allow_deletes)
    except TimeoutError:
        message = "storing the event took too long; send it again"
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, message) from None


class TrialEventsResource:
    """Takes test events."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/sources/{name}/test-event",
            tag="sources",
            summary="Take an event as if an SDK had sent it; without a body, a track call",
            serve=self.take,
            answer=Taken,
            body=EventBody,
            body_optional=True,
        )

    async def take(self, call: Call) -> Reply:
        """Answer once the event is on disk; its deliveries follow."""
        source = pick(self._host.config.sources, call.path["name"], "source").name
        event, is_new = await take_event(self._host, source, call.body or DEFAULT_EVENT)
        answer: Taken = {
            "source": source,
            "message_id": event["messageId"],
            "duplicate": not is_new,
            "event": event,
        }
        return Reply(data=answer)
