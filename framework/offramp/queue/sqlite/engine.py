"""The queue on SQLite: what happens in the event loop; the writer's part is in other modules."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from offramp.errors import QueueFullError, StorageError
from offramp.queue.limits import Limits
from offramp.queue.protocol import DEFAULT_PAGE, DeadFilter, Delivery, Depth, Page, Reason
from offramp.queue.sqlite.accepting import Accepted, Accepting
from offramp.queue.sqlite.codes import CODES, US, WAITING, to_us
from offramp.queue.sqlite.dead import Found, cursor_of, find_dead, place_of, replay_some
from offramp.queue.sqlite.guard import Guard, check_outcomes
from offramp.queue.sqlite.lanes import Lanes
from offramp.queue.sqlite.leases import Leases
from offramp.queue.sqlite.rows import deliveries_by_id
from offramp.queue.sqlite.settling import Settled, Settling
from offramp.queue.sqlite.tallies import SQL
from offramp.queue.sqlite.upkeep import CHUNK, Cancel, Rebase
from offramp.storage import Rank, Work

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Coroutine, Sequence

    from offramp.queue.protocol import Lease, NewItem, Outcome
    from offramp.queue.sqlite.lanes import Lane
    from offramp.storage import Store

R = TypeVar("R")

_log = logging.getLogger("offramp.queue")

#: A clock set back by less, in microseconds, only makes what was just accepted wait that long.
CLOCK_STEP_US = US // 10
#: Seconds after which another try is made to follow a clock that was set back.
REBASE_AGAIN_S = 1.0
#: Random bytes that tell the leases of this run from those of another.
RUN_BYTES = 4


class SqliteQueue:
    """A `Queue` in one SQLite file; `open_queue` makes one and closes it."""

    def __init__(
        self,
        store: Store,
        *,
        now: Callable[[], float] = time.time,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._store = store
        self._now = now
        self._guard = Guard(store.folder, limits)
        self._leases = Leases(secrets.token_hex(RUN_BYTES))
        self._lanes = Lanes(store, self._leases)
        #: Events, and requests of any kind, that are on their way to disk.
        self._incoming = 0
        self._writing = 0
        self._latest_us = 0
        self._closed = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._accepting: Work[Sequence[NewItem], Accepted] = Work(
            run=Accepting(now).run,
            rank=Rank.LAST,
            most=limits.accepts_per_commit,
            weigh=len,
            done=self._accepted,
        )
        self._settling: Work[Settled, None] = Work(
            run=Settling(now).run, rank=Rank.FIRST, weigh=len, done=self._settled
        )

    async def start(self) -> None:
        """Read the counters; from then on they are kept in memory too."""
        in_flight, latest = await self._store.write(_read_counters)
        for name, state, n in in_flight:
            self._lanes.add(self._lanes[name], state, n)
        # Had the clock been ahead before, all that waits would wait for that time to come again.
        self._latest_us = (latest or 0) * US
        self._time()

    async def accept(self, items: Sequence[NewItem]) -> list[bool]:
        """Store events with their deliveries; see `Queue.accept`."""
        if self._closed:
            raise StorageError("the queue is closed: it accepts no more events")
        if not items:
            return []
        self._guard.admit(len(items), self._lanes.in_flight + self._incoming)
        accepted = self._store.submit(self._accepting, items)
        self._incoming += len(items)
        self._writing += 1
        return (await accepted).new

    def full(self) -> str | None:
        """Why events are turned away now; see `Queue.full`."""
        try:
            self._guard.admit(1, self._lanes.in_flight + self._incoming)
        except QueueFullError as error:
            return str(error)
        return None

    async def lease(self, lane: str, n: int, *, ttl: float, wait: float = 0) -> list[Lease]:
        """Borrow up to `n` deliveries that are due; see `Queue.lease`."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        found = self._lanes[lane]
        while not self._closed:
            leases = await found.take(n, self._time(), to_us(ttl))
            left = deadline - clock()
            if leases or left <= 0:
                return leases
            await found.sleep(self._time(), left)
        return []

    async def extend(self, leases: Sequence[Lease], ttl: float) -> list[bool]:
        """Let leases run `ttl` seconds from now; see `Queue.extend`."""
        expires_at = self._time() + to_us(ttl)
        return [self._leases.extend(lease.token, expires_at) for lease in leases]

    async def release(self, leases: Sequence[Lease]) -> None:
        """Give leases back untouched; see `Queue.release`."""
        for lease in leases:
            held = self._leases.claim(lease.token)
            if held is not None:
                held.lane.give_back(held)

    async def settle(self, outcomes: Sequence[Outcome]) -> list[bool]:
        """Store outcomes in one durable write and end their leases; see `Queue.settle`."""
        check_outcomes(outcomes)
        claims = [self._leases.claim(outcome.lease.token) for outcome in outcomes]
        settled = [
            (held, outcome)
            for held, outcome in zip(claims, outcomes, strict=True)
            if held is not None
        ]
        if settled:
            stored = self._store.submit(self._settling, settled)
            self._writing += 1
            await stored
        return [held is not None for held in claims]

    async def cancel(
        self, lane: str, *, reason: str = Reason.SUBSCRIPTION_REMOVED, message: str = ""
    ) -> int:
        """End what is in flight in a lane as expired; see `Queue.cancel`."""
        return await self._finish(self._cancel(self._lanes[lane], reason, message), "cancel")

    async def dead(
        self, which: DeadFilter, *, limit: int = DEFAULT_PAGE, cursor: str | None = None
    ) -> Page[Delivery]:
        """List rejected and expired deliveries; see `Queue.dead`."""
        place = place_of(cursor)

        def read(connection: sqlite3.Connection) -> Page[Delivery]:
            found = find_dead(connection, which, limit, place)
            rows = deliveries_by_id(connection, found.ids)
            return Page(rows=rows, cursor=found.after and cursor_of(found.after))

        return await self._store.read(read)

    async def replay(self, which: DeadFilter) -> int:
        """Make rejected and expired deliveries due again; see `Queue.replay`."""
        replayed = 0
        place = place_of(None)
        while True:
            # What ends again meanwhile ends above this place, so it is not replayed twice.
            page = partial(find_dead, which=which, limit=CHUNK, place=place)
            found: Found = await self._store.read(page)
            replayed += await self._finish(self._replay_some(found.ids), "replay")
            if found.after is None:
                return replayed
            place = found.after

    async def depth(self, lane: str) -> Depth:
        """Tell how much of a lane is in flight; see `Queue.depth`."""
        return self._lanes.depth(lane)

    async def depths(self) -> dict[str, Depth]:
        """Tell the depth of every lane; see `Queue.depths`."""
        return {lane.name: lane.depth for lane in self._lanes}

    async def close(self) -> None:
        """Give all leases back, end all waiting, let writes arrive; see `Queue.close`."""
        self._closed = True
        while self._writing:
            await self._store.write(_nothing)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._leases.close()
        for lane in self._lanes:
            lane.wake(0)

    def _time(self) -> int:
        """The time in microseconds; notices when the clock has been set back."""
        now = to_us(self._now())
        step = self._latest_us - now
        self._latest_us = now
        if step > CLOCK_STEP_US:
            self._leases.shorten(step)
            self._start(self._rebase(now), "rebase")
        return now

    async def _rebase(self, now: int) -> None:
        for lane in self._lanes:
            more = True
            while more and not self._closed:
                try:
                    more = await self._store.write(Rebase(lane.name, now))
                except StorageError:
                    _log.exception("lane %s still follows the clock of before", lane.name)
                    await asyncio.sleep(REBASE_AGAIN_S)
                lane.wake(0)

    async def _cancel(self, lane: Lane, reason: str, message: str) -> int:
        cancelled = 0
        async with lane.reading:
            while True:
                chunk = Cancel(lane.name, list(lane.held), reason, message, self._time())
                ended = await self._store.write(chunk)
                if not any(ended):
                    return cancelled
                for state, n in enumerate(ended):
                    self._lanes.add(lane, state, -n)
                cancelled += sum(ended)

    async def _replay_some(self, ids: list[int]) -> int:
        if not ids:
            return 0
        now = self._time()
        lanes = await self._store.write(partial(replay_some, ids=ids, now=now))
        for name, n in lanes.items():
            self._lanes.add(self._lanes[name], WAITING, n)
            self._lanes[name].wake(now)
        return sum(lanes.values())

    async def _finish(self, work: Coroutine[Any, Any, R], name: str) -> R:
        # The counters in memory must follow the disk, even if the caller is cancelled meanwhile.
        return await asyncio.shield(self._start(work, name))

    def _start(self, work: Coroutine[Any, Any, R], name: str) -> asyncio.Task[R]:
        task = asyncio.create_task(work, name=f"offramp-queue-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _accepted(
        self, results: Sequence[tuple[Sequence[NewItem], Accepted | BaseException]]
    ) -> None:
        self._writing -= len(results)
        for items, result in results:
            self._incoming -= len(items)
            if isinstance(result, Accepted):
                for name, n in result.lanes.items():
                    lane = self._lanes[name]
                    self._lanes.add(lane, WAITING, n)
                    lane.wake(result.at)

    def _settled(self, results: Sequence[tuple[Settled, BaseException | None]]) -> None:
        self._writing -= len(results)
        for settled, error in results:
            if error is not None:
                for held, _ in settled:
                    self._leases.restore(held)
                continue
            for held, outcome in settled:
                held.lane.finish(held)
                if outcome.retry_at is not None:
                    held.lane.wake(to_us(outcome.retry_at))
            moves = Counter((held.lane, held.row.state, outcome.stage) for held, outcome in settled)
            for (lane, before, stage), n in moves.items():
                self._lanes.add(lane, before, -n)
                self._lanes.add(lane, CODES[stage], n)


def _nothing(_: sqlite3.Connection) -> None:
    """Write nothing, after what was to be written before."""


def _read_counters(
    connection: sqlite3.Connection,
) -> tuple[list[tuple[str, int, int]], int | None]:
    (latest,) = connection.execute(SQL["latest_minute"]).fetchone()
    return connection.execute(SQL["in_flight"]).fetchall(), latest
