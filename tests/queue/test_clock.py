"""The host's clock: what it makes of a wall clock that steps, and when it believes it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clocks import START, MovedClock
from tests.queue.conftest import Event, batch_of

from offramp.queue import Doubt, Step, open_queue
from offramp.storage import Store

MINUTE = 60.0
HOUR = 3_600.0
DAY = 86_400.0
STEPS = [2 * HOUR, -2 * HOUR, 36 * DAY, -36 * DAY, 75.0, -75.0]


def begun(newest: float | None = None) -> MovedClock:
    clock = MovedClock()
    clock.begin(newest)
    return clock


def step_clock(clock: MovedClock, seconds: float) -> None:
    """Set the wall clock, and let it be noticed."""
    clock.step(seconds)
    assert clock.doubt is not None


def is_trusted(clock: MovedClock) -> bool:
    return clock.doubt is None


def doubt_of(clock: MovedClock) -> Doubt:
    assert clock.doubt is not None
    return clock.doubt


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_in_doubt_for_ten_minutes_then_believed(step: float) -> None:
    """Meanwhile the time goes on from where it was."""
    clock = begun()
    clock.step(step)
    assert clock() == pytest.approx(START)
    doubt = doubt_of(clock)
    assert not doubt.at_start
    assert doubt.seconds == pytest.approx(step)
    assert doubt.until == pytest.approx(START + 10 * MINUTE)
    clock.move(10 * MINUTE - 1)
    assert clock() == pytest.approx(START + 10 * MINUTE - 1)
    assert not is_trusted(clock)
    clock.move(1)
    assert is_trusted(clock)
    assert clock() == pytest.approx(START + 10 * MINUTE + step)


@pytest.mark.parametrize("step", STEPS)
def test_a_clock_that_comes_back_was_never_believed(step: float) -> None:
    """No time that it showed meanwhile is told, and no step is remembered."""
    clock = begun()
    clock.step(step)
    clock.move(75)
    clock.step(-step)
    assert is_trusted(clock)
    assert clock() == pytest.approx(START + 75)
    assert clock.steps == ()


@pytest.mark.parametrize("step", STEPS)
def test_an_age_counts_no_time_that_did_not_pass(step: float) -> None:
    """What was stored before a step ages as time goes by, before and after it is believed."""
    clock = begun()
    step_clock(clock, step)
    for minutes in (1, 9, 10, 11, 30):
        clock.move(minutes * MINUTE - clock.running())
        passed = minutes * MINUTE
        # After one back, what was stored in what is now the future is younger, or has no age yet.
        expected = passed if step > 0 or minutes < 10 else max(0.0, passed + step)
        assert clock.age(START) == pytest.approx(expected)


def test_another_step_begins_the_ten_minutes_anew() -> None:
    """A clock that jumps about is not believed before it stays."""
    clock = begun()
    for step in (2 * HOUR, DAY, -3 * HOUR):
        step_clock(clock, step)
        clock.move(9 * MINUTE)
        assert not is_trusted(clock)
    clock.move(9 * MINUTE)
    assert is_trusted(clock)


def test_small_corrections_are_followed_at_once() -> None:
    """So a clock that is slewed for weeks is never in doubt."""
    clock = begun()
    for hour in range(1, 200):
        clock.step(2.0 if hour % 2 else 1.0)
        clock.move(HOUR)
        assert is_trusted(clock)
        assert clock() == pytest.approx(START + hour * HOUR + 1.5 * hour, abs=1)


def test_steps_back_take_steps_forwards_back() -> None:
    """After a day ahead that was believed, and back, ages are as if nothing had happened."""
    clock = begun()
    for step in (36 * DAY, -36 * DAY):
        step_clock(clock, step)
        clock.move(HOUR)
        assert is_trusted(clock)
    assert clock.steps == ()
    assert clock.age(START) == pytest.approx(2 * HOUR)


def test_a_step_back_by_less_takes_a_part_back() -> None:
    """Two days ahead and one back leave one that did not pass."""
    clock = begun()
    for step in (2 * DAY, -DAY):
        step_clock(clock, step)
        clock.move(HOUR)
    assert clock.age(START) == pytest.approx(2 * HOUR)


def test_a_longest_age_takes_each_clock_for_right() -> None:
    """A partner has a clock of its own: it may have forgotten what was sent."""
    clock = begun()
    clock.step(2 * HOUR)
    assert clock.longest_age(START) == pytest.approx(2 * HOUR)
    clock.step(-4 * HOUR)
    clock.move(60)
    assert clock.longest_age(START) == pytest.approx(60)


@pytest.mark.parametrize("off", [0.0, 1.0, -59.0, HOUR, DAY])
def test_a_start_within_a_day_is_not_in_doubt(off: float) -> None:
    """Nor is one just before the latest stored time: a clock may be corrected meanwhile."""
    clock = begun(newest=START - off)
    assert is_trusted(clock)
    assert clock() == pytest.approx(START)


def test_a_start_with_an_old_clock_goes_on_from_what_is_stored() -> None:
    """As on a machine without a battery; once NTP has set it, it is believed at once."""
    clock = begun(newest=START + 300 * DAY)
    clock.move(30)
    assert clock() == pytest.approx(START + 300 * DAY + 30)
    assert (doubt_of(clock).at_start, doubt_of(clock).seconds) == (True, -300 * DAY)
    clock.step(300 * DAY + 2 * HOUR)
    assert is_trusted(clock)
    assert clock() == pytest.approx(START + 300 * DAY + 2 * HOUR + 30)
    assert clock.age(START + 300 * DAY) == pytest.approx(2 * HOUR + 30)


def test_a_start_with_an_old_clock_is_believed_after_ten_minutes() -> None:
    """Bounded: a stored time may be what is wrong."""
    clock = begun(newest=START + 300 * DAY)
    assert not is_trusted(clock)
    clock.move(10 * MINUTE)
    assert is_trusted(clock)
    assert clock() == pytest.approx(START + 10 * MINUTE)


def test_a_start_after_a_weekend_tells_the_time_and_lets_nothing_age() -> None:
    """Most likely the host was off; if the clock is wrong, there are ten minutes to set it."""
    clock = begun(newest=START - 3 * DAY)
    assert clock() == pytest.approx(START)
    assert doubt_of(clock).at_start
    clock.move(MINUTE)
    assert clock.age(START - 3 * DAY) == pytest.approx(MINUTE)
    assert clock.ago(DAY) == pytest.approx(START - 4 * DAY + MINUTE)
    assert clock.longest_age(START - 3 * DAY) == pytest.approx(3 * DAY + MINUTE)
    clock.move(9 * MINUTE)
    assert is_trusted(clock)
    assert clock.age(START - 3 * DAY) == pytest.approx(3 * DAY + 10 * MINUTE)


def test_a_start_with_a_clock_ahead_that_is_set_soon() -> None:
    """What was told meanwhile lies ahead; the time is right at once."""
    clock = begun(newest=START - 36 * DAY)
    clock.move(75)
    assert clock() == pytest.approx(START + 75)
    clock.step(-36 * DAY)
    assert is_trusted(clock)
    assert clock() == pytest.approx(START - 36 * DAY + 75)


def test_a_latest_time_of_a_clock_that_was_set_right_ages_nothing() -> None:
    """It was ahead for a day and more: what came since is as old as the clock says at most."""
    clock = begun(START + 30 * HOUR)
    assert not is_trusted(clock)
    assert clock() == pytest.approx(START + 30 * HOUR)
    assert clock.age(START - MINUTE) == pytest.approx(MINUTE)
    assert clock.ago(DAY) == pytest.approx(START - DAY)


async def test_duplicates_are_known_at_a_start_after_the_clock_was_set_right(
    tmp_path: Path,
) -> None:
    """Sent again within the ten minutes in which the stored times are later than the clock's."""
    clock = MovedClock(START + 30 * HOUR)
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock) as queue:
        assert await queue.accept(batch_of(Event("ahead"))) == [True]
        step_clock(clock, -30 * HOUR)
        clock.move(10 * MINUTE)
        assert is_trusted(clock)
        assert await queue.accept(batch_of(Event("right"))) == [True]
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock) as queue:
        assert not is_trusted(clock)
        assert await queue.accept(batch_of(Event("right"), Event("ahead"))) == [False, False]


def test_what_is_said_of_a_doubt_names_the_clock_and_the_end() -> None:
    """For health, the log and the story of an event."""
    clock = begun()
    clock.step(-2 * HOUR)
    assert str(doubt_of(clock)).startswith(
        "the clock of this machine is 2:00:00 behind the time that passed; nothing is deleted"
    )
    clock = begun(newest=START - 3 * DAY)
    assert "is 3 days, 0:00:00 ahead of the latest stored time" in str(doubt_of(clock))


TIMES = st.floats(0, 100 * DAY)


@given(skips=st.lists(st.tuples(TIMES, TIMES), max_size=4), seconds=TIMES)
def test_what_is_so_long_ago_has_that_age(skips: list[tuple[float, float]], seconds: float) -> None:
    """`ago` and `age` are inverse, whatever steps came before."""
    at = START - 900 * DAY
    steps = []
    for passed, skipped in skips:
        steps.append(Step(at + passed, at + passed + skipped))
        at = steps[-1].after
    clock = MovedClock()
    clock.begin(None, steps)
    assert clock.age(clock.ago(seconds)) == pytest.approx(seconds, abs=0.001)
