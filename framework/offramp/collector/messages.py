"""Makes checked events of the JSON texts of a request; each error names its event and its key."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any, Final

import attrs

from offramp import _json
from offramp._json import StructReader, is_skipped_safely
from offramp.collector.limits import Limits
from offramp.delivery.incoming import Incoming
from offramp.errors import EventError, Fault, describe_type
from offramp.event import (
    ID_KEYS,
    MAX_PROPERTIES,
    Arrival,
    Discard,
    ReadEvent,
    check_event,
    is_plain,
    may_nest_deeper_than,
    nests_deeper_than,
)
from offramp.web.answers import RefusedError

#: Bytes of the shortest member of an object, with its colon; repeated keys count once.
_MIN_MEMBER_BYTES: Final = len('"":0,')


@attrs.frozen(kw_only=True)
class Rejection:
    """Refused events of a batch: one, or the `count` events from `index` on."""

    index: int
    message_id: str | None
    reason: str
    message: str
    count: int = 1

    def as_data(self) -> dict[str, Any]:
        """The rejection as the answer lists it."""
        return {
            "index": self.index,
            "messageId": self.message_id,
            "reason": self.reason,
            "message": self.message,
        }


def parse(text: bytes, place: str = "$") -> Any:
    """Read JSON that a client sent; raises `EventError` that names `place`."""
    try:
        return _json.loads(text, exact=ID_KEYS)
    except _json.HalfCharacterError as error:
        fault = Fault(place + error.place.removeprefix("$"), str(error))
        raise EventError([fault], reason=Discard.BAD_REQUEST) from None
    # ArithmeticError: the exponent is too large for Decimal.
    except (ValueError, ArithmeticError) as error:
        fault = Fault(place, f"this is not JSON that can be read: {error}")
        raise EventError([fault], reason=Discard.NOT_JSON) from None


def refuse(error: EventError, source: str | None = None) -> RefusedError:
    """Make the answer to a request whose only event, or whose envelope, is not valid."""
    return RefusedError(
        HTTPStatus.BAD_REQUEST, error.reason, describe_faults(error.faults), source=source
    )


def describe_faults(faults: Iterable[Fault]) -> str:
    """Join faults into one line: `$.userId: is number; ...`."""
    return "; ".join(f"{fault.place}: {fault.message}" for fault in faults)


@attrs.frozen(kw_only=True)
class EventMaker:
    """Makes events of messages, and applies the limits."""

    limits: Limits

    def shared(self, text: bytes, place: str) -> dict[str, Any] | None:
        """Read the context or the integrations of a batch; raises `EventError`."""
        value = parse(text, place)
        if not value:
            return None
        if not isinstance(value, dict):
            fault = Fault(place, f"is {describe_type(value)}; send an object")
            raise EventError([fault], reason=Discard.BAD_REQUEST)
        self._check_depth(value, text, place)
        return value

    def one(self, message: Any, text: bytes, arrival: Arrival) -> tuple[dict[str, Any], bytes]:
        """Make an event of one message whose JSON was `text`, and write it; raises `EventError`."""
        self._check_depth(message, text, "$")
        event = arrival.normalize(message)
        check_event(event)
        return event, _json.dumps(event)

    def quick(
        self, text: bytes, arrival: Arrival, reader: StructReader
    ) -> tuple[ReadEvent, bytes] | None:
        """Read the event that `one` makes, and make JSON of the same meaning, not written anew.

        `None` if this is not possible, also if the message is faulty: `one` says what is wrong.
        """
        if may_nest_deeper_than(text, self.limits.depth) or not is_skipped_safely(text):
            return None
        if len(text) > MAX_PROPERTIES * _MIN_MEMBER_BYTES and text.count(b":") >= MAX_PROPERTIES:
            return None
        try:
            event = reader.read_checked(text)
            body = arrival.complete(event, text)
        except _json.READ_ERRORS:
            return None
        return (event, body) if body is not None and is_plain(event) else None

    def many(
        self, texts: Sequence[Any], arrival: Arrival, incoming: Incoming, *, added_bytes: int = 0
    ) -> list[Rejection]:
        """Add the events of the parts of a batch; returns those parts that are rejected.

        The batch adds `added_bytes` to each event. They count towards the event's size, and towards
        the sum of all events, which is checked before an event is made.
        """
        rejected = []
        bound, room = self.limits.max_batch_events, self.limits.max_event_bytes - added_bytes
        left = max(self.limits.stored_bytes, self.limits.max_batch_bytes)
        reader = incoming.reader
        for index, raw in enumerate(texts[:bound]):
            message = None
            try:
                text = bytes(raw)
                size = len(text)
                if size > room:
                    raise self._too_large(size + added_bytes)
                left -= size + added_bytes
                if left < 0:
                    raise self._expanded(added_bytes)
                made = self.quick(text, arrival, reader)
                if made is not None:
                    incoming.add(*made)
                else:
                    message = parse(text)
                    incoming.add_whole(*self.one(message, text, arrival))
            except EventError as error:
                rejected.append(_rejection(index, message, error))
        if len(texts) > bound:
            rejected.append(self._too_many(len(texts)))
        return rejected

    def _too_many(self, n: int) -> Rejection:
        bound = self.limits.max_batch_events
        return Rejection(
            index=bound,
            message_id=None,
            reason=Discard.TOO_MANY_EVENTS,
            message=f"the events from here on are refused: a batch holds at most {bound}",
            count=n - bound,
        )

    def _too_large(self, size: int) -> EventError:
        bound = self.limits.max_event_bytes
        message = f"has {size} bytes, with what the batch adds to it; the most allowed is {bound}"
        return EventError([Fault("$", message)], reason=Discard.EVENT_TOO_LARGE)

    def _expanded(self, added_bytes: int) -> EventError:
        message = (
            f"the batch adds {added_bytes} bytes to each event, and with them its events have more "
            f"than {self.limits.stored_bytes} bytes in sum; share less, or send fewer at once"
        )
        return EventError([Fault("$", message)], reason=Discard.EXPANDED_TOO_LARGE)

    def _check_depth(self, value: Any, text: bytes, place: str) -> None:
        depth = self.limits.depth
        if may_nest_deeper_than(text, depth) and nests_deeper_than(value, depth):
            fault = Fault(place, f"nests deeper than {depth} levels")
            raise EventError([fault], reason=Discard.NESTED_TOO_DEEPLY)


def _rejection(index: int, message: Any, error: EventError) -> Rejection:
    message_id = message.get("messageId") if isinstance(message, dict) else None
    place = f"$.batch[{index}]"
    return Rejection(
        index=index,
        message_id=message_id if isinstance(message_id, str) else None,
        reason=error.reason,
        message=describe_faults(fault.under(place) for fault in error.faults),
    )
