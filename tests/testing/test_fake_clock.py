"""The clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from offramp.testing import TEST_TIME, FakeClock


def test_it_stands_still(clock: FakeClock) -> None:
    """Asked twice, it says the same: epoch seconds of `TEST_TIME`."""
    assert clock() == clock() == TEST_TIME.timestamp()
    assert clock.now == TEST_TIME


def test_it_goes_on_by_a_time_or_by_seconds(clock: FakeClock) -> None:
    """Both ways add up, and answer with the new time."""
    clock.advance(timedelta(days=1))
    assert clock.advance(1.5) == TEST_TIME + timedelta(days=1, seconds=1.5)
    assert clock() == TEST_TIME.timestamp() + 86_401.5


def test_it_can_be_set(clock: FakeClock) -> None:
    """It shows any moment that has a zone, in UTC."""
    there = timezone(timedelta(hours=2))
    assert clock.set(datetime(2030, 1, 1, 2, tzinfo=there)) == datetime(2030, 1, 1, tzinfo=UTC)
    assert repr(clock) == "FakeClock(2030-01-01T00:00:00+00:00)"


def test_a_moment_without_a_zone_is_refused(clock: FakeClock) -> None:
    """A naive moment would mean another time on each machine."""
    with pytest.raises(ValueError, match="has no zone"):
        clock.set(datetime(2030, 1, 1))  # noqa: DTZ001 - this is the fault
