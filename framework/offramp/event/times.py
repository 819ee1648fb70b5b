"""Points in time as an event writes them: ISO 8601 in, UTC with milliseconds and `Z` out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: Length of the offset that `isoformat` ends on for UTC: `+00:00`.
_OFFSET_CHARS = 6


def parse_time(value: Any) -> datetime | None:
    """Read an ISO 8601 text as a time in UTC; `None` for anything else.

    A text without an offset is taken as UTC. Digits below the microsecond are dropped.
    """
    if not isinstance(value, str):
        return None
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is UTC:
            return time
        if time.tzinfo is None:
            return time.replace(tzinfo=UTC)
        return time.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(time: datetime) -> str:
    """Write a time that is in UTC: `2026-11-23T04:10:11.123Z`."""
    return time.isoformat(timespec="milliseconds")[:-_OFFSET_CHARS] + "Z"
