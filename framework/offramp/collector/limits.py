"""How much one request, and one source, may ask of the collector."""

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

#: Seconds for a body to arrive, and again for its events to be stored. Segment's Python SDK gives
#: up after 15 s, so it gets a clear answer before. Source: its `timeout`.
DEFAULT_READ_SECONDS: Final = 7.0
DEFAULT_ACCEPT_SECONDS: Final = 7.0
#: Sums of binary fractions miss by less than this; the last token of a burst must not.
_ROUNDING_SECONDS: Final = 1e-6


@attrs.frozen(kw_only=True)
class Limits:
    """The collector's bounds; the defaults are those of Segment's tracking API."""

    #: One event, in bytes of JSON; also the body of an endpoint for single events.
    max_event_bytes: int = MAX_EVENT_BYTES
    #: The body of a batch, in bytes, as sent and after gunzip.
    max_batch_bytes: int = MAX_BATCH_BYTES
    #: The events of a batch in sum, in bytes, with what the batch adds to each of them; a batch
    #: that adds nothing is bounded by its body alone.
    stored_bytes: int = MAX_STORED_BYTES
    #: Events of one batch.
    max_batch_events: int = MAX_BATCH_EVENTS
    #: Objects and lists within each other, in one event.
    depth: int = MAX_DEPTH
    #: Seconds for a body to arrive.
    read_seconds: float = DEFAULT_READ_SECONDS
    #: Seconds for events to be stored.
    accept_seconds: float = DEFAULT_ACCEPT_SECONDS
    #: Requests a second of one source, on average; `None` for any number.
    requests_per_second: float | None = None
    #: Requests that one source may send at once after a pause; `None` for those of a second.
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
        # The moment from which a bucket is full, as the generic cell rate algorithm keeps it.
        self._full_at: dict[str, float] = {}

    def take(self, source: str) -> float:
        """Take one token and answer 0.0, or answer in how many seconds there will be one."""
        now = self._clock()
        full_at = max(self._full_at.get(source, now), now)
        wait = full_at - self._saved - now
        if wait > _ROUNDING_SECONDS:
            return wait
        self._full_at[source] = full_at + self._interval
        return 0.0


class Deadline:
    """Ends each block that takes longer than so many seconds with `TimeoutError`.

    As `asyncio.timeout`, but with one timer for all blocks under way, and so cheaper. That they all
    may take equally long keeps them in the order of their ends. Enter it with `with`, from one
    event loop, and from one task only once at a time.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        #: Who is inside, and until when; the first ends first.
        self._inside: dict[asyncio.Task[object] | None, float] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        """Begin to wait."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self._seconds, self._look)
        self._inside[asyncio.current_task(self._loop)] = time.monotonic() + self._seconds

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """End in time, or tell by `TimeoutError` that it was too late."""
        task = asyncio.current_task(self._loop)
        if self._inside.pop(task, None) is not None or task is None:
            return
        # `_look` cancelled the task. If somebody else did so too, it stays cancelled.
        if task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def _look(self) -> None:
        """Cancel who is too late, and look again when the next one would be."""
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
