"""Requests for the deletion of a user, made by whoever may use the control API."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import msgspec

from offramp._version import __version__
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.trial_events import take_event
from offramp.delivery.disabled import why_disabled
from offramp.event import DELETE
from offramp.plugins import pick


class DeleteRequestBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whom to delete: one id is needed. With a `message_id`, a repeat is taken only once."""

    #: The name of the source whose instances are to delete the user.
    source: str
    user_id: str | None = None
    anonymous_id: str | None = None
    message_id: str | None = None


class DeleteRequestShape(TypedDict):
    """A request that was taken; `GET /api/events/{message_id}` shows what becomes of it."""

    source: str
    message_id: str
    #: True if the source has sent an event with this id before: this one is not delivered.
    duplicate: bool
    #: The built-in subscriptions that it goes to; empty if no destination deletes users.
    subscriptions: list[str]


class DeleteRequestsResource:
    """Takes requests for deletions as events of type `delete`."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/delete-requests",
            tag="delete-requests",
            summary="Ask the destinations of a source to delete a user",
            serve=self.take,
            answer=DeleteRequestShape,
            body=DeleteRequestBody,
        )

    async def take(self, call: Call) -> Reply:
        """Answer once the request is on disk; its deliveries follow."""
        body: DeleteRequestBody = call.body
        source = pick(self._host.config.sources, body.source, "source").name
        message = {
            "type": DELETE,
            "userId": body.user_id,
            "anonymousId": body.anonymous_id,
            "messageId": body.message_id,
            "context": {"library": {"name": "offramp", "version": __version__}},
        }
        given = {key: value for key, value in message.items() if value is not None}
        event, is_new = await take_event(self._host, source, given, allow_deletes=True)
        answer: DeleteRequestShape = {
            "source": source,
            "message_id": event["messageId"],
            "duplicate": not is_new,
            "subscriptions": self._subscriptions(source),
        }
        return Reply(data=answer)

    def _subscriptions(self, source: str) -> list[str]:
        config = self._host.config
        return [
            each.id
            for each in config.subscriptions.values()
            if each.built_in
            and config.instances[each.instance].source == source
            and why_disabled(config, each.id) is None
        ]
