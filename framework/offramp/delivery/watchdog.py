"""Detects code that blocks the event loop, and logs its place while it does."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from types import FrameType
from typing import Final, TypeAlias

import attrs

from offramp.delivery.plan import Plan
from offramp.delivery.runtime import InstanceRuntime

log = logging.getLogger(__name__)

#: Seconds between two beats of the loop, and between two checks of the beat by a thread.
BEAT_SECONDS: Final = 0.2
#: Seconds since the last beat that count as blocked; code that blocks is logged within a second.
BLOCKED_SECONDS: Final = 0.5
#: Seconds between two log lines about the same place, which may block at every event.
LOG_PAUSE_SECONDS: Final = 60.0

#: File -> the plugin whose code it has, or `None`.
Owner: TypeAlias = Callable[[str], str | None]


@attrs.frozen(kw_only=True)
class Blockage:
    """A place where a plugin blocked the event loop."""

    plugin: str
    #: `file:line in function`.
    place: str
    #: `instance NAME` or `subscription ID`, if the stack has it.
    whose: str = ""
    #: Seconds since the last beat; grows until the next one.
    seconds: float

    def __str__(self) -> str:
        whose = f" for the {self.whose}" if self.whose else ""
        return (
            f"plugin {self.plugin!r} blocks the event loop at {self.place}{whose}: nothing else "
            f"has run for {self.seconds:.1f} s; await what waits, or call it with asyncio.to_thread"
        )


@attrs.define(eq=False)
class Watchdog:
    """The blockages of one event loop; made by `watch_loop`."""

    owner: Owner
    longest: float
    #: Plugin -> seconds for which it blocked the loop.
    blocked: defaultdict[str, float] = attrs.field(factory=lambda: defaultdict(float), init=False)
    #: The latest blockage that has ended.
    last: Blockage | None = attrs.field(default=None, init=False)
    _thread_id: int = attrs.field(factory=threading.get_ident, init=False)
    _beat_at: float = attrs.field(factory=time.monotonic, init=False)
    #: Seconds of garbage collection since the last beat, which no plugin causes.
    _collecting: float = attrs.field(default=0.0, init=False)
    #: When the running collection began.
    _collecting_since: float | None = attrs.field(default=None, init=False)
    _found: Blockage | None = attrs.field(default=None, init=False)
    _stopped: threading.Event = attrs.field(factory=threading.Event, init=False)
    _logged_at: dict[str, float] = attrs.field(factory=dict, init=False)

    def beat(self) -> None:
        """Note that the loop runs: a blockage found before has ended."""
        now = time.monotonic()
        found, self._found = self._found, None
        if found is not None:
            self.last = attrs.evolve(found, seconds=self._late(now))
            self.blocked[found.plugin] += self.last.seconds
        self._beat_at = now
        self._collecting = 0.0

    def collect(self, phase: str, _: object) -> None:
        """Measure garbage collections in the loop's thread; one of `gc.callbacks`."""
        if threading.get_ident() != self._thread_id:
            return
        now = time.monotonic()
        if phase == "start":
            self._collecting_since = now
        elif self._collecting_since is not None:
            self._collecting += now - self._collecting_since
            self._collecting_since = None

    def look(self) -> None:
        """Check the loop from another thread until stopped."""
        while not self._stopped.wait(BEAT_SECONDS):
            beat_at = self._beat_at
            late = self._late(time.monotonic())
            if late < self.longest or self._found is not None:
                continue
            found = self._sample(late)
            if found is not None and beat_at == self._beat_at:  # otherwise the loop ran meanwhile
                self._found = found
                self._log(found)

    def stop(self) -> None:
        """End the checks."""
        self._stopped.set()

    def _late(self, now: float) -> float:
        """Return the seconds since the last beat, without garbage collection."""
        since = self._collecting_since
        going_on = 0.0 if since is None else now - since
        return now - self._beat_at - self._collecting - going_on

    def _sample(self, late: float) -> Blockage | None:
        top = sys._current_frames().get(self._thread_id)  # noqa: SLF001 - documented, for this
        for frame in _outwards(top):
            plugin = self.owner(frame.f_code.co_filename)
            if plugin is not None:
                code = frame.f_code
                place = f"{code.co_filename}:{frame.f_lineno} in {code.co_qualname}"
                return Blockage(plugin=plugin, place=place, whose=_whose(frame), seconds=late)
        return None

    def _log(self, found: Blockage) -> None:
        now = time.monotonic()
        if now - self._logged_at.get(found.place, -LOG_PAUSE_SECONDS) >= LOG_PAUSE_SECONDS:
            self._logged_at[found.place] = now
            extra = {"action": "loop_blocked", "plugin": found.plugin}
            log.error("%s", found, extra=extra)


@asynccontextmanager
async def watch_loop(owner: Owner, *, longest: float = BLOCKED_SECONDS) -> AsyncIterator[Watchdog]:
    """Watch the running event loop from a thread while the block runs."""
    watchdog = Watchdog(owner, longest)
    thread = threading.Thread(target=watchdog.look, name="offramp-watchdog", daemon=True)
    thread.start()
    gc.callbacks.append(watchdog.collect)
    beating = asyncio.create_task(_beat(watchdog), name="watchdog")
    try:
        yield watchdog
    finally:
        gc.callbacks.remove(watchdog.collect)
        watchdog.stop()
        watchdog.beat()
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        thread.join()


async def _beat(watchdog: Watchdog) -> None:
    while True:
        watchdog.beat()
        await asyncio.sleep(BEAT_SECONDS)


def _outwards(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _whose(frame: FrameType) -> str:
    """Find the instance or subscription in a frame that called the code."""
    for outer in _outwards(frame):
        if outer.f_code is InstanceRuntime.perform.__code__:
            runtime: InstanceRuntime = outer.f_locals["self"]
            return f"instance {runtime.instance.name}"
        if outer.f_code is Plan.payload_of.__code__:
            plan: Plan = outer.f_locals["self"]
            return f"subscription {plan.subscription.id}"
    return ""
