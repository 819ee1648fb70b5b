"""The limits of Metronome's endpoints, as pure checks on decoded JSON."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

#: Events in one ingest request. Source: Metronome's OpenAPI, `POST /v1/ingest`.
MAX_EVENTS = 100
#: Characters in a `transaction_id`. Source: the same.
MAX_TRANSACTION_ID_CHARACTERS = 128
#: Properties of one event. Source: Metronome's API quickstart.
MAX_PROPERTIES = 2_000
#: Greatest age of a timestamp, and how long an id is remembered. Source: the same two.
WINDOW = timedelta(days=34)
#: How far ahead a timestamp may be. Source: Metronome's guide to sending usage events.
MAX_LEAD = timedelta(hours=24)
#: Ingest aliases of one customer. Source: Metronome's OpenAPI, `POST /v1/customers`.
MAX_ALIASES = 2_000
#: Characters in an ingest alias. Source: the same.
MAX_ALIAS_CHARACTERS = 128

BAD_REQUEST = 400

#: The text fields of an event, each with its greatest length in characters, if it has one.
_TEXT_FIELDS: tuple[tuple[str, int | None], ...] = (
    ("transaction_id", MAX_TRANSACTION_ID_CHARACTERS),
    ("customer_id", None),
    ("event_type", None),
)
# RFC 3339, section 5.6. Python alone would also take week dates, hour 24, a time without offset,
# and "20250123T…".
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class RefusedError(Exception):
    """A request that Metronome answers with a status from 400 up and `{"message"}`.

    Attributes:
        status: The HTTP status.
        reason: A fixed text by which refusals are counted, such as `timestamp: too old`.
        message: The message of the answer: the reason, its place and the value.
    """

    def __init__(self, reason: str, message: str, *, status: int = BAD_REQUEST) -> None:
        self.status = status
        self.reason = reason
        self.message = message
        super().__init__(message)


def check_batch(batch: Any, now: datetime) -> None:
    """Raise `RefusedError` for the first fault for which Metronome would refuse a batch.

    One bad event is enough to refuse the whole batch. `now` must have a time zone.
    """
    if not isinstance(batch, list):
        raise RefusedError(
            "batch: not an array", "[the body must be an array of events, with nothing around it]"
        )
    if not batch:
        raise RefusedError("batch: empty", "[array is too short: it needs 1 event and has 0]")
    if len(batch) > MAX_EVENTS:
        raise RefusedError(
            "batch: too many events",
            f"[array is too long: it may have {MAX_EVENTS} events and has {len(batch)}]",
        )
    earliest, latest = now - WINDOW, now + MAX_LEAD
    for index, event in enumerate(batch):
        _check_event(event, index, earliest, latest)


def check_aliases(value: Any) -> tuple[str, ...]:
    """Return a customer's ingest aliases in order, each once, or raise `RefusedError`."""
    if not isinstance(value, list) or not all(isinstance(alias, str) for alias in value):
        raise RefusedError(
            "ingest_aliases: not an array", "[ingest_aliases: must be an array of strings]"
        )
    if len(value) > MAX_ALIASES:
        raise RefusedError(
            "ingest_aliases: too many",
            f"[ingest_aliases: may have {MAX_ALIASES} entries and has {len(value)}]",
        )
    for index, alias in enumerate(value):
        if not 1 <= len(alias) <= MAX_ALIAS_CHARACTERS:
            raise RefusedError(
                "ingest_aliases: wrong length",
                f"[ingest_aliases[{index}]: must have 1 to {MAX_ALIAS_CHARACTERS} characters"
                f" and has {len(alias)}]",
            )
    return tuple(dict.fromkeys(value))


def parse_timestamp(text: str) -> datetime | None:
    """Read an RFC 3339 timestamp with a four-digit year; None for any other text."""
    text = text.upper()  # RFC 3339 allows lower-case "t" and "z"
    if _RFC_3339.fullmatch(text) is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:  # 30 February, or minute 60
        return None


def _check_event(event: Any, index: int, earliest: datetime, latest: datetime) -> None:
    if not isinstance(event, dict):
        raise _refused(index, "", "event: not an object", "must be an object")
    for name, longest in _TEXT_FIELDS:
        value = event.get(name)
        if not isinstance(value, str):
            raise _not_text(index, name, event)
        if not value:
            raise _refused(index, name, f"{name}: empty", "must have at least 1 character")
        if longest is not None and len(value) > longest:
            raise _refused(
                index,
                name,
                f"{name}: too long",
                f"may have {longest} characters and has {len(value)}",
            )
    _check_timestamp(event, index, earliest, latest)
    _check_properties(event, index)


def _check_timestamp(
    event: dict[str, Any], index: int, earliest: datetime, latest: datetime
) -> None:
    name = "timestamp"
    value = event.get(name)
    if not isinstance(value, str):
        raise _not_text(index, name, event)
    at = parse_timestamp(value)
    if at is None:
        raise _refused(
            index, name, "timestamp: not RFC 3339", f"{value!r} is not an RFC 3339 timestamp"
        )
    if at < earliest:
        raise _refused(
            index,
            name,
            "timestamp: too old",
            f"{value} is more than {WINDOW.days} days in the past",
        )
    if at > latest:
        raise _refused(
            index, name, "timestamp: too far ahead", f"{value} is more than 24 hours in the future"
        )


def _check_properties(event: dict[str, Any], index: int) -> None:
    name = "properties"
    if name not in event:
        return
    properties = event[name]
    if not isinstance(properties, dict):
        raise _refused(index, name, "properties: not an object", "must be an object")
    if len(properties) > MAX_PROPERTIES:
        raise _refused(
            index,
            name,
            "properties: too many",
            f"may have {MAX_PROPERTIES} entries and has {len(properties)}",
        )


def _not_text(index: int, name: str, event: dict[str, Any]) -> RefusedError:
    if name not in event:
        return _refused(index, name, f"{name}: missing", "is required")
    return _refused(index, name, f"{name}: not a string", "must be a string")


def _refused(index: int, name: str, reason: str, detail: str) -> RefusedError:
    place = f"$[{index}].{name}" if name else f"$[{index}]"
    return RefusedError(reason, f"[{place}: {detail}]")
