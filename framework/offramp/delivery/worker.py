"""The worker of one subscription: it leases, prepares, sends and settles deliveries in a loop."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from operator import attrgetter
from typing import Any, Final

import attrs

from offramp import _json
from offramp.delivery.attempt import deliver_batch
from offramp.delivery.batching import in_batches
from offramp.delivery.failures import PluginCode, as_delivery_error, plugin_failure
from offramp.delivery.limits import WaitGroup
from offramp.delivery.memory import Memory
from offramp.delivery.outcomes import OutcomeMaker, exchange_of
from offramp.delivery.plan import Plan, PreparedEvent
from offramp.delivery.retry import too_late
from offramp.delivery.runtime import InstanceRuntime
from offramp.errors import RejectedError, StorageError
from offramp.http import Mask
from offramp.queue import Lease, Outcome, Queue

log = logging.getLogger(__name__)

#: Seconds of a lease: several times the longest single request (10 s). Leases are extended.
LEASE_SECONDS: Final = 60.0
#: Leases are extended after a third of their time, so that one failed extension does no harm.
EXTENSIONS_PER_LEASE: Final = 3
#: Seconds of one wait for work.
WAIT_SECONDS: Final = 30.0
#: Seconds of pause after a wait without work, as a closed queue does not wait.
IDLE_PAUSE_SECONDS: Final = 0.01
#: Deliveries that are leased at once if the action has no batches.
SINGLES: Final = 32
#: Batches that are leased at once: each lease costs two changes of thread.
BATCHES_AHEAD: Final = 4
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

#: Called with outcomes after they are stored.
Observer = Callable[[Plan, Sequence[Outcome]], None]


@attrs.define(kw_only=True, eq=False)
class Worker:
    """Delivers for one subscription until it is stopped; `clock` is in epoch seconds."""

    plan: Plan
    runtime: InstanceRuntime
    queue: Queue
    clock: Callable[[], float]
    observe: Observer
    jitter: Callable[[], float] = random.random
    _busy: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    #: As `_busy`, for what is sent at the pace of halves; it does not limit the others.
    _slow: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    _few: asyncio.Semaphore = attrs.field(init=False)
    _memory: Memory = attrs.field(factory=Memory, init=False)
    _stopping: bool = attrs.field(default=False, init=False)
    #: The tasks of this subscription that wait at the instance's gate.
    _wait_group: WaitGroup = attrs.field(factory=WaitGroup, init=False)
    _outcomes: OutcomeMaker = attrs.field(init=False)

    #: Seconds to wait for more events if a batch is not full.
    _linger: float = attrs.field(init=False)

    @_linger.default
    def _default_linger(self) -> float:
        batch = self.plan.batch
        return 0.0 if batch is None else batch.linger.total_seconds()

    @_few.default
    def _default_few(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(SUSPECTS_AT_ONCE)

    @_outcomes.default
    def _default_outcomes(self) -> OutcomeMaker:
        return OutcomeMaker(
            plan=self.plan, runtime=self.runtime, clock=self.clock, jitter=self.jitter
        )

    @property
    def id(self) -> str:
        """The subscription's id."""
        return self.plan.subscription.id

    def _about(self, action: str) -> dict[str, str]:
        return {"action": action, "subscription": self.id}

    async def run(self) -> None:
        """Lease and deliver until cancelled; an error is logged, and the loop continues."""
        while not self._stopping:
            try:
                await self._turn()
            except StorageError as error:
                log.warning("subscription %s: %s", self.id, error, extra=self._about("storage"))
                await asyncio.sleep(FAULT_PAUSE_SECONDS)
            except Exception:
                log.exception("%s continues after an error", self.id, extra=self._about("fault"))
                await asyncio.sleep(FAULT_PAUSE_SECONDS)

    async def finish(self, *, within: float) -> None:
        """Release what waits, and wait at most `within` seconds for running deliveries."""
        self._stopping = True
        self._wait_group.close()
        try:
            if self._busy or self._slow:
                await asyncio.wait(self._busy | self._slow, timeout=within)
        finally:
            late = self._busy | self._slow
            for task in late:
                task.cancel()
            if late:  # a plugin may swallow its cancellation
                await asyncio.wait(late, timeout=CANCEL_SECONDS)

    async def _turn(self) -> None:
        if self.runtime.gate.pause:
            # Spread in time: the first one probes, and each subscription should get its turn.
            await asyncio.sleep(self.runtime.gate.pause + self.jitter() * PROBE_SPREAD_SECONDS)
        while not self._has_room():
            await asyncio.wait(self._busy, return_when=asyncio.FIRST_COMPLETED)
        most, ahead = self._wanted()
        if self.runtime.gate.needs_probe:
            leases = await self._lease_probe()
        else:
            leases = await self._lease(most * ahead, wait=WAIT_SECONDS)
        if not leases:
            await asyncio.sleep(IDLE_PAUSE_SECONDS)
        until = time.monotonic() + PATIENCE_SECONDS
        try:
            while leases and await self._is_their_turn(until):
                if self._linger and len(leases) < most:
                    await asyncio.sleep(self._linger)
                    leases += await self._lease(most - len(leases), wait=0)
                self._start(leases[:most])
                leases = leases[most:]
        finally:
            if leases:
                await self.queue.release(leases)

    def _wanted(self) -> tuple[int, int]:
        """The size of a batch, and how many batches to lease; one event as a probe."""
        if self.runtime.gate.needs_probe:
            return 1, 1
        batch = self.plan.batch
        most = SINGLES if batch is None else batch.max_events
        return most, min(BATCHES_AHEAD, self.runtime.gate.limit)

    def _has_room(self) -> bool:
        if self.runtime.gate.needs_probe:
            return not self._busy
        return len(self._busy) <= self.runtime.gate.limit

    async def _is_their_turn(self, until: float) -> bool:
        """Wait for the turn of leased events, at most until `until` (monotonic seconds)."""
        if not self._has_room():
            left = max(0.0, until - time.monotonic())
            await asyncio.wait(self._busy, timeout=left, return_when=asyncio.FIRST_COMPLETED)
        return self._has_room() and not self.runtime.gate.pause

    def _start(self, leases: list[Lease]) -> None:
        suspects = [lease for lease in leases if self._memory.is_suspect(lease.id)]
        others = [lease for lease in leases if not self._memory.is_suspect(lease.id)]
        if others:
            self._spawn(self._deliver(others, self._send_at_once), self._busy)
        if suspects:
            self._spawn(self._deliver(suspects, self._send_slowly), self._slow)

    def _spawn(self, work: Coroutine[Any, Any, None], among: set[asyncio.Task[None]]) -> None:
        task = asyncio.create_task(work, name=f"deliver {self.id}")
        among.add(task)
        task.add_done_callback(among.discard)

    async def _lease(self, most: int, *, wait: float) -> list[Lease]:
        # The leases are not extended while a batch waits for more events.
        ttl = LEASE_SECONDS + self._linger
        return await self.queue.lease(self.id, most, ttl=ttl, wait=wait)

    async def _lease_probe(self) -> list[Lease]:
        """Lease one event; those with few attempts first, as one that failed often may be bad."""
        leases = sorted(
            await self._lease(PROBE_CANDIDATES, wait=WAIT_SECONDS), key=attrgetter("attempt")
        )
        await self.queue.release(leases[1:])
        return leases[:1]

    async def _deliver(
        self, leases: list[Lease], work: Callable[[list[Lease]], Awaitable[None]]
    ) -> None:
        keeper = asyncio.create_task(self._keep(leases), name=f"extend {self.id}")
        try:
            await work(leases)
        except asyncio.CancelledError:
            await self.queue.release(leases)  # leases that are settled already are ignored
            raise
        finally:
            keeper.cancel()

    async def _send_at_once(self, leases: list[Lease]) -> None:
        ready, outcomes = await self._prepare(leases)
        sends = [self._survive(batch) for batch in in_batches(self.plan.batch, ready)]
        if outcomes:
            sends.append(self._settle(outcomes))
        for error in await asyncio.gather(*sends, return_exceptions=True):
            if error is not None:
                # What was sent but could not be settled is sent again when the leases expire.
                self._complain(error, self.plan.secrets.mask(self.runtime.mask))

    async def _send_slowly(self, leases: list[Lease]) -> None:
        """Send one batch after the other: each waits for its pace, then it is prepared."""
        async with self._few:
            ready, outcomes = await self._prepare(leases)
            if outcomes:
                await self._settle(outcomes)
            for batch in in_batches(self.plan.batch, ready):
                await self._survive(batch)

    def _complain(self, error: BaseException, mask: Mask) -> None:
        # Not `exc_info`: the text of an exception may hold a secret.
        trace = "".join(traceback.format_exception(error))
        log.error("subscription %s: %s", self.id, mask(trace), extra=self._about("fault"))

    async def _keep(self, leases: list[Lease]) -> None:
        while True:
            await asyncio.sleep(LEASE_SECONDS / EXTENSIONS_PER_LEASE)
            await self.queue.extend(leases, LEASE_SECONDS)

    async def _prepare(
        self, leases: Sequence[Lease]
    ) -> tuple[list[tuple[Lease, PreparedEvent]], list[Outcome]]:
        now, resumed = self.clock(), time.monotonic()
        ready: list[tuple[Lease, PreparedEvent]] = []
        outcomes: list[Outcome] = []
        for lease in leases:
            if time.monotonic() - resumed > TURN_SECONDS:
                await asyncio.sleep(0)
                resumed = time.monotonic()
            if self.plan.policy.forgotten(accepted_at=lease.accepted_at, now=now):
                outcomes.append(self._outcomes.failed(lease, too_late(), attempted=False))
                continue
            event: dict[str, Any] = {}
            with PluginCode() as code:  # a plugin's own checks may raise anything
                event = _json.loads(lease.body)
                past = self._memory.of(lease.id)
                prepared = self.plan.prepare(event, now=now, past=past, attempt=lease.attempt)
                ready.append((lease, prepared))
            if code.error is not None:
                outcomes.append(self._unprepared(lease, event, code.error))
        return ready, outcomes

    def _unprepared(self, lease: Lease, event: dict[str, Any], error: BaseException) -> Outcome:
        refused = isinstance(error, RejectedError)
        failure = as_delivery_error(error) if refused else plugin_failure(error)
        mask = self.plan.mask_of(self.runtime.mask, event)
        self.runtime.faults.note(self.id, failure, mask)
        return self._outcomes.failed(lease, failure, attempted=not refused, mask=mask)

    async def _survive(self, batch: list[tuple[Lease, PreparedEvent]]) -> None:
        """Send a batch; each delivery gets an outcome, whatever error occurs."""
        with PluginCode() as code:
            await self._send(batch)
        if code.error is None:
            return
        wires = [prepared.wire for _, prepared in batch]
        mask = self.plan.secrets.mask_wires(self.runtime.mask, wires)
        self._complain(code.error, mask)
        failure = plugin_failure(code.error)
        await self._settle([self._outcomes.failed(lease, failure, mask=mask) for lease, _ in batch])

    async def _send(self, batch: list[tuple[Lease, PreparedEvent]]) -> None:
        events = [prepared for _, prepared in batch]
        results = await deliver_batch(self.runtime, self.plan, events, self._wait_group)
        exchanges: dict[int, bytes] = {}
        outcomes = []
        held_back = []
        for (lease, prepared), result in zip(batch, results, strict=True):
            self._memory.keep(lease.id, result.past)
            if result.held_back:
                held_back.append(lease)
                continue
            exchange = exchange_of(result, exchanges)
            if result.error is None:
                outcomes.append(self._outcomes.delivered(lease, result, exchange))
            else:
                outcomes.append(
                    self._outcomes.failed(
                        lease,
                        result.error,
                        retryable=result.retryable,
                        payload=prepared.wire,
                        exchange=exchange,
                    )
                )
        await self.queue.release(held_back)
        await self._settle(outcomes)

    async def _settle(self, outcomes: list[Outcome]) -> None:
        """Store outcomes; retry until the storage recovers, while the leases are extended.

        Waiting prevents that events are sent twice, or that more are sent than can be recorded.
        """
        for outcome in outcomes:
            if outcome.stage.ended:
                self._memory.keep(outcome.lease.id, None)
        while True:
            try:
                settled = await asyncio.shield(self.queue.settle(outcomes))
                break
            except StorageError as error:
                log.warning("subscription %s: %s", self.id, error, extra=self._about("storage"))
                await asyncio.sleep(FAULT_PAUSE_SECONDS)
        kept = [outcome for outcome, ok in zip(outcomes, settled, strict=True) if ok]
        if kept:
            with PluginCode() as code:
                self.observe(self.plan, kept)
            if code.error is not None:
                self._complain(code.error, self.plan.secrets.mask(self.runtime.mask))
