"""How hard an instance may be driven: adaptive concurrency, a breaker, a rate."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from offramp.errors import DeliveryError

#: Where an instance starts, and the most it is driven to unless the operator says otherwise.
START_CONCURRENCY: Final = 4.0
MAX_CONCURRENCY: Final = 16
#: Multiplicative decrease: half, as in TCP.
DECREASE: Final = 0.5
#: One decrease a second at the most: the answers of one bad moment count once.
DECREASE_PAUSE_SECONDS: Final = 1.0
#: Failures in a row that open the breaker.
FAILURES_TO_OPEN: Final = 5
#: The first rest of an open breaker, doubled at each failed probe up to the longest, in seconds.
FIRST_REST_SECONDS: Final = 1.0
LONGEST_REST_SECONDS: Final = 60.0
#: The longest that a `Retry-After` closes the gate, in seconds. A partner that asks for years (or
#: means milliseconds) is asked once more after an hour; what it told keeps its own longer wait.
LONGEST_PAUSE_SECONDS: Final = 3600.0
TOO_MANY_REQUESTS: Final = 429


class Gate:
    """Lets requests of one instance through: so many at once, none while the breaker is open.

    Additive up on success, halved on 429, 5xx and time-outs. After `FAILURES_TO_OPEN` failures
    in a row the breaker opens; when its rest is over, one probe goes through, and its result
    closes or reopens it. A `Retry-After` closes the gate for as long as it says, up to an hour.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        most: int | None = None,
        rate: float | None = None,
    ) -> None:
        self._now = now
        self._most = most or MAX_CONCURRENCY
        self._limit = min(START_CONCURRENCY, self._most)
        self._in_flight = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self._failures = 0
        self._rests = 0
        self._closed_until = 0.0
        self._decreased_at = 0.0
        self._interval = 1 / rate if rate else 0.0
        self._next_at = 0.0

    @property
    def limit(self) -> int:
        """Requests that may be under way at once, now."""
        return max(1, int(self._limit))

    @property
    def state(self) -> str:
        """`closed` (requests flow), `open` (none do) or `half-open` (one probe does)."""
        if self._failures < FAILURES_TO_OPEN:
            return "closed"
        return "open" if self._now() < self._closed_until else "half-open"

    @property
    def pause(self) -> float:
        """Seconds until a request may pass; 0 where it may now."""
        return max(0.0, self._closed_until - self._now())

    async def enter(self) -> None:
        """Wait for leave to send one request; every `enter` needs its `leave`."""
        try:
            while True:
                if self.pause:
                    await asyncio.sleep(self.pause)
                elif self._in_flight >= self._room():
                    await self._wait()
                else:
                    break
        except asyncio.CancelledError:
            self._wake()  # the place that was offered to this one goes to the next
            raise
        self._in_flight += 1
        if self._interval:
            try:
                await self._space_out()
            except asyncio.CancelledError:
                self.leave()
                raise

    async def _space_out(self) -> None:
        start = max(self._now(), self._next_at)
        self._next_at = start + self._interval
        await asyncio.sleep(start - self._now())
        await asyncio.sleep(self.pause)  # for which the partner may have asked meanwhile

    def leave(self) -> None:
        """Give the place back."""
        self._in_flight -= 1
        self._wake()

    def note(self, error: DeliveryError | None) -> None:
        """Learn from one answer: nothing, or the error it was."""
        if error is None or not error.retryable:
            self._failures = self._rests = 0
            self._limit = min(self._most, self._limit + 1 / self._limit)
        else:
            self._suffer(error)
        self._wake()

    def _suffer(self, error: DeliveryError) -> None:
        now = self._now()
        if now - self._decreased_at >= DECREASE_PAUSE_SECONDS:
            self._limit = max(1.0, self._limit * DECREASE)
            self._decreased_at = now
        if error.retry_after:
            pause = min(error.retry_after, LONGEST_PAUSE_SECONDS)
            self._closed_until = max(self._closed_until, now + pause)
        if error.status == TOO_MANY_REQUESTS:
            return  # it is alive, and said how fast it may be asked
        self._failures += 1
        if self._failures >= FAILURES_TO_OPEN:
            rest = min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2**self._rests)
            self._rests += 1
            self._closed_until = max(self._closed_until, now + rest)

    def _room(self) -> int:
        return 1 if self._failures >= FAILURES_TO_OPEN else self.limit

    async def _wait(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    def _wake(self) -> None:
        room = self._room() - self._in_flight
        while room > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                room -= 1


class Line:
    """Those who wait at a gate for one lane; once it is closed, nobody waits in it any more."""

    def __init__(self) -> None:
        self._closed = False
        self._waits: set[asyncio.Timeout] = set()

    async def enter(self, gate: Gate) -> bool:
        """Wait as `Gate.enter` does; False, without a place to give back, where it was closed."""
        if self._closed:
            return False
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    await gate.enter()
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """Send away all who wait, and whoever comes."""
        self._closed = True
        waits, self._waits = self._waits, set()
        for wait in waits:
            wait.reschedule(0.0)  # a moment that is over
