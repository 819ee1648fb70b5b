"""The host's clock: what time it is, how much time really passed, and whether that is certain."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Final, NamedTuple

import attrs

from offramp.event import format_time
from offramp.queue.limits import DAY_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

#: Seconds by which the wall clock may move more or less than time does before it is in doubt:
#: above what NTP corrects without a step, and what a slow start shows.
TOLERANCE_S: Final = 60.0
#: Seconds after which a wall clock that stays as it was set is believed.
BELIEF_S: Final = 600.0
#: Seconds that a host may have been off without a doubt.
MOST_OFF_S: Final = DAY_S
#: Seconds after which small corrections of the wall clock no longer count towards a step.
FOLLOW_S: Final = 3_600.0
#: Only Linux offers it; elsewhere the clock is in doubt for a while after a machine slept.
_BOOT_TIME: Final[int | None] = getattr(time, "CLOCK_BOOTTIME", None)
#: Seconds for which the wall clock is not compared again, unless it shows a time outside of them.
COMPARE_S: Final = 1.0
#: The latest steps that are remembered; each takes ten minutes at least.
MOST_STEPS: Final = 64


def time_since_boot() -> float:
    """Seconds since the machine started, those that it slept included, where it tells that.

    `time.monotonic` stands still while a machine sleeps: its wall clock would seem to step.
    """
    return time.clock_gettime(_BOOT_TIME) if _BOOT_TIME is not None else time.monotonic()


class Step(NamedTuple):
    """A step forwards that was believed: the host's time before and after it, in epoch seconds."""

    before: float
    after: float


@attrs.frozen(kw_only=True)
class Doubt:
    """Why the wall clock is not believed; times are epoch seconds of the host's time."""

    #: How far the wall clock is ahead of what was to be expected (below 0: behind), in seconds.
    seconds: float
    #: Whether it is so since the start: nobody knows how long the host was off.
    at_start: bool
    since: float
    now: float
    #: When it is believed, unless it is set again.
    until: float

    def __str__(self) -> str:
        by = timedelta(seconds=round(abs(self.seconds)))
        way = "ahead of" if self.seconds > 0 else "behind"
        what = "the latest stored time" if self.at_start else "the time that passed"
        until = format_time(datetime.fromtimestamp(self.until, UTC))
        return (
            f"the clock of this machine is {by} {way} {what}; nothing is deleted, nothing expires "
            f"and no event's time is corrected until {until}, when it is believed"
        )


class _Candidate(NamedTuple):
    """By how much the wall clock is off, and since when it stays so."""

    offset: float
    elapsed: float
    since: float


class Clock:
    """Tells the time in epoch seconds; may be read in any thread.

    That is the wall clock's as long as it moves as time does. After a step it is in doubt: the
    time goes on from where it was, until the wall clock comes back, or is believed because it
    stayed as it was set for ten minutes. Steps forwards that were believed are remembered, so that
    an age never counts time that did not pass.

    `wall` gives epoch seconds, `elapsed` seconds that never stop (see `time_since_boot`),
    `running` seconds that count only while the machine runs.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time_since_boot,
        running: Callable[[], float] = time.monotonic,
    ) -> None:
        self.running = running
        self._wall = wall
        self._elapsed = elapsed
        self._lock = threading.Lock()
        #: A time that was believed, when that was, and what has been corrected since.
        self._believed = wall()
        self._believed_at = elapsed()
        self._correction = 0.0
        #: The latest stored time, from the start until that is known to be plausible.
        self._newest: float | None = None
        self._candidate: _Candidate | None = None
        self._steps: tuple[Step, ...] = ()
        #: The times of the wall clock that are believed without another look.
        self._plausible = (inf, inf)

    def begin(self, newest: float | None, steps: Iterable[Step] = ()) -> None:
        """Compare with the latest time that was stored before the start, if there is any."""
        with self._lock:
            self._steps = tuple(steps)
            self._newest = newest
            self._candidate = None
            self._plausible = inf, inf
            self._believed, self._believed_at, self._correction = self._wall(), self._elapsed(), 0.0

    def __call__(self) -> float:
        """The time, in epoch seconds."""
        now = self._compared()
        if now is not None:
            return now
        with self._lock:
            return self._read()[0]

    @property
    def doubt(self) -> Doubt | None:
        """Why the wall clock is not believed, or nothing."""
        if self._compared() is not None:
            return None
        with self._lock:
            now, elapsed = self._read()
            found = self._candidate
            if found is None:
                return None
            return Doubt(
                seconds=found.offset,
                at_start=self._newest is not None,
                since=found.since,
                now=now,
                until=now + BELIEF_S - (elapsed - found.elapsed),
            )

    @property
    def steps(self) -> Sequence[Step]:
        """The steps forwards that were believed, oldest first; the same value if none came."""
        return self._steps

    def age(self, stored_at: float) -> float:
        """Seconds that have passed for certain since a time that was told by this clock.

        By this, what waits long enough is retried no more, and what is old is deleted.
        """
        now = None if self._steps else self._compared()
        if now is not None:
            return max(0.0, now - stored_at)
        with self._lock:
            now = self._certain()
            skipped = sum(
                step.after - max(step.before, stored_at)
                for step in self._steps
                if stored_at < step.after <= now
            )
        return max(0.0, now - stored_at - skipped)

    def longest_age(self, stored_at: float) -> float:
        """Seconds that may have passed since, if each step of the wall clock was right.

        By this, a partner may have forgotten what it got: it has a clock of its own.
        """
        now = self._compared()
        if now is not None:
            return max(0.0, now - stored_at)
        with self._lock:
            now = self._read()[0]
            return max(0.0, max(now, self._wall()) - stored_at)

    def ago(self, seconds: float) -> float:
        """The time at which what has that `age` was stored."""
        now = None if self._steps else self._compared()
        if now is not None:
            return now - seconds
        with self._lock:
            at = self._certain()
            for step in reversed(self._steps):
                if step.after > at:
                    continue
                if at - seconds >= step.after:
                    break
                seconds -= at - step.after
                at = step.before
        return at - seconds

    def _compared(self) -> float | None:
        """The wall clock's time if it was compared a moment ago: most readings cost no more."""
        wall = self._wall()
        least, end = self._plausible
        return wall if least <= wall < end else None

    def _certain(self) -> float:
        """The earliest time that it can be."""
        now, elapsed = self._read()
        if self._newest is None:
            return now
        # The latest stored time may be of a clock that was ahead, and was set right since.
        return min(self._wall(), self._newest + elapsed - self._believed_at)

    def _read(self) -> tuple[float, float]:
        """The time, and `elapsed`, at which it was read."""
        elapsed, wall = self._elapsed(), self._wall()
        self._plausible = inf, inf
        passed = elapsed - self._believed_at
        if self._newest is not None:
            return self._read_at_start(self._newest + passed, wall, elapsed), elapsed
        expected = self._believed + passed
        if abs(wall - expected) < TOLERANCE_S:
            self._correction = wall - expected
            if passed > FOLLOW_S or self._candidate is not None:
                self._believe(wall, elapsed)
            self._plausible = wall, wall + COMPARE_S
            return wall, elapsed
        now = expected + self._correction
        if not self._stays(wall - now, elapsed, now):
            return now, elapsed
        self._steps = _after_step(self._steps, now, wall)
        self._believe(wall, elapsed)
        return wall, elapsed

    def _read_at_start(self, least: float, wall: float, elapsed: float) -> float:
        """The time while it is not known how long the host was off; not before `least`."""
        plausible = -TOLERANCE_S < wall - least <= MOST_OFF_S
        now = max(least, wall)
        if plausible or self._stays(wall - least, elapsed, now):
            self._believe(wall, elapsed)
            return wall
        return now

    def _stays(self, offset: float, elapsed: float, now: float) -> bool:
        """Whether the wall clock has been off by that much for long enough."""
        found = self._candidate
        if found is None or abs(offset - found.offset) >= TOLERANCE_S:
            self._candidate = _Candidate(offset, elapsed, now)
            return False
        return elapsed - found.elapsed >= BELIEF_S

    def _believe(self, wall: float, elapsed: float) -> None:
        self._believed, self._believed_at, self._correction = wall, elapsed, 0.0
        self._candidate = self._newest = None


def _after_step(steps: Sequence[Step], before: float, after: float) -> tuple[Step, ...]:
    """The steps forwards after one more in either direction; one back takes others back."""
    if after > before:
        return (*steps, Step(before, after))[-MOST_STEPS:]
    back = before - after
    left = []
    for step in reversed(steps):
        taken = min(back, step.after - step.before)
        back -= taken
        left.append(Step(step.before, step.after - taken))
    return tuple(step for step in reversed(left) if step.after > step.before)
