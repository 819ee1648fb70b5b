"""Completes a message as the collector does, so that every event has the same keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from offramp import _json
from offramp.errors import EventError, Fault, describe_type
from offramp.event.spec import SPEC_VERSION, Discard
from offramp.event.text import cut_text, extend_context
from offramp.event.times import format_time, parse_time, shift_time

#: `context.library.name` of the SDK that runs in browsers, where the caller's address is the
#: user's. Source: analytics-next, sent on the wire.
BROWSER_LIBRARY = "analytics.js"
_NO_TIME: Final = timedelta()


@attrs.define(kw_only=True, eq=False)
class Arrival:
    """What all messages of one request have in common; it is parsed once per request."""

    #: The event type of the endpoint; `None` at an endpoint for batches.
    kind: str | None
    #: In UTC.
    received_at: datetime
    new_id: Callable[[], str]
    #: The `sentAt` of the request; it takes precedence over a message's own.
    sent_at: Any = None
    batch_context: Mapping[str, Any] | None = None
    batch_integrations: Mapping[str, Any] | None = None
    #: The caller's address.
    ip: str | None = None
    #: Whether `received_at` can be relied on. If not, no time of a sender is corrected by it.
    clock_trusted: bool = True
    _received: str = attrs.field(init=False)
    _sent: tuple[Any, timedelta | None] | None = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._received = format_time(self.received_at)
        self._sent = None if self.sent_at is None else self._read_sent(self.sent_at)

    def normalize(self, message: Any) -> dict[str, Any]:
        """Make an event of a message, as a new dict.

        Raises `EventError` if the message is not an object; `check_event` checks the rest. Source:
        Segment's docs, "Spec: Common Fields".
        """
        if not isinstance(message, dict):
            fault = Fault("$", f"an event is an object, not {describe_type(message)}")
            raise EventError([fault], reason=Discard.BAD_REQUEST)
        event = {**message, **self._added(message)}
        event.pop("writeKey", None)
        if self.batch_context:
            _merge(event, "context", self.batch_context)
        if self.batch_integrations:
            _merge(event, "integrations", self.batch_integrations)
        if self.ip is not None:
            _set_ip(event, self.ip)
        return event

    def append(self, message: dict[str, Any], text: bytes) -> tuple[dict[str, Any], bytes] | None:
        """Make an event of a message, and its JSON: its own text, with what is added at the end.

        What is added counts, also where the text has the key already: of equal keys, every reader
        takes the last. `message` was read strictly, at least what `READS` names, and becomes the
        event. `None` if the text has to be written anew; `check_event` checks the event.
        """
        if self.batch_context or self.batch_integrations or text[-1:] != b"}":
            return None
        added = self._added(message)
        event = message
        event.update(added)
        rest: bytes | None = text
        if "writeKey" in event:
            rest = cut_text(text, "writeKey", event.pop("writeKey"))
        if self.ip is not None and rest is not None and _set_ip(event, self.ip):
            rest = extend_context(rest, {"ip": self.ip})
        if rest is None:
            return None
        return event, rest[:-1] + b"," + _json.dumps_exactly(added)[1:]

    def _added(self, message: dict[str, Any]) -> dict[str, Any]:
        """Make what a message lacks, and what replaces what it has.

        `originalTimestamp` is the sender's own text. A time that `parse_time` cannot read stays as
        given: it is not corrected and corrects nothing, so that it shows in the event.
        """
        get = message.get
        added: dict[str, Any] = {"receivedAt": self._received}
        if self.kind is not None and get("type") is None:
            added["type"] = self.kind
        message_id = get("messageId")
        if message_id is None or message_id == "":
            added["messageId"] = self.new_id()
        if get("version") is None:
            added["version"] = SPEC_VERSION
        own = get("sentAt")
        sent_at, behind = self._sent or self._read_sent(own)
        if sent_at is not None and sent_at != own:
            added["sentAt"] = sent_at
        given = get("timestamp")
        if given is None or given == "":
            added["timestamp"] = self._received
            return added
        # Clients do not set receivedAt, another collector did, and corrected the times. A second
        # correction, by the time of a replay, would move the event into the wrong month.
        if get("receivedAt") is not None:
            behind = None
        else:
            added["originalTimestamp"] = given
        # The error of the client's clock: originalTimestamp + (receivedAt - sentAt).
        timestamp = shift_time(given, behind or _NO_TIME)
        if timestamp is not None and timestamp != given:
            added["timestamp"] = timestamp
        return added

    def _read_sent(self, sent_at: Any) -> tuple[Any, timedelta | None]:
        """Return the text for `sentAt`, and by how much the client's clock is behind ours."""
        sent = parse_time(sent_at)
        if sent is None:
            return sent_at, None
        return format_time(sent), self.received_at - sent if self.clock_trusted else None


def normalize(  # noqa: PLR0913 - the attributes of an Arrival, by keyword
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
    """Make an event of one message, with an `Arrival` of its own; raises `EventError`."""
    arrival = Arrival(
        kind=kind,
        received_at=received_at,
        new_id=new_id,
        sent_at=sent_at,
        batch_context=batch_context,
        batch_integrations=batch_integrations,
        ip=ip,
    )
    return arrival.normalize(message)


def _merge(event: dict[str, Any], key: str, batch: Mapping[str, Any]) -> None:
    """Add the batch's keys that the event does not have; values are not merged.

    The values under one key belong together, such as a library's name and its version.
    """
    own = event.get(key)
    if own is None:
        event[key] = dict(batch)
    elif isinstance(own, dict):
        event[key] = {**batch, **own}


def _set_ip(event: dict[str, Any], ip: str) -> bool:
    """Set `context.ip` if the caller is the user: with `context.direct`, or in a browser."""
    context = event.get("context")
    if not isinstance(context, dict) or context.get("ip") is not None:
        return False
    library = context.get("library")
    browser = isinstance(library, dict) and library.get("name") == BROWSER_LIBRARY
    if not browser and context.get("direct") is not True:
        return False
    event["context"] = {**context, "ip": ip}
    return True
