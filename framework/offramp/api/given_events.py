"""The event and the subscription that a request is about, as its body names them."""

from __future__ import annotations

from typing import Any

import msgspec

from offramp import _json
from offramp.api.host_context import HostContext
from offramp.api.problems import conflict, refuse
from offramp.errors import EventError, NotFoundError
from offramp.event import check_event
from offramp.web import complete


class SavedOrCandidate(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A subscription, saved or a candidate."""

    #: The id of a saved subscription, enabled or not.
    subscription: str | None = None
    #: A subscription that is not saved, with the keys of `SubscriptionBody`.
    candidate: dict[str, Any] | None = None


class EventAndSubscription(SavedOrCandidate):
    """An event, given or stored, and a subscription, saved or a candidate."""

    #: As a source would send it; it is completed as the collector does.
    event: dict[str, Any] | None = None
    #: Of a stored event; `source` selects one if several sources sent it.
    message_id: str | None = None
    source: str | None = None


async def event_of(host: HostContext, body: EventAndSubscription) -> dict[str, Any]:
    """Return the event as a mapping sees it: a stored one, or a given one that is completed."""
    if (body.event is None) == (body.message_id is None):
        raise refuse("event", "give an event, or the message_id of a stored one, but not both")
    if body.event is not None:
        return _completed(body.event)
    message_id = body.message_id or ""
    records = await host.ledger.event(message_id, source=body.source)
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
