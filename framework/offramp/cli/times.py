"""Reads times given on the command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from offramp.errors import OfframpError
from offramp.event import TIME_FORMS, parse_local_time

#: Seconds of each unit.
UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGO = re.compile(r"(\d{1,9})([smhd])")


def parse_since(text: str | None, *, now: float) -> str | None:
    """Read `90m`, `24h`, `7d` before `now` (epoch seconds), or a time as the API reads it."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        seconds = max(now - int(ago[1]) * UNITS[ago[2]], 0.0)
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    # A time without an offset is local time.
    time = parse_local_time(text)
    if time is None:
        message = f"{text!r} is not a time: write 90m, 24h or 7d (before now), or {TIME_FORMS}"
        raise OfframpError(message)
    return time.isoformat()
