"""Explains what a subscription, saved or not, would make of an event; nothing is sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypedDict

import msgspec

from offramp import _json
from offramp.api.candidates import compiled, read_candidate
from offramp.api.host_context import HostContext
from offramp.api.operations import Call, Operation, Reply
from offramp.api.problems import conflict, refuse
from offramp.errors import EventError, NotFoundError
from offramp.event import check_event
from offramp.plugins import pick
from offramp.pointers import ErrorShape
from offramp.web import complete

#: The name of a candidate that has none.
UNNAMED = "candidate"


class ExplainBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An event, given or stored, and a subscription, saved or a candidate."""

    #: As a source would send it; it is completed as the collector does.
    event: dict[str, Any] | None = None
    #: Of a stored event; `source` selects one if several sources sent it.
    message_id: str | None = None
    source: str | None = None
    #: The id of a saved subscription, enabled or not.
    subscription: str | None = None
    #: A subscription that is not saved, with the keys of `SubscriptionBody`.
    candidate: dict[str, Any] | None = None


class Explained(TypedDict):
    """What would happen: the trigger's result, each field's value and origin, the exact request."""

    subscription: str
    action: str
    matches: bool
    trigger: dict[str, Any]
    fields: dict[str, Any]
    payload: Any
    errors: list[ErrorShape]
    request: dict[str, Any] | None
    #: The event that was explained.
    event: dict[str, Any]


class ExplainResource:
    """Explains."""

    def __init__(self, host: HostContext) -> None:
        self._host = host

    def operations(self) -> Iterable[Operation]:
        """The operations of this module."""
        yield Operation(
            method="POST",
            path="/api/explain",
            tag="explain",
            summary="Explain what a subscription would make of an event; nothing is sent",
            serve=self.explain,
            answer=Explained,
            body=ExplainBody,
        )

    async def explain(self, call: Call) -> Reply:
        """Answer with the explanation."""
        body: ExplainBody = call.body
        _, config = await self._host.configs.load()
        if (body.subscription is None) == (body.candidate is None):
            raise refuse("subscription", "give a saved one, or a candidate, but not both")
        if body.subscription is not None:
            subscription = pick(config.subscriptions, body.subscription, "subscription")
        else:
            table: dict[str, Any] = {"name": UNNAMED, **(body.candidate or {})}
            instance = table.pop("instance", None)
            if not isinstance(instance, str) or not instance:
                raise refuse("candidate.instance", "is missing: name an instance")
            subscription = read_candidate(self._host.catalog, config, instance, table)
        event = await self._event(body)
        async with compiled(self._host, subscription, config.instances) as candidate:
            explained = await candidate.explain(event)
        return Reply(data={**explained, "event": event})

    async def _event(self, body: ExplainBody) -> dict[str, Any]:
        if (body.event is None) == (body.message_id is None):
            raise refuse("event", "give an event, or the message_id of a stored one, but not both")
        if body.event is not None:
            return _completed(body.event)
        message_id = body.message_id or ""
        records = await self._host.ledger.event(message_id, source=body.source)
        if not records:
            raise NotFoundError(f"no event with the messageId {message_id!r} is stored")
        stored = next((record.body for record in records if record.body is not None), None)
        if stored is None:
            raise conflict("the event itself is no longer kept: give it as `event`")
        event: dict[str, Any] = _json.loads(stored)
        return event


def _completed(message: dict[str, Any]) -> dict[str, Any]:
    """Complete an event as the collector does; one without a type is a track call."""
    try:
        event = complete(message)
        check_event(event)
    except EventError as error:
        faults = [fault.under("event") for fault in error.faults]
        raise EventError(faults, reason=error.reason) from None
    return event
