"""What the operator sets for the host, as the bounds of its parts."""

from __future__ import annotations

from typing import Final

from offramp.collector import Limits
from offramp.config import HostSettings
from offramp.queue import Limits as QueueLimits
from offramp.queue import Retention

DAY_SECONDS: Final = 86_400.0


def queue_limits(settings: HostSettings) -> QueueLimits:
    """How much the queue takes in."""
    return QueueLimits(max_in_flight=settings.max_in_flight, min_free_bytes=settings.min_free_bytes)


def retention(settings: HostSettings) -> Retention:
    """How long the queue keeps what has ended."""
    return Retention(
        delivered=settings.keep_delivered_days * DAY_SECONDS,
        dead=settings.keep_dead_letters_days * DAY_SECONDS,
    )


def collector_limits(settings: HostSettings) -> Limits:
    """How much one request, and one source, may ask."""
    return Limits(
        max_event_bytes=settings.max_event_bytes,
        max_batch_bytes=settings.max_batch_bytes,
        max_batch_events=settings.max_batch_events,
        stored_bytes=settings.max_stored_bytes,
        requests_per_second=settings.requests_per_second,
    )
