"""Moments as the control API writes and reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

#: The epoch second after which Python's calendar ends: 9999-12-31T23:59:59Z.
_LAST_SECOND = 253_402_300_799.0


def write_time(seconds: float) -> str:
    """Epoch seconds in ISO 8601, UTC, to the millisecond."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_optional(seconds: float | None) -> str | None:
    """The same, where there may be none."""
    return None if seconds is None else write_time(seconds)


def read_time(value: Any) -> float:
    """Epoch seconds of ISO 8601 (without a zone: UTC) or of epoch seconds; raises `ValueError`."""
    try:
        seconds = float(value)
    except ValueError:
        moment = datetime.fromisoformat(value)
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if not 0 <= seconds <= _LAST_SECOND:
        raise ValueError("lies outside the calendar")
    return seconds
