"""Clocks that a test moves."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from offramp.queue import Clock

if TYPE_CHECKING:
    from collections.abc import Callable

#: An arbitrary moment, in epoch seconds, with microseconds that a coarse column would lose.
START = 1_790_000_000.123457


def clock_of(now: Callable[[], float]) -> Clock:
    """A clock that is never in doubt: time passes as `now` says."""
    return Clock(wall=now, elapsed=now, running=now)


class MovedClock(Clock):
    """Stands still until it is moved, or runs with the real one from then on."""

    def __init__(self, start: float = START) -> None:
        self._passed = 0.0
        self._set_by = start
        self._running_since: float | None = None
        super().__init__(
            wall=lambda: self._set_by + self._time(), elapsed=self._time, running=self._time
        )

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    def step(self, seconds: float) -> None:
        """Set the wall clock; no time passes."""
        self._set_by += seconds

    def run(self) -> None:
        """Let time pass by itself."""
        self._running_since = time.monotonic()

    def _time(self) -> float:
        since = self._running_since
        return self._passed + (0.0 if since is None else time.monotonic() - since)
