"""The worker of one subscription: it leases, prepares, sends and settles deliveries in a loop."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from typing import Any, Final

import attrs

from offramp.config import Pauses
from offramp.delivery.attempt import deliver_batch
from offramp.delivery.batch import Preparation, PreparedBatch
from offramp.delivery.failures import PluginCode, plugin_failure
from offramp.delivery.keeper import LEASE_SECONDS, LeaseKeeper
from offramp.delivery.limits import WaitGroup
from offramp.delivery.memory import Memory
from offramp.delivery.outcomes import OutcomeMaker, Settlement
from offramp.delivery.plan import Plan
from offramp.delivery.retry import too_late, wait_for_clock
from offramp.delivery.runtime import InstanceRuntime
from offramp.errors import StorageError
from offramp.http import Mask
from offramp.queue import Clock, Lease, Queue

log = logging.getLogger(__name__)

#: Seconds of one wait for work.
WAIT_SECONDS: Final = 30.0
#: Seconds of pause after a wait without work, as a closed queue does not wait.
IDLE_PAUSE_SECONDS: Final = 0.01
#: Deliveries that are leased at once if the action has no batches.
SINGLES: Final = 32
#: Most batches that are leased at once, since each lease costs two changes of thread; it is reached
#: by doubling, so that many subscriptions that begin together lease few events.
BATCHES_AHEAD: Final = 4
#: Most events that are leased at once in batches ahead: what four batches of the usual size have.
EVENTS_AHEAD: Final = 4_000
#: Due events among which the one with the fewest attempts is the probe of a held instance.
PROBE_CANDIDATES: Final = 500
#: Seconds over which the subscriptions of a held instance spread their probes after a rest.
PROBE_SPREAD_SECONDS: Final = 0.1
#: Requests with suspected events at the same time: few, so that the halves of batches that fail now
#: do not wait long.
SUSPECTS_AT_ONCE: Final = 4
#: Seconds that leased batches may wait for their turn before they are released. Their leases are
#: not extended meanwhile, so all of them share this time.
PATIENCE_SECONDS: Final = LEASE_SECONDS / 6
#: Seconds of pause after an error of the storage.
FAULT_PAUSE_SECONDS: Final = 1.0
#: Seconds for which events are prepared before other tasks run; a single event may take as long if
#: it uses up its mapping's budget.
TURN_SECONDS: Final = 0.02
#: Seconds that cancelled tasks have to end; after that they are no longer waited for.
CANCEL_SECONDS: Final = 1.0

#: Called with what is stored, and the positions of it that were lost and are not.
Observer = Callable[[Plan, Settlement, Collection[int]], None]


@attrs.define(kw_only=True, eq=False)
class Worker:
    """Delivers for one subscription until it is stopped."""

    plan: Plan
    runtime: InstanceRuntime
    queue: Queue
    clock: Clock
    observe: Observer
    jitter: Callable[[], float] = random.random
    #: When the subscription was paused; it is not while a worker runs.
    pauses: Pauses = attrs.field(factory=Pauses)
    _busy: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    #: As `_busy`, for what is sent at the pace of halves; it does not limit the others.
    _slow: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    #: Those that only store outcomes: other batches are sent in the place of theirs.
    _settling: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    _few: asyncio.Semaphore = attrs.field(init=False)
    _memory: Memory = attrs.field(factory=Memory, init=False)
    #: Why it cannot lease or settle now, by what it was doing.
    _troubles: dict[str, str] = attrs.field(factory=dict, init=False)
    _stopping: bool = attrs.field(default=False, init=False)
    #: Batches that are leased next.
    _ahead: int = attrs.field(default=1, init=False)
    #: The tasks of this subscription that wait at the instance's gate.
    _wait_group: WaitGroup = attrs.field(factory=WaitGroup, init=False)
    _outcomes: OutcomeMaker = attrs.field(init=False)
    _keeper: LeaseKeeper = attrs.field(init=False)
    #: Seconds to wait for more events if a batch is not full.
    _linger: float = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._few = asyncio.Semaphore(SUSPECTS_AT_ONCE)
        self._keeper = LeaseKeeper(self.queue)
        self._outcomes = OutcomeMaker(
            plan=self.plan,
            runtime=self.runtime,
            clock=self.clock,
            jitter=self.jitter,
            pauses=self.pauses,
        )
        batch = self.plan.batch
        self._linger = 0.0 if batch is None else batch.linger.total_seconds()

    @property
    def id(self) -> str:
        """The subscription's id."""
        return self.plan.subscription.id

    @property
    def trouble(self) -> str | None:
        """Why it cannot lease or settle now; `None` if it can."""
        return next(iter(self._troubles.values()), None)

    def _about(self, action: str) -> dict[str, str]:
        return {"action": action, "subscription": self.id}

    async def run(self) -> None:
        """Lease and deliver until cancelled; an error is logged, and the loop continues."""
        while not self._stopping:
            try:
                await self._turn()
            except StorageError as error:
                self._troubles["turn"] = str(error)
                log.warning("subscription %s: %s", self.id, error, extra=self._about("storage"))
                await asyncio.sleep(FAULT_PAUSE_SECONDS)
            except Exception as error:
                self._troubles["turn"] = f"{type(error).__name__}; the log has the traceback"
                log.exception("%s continues after an error", self.id, extra=self._about("fault"))
                await asyncio.sleep(FAULT_PAUSE_SECONDS)
            else:
                self._troubles.pop("turn", None)

    async def finish(self, *, within: float) -> None:
        """Release what waits, and wait at most `within` seconds for running deliveries."""
        self._stopping = True
        self._wait_group.close()
        end = time.monotonic() + within
        try:
            # What was sent is settled by another task.
            while (tasks := self._tasks) and (left := end - time.monotonic()) > 0:
                await asyncio.wait(tasks, timeout=left)
        finally:
            late = self._tasks
            for task in late:
                task.cancel()
            if late:  # a plugin may swallow its cancellation
                await asyncio.wait(late, timeout=CANCEL_SECONDS)

    @property
    def _tasks(self) -> set[asyncio.Task[None]]:
        return self._busy | self._slow | self._settling

    async def _turn(self) -> None:
        if self.runtime.gate.pause:
            # Spread in time: the first one probes, and each subscription should get its turn.
            await asyncio.sleep(self.runtime.gate.pause + self.jitter() * PROBE_SPREAD_SECONDS)
        while tasks := self._in_the_way():
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        most, ahead = self._wanted()
        if self.runtime.gate.needs_probe:
            lease = await self._lease_probe()
        else:
            lease = await self._lease(most * ahead, wait=WAIT_SECONDS)
        if lease is None:
            await asyncio.sleep(IDLE_PAUSE_SECONDS)
        self._ahead = min(BATCHES_AHEAD, 2 * ahead) if lease and len(lease) == most * ahead else 1
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            while lease is not None and await self._is_their_turn(until):
                if self._linger and len(lease) < most:
                    await asyncio.sleep(self._linger)
                    lease = await self._lease(most - len(lease), onto=lease) or lease
                first, lease = _cut(lease, most)
                self._start(first)
        finally:
            if lease is not None:
                await self.queue.release(lease)

    def _wanted(self) -> tuple[int, int]:
        """The size of a batch, and how many batches to lease; one event as a probe."""
        if self.runtime.gate.needs_probe:
            return 1, 1
        batch = self.plan.batch
        most = SINGLES if batch is None else batch.max_events
        # The requests that other subscriptions of the instance leave room for.
        room = self.runtime.gate.limit - self.runtime.batches + len(self._busy)
        return most, max(1, min(self._ahead, room, EVENTS_AHEAD // most))

    def _in_the_way(self) -> Collection[asyncio.Task[None]]:
        """The tasks of which one must end before another batch may be prepared.

        More than one batch is prepared only as far as requests may be sent, so that the events that
        many busy subscriptions hold ready stay few; and no more is sent than can be recorded.
        """
        if "settle" in self._troubles:
            return self._tasks
        gate = self.runtime.gate
        if len(self._settling) > gate.limit:
            return self._settling
        has_room = not gate.needs_probe and self.runtime.batches <= gate.limit
        return () if has_room else self._busy

    async def _is_their_turn(self, until: float) -> bool:
        """Wait for the turn of leased events, at most until `until` (monotonic seconds)."""
        while (tasks := self._in_the_way()) and (left := until - time.monotonic()) > 0:
            await asyncio.wait(tasks, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return not tasks and not self.runtime.gate.pause

    def _start(self, lease: Lease) -> None:
        pasts = self._memory.of(lease)
        suspects = [at for at, past in pasts.items() if past.together is not None]
        if not suspects:
            self._spawn(self._deliver(lease, self._send_at_once), self._busy)
            return
        others = lease.without(suspects)
        if len(others):
            self._spawn(self._deliver(others, self._send_at_once), self._busy)
        self._spawn(self._deliver(lease.pick(suspects), self._send_slowly), self._slow)

    def _spawn(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work, name=f"deliver {self.id}")
        among.add(task)
        task.add_done_callback(among.discard)
        if among is self._busy:
            self.runtime.batches += 1
            task.add_done_callback(self._leave)

    def _leave(self, _: asyncio.Task[None]) -> None:
        self.runtime.batches -= 1

    async def _lease(
        self, most: int, *, wait: float = 0, onto: Lease | None = None
    ) -> Lease | None:
        # The lease is not extended while a batch waits for more events.
        ttl = LEASE_SECONDS + self._linger
        return await self.queue.lease(self.id, most, ttl=ttl, wait=wait, onto=onto)

    async def _lease_probe(self) -> Lease | None:
        """Lease one event; those with few attempts first, as one that failed often may be bad."""
        lease = await self._lease(PROBE_CANDIDATES, wait=WAIT_SECONDS)
        if lease is None:
            return None
        span, _ = min(lease.spans(), key=lambda each: each[1].attempt)
        probe = span.start
        await self.queue.release(lease.without([probe]))
        return lease.pick([probe])

    async def _deliver(self, lease: Lease, work: Callable[[Lease], Awaitable[None]]) -> None:
        self._keeper.add(lease)
        try:
            await work(lease)
        except asyncio.CancelledError:
            await self.queue.release(lease)  # what is settled already is ignored
            raise
        finally:
            self._keeper.remove(lease)

    async def _send_at_once(self, lease: Lease) -> None:
        lease, batches, settlements = await self._prepare(lease)
        works = [self._survive(self._send(lease, batch), lease, batch) for batch in batches]
        works += [self._survive(self._settle(each)) for each in settlements]
        if len(works) == 1:
            await works[0]
        else:
            await asyncio.gather(*works)

    async def _send_slowly(self, lease: Lease) -> None:
        """Send one batch after the other: each waits for its pace, then it is prepared."""
        async with self._few:
            lease, batches, settlements = await self._prepare(lease)
            for each in settlements:
                await self._survive(self._settle(each))
            for batch in batches:
                await self._survive(self._send(lease, batch), lease, batch)

    def _complain(self, error: BaseException, mask: Mask) -> None:
        # Not `exc_info`: the text of an exception may hold a secret.
        trace = "".join(traceback.format_exception(error))
        log.error("subscription %s: %s", self.id, mask(trace), extra=self._about("fault"))

    async def _prepare(self, lease: Lease) -> tuple[Lease, list[PreparedBatch], list[Settlement]]:
        """Prepare a lease: what is left of it, its batches, and what ends without an attempt."""
        now = self.clock()
        settlements = []
        late = [
            position
            for span, part in lease.spans()
            if self.plan.policy.forgotten(age=self.clock.longest_age(part.accepted_at))
            for position in span
        ]
        if late:
            doubt = self.clock.doubt
            error = too_late() if doubt is None else wait_for_clock(too_late(), doubt)
            outcomes = self._outcomes.failed(lease, late, error, attempted=False)
            settlements.append(Settlement.of(lease, dict(zip(late, outcomes, strict=True))))
            lease = lease.without(late)
        made = Preparation(bodies=lease.bodies)
        settings_of = self.runtime.settings_of
        while not self.plan.prepare(  # noqa: ASYNC110 - none tells
            made, now=now, settings_of=settings_of, seconds=TURN_SECONDS
        ):
            await asyncio.sleep(0)
        if made.failures:
            settlements.append(self._outcomes.of_unprepared(lease, made.failures))
        pasts = self._memory.of(lease)
        batches = made.batches(self.plan.batch, pasts=pasts, attempt_of=lease.attempt)
        return lease, batches, settlements

    async def _survive(
        self, work: Awaitable[None], lease: Lease | None = None, batch: PreparedBatch | None = None
    ) -> None:
        """Wait for work on a batch; each delivery gets an outcome, whatever error occurs."""
        with PluginCode() as code:
            await work
        if code.error is None:
            return
        mask = self.plan.secrets.mask_wires(self.runtime.mask, batch.wires if batch else tuple)
        self._complain(code.error, mask)
        if lease is None or batch is None:
            return  # what could not be settled is sent again when the lease expires
        failure = plugin_failure(code.error)
        outcomes = self._outcomes.failed(lease, batch.positions, failure, mask=mask)
        failed = dict(zip(batch.positions, outcomes, strict=True))
        await self._survive(self._settle(Settlement.of(lease, failed)))

    async def _send(self, lease: Lease, batch: PreparedBatch) -> None:
        async def begin(positions: Sequence[int]) -> None:
            await self.queue.begin_request(lease.pick(positions))

        verdicts = await deliver_batch(
            self.runtime, self.plan, batch, self._wait_group, begin=begin
        )
        for verdict in verdicts:
            if verdict.held_back or verdict.past is not None or batch.pasts:
                positions = [batch.positions[index] for index in verdict.indexes]
                self._memory.keep(lease, positions, verdict.past)
                if verdict.held_back:
                    await self.queue.release(lease.pick(positions))
        settlement = self._outcomes.of_verdicts(lease, batch, verdicts)

        async def settle(_: Lease) -> None:
            await self._survive(self._settle(settlement), lease, batch)

        if self._others_fill_the_places():
            await settle(settlement.lease)
        elif len(settlement.lease):
            self._spawn(self._deliver(settlement.lease, settle), self._settling)

    def _others_fill_the_places(self) -> bool:
        """Whether others of the instance have enough batches to fill its places.

        Then a batch keeps its place until its outcome is stored: the next one of this subscription
        has more events by then, and fewer requests are made.
        """
        return self.runtime.batches - len(self._busy) >= self.runtime.gate.limit

    async def _settle(self, settlement: Settlement) -> None:
        """Store outcomes; retry until the storage recovers, while the lease is extended.

        Waiting prevents that events are sent twice, or that more are sent than can be recorded.
        """
        if not len(settlement.lease):
            return
        self._forget(settlement)
        while True:
            try:
                lost = await asyncio.shield(
                    self.queue.settle(settlement.lease, settlement.outcome, settlement.exceptions)
                )
                break
            except StorageError as error:
                self._troubles["settle"] = str(error)
                log.warning("subscription %s: %s", self.id, error, extra=self._about("storage"))
                await asyncio.sleep(FAULT_PAUSE_SECONDS)
        self._troubles.pop("settle", None)
        if len(lost) < len(settlement.lease):
            with PluginCode() as code:
                self.observe(self.plan, settlement, lost)
            if code.error is not None:
                self._complain(code.error, self.plan.secrets.mask(self.runtime.mask))

    def _forget(self, settlement: Settlement) -> None:
        """Forget how the deliveries failed that have come to their end."""
        ended = [at for at, each in settlement.exceptions.items() if each.stage.ended]
        self._memory.keep(settlement.lease, ended, None)


def _cut(lease: Lease, most: int) -> tuple[Lease, Lease | None]:
    """The first deliveries of a lease, and the others, if there are any."""
    if len(lease) <= most:
        return lease, None
    return lease.pick(range(most)), lease.pick(range(most, len(lease)))
