"""A clock that only a test advances."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

#: The time at which a `FakeClock` starts, and the time of the events of `create_test_event`.
TEST_TIME: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class FakeClock:
    """A callable that returns epoch seconds: `TEST_TIME` until the test changes it."""

    def __init__(self, start: datetime = TEST_TIME) -> None:
        self._now = _aware(start)

    def __call__(self) -> float:
        """The present time of the clock, in epoch seconds."""
        return self._now.timestamp()

    @property
    def now(self) -> datetime:
        """The present time of the clock, in UTC."""
        return self._now

    def advance(self, by: timedelta | float) -> datetime:
        """Advance by a timedelta or a number of seconds, and return the new time."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self._now

    def set(self, to: datetime) -> datetime:
        """Set the time and return it; raises `ValueError` for a time without a zone."""
        self._now = _aware(to)
        return self._now

    def __repr__(self) -> str:
        return f"FakeClock({self._now.isoformat()})"


def _aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError(f"{time!r} has no zone; write datetime(..., tzinfo=UTC)")
    return time.astimezone(UTC)
