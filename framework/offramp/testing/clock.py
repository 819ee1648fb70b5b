"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

#: Where a `FakeClock` starts, and when the events of `create_test_event` happened.
TEST_TIME: Final = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


class FakeClock:
    """A callable that gives epoch seconds; it starts at `TEST_TIME` and goes on only when told."""

    def __init__(self, start: datetime = TEST_TIME) -> None:
        self._now = _aware(start)

    def __call__(self) -> float:
        """The time that it shows, in epoch seconds."""
        return self._now.timestamp()

    @property
    def now(self) -> datetime:
        """The time that it shows, in UTC."""
        return self._now

    def advance(self, by: timedelta | float) -> datetime:
        """Go on by a time, or by so many seconds, and answer with the new time."""
        self._now += by if isinstance(by, timedelta) else timedelta(seconds=by)
        return self._now

    def set(self, to: datetime) -> datetime:
        """Show another time; raises `ValueError` for one without a zone."""
        self._now = _aware(to)
        return self._now

    def __repr__(self) -> str:
        return f"FakeClock({self._now.isoformat()})"


def _aware(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise ValueError(f"{time!r} has no zone; write datetime(..., tzinfo=UTC)")
    return time.astimezone(UTC)
