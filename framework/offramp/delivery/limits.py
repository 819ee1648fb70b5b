"""Limits the requests of an instance: adaptive concurrency, a rate, and a circuit breaker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from offramp.config import MAX_RETRY_AFTER_SECONDS
from offramp.delivery.breaker import Breaker, Hold, refuses_credentials
from offramp.errors import DeliveryError

#: Concurrency at start, and the most unless the operator configures another.
START_CONCURRENCY: Final = 4.0
MAX_CONCURRENCY: Final = 16
#: Multiplicative decrease: half, as in TCP.
DECREASE: Final = 0.5
#: Seconds between two decreases, so that simultaneous failures count once.
DECREASE_PAUSE_SECONDS: Final = 1.0
#: Halves of failing batches that an instance may send in a second.
HALVES_PER_SECOND: Final = 5.0


class Gate:
    """Limits the requests of one instance at the same time; lets none through while it is held.

    The limit rises additively on success, and is halved on 429, 5xx and timeouts. While the
    breaker holds the instance, one event is sent as a probe after each rest. A `Retry-After`
    stops all requests for its time, up to `max_retry_after` seconds.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        most: int | None = None,
        rate: float | None = None,
        max_retry_after: float = MAX_RETRY_AFTER_SECONDS,
    ) -> None:
        self.max_retry_after = max_retry_after
        self._now = now
        self._breaker = Breaker(now=now, max_retry_after=max_retry_after)
        self._most = most or MAX_CONCURRENCY
        self._limit = min(START_CONCURRENCY, self._most)
        self._in_flight = 0
        #: Who waits for a place, first come first served: the answer, and the number of events.
        self._waiters: deque[tuple[asyncio.Future[bool], int]] = deque()
        #: The one timer of all who wait, for the end of a pause or for the pace of a rate.
        self._timer: asyncio.TimerHandle | None = None
        self._decreased_at = 0.0
        self._interval = 1 / rate if rate else 0.0
        self._next_at = 0.0
        #: Held by the half that is sent next.
        self._half_turn = asyncio.Lock()
        self._next_half_at = 0.0

    def wait_for(self, missing: Callable[[], Hold | None]) -> None:
        """Let nothing through, not even a probe, while `missing` returns a reason."""
        self._breaker.missing = missing

    @property
    def limit(self) -> int:
        """The present limit of requests at the same time."""
        return max(1, int(self._limit))

    @property
    def held(self) -> Hold | None:
        """Why no request, or only a probe, is sent now; `None` if requests are sent."""
        return self._breaker.held

    @property
    def held_for(self) -> float:
        """Seconds for which the instance has been held, but for probes; 0 if it is not held now."""
        return self._breaker.held_for

    @property
    def needs_probe(self) -> bool:
        """Whether a probe must succeed before requests are sent again."""
        return self._breaker.needs_probe

    @property
    def state(self) -> str:
        """`closed` (requests are sent), `open` (none is) or `half-open` (one event is)."""
        if self.pause:
            return "open"
        return "half-open" if self.needs_probe else "closed"

    @property
    def pause(self) -> float:
        """Seconds until a request may be sent; 0 if it may now."""
        return self._breaker.pause

    @property
    def proven_at(self) -> float:
        """The latest start of a request that the partner accepted."""
        return self._breaker.proven_at

    def now(self) -> float:
        """The monotonic clock of the gate, in seconds."""
        return self._now()

    async def enter(self, events: int = 1, *, half: bool = False) -> bool:
        """Wait until a request with this number of events may be sent; after `True`, call `leave`.

        `False` if the instance rests until a probe, or if it needs a probe and this is more than
        one event. Halves of failing batches also wait for their pace.
        """
        if not half:
            entered = self.enter_now(events)
            return await self._wait(events) if entered is None else entered
        async with self._half_turn:
            await asyncio.sleep(self._next_half_at - self._now())
            entered = self.enter_now(events)
            if entered is None:
                entered = await self._wait(events)
            if entered:
                self._next_half_at = self._now() + 1 / HALVES_PER_SECOND
            return entered

    def enter_now(self, events: int = 1) -> bool | None:
        """Answer as `enter` where that need not wait, else `None`; not for halves."""
        if self._turns_away(events):
            return False
        if self._waiters or self._in_flight >= self._room() or self._delay() > 0:
            return None
        self._take_place()
        return True

    async def _wait(self, events: int) -> bool:
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiters.append((answer, events))
        self._admit()
        try:
            return await answer
        except asyncio.CancelledError:
            if answer.done() and not answer.cancelled() and answer.result():
                self.leave()  # the place goes to the next one
            raise

    def _admit(self) -> None:
        """Answer those who wait, as far as that is known; a timer does the rest."""
        while self._waiters:
            answer, events = self._waiters[0]
            if answer.done():  # it was cancelled
                pass
            elif self._turns_away(events):
                answer.set_result(False)
            elif self._in_flight >= self._room():
                return
            elif self._delay() > 0:
                self._admit_later(self._delay())
                return
            else:
                self._take_place()
                answer.set_result(True)
            self._waiters.popleft()

    def _admit_later(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._admit_in_time)

    def _admit_in_time(self) -> None:
        self._timer = None
        self._admit()

    def _turns_away(self, events: int) -> bool:
        if self._breaker.missing() is not None:
            return True
        return self.needs_probe and (events > 1 or self.pause > 0)

    def _delay(self) -> float:
        """Seconds until the pause of the partner is over, and until the rate lets the next pass."""
        return max(self.pause, self._next_at - self._now()) if self._interval else self.pause

    def _take_place(self) -> None:
        self._in_flight += 1
        if self._interval:
            self._next_at = max(self._now(), self._next_at) + self._interval

    def leave(self) -> None:
        """Release the place of a request."""
        self._in_flight -= 1
        if self._waiters:
            self._admit_later(0.0)  # once it is noted what became of this request

    def note(
        self, error: DeliveryError | None, *, started: float | None = None, weak: bool = False
    ) -> None:
        """Note the answer to a request: `None` for success, or the error.

        `started` is when the request began, by `now`; the default is the present. `weak`: the
        event itself may be the cause of the failure, which then does not lengthen a hold.
        """
        if error is None or not (error.retryable or refuses_credentials(error)):
            self._breaker.succeed(error, self._now() if started is None else started)
            self._limit = min(self._most, self._limit + 1 / self._limit)
        else:
            if error.retryable:
                self._slow_down()
            self._breaker.fail(error, weak=weak)
        self._admit()

    def hold(self, code: str, message: str, remedy: str) -> None:
        """Hold the instance back until a probe succeeds: see `Breaker.hold`.

        `code` names the reason in lower case; `message` says what happened, `remedy` what to do.
        """
        self._breaker.hold(code, message, remedy)
        self._admit()

    def obey(self, error: DeliveryError) -> None:
        """Send nothing for the `Retry-After` of an answer, without counting it as a failure."""
        self._breaker.obey(error)

    def _slow_down(self) -> None:
        now = self._now()
        if now - self._decreased_at >= DECREASE_PAUSE_SECONDS:
            self._limit = max(1.0, self._limit * DECREASE)
            self._decreased_at = now

    def _room(self) -> int:
        return 1 if self.needs_probe else self.limit


class WaitGroup:
    """The tasks of one subscription that wait at a gate; `close` ends all waits, now and later."""

    def __init__(self) -> None:
        self._closed = False
        self._waits: set[asyncio.Timeout] = set()

    async def enter(self, gate: Gate, events: int = 1, *, half: bool = False) -> bool:
        """Wait as `Gate.enter` does; `False`, without a place, if the group is closed."""
        if self._closed:
            return False
        entered = None if half else gate.enter_now(events)
        if entered is not None:
            return entered
        try:
            async with asyncio.timeout(None) as wait:
                self._waits.add(wait)
                try:
                    return await gate.enter(events, half=half)
                finally:
                    self._waits.discard(wait)
        except TimeoutError:
            return False

    def close(self) -> None:
        """End all waits, and refuse later ones."""
        self._closed = True
        waits, self._waits = self._waits, set()
        for wait in waits:
            wait.reschedule(0.0)  # a time in the past: end the wait now
