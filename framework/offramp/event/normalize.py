"""What the collector adds to a message, so that every event has the same shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from offramp.errors import EventError, Fault, describe_type
from offramp.event.spec import SPEC_VERSION, Discard
from offramp.event.times import format_time, parse_time

#: `context.library.name` of the SDK that runs in browsers, where the caller's address is the
#: user's. Source: analytics-next, sent on the wire.
BROWSER_LIBRARY = "analytics.js"


def normalize(  # noqa: PLR0913 - what a request knows, by keyword: an object would cost more
    message: Any,
    *,
    kind: str | None,
    received_at: datetime,
    new_id: Callable[[], str],
    sent_at: Any = None,
    batch_context: Mapping[str, Any] | None = None,
    batch_integrations: Mapping[str, Any] | None = None,
    ip: str | None = None,
) -> dict[str, Any]:
    """Make an event of a message: a new dict, the message stays as it was.

    `kind` is the type that the door stands for, `received_at` is in UTC, `sent_at` is that of the
    request and goes before the message's own. Raises `EventError` where the message is no object;
    everything else is left to `check_event`. Source: Segment's docs, "Spec: Common Fields".
    """
    if not isinstance(message, dict):
        fault = Fault("$", f"an event is an object, not {describe_type(message)}")
        raise EventError([fault], reason=Discard.BAD_REQUEST)
    event = message.copy()
    event.pop("writeKey", None)
    if kind is not None and event.get("type") is None:
        event["type"] = kind
    if event.get("messageId") in (None, ""):
        event["messageId"] = new_id()
    _set_times(event, received_at, event.get("sentAt") if sent_at is None else sent_at)
    if batch_context:
        _merge(event, "context", batch_context)
    if batch_integrations:
        _merge(event, "integrations", batch_integrations)
    if ip is not None:
        _set_ip(event, ip)
    if event.get("version") is None:
        event["version"] = SPEC_VERSION
    return event


def _set_times(event: dict[str, Any], received_at: datetime, sent_at: Any) -> None:
    """Set `receivedAt`, `sentAt`, `originalTimestamp` and the corrected `timestamp`.

    A time that is not ISO 8601 stays as it was given: whoever bills by it must see it.
    """
    # No client sets receivedAt: another collector did. Its correction holds; a second one, against
    # the time of a replay, would move the event into the wrong month.
    corrected = event.get("receivedAt") is not None
    received = event["receivedAt"] = format_time(received_at)
    sent = parse_time(sent_at)
    if sent is not None:
        event["sentAt"] = format_time(sent)
    elif sent_at is not None:
        event["sentAt"] = sent_at
    given = event.get("timestamp")
    if given is None or given == "":
        event["timestamp"] = received
        return
    original = parse_time(given)
    written = given if original is None else format_time(original)
    if not corrected:
        event["originalTimestamp"] = written
    if original is None or sent is None or corrected:
        event["timestamp"] = written
    else:
        event["timestamp"] = _correct(received_at, sent, original) or written


def _correct(received_at: datetime, sent: datetime, original: datetime) -> str | None:
    """Take the client's clock out: receivedAt - (sentAt - originalTimestamp)."""
    try:
        return format_time(received_at - (sent - original))
    except OverflowError:
        return None


def _merge(event: dict[str, Any], key: str, batch: Mapping[str, Any]) -> None:
    """Lay the event's own keys over the batch's, each key as a whole.

    Whole, because what stands under one key belongs together: a library's name and its version.
    """
    own = event.get(key)
    if own is None:
        event[key] = dict(batch)
    elif isinstance(own, dict):
        event[key] = {**batch, **own}


def _set_ip(event: dict[str, Any], ip: str) -> None:
    """Fill `context.ip` where the caller is the user: `context.direct`, or a browser."""
    context = event.get("context")
    if not isinstance(context, dict) or context.get("ip") is not None:
        return
    library = context.get("library")
    browser = isinstance(library, dict) and library.get("name") == BROWSER_LIBRARY
    if browser or context.get("direct") is True:
        event["context"] = {**context, "ip": ip}
