"""Limits of the collector: sizes and durations of a request, and requests a second of a source."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

import attrs

from offramp.event import (
    MAX_BATCH_BYTES,
    MAX_BATCH_EVENTS,
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_STORED_BYTES,
)

#: Seconds for a body to arrive; its events then have as long to be stored. Segment's Python SDK
#: gives up after 15 s, so both together stay below. Source: its `timeout`.
DEFAULT_READ_SECONDS: Final = 7.0
DEFAULT_ACCEPT_SECONDS: Final = 7.0
#: Tolerance for the rounding of float sums, so that the last token of a burst is not refused.
_ROUNDING_SECONDS: Final = 1e-6


@attrs.frozen(kw_only=True)
class Limits:
    """Limits of the collector; the defaults are those of Segment's tracking API."""

    #: Bytes of JSON of one event; also of the body of an endpoint for single events.
    max_event_bytes: int = MAX_EVENT_BYTES
    #: Bytes of the body of a batch, as sent and after gunzip.
    max_batch_bytes: int = MAX_BATCH_BYTES
    #: Bytes of all events of a batch together, with what the batch adds to each of them. A batch
    #: that adds nothing is limited only by the size of its body.
    stored_bytes: int = MAX_STORED_BYTES
    #: Number of events in one batch.
    max_batch_events: int = MAX_BATCH_EVENTS
    #: Levels of nested objects and lists in one event.
    depth: int = MAX_DEPTH
    #: Seconds for a body to arrive.
    read_seconds: float = DEFAULT_READ_SECONDS
    #: Seconds for events to be stored.
    accept_seconds: float = DEFAULT_ACCEPT_SECONDS
    #: Requests a second of one source, on average; `None` for no limit.
    requests_per_second: float | None = None
    #: Requests that one source may send at once after a pause; `None` for one second's worth.
    burst: int | None = None


class RateLimit:
    """A token bucket for each source: `rate` tokens a second, at most `burst` saved up."""

    def __init__(
        self, rate: float, burst: int | None = None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        saved_up = rate if burst is None else burst
        self._interval = 1 / rate
        self._saved = (max(saved_up, 1) - 1) * self._interval
        self._clock = clock
        # Source -> the time at which its bucket is full (generic cell rate algorithm).
        self._full_at: dict[str, float] = {}

    def take(self, source: str) -> float:
        """Take one token and return 0.0, or return the seconds until there is one."""
        now = self._clock()
        full_at = max(self._full_at.get(source, now), now)
        wait = full_at - self._saved - now
        if wait > _ROUNDING_SECONDS:
            return wait
        self._full_at[source] = full_at + self._interval
        return 0.0


class Deadline:
    """Ends each `with` block that takes longer than `seconds` with `TimeoutError`.

    Like `asyncio.timeout`, but cheaper: one timer serves all running blocks. All have the same
    timeout, so they expire in the order in which they began. Use it from one event loop; a task
    may be in one block at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: Running task -> when its block expires; the first expires first.
        self._inside: dict[asyncio.Task[object] | None, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        """Start the timeout of this block."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self._seconds, self._look)
        self._inside[asyncio.current_task(self._loop)] = time.monotonic() + self._seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End the block; raises `TimeoutError` if it took too long."""
        task = asyncio.current_task(self._loop)
        if self._inside.pop(task, None) is not None or task is None:
            return
        # `_look` cancelled the task. If other code did so too, it stays cancelled.
        if task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _look(self) -> None:
        """Cancel the tasks that are too late, and set the timer for the next one."""
        now = time.monotonic()
        self._timer = None
        late = []
        for task, end in self._inside.items():
            if end > now and self._loop is not None:
                self._timer = self._loop.call_later(end - now, self._look)
                break
            late.append(task)
        for task in late:
            del self._inside[task]
            if task is not None:
                task.cancel()
