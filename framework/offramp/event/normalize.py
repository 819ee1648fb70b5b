"""Completes a message as the collector does, so that every event has the same keys."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from offramp import _json
from offramp.errors import EventError, Fault, describe_type
from offramp.event.spec import READER, SPEC_VERSION, Discard, ReadEvent
from offramp.event.text import cut_text, extend_context
from offramp.event.times import format_time, parse_time, shift_time

#: `context.library.name` of the SDK that runs in browsers, where the caller's address is the
#: user's. Source: analytics-next, sent on the wire.
BROWSER_LIBRARY = "analytics.js"
_NO_TIME: Final = timedelta()
#: The last byte of the text of an object.
_END: Final = ord("}")


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
    #: What was corrected last, by how much, and what it became.
    _last: tuple[Any, timedelta] | None = attrs.field(init=False, default=None)
    _shifted: str | None = attrs.field(init=False, default=None)

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
        event = {**message, **self._add(READER.of(message))}
        if event.get("writeKey") is not None:
            del event["writeKey"]
        if self.batch_context:
            _merge(event, "context", self.batch_context)
        if self.batch_integrations:
            _merge(event, "integrations", self.batch_integrations)
        if self.ip is not None and _is_of_caller(event.get("context")):
            event["context"] = {**event["context"], "ip": self.ip}
        return event

    def complete(self, event: ReadEvent, text: bytes) -> bytes | None:
        """Make the JSON of an event: its own text, with what is added at the end.

        What is added counts, also where the text has the key already: of equal keys, every reader
        takes the last. `event` was read of the text, at least what `READS` names, and gets what is
        added too. `None` if the text has to be written anew; `is_plain` checks the event.
        """
        if self.batch_context or self.batch_integrations or text[-1] != _END:
            return None
        added = self._add(event)
        rest: bytes | None = text
        if event.writeKey is not None:
            rest = cut_text(text, "writeKey", event.writeKey)
            event.writeKey = None
        if self.ip is not None and rest is not None and _is_of_caller(event.context):
            event.context = {**event.context, "ip": self.ip}
            rest = extend_context(rest, {"ip": self.ip})
        if rest is None:
            return None
        return b",".join((rest[:-1], _json.dumps_exactly(added)[1:]))

    def _add(self, event: ReadEvent) -> dict[str, Any]:
        """Add what an event lacks, and replace what it should not keep; returns what is new.

        `originalTimestamp` is the sender's own text. A time that `parse_time` cannot read stays as
        given: it is not corrected and corrects nothing, so that it shows in the event.
        """
        added: dict[str, Any] = {"receivedAt": self._received}
        if self.kind is not None and event.type is None:
            event.type = added["type"] = self.kind
        message_id = event.messageId
        if message_id is None or message_id == "":
            event.messageId = added["messageId"] = self.new_id()
        if event.version is None:
            event.version = added["version"] = SPEC_VERSION
        own = event.sentAt
        sent_at, behind = self._sent or self._read_sent(own)
        if sent_at is not None and sent_at != own:
            event.sentAt = added["sentAt"] = sent_at
        given = event.timestamp
        # Clients do not set receivedAt, another collector did, and corrected the times. A second
        # correction, by the time of a replay, would move the event into the wrong month.
        is_corrected = event.receivedAt is not None
        event.receivedAt = self._received
        if given is None or given == "":
            event.timestamp = added["timestamp"] = self._received
            return added
        if not is_corrected:
            event.originalTimestamp = added["originalTimestamp"] = given
        # The error of the client's clock: originalTimestamp + (receivedAt - sentAt).
        timestamp = self._shift(given, _NO_TIME if is_corrected or behind is None else behind)
        if timestamp is not None and timestamp != given:
            event.timestamp = added["timestamp"] = timestamp
        return added

    def _shift(self, given: Any, by: timedelta) -> str | None:
        """Correct a time; events that were made at once often have the same one."""
        last = given, by
        if last != self._last:
            self._last, self._shifted = last, shift_time(given, by)
        return self._shifted

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


def _is_of_caller(context: Any) -> bool:
    """Whether the caller is the user, whose address the context lacks.

    So it is in a browser, and with `context.direct`.
    """
    if type(context) is not dict or context.get("ip") is not None:
        return False
    library = context.get("library")
    browser = isinstance(library, dict) and library.get("name") == BROWSER_LIBRARY
    return browser or context.get("direct") is True
