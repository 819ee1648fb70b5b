"""What a step of the clock changes on disk: when retries are due, and what is known of steps."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from offramp.errors import StorageError
from offramp.queue.clock import Step
from offramp.queue.limits import CHUNK
from offramp.queue.sqlite.codes import US, to_s, to_us
from offramp.queue.sqlite.marks import drop_mark, read_marks, set_mark
from offramp.queue.sqlite.sql import SQL
from offramp.storage import is_damage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from offramp.queue.clock import Clock
    from offramp.queue.sqlite.subscriptions import Subscriptions
    from offramp.storage import Store

R = TypeVar("R")

_log = logging.getLogger("offramp.queue")

#: Microseconds. If the clock is set back by less, what was just tried waits that much longer.
CLOCK_STEP_US = US // 10
#: Seconds after which another try is made to follow a clock that was set.
FOLLOW_AGAIN_S = 1.0
#: The marks that hold the steps: this, then the time before; the value is the time after (µs).
STEP_MARK = "clock_step."


@attrs.frozen
class Rebase:
    """Lets a chunk of deliveries wait for the delays they had, counted from a clock set back."""

    name: str
    now: int

    def __call__(self, connection: sqlite3.Connection) -> bool:
        """Whether there may be more; run in the writer."""
        terms = {"name": self.name, "now": self.now, "n": CHUNK}
        return connection.execute(SQL["rebase_rows"], terms).rowcount == CHUNK


@attrs.frozen
class Delay:
    """Postpones a chunk of deliveries by a step forwards: each waits for what it had left."""

    name: str
    #: The time (µs) before and after the step.
    before: int
    after: int

    def __call__(self, connection: sqlite3.Connection) -> bool:
        """Whether there may be more; run in the writer."""
        terms = {
            "name": self.name,
            "before": self.before,
            "now": self.after,
            "step": self.after - self.before,
            "n": CHUNK,
        }
        return connection.execute(SQL["delay_rows"], terms).rowcount == CHUNK


@attrs.frozen
class StoreSteps:
    """Stores the steps that are known, instead of those before."""

    steps: Sequence[Step]

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Run in the writer."""
        for name in read_marks(connection, STEP_MARK):
            drop_mark(connection, name)
        for step in self.steps:
            set_mark(connection, f"{STEP_MARK}{to_us(step.before)}", to_us(step.after))


def read_steps(connection: sqlite3.Connection) -> tuple[Step, ...]:
    """The steps that were stored, oldest first."""
    marks = read_marks(connection, STEP_MARK).items()
    steps = (Step(to_s(int(name.removeprefix(STEP_MARK))), to_s(after)) for name, after in marks)
    return tuple(sorted(steps))


def newest_time(connection: sqlite3.Connection) -> float | None:
    """The latest time that is stored, in epoch seconds; none in a new file, or a damaged one."""
    try:
        (newest,) = connection.execute(SQL["newest_time"]).fetchone()
    except sqlite3.DatabaseError as error:
        if not is_damage(error):
            raise
        return None  # what still can be read is delivered
    return None if newest is None else to_s(newest)


class ClockFollower:
    """Tells the time by which deliveries are due, and lets what waits follow a clock that was set.

    `start` runs a task that the queue waits for when it is closed.
    """

    def __init__(
        self,
        clock: Clock,
        store: Store,
        subscriptions: Subscriptions,
        start: Callable[[Coroutine[Any, Any, None], str], object],
    ) -> None:
        self._clock = clock
        self._store = store
        self._subscriptions = subscriptions
        self._start = start
        self._latest = 0
        self._steps = clock.steps
        #: Microseconds that steps skipped, and by which waiting deliveries are not postponed yet.
        self._skipped = 0
        self._closed = False
        #: Since when the clock is in doubt, as far as that was logged.
        self._doubted: float | None = None

    def begin(self, newest: float | None, steps: Sequence[Step]) -> None:
        """Begin with what is stored."""
        self._clock.begin(newest, steps)
        self._steps = self._clock.steps
        # If the clock was set back since, what is to be tried again would wait too long.
        self._latest = to_us(newest or 0.0)
        self.time()

    def close(self) -> None:
        """Follow no more."""
        self._closed = True

    def watch(self) -> None:
        """Look at the clock, also if nobody leases; log when it gets in doubt and is believed."""
        self.time()
        doubt = self._clock.doubt
        if doubt is not None and self._doubted != doubt.since:
            _log.warning("%s; compare it with another clock", doubt, extra={"action": "clock"})
        if doubt is None and self._doubted is not None:
            _log.warning("the clock of this machine is believed again", extra={"action": "clock"})
        self._doubted = None if doubt is None else doubt.since

    def time(self) -> int:
        """The time in microseconds; notices when the clock was set."""
        now = to_us(self._clock())
        back = self._latest - now
        self._latest = now
        steps, known = self._clock.steps, self._steps
        if back > CLOCK_STEP_US:
            self._start(self._move([partial(Rebase, now=now)]), "rebase")
        if steps is not known:
            self._steps = steps
            self._start(self._store_steps(), "steps")
            if back <= CLOCK_STEP_US:
                self._delay([step for step in steps if step not in known])
        return now - self._skipped

    def _delay(self, steps: Sequence[Step]) -> None:
        """Postpone what waits; until that is done, it comes due by the time without the steps."""
        ends = [(to_us(step.before), to_us(step.after)) for step in steps]
        skipped = sum(after - before for before, after in ends)
        self._skipped += skipped

        async def delay() -> None:
            await self._move(partial(Delay, before=before, after=after) for before, after in ends)
            self._skipped -= skipped
            for each in self._subscriptions:
                each.wake(0)

        self._start(delay(), "delay")

    async def _store_steps(self) -> None:
        await self._write(StoreSteps(self._steps), "the steps of the clock")

    async def _move(
        self, moves: Iterable[Callable[[str], Callable[[sqlite3.Connection], bool]]]
    ) -> None:
        """Move when deliveries are due in every subscription, chunk by chunk."""
        for move in moves:
            for each in self._subscriptions:
                more: bool | None = True
                while more:
                    more = await self._write(move(each.name), each.name)
                    each.wake(0)

    async def _write(self, write: Callable[[sqlite3.Connection], R], what: str) -> R | None:
        while not self._closed:
            try:
                return await self._store.write(write)
            except StorageError:
                _log.exception("%s: the clock of before is still followed", what)
                await asyncio.sleep(FOLLOW_AGAIN_S)
        return None
