"""The usage event that Metronome bills, and the events that Metronome is known to refuse.

Source: Metronome's OpenAPI description of `/v1/ingest`, and its guide to sending usage events.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import attrs

from offramp import Fault, field, path

MAX_TRANSACTION_ID_CHARACTERS: Final = 128
MAX_PROPERTIES: Final = 2_000
#: How long Metronome remembers a `transaction_id`, and the greatest age of an event.
WINDOW: Final = timedelta(days=34)
#: Later timestamps are refused.
MAX_AHEAD: Final = timedelta(hours=24)
MAX_EVENTS_PER_REQUEST: Final = 100


@attrs.frozen
class UsageEvent:
    """One usage event; the default mappings read it from a Segment event."""

    transaction_id: str = field(
        description=(
            "The Metronome transaction ID uniquely identifies an event to ensure Metronome only "
            "processes each event once."
        ),
        default=path("$.messageId"),
    )
    customer_id: str = field(
        description=(
            "The Metronome customer ID or ingest alias this event should be associated with."
        ),
        default=path("$.context.groupId"),
    )
    timestamp: datetime = field(
        description="The timestamp at which this event occurred.",
        default=path("$.timestamp"),
    )
    event_type: str = field(
        description="The Metronome `event_type`.",
        default=path("$.event"),
    )
    properties: dict[str, Any] = field(
        description="The Metronome properties object.",
        default=path("$.properties"),
    )


def refusals(event: UsageEvent, *, now: datetime) -> Iterator[Fault]:
    """Each reason why Metronome would refuse the event, and the whole batch with it."""
    for key in ("transaction_id", "customer_id", "event_type"):
        if not getattr(event, key):
            yield Fault(f"$.{key}", "is empty; Metronome requires at least 1 character")
    if len(event.transaction_id) > MAX_TRANSACTION_ID_CHARACTERS:
        yield Fault(
            "$.transaction_id",
            f"has {len(event.transaction_id)} characters; Metronome accepts at most "
            f"{MAX_TRANSACTION_ID_CHARACTERS}: map a shorter id",
        )
    if len(event.properties) > MAX_PROPERTIES:
        yield Fault(
            "$.properties",
            f"has {len(event.properties)} properties; Metronome accepts at most {MAX_PROPERTIES}",
        )
    age = now - event.timestamp
    if age > WINDOW:
        yield Fault(
            "$.timestamp",
            f"{event.timestamp.isoformat()} is more than {WINDOW.days} days old; Metronome "
            "accepts no older usage: ask Metronome to correct it",
        )
    elif -age > MAX_AHEAD:
        yield Fault(
            "$.timestamp",
            f"{event.timestamp.isoformat()} is more than 24 hours ahead; check the clock of the "
            "sender",
        )
