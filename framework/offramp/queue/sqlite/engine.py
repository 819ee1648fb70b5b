"""The queue on SQLite: what happens in the event loop; the writer's part is in other modules."""

from __future__ import annotations

import asyncio
import logging
import secrets
import sqlite3
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from offramp.errors import QueueFullError, StorageError
from offramp.queue.clock import Clock
from offramp.queue.dead_letters import dead_letter_pages
from offramp.queue.lease import event_number
from offramp.queue.limits import CHUNK, Limits
from offramp.queue.protocol import DEFAULT_PAGE, NO_EXCEPTIONS
from offramp.queue.sqlite.accept import Accepted, Accepting
from offramp.queue.sqlite.accept_health import AcceptHealth, DryRunEndedError
from offramp.queue.sqlite.cache import BlockReader
from offramp.queue.sqlite.cancel import Cancel, Cancelled
from offramp.queue.sqlite.codes import CODES, NEVER, RETRYING, WAITING, to_us
from offramp.queue.sqlite.damaged import ExpireDamaged
from offramp.queue.sqlite.dead_letters import list_dead, place_of
from offramp.queue.sqlite.guard import Guard, check_outcomes
from offramp.queue.sqlite.leases import BEAT_S, Leases, RunningTime
from offramp.queue.sqlite.replay import Backfill, replay_some
from offramp.queue.sqlite.settle import Settled, Settling, group_outcomes
from offramp.queue.sqlite.sql import SQL, create_procedures
from offramp.queue.sqlite.steps import ClockFollower, newest_time, read_steps
from offramp.queue.sqlite.subscriptions import Subscriptions
from offramp.queue.sqlite.under_way import RequestsUnderWay
from offramp.queue.values import DeadLetterFilter, Delivery, Depth, Page, Reason
from offramp.storage import Rank, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence

    from offramp.queue.clock import Step
    from offramp.queue.lease import Lease
    from offramp.queue.sqlite.subscriptions import Subscription
    from offramp.queue.values import EventBatch, Outcome
    from offramp.storage import Store

R = TypeVar("R")

_log = logging.getLogger("offramp.queue")

#: Bytes of events that weigh as one in a commit: so a block has some 8 MB at most, unless a single
#: request has more. Who leases any of its events reads all of them.
BYTES_OF_EVENT = 4_096
#: Random bytes that tell the leases of this run from those of another.
RUN_BYTES = 4


class SqliteQueue:
    """A `Queue` in one SQLite file; `open_queue` makes one and closes it."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Clock | None = None,
        limits: Limits | None = None,
    ) -> None:
        limits = limits or Limits()
        self._store = store
        self._clock = clock = clock or Clock()
        self._beat: asyncio.TimerHandle | None = None
        self._guard = Guard(store.folder, limits)
        self._blocks = BlockReader(damage=store.damage)
        self._leases = Leases(secrets.token_hex(RUN_BYTES), RunningTime(clock.running))
        self._subscriptions = Subscriptions(store, self._blocks, self._leases)
        self._follower = ClockFollower(clock, store, self._subscriptions, self._start)
        self._time = self._follower.time
        self._requests = RequestsUnderWay(store, self._subscriptions, self._blocks)
        #: Events, and requests of any kind, that are on their way to disk.
        self._incoming = 0
        self._writing = 0
        self._closed = False
        self._tasks: set[asyncio.Task[object]] = set()
        self._health = AcceptHealth()
        accepting = Accepting(clock, self._blocks.heads)
        self._accepting: Work[EventBatch, Accepted] = Work(
            run=accepting.run,
            rank=Rank.LAST,
            most=limits.accepts_per_commit,
            weigh=_weigh_batch,
            done=self._accepted,
            undone=accepting.forget,
        )
        self._trying = self._health.work(accepting)
        self._settle_all = Settling(clock)
        self._settling: Work[Settled, None] = Work(
            run=self._settle_all.run, rank=Rank.FIRST, weigh=_weigh, done=self._settled
        )

    async def start(self) -> None:
        """Read the counters; from then on they are kept in memory too."""
        await self._store.write(create_procedures)
        in_flight, newest, steps = await self._store.read(_read_stored)
        for name, state, n in in_flight:
            self._subscriptions.add(self._subscriptions[name], state, n)
        self._follower.begin(newest, steps)
        # After the clock was compared with the newest time: this stores a newer one.
        await self._requests.start(self._settle_all, self._clock)
        self._watch()

    async def accept(self, batch: EventBatch) -> Sequence[bool]:
        """Store events with their deliveries; see `Queue.accept`."""
        if self._closed:
            raise StorageError("the queue is closed: it accepts no more events")
        n = len(batch)
        if not n:
            return []
        self._guard.admit(n, self._subscriptions.counted + self._incoming)
        accepted = self._store.submit(self._accepting, batch)
        self._incoming += n
        self._writing += 1
        return (await accepted).new

    def full(self) -> str | None:
        """Why events are turned away now; see `Queue.full`."""
        if self._closed:
            return "the queue is closed: it accepts no more events"
        try:
            self._guard.admit(1, self._subscriptions.counted + self._incoming)
        except QueueFullError as error:
            return str(error)
        return None

    def leave_out(self, subscriptions: Collection[str]) -> None:
        """Do not count these towards the bound; see `Queue.leave_out`."""
        self._subscriptions.leave_out(subscriptions)

    async def broken(self) -> str | None:
        """Why accepting fails for another reason than room; see `Queue.broken`."""
        batch = self._health.suspect()
        if batch is None or self._closed:
            return None
        try:
            await self._store.submit(self._trying, batch)
        except DryRunEndedError:
            self._health.note(batch, None)
        except StorageError as error:
            return str(error)
        return None

    async def lease(
        self, subscription: str, n: int, *, ttl: float, wait: float = 0, onto: Lease | None = None
    ) -> Lease | None:
        """Borrow up to `n` deliveries that are due; see `Queue.lease`."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + wait
        found = self._subscriptions[subscription]
        while n > 0 and not self._closed:
            lease = await found.take(n, self._time, to_us(ttl), onto)
            left = deadline - clock()
            if lease is not None or left <= 0:
                return lease
            await found.sleep(self._time(), left)
        return None

    async def extend(self, lease: Lease, ttl: float) -> bool:
        """Let a lease run `ttl` seconds from now; see `Queue.extend`."""
        return self._leases.extend(lease.token, to_us(ttl))

    async def release(self, lease: Lease) -> None:
        """Give a lease back untouched; see `Queue.release`."""
        claim = self._leases.claim(lease)
        if claim is not None:
            claim.give_back()

    async def begin_request(self, lease: Lease) -> None:
        """Note that deliveries leave now in one request; see `Queue.begin_request`."""
        self._leases.note_sent(lease)
        self._requests.begin(lease)

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome | None,
        exceptions: Mapping[int, Outcome] = NO_EXCEPTIONS,
    ) -> Sequence[int]:
        """Store what became of a lease or a part of one; see `Queue.settle`."""
        check_outcomes(lease, outcome, exceptions)
        claim = self._leases.claim(lease)
        if claim is None:
            return range(len(lease))
        if claim:
            settled = group_outcomes(claim, lease, outcome, exceptions)
            stored = self._store.submit(self._settling, settled)
            self._writing += 1
            await stored
        return claim.lost

    async def cancel(
        self,
        subscription: str,
        *,
        reason: str = Reason.SUBSCRIPTION_REMOVED,
        message: str = "",
        before: int = NEVER,
    ) -> int:
        """End what is in flight in a subscription as expired; see `Queue.cancel`.

        Only deliveries of events with numbers below `before` end.
        """
        found = self._subscriptions[subscription]
        return await self._finish(self._cancel(found, reason, message, before), "cancel")

    async def expire_damaged(self, subscription: str, waiting: Sequence[tuple[int, int]]) -> int:
        """End what waits in damaged blocks (with sets) of a subscription; answers how many."""
        found = self._subscriptions[subscription]
        return await self._finish(self._expire_damaged(found, waiting), "damaged")

    async def dead_letters(
        self, which: DeadLetterFilter, *, limit: int = DEFAULT_PAGE, cursor: str | None = None
    ) -> Page[Delivery]:
        """List rejected and expired deliveries; see `Queue.dead_letters`."""
        place = place_of(cursor)
        return await self._store.read(partial(list_dead, which=which, limit=limit, place=place))

    async def replay(
        self, which: DeadLetterFilter, *, report: Callable[[int], None] | None = None
    ) -> int:
        """Make dead letters due again; see `Queue.replay`."""
        replayed = 0
        async for page in dead_letter_pages(self, which):
            ids = [letter.id for letter in page]
            n = await self._finish(self._replay_some(ids), "replay")
            replayed += n
            if report is not None:
                report(n)
        return replayed

    async def backfill(self, subscription: str, events: Sequence[str]) -> int:
        """Make events due that a subscription did not get; see `Queue.backfill`."""
        numbers = [number for event in events if (number := event_number(event)) is not None]
        backfilled = 0
        for start in range(0, len(numbers), CHUNK):
            some = numbers[start : start + CHUNK]
            backfilled += await self._finish(self._backfill(subscription, some), "backfill")
        return backfilled

    async def depth(self, subscription: str) -> Depth:
        """Tell how much of a subscription is in flight; see `Queue.depth`."""
        return self._subscriptions.depth(subscription)

    async def depths(self) -> dict[str, Depth]:
        """Tell the depth of every subscription; see `Queue.depths`."""
        return {each.name: each.depth for each in self._subscriptions}

    async def close(self) -> None:
        """Give all leases back, end all waiting, let writes arrive; see `Queue.close`."""
        self._closed = True
        self._follower.close()
        if self._beat is not None:
            self._beat.cancel()
        while self._writing:
            await self._store.write(_nothing)
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._leases.close()
        self._requests.close()
        for each in self._subscriptions:
            each.wake_all()

    def _watch(self) -> None:
        """Look at the clocks, which tell whether one was set or the process was stopped."""
        self._leases.now()
        self._follower.watch()
        self._beat = asyncio.get_running_loop().call_later(BEAT_S, self._watch)

    async def _cancel(self, found: Subscription, reason: str, message: str, before: int) -> int:
        total = floor = 0
        async with found.changing():
            while True:
                chunk = Cancel(
                    name=found.name,
                    taken=dict(found.taken),
                    taken_rows=list(found.taken_rows),
                    unanswered=found.unanswered,
                    reason=reason,
                    message=message,
                    now=self._time(),
                    floor=floor,
                    before=before,
                    blocks=self._blocks,
                )
                cancelled: Cancelled | None = await self._store.write(chunk)
                if cancelled is None:
                    found.forget_unanswered(before)
                    return total
                self._subscriptions.add(found, WAITING, -cancelled.waiting)
                self._subscriptions.add(found, RETRYING, -cancelled.retrying)
                total += cancelled.waiting + cancelled.retrying
                floor = cancelled.floor

    async def _expire_damaged(self, found: Subscription, waiting: Sequence[tuple[int, int]]) -> int:
        async with found.changing():
            taken, now = dict(found.taken), self._time()
            work = ExpireDamaged(name=found.name, waiting=waiting, taken=taken, now=now)
            expired = await self._store.write(work)
            self._subscriptions.add(found, WAITING, -expired)
            return expired

    async def _replay_some(self, ids: Sequence[str]) -> int:
        now = self._time()
        replayed = await self._store.write(partial(replay_some, ids=ids, now=now))
        for name, n in replayed.items():
            self._add_rows(name, n, now)
        return sum(replayed.values())

    async def _backfill(self, name: str, events: Sequence[int]) -> int:
        now = self._time()
        n = await self._store.write(Backfill(name, events, now, self._blocks.heads))
        if n:
            self._add_rows(name, n, now)
        return n

    def _add_rows(self, name: str, n: int, due_at: int) -> None:
        found = self._subscriptions[name]
        self._subscriptions.add(found, WAITING, n)
        found.wake(due_at)

    async def _finish(self, work: Coroutine[Any, Any, R], name: str) -> R:
        # The counters in memory must follow the disk, even if the caller is cancelled meanwhile.
        return await asyncio.shield(self._start(work, name))

    def _start(self, work: Coroutine[Any, Any, R], name: str) -> asyncio.Task[R]:
        task = asyncio.create_task(work, name=f"offramp-queue-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _accepted(self, results: Sequence[tuple[EventBatch, Accepted | BaseException]]) -> None:
        self._writing -= len(results)
        for batch, result in results:
            self._incoming -= len(batch)
            self._health.note(batch, result if isinstance(result, BaseException) else None)
            if isinstance(result, Accepted) and result.stored is not None:
                self._blocks.keep(result.stored.block)
                for name, number, bits in result.stored.sets:
                    found = self._subscriptions[name]
                    found.number = number
                    self._subscriptions.add(found, WAITING, bits.bit_count())
                    found.add_block(result.stored.block.number, bits)

    def _settled(self, results: Sequence[tuple[Settled, BaseException | None]]) -> None:
        self._writing -= len(results)
        for settled, error in results:
            claim = settled.claim
            if error is not None:
                self._leases.restore(claim)
                continue
            found = claim.entry.subscription
            found.finish(claim)
            for group in settled.groups:
                moves = Counter(row.state for row in group.rows)
                moves[WAITING] += sum(bits.bit_count() for _, bits in group.sets)
                for state, n in moves.items():
                    self._subscriptions.add(found, state, -n)
                self._subscriptions.add(found, CODES[group.outcome.stage], moves.total())
                if group.outcome.retry_at is not None:
                    found.wake(to_us(group.outcome.retry_at))


def _weigh_batch(batch: EventBatch) -> int:
    return max(len(batch), sum(map(len, batch.bodies)) // BYTES_OF_EVENT)


def _weigh(settled: Settled) -> int:
    return settled.claim.n


def _nothing(_: sqlite3.Connection) -> None:
    """Write nothing, after what was to be written before."""


def _read_stored(
    connection: sqlite3.Connection,
) -> tuple[list[tuple[str, int, int]], float | None, tuple[Step, ...]]:
    in_flight = connection.execute(SQL["in_flight"]).fetchall()
    return in_flight, newest_time(connection), read_steps(connection)
