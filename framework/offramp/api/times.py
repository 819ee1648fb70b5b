"""Times as the control API writes and reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

from offramp.event import TIME_FORMS, parse_time

#: The epoch second after which Python's calendar ends: 9999-12-31T23:59:59Z.
_LAST_SECOND: Final = 253_402_300_799.0
#: Epoch seconds as a text.
_SECONDS: Final = re.compile(r"[0-9]{1,30}(?:\.[0-9]{1,30})?")


def write_time(seconds: float) -> str:
    """Write epoch seconds in ISO 8601, UTC, to the millisecond."""
    time = datetime.fromtimestamp(seconds, UTC)
    return time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def write_optional(seconds: float | None) -> str | None:
    """Write a time that may be `None`."""
    return None if seconds is None else write_time(seconds)


def read_time(value: Any) -> float:
    """Read a time to epoch seconds: a time as in events (UTC without an offset), or epoch seconds.

    Raises `ValueError` that names the forms.
    """
    time = parse_time(value)
    if time is not None:
        seconds = time.timestamp()
    elif isinstance(value, int | float) or (isinstance(value, str) and _SECONDS.fullmatch(value)):
        seconds = float(value)
    else:
        raise ValueError(f"must be a time such as {TIME_FORMS}, or epoch seconds")
    if not 0 <= seconds <= _LAST_SECOND:
        raise ValueError("is before 1970 or after 9999; give epoch seconds, not milliseconds")
    return seconds
