"""The usage event that Metronome bills by: five required fields, and how they look on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from offramp import field, format_time, path


@attrs.frozen
class UsageEvent:
    """One usage event; the defaults take it from a Segment event."""

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

    def on_the_wire(self) -> dict[str, Any]:
        """The event as `/v1/ingest` takes it."""
        return {
            "transaction_id": self.transaction_id,
            "customer_id": self.customer_id,
            "timestamp": format_time(self.timestamp),
            "event_type": self.event_type,
            "properties": self.properties,
        }
