"""Moments as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from offramp.errors import OfframpError

#: Seconds of each unit.
UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_AGO = re.compile(r"(\d{1,9})([smhd])")


def moment(text: str | None, *, now: float) -> str | None:
    """`90m`, `24h`, `7d` before `now` (epoch seconds), or an ISO 8601 time, as the API reads it."""
    if text is None:
        return None
    ago = _AGO.fullmatch(text)
    if ago is not None:
        seconds = max(now - int(ago[1]) * UNITS[ago[2]], 0.0)
        return datetime.fromtimestamp(seconds, UTC).isoformat()
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        told = f"{text!r} is no moment: write 90m, 24h or 7d (before now), or 2026-11-23T05:00Z"
        raise OfframpError(told) from None
    # Without a zone a person means the clock on the wall.
    return given.astimezone(UTC).isoformat()
