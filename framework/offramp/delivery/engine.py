"""The delivery engine: accepts events, runs a worker per subscription, applies configurations."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any, Final

import attrs

from offramp import _json
from offramp.config import (
    DISABLED_SOURCE_GRACE,
    MAX_PAUSED_EVENTS,
    Config,
    Instance,
    Periods,
    References,
)
from offramp.delivery.alarm import Alarm
from offramp.delivery.breaker import Hold
from offramp.delivery.disabled import why_ended
from offramp.delivery.explain import explain
from offramp.delivery.incoming import Incoming
from offramp.delivery.outcomes import Settlement
from offramp.delivery.pausing import PauseBound
from offramp.delivery.plan import Plan
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.snapshot import (
    Snapshot,
    StartInstance,
    compile_config,
    compile_subscriptions,
    refuse_unreadable,
    start_runtimes,
)
from offramp.delivery.worker import Worker
from offramp.errors import PluginError, StorageError
from offramp.plugins import Catalog, pick
from offramp.queue import Clock, Queue, Stage

log = logging.getLogger(__name__)

#: Seconds for a worker to finish its running deliveries when it is stopped or replaced.
FINISH_SECONDS: Final = 10.0
#: Seconds between two checks whether deliveries are still in flight.
LOOK_SECONDS: Final = 0.02
#: Seconds of pause after an error of the storage, before the operation is retried.
FAULT_PAUSE_SECONDS: Final = 1.0


class Engine:
    """Accepts events into the queue and delivers them, once `apply` gave it a configuration.

    Nothing is sent to the subscriptions in `withheld` until `release`.
    Implements the `Intake` of the collector.
    """

    def __init__(  # noqa: PLR0913 - its parts, and what it is set to
        self,
        catalog: Catalog,
        queue: Queue,
        start_instance: StartInstance,
        *,
        references: References | None = None,
        withheld: Collection[str] = (),
        clock: Clock | None = None,
        max_paused_events: int = MAX_PAUSED_EVENTS,
        disabled_source_grace: timedelta = DISABLED_SOURCE_GRACE,
    ) -> None:
        self.catalog = catalog
        #: The references that mappings may resolve; by default none.
        self.references = references or References()
        self.queue = queue
        self.refused: Counter[tuple[str, str]] = Counter()
        #: Write key -> when it was last used, in epoch seconds; since the start.
        self.key_used_at: dict[str, float] = {}
        self._start_instance = start_instance
        #: The one by which the queue stores times.
        self.clock = clock or Clock()
        self._snapshot: Snapshot = compile_config(Config(), catalog, start_instance)
        self._withheld = set(withheld)
        self._workers: dict[str, tuple[Worker, asyncio.Task[None]]] = {}
        self._changing = asyncio.Lock()
        self._alarm = Alarm(time.monotonic)
        self._grace = disabled_source_grace.total_seconds()
        self._pause_bound = PauseBound(queue, max_paused_events)
        self._stopped = False
        #: Tasks that finish work of earlier configurations.
        self._retiring: set[asyncio.Task[None]] = set()
        #: Number of requests that route by a snapshot; an event is set when one of them ends.
        self._accepting: Counter[Snapshot] = Counter()
        self._accepted = asyncio.Event()

    @property
    def snapshot(self) -> Snapshot:
        """The running configuration."""
        return self._snapshot

    @property
    def held(self) -> Mapping[str, Hold]:
        """The instances that are held back, by name, and why; secrets are masked."""
        return {
            name: attrs.evolve(hold, message=runtime.mask(hold.message))
            for name, runtime in self._snapshot.runtimes.items()
            if (hold := runtime.gate.held) is not None
        }

    @property
    def withheld(self) -> Collection[str]:
        """The subscriptions to which nothing is sent until `release`."""
        return self._withheld

    @property
    def problems(self) -> Mapping[str, str]:
        """Place -> why it does not run; includes plugins that could not be used."""
        plugins = {each.place: each.message for each in self.catalog.problems}
        return {**self._snapshot.problems, **plugins}

    @property
    def troubled(self) -> Mapping[str, str]:
        """The subscriptions whose workers cannot lease or settle now, and why."""
        found = {}
        for subscription, (worker, task) in self._workers.items():
            trouble = "its task has ended" if task.done() else worker.trouble
            if trouble is not None:
                found[subscription] = trouble
        return found

    def source_of(self, write_key: str) -> str | None:
        """Find the source of a write key whose events are stored, or `None`; notes the use."""
        source = self._snapshot.source_of(write_key, self._grace_time, closed=False)
        if source is not None:
            self.key_used_at[write_key] = self.clock()
        return source

    def _forget_keys(self, config: Config) -> None:
        """Forget when keys were used that no source has any more."""
        keys = {key for each in config.sources.values() for key in each.labelled_keys.values()}
        self.key_used_at = {key: at for key, at in self.key_used_at.items() if key in keys}

    def closed_source_of(self, write_key: str) -> str | None:
        """Find the source of a write key that has been disabled for too long, or `None`.

        Raises `StorageError` if a key that no source has may be that of one that cannot be read:
        its senders are to send again.
        """
        found = self._snapshot.source_of(write_key, self._grace_time, closed=True)
        if found is None and (lost := self._snapshot.sources_without_keys):
            names = ", ".join(lost)
            raise StorageError(f"the write keys of the source {names} cannot be read")
        return found

    def _grace_time(self) -> float:
        """The time by which graces end: a step of the clock makes none shorter."""
        return self.clock.ago(self._grace) + self._grace

    def open(self, source: str, *, allow_deletes: bool = False) -> Incoming:
        """Gather the events of one request from a source; they are routed by this configuration."""
        snapshot = self._snapshot
        routes, store = snapshot.router.of(source), partial(self._store, snapshot, source)
        allowed = allow_deletes or snapshot.is_server_side(source)
        return Incoming(routes, store, allow_deletes=allowed)

    async def accept(self, source: str, events: Sequence[dict[str, Any]]) -> Sequence[bool]:
        """Store whole events; see `Incoming.store`."""
        incoming = self.open(source)
        for event in events:
            incoming.add_whole(event, _json.dumps(event))
        return await incoming.store()

    async def _store(self, snapshot: Snapshot, source: str, incoming: Incoming) -> Sequence[bool]:
        self._accepting[snapshot] += 1
        try:
            return await self.queue.accept(incoming.batch(source, self.clock()))
        finally:
            self._accepting[snapshot] -= 1
            self._accepted.set()

    def refuse(self, source: str | None, reason: str, count: int = 1) -> None:
        """Count events that the collector refused."""
        self.refused[source or "", reason] += count

    async def apply(
        self, config: Config, periods: Periods | None = None, *, reread: bool = False
    ) -> Snapshot:
        """Run another configuration at once; running deliveries end under the old one.

        `periods` say when its parts were paused; without them, those of before stay. New workers
        start beside the old ones, which keep what they have leased. With `reread`, parts whose
        references stand for something else now start anew too. The change is completed even if the
        caller is cancelled.
        """
        work = self._apply(config, periods, reread=reread)
        return await asyncio.shield(asyncio.create_task(work, name="apply"))

    async def _apply(self, config: Config, periods: Periods | None, *, reread: bool) -> Snapshot:
        async with self._changing:
            old = self._snapshot
            # In a thread: a new file may have thousands of subscriptions.
            compiled = await asyncio.to_thread(
                compile_subscriptions,
                config,
                self.catalog,
                previous=old,
                references=self.references,
                reread=reread,
            )
            if self._stopped:
                return old
            periods = old.periods if periods is None else periods
            new = start_runtimes(compiled, self.catalog, self._start_instance).with_periods(
                periods, grace=self._grace, now=self.clock()
            )
            self._snapshot = new
            self._forget_keys(config)
            paused = new.paused_subscriptions
            self.queue.leave_out(paused)
            self._pause_bound.watch(new.paused)
            _log_problems(new.new_problems(old))
            changed = [
                each for each in self._workers if each in paused or new.has_changed(each, old)
            ]
            replaced = [await self._interrupt(each) for each in changed]
            for subscription, plan in new.plans.items():
                if subscription not in self._workers and subscription not in paused:
                    self._start_worker(subscription, plan)
            task = asyncio.create_task(self._retire(replaced, old, new), name="retire")
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)
            return new

    async def end_disabled(self, subscriptions: Iterable[str]) -> None:
        """End what waits in those that are removed or disabled: it was queued meanwhile."""
        config = self._snapshot.config
        if any(why_ended(config, each) is not None for each in subscriptions):
            await self._end_removed()

    async def release(self, subscription: str) -> None:
        """Send to a subscription that was withheld since the start."""
        async with self._changing:
            if subscription not in self._withheld:
                return
            self._withheld.remove(subscription)
            plan = self._snapshot.plans.get(subscription)
            if plan is not None and subscription not in self._snapshot.paused_subscriptions:
                self._start_worker(subscription, plan)

    async def stop(self, *, within: float = FINISH_SECONDS) -> None:
        """Finish running deliveries and stop every worker, in at most `within` seconds.

        A change that is being made is waited for; one that is still compiling is dropped.
        """
        self._stopped = True
        async with self._changing:  # wait for a change: replaced workers are not tracked yet
            pass
        deadline = time.monotonic() + within
        await self._pause_bound.close()
        await asyncio.gather(*(self._stop_worker(each, within) for each in list(self._workers)))
        if self._retiring:
            left = max(0.0, deadline - time.monotonic())
            _, late = await asyncio.wait(self._retiring, timeout=left)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        await _close(self._snapshot.runtimes.values())

    @asynccontextmanager
    async def borrow(self, instance: Instance) -> AsyncIterator[InstanceRuntime]:
        """Return the running instance, or start it for this block only.

        Raises `ConfigError`, or `PluginError` if its middleware cannot be used.
        """
        running = self._snapshot.runtimes.get(instance.name)
        if running is not None and running.instance == instance:
            yield running
            return
        if self._snapshot.held is not None:
            raise PluginError(self._snapshot.held)
        config = self._snapshot.config
        if config.instances.get(instance.name) == instance:
            refuse_unreadable(config, "instance", instance.name)
        started = self._start_instance(instance, self.catalog[instance.destination])
        try:
            yield started
        finally:
            await started.close()

    async def explain(self, subscription: str, event: dict[str, Any]) -> dict[str, Any]:
        """Explain what an enabled subscription would make of an event; nothing is sent."""
        plan = pick(self._snapshot.plans, subscription, "running subscription")
        runtime = self._snapshot.runtime_of(plan)
        return await explain(plan, runtime, event, now=self.clock())

    async def wait_until_idle(self, *, timeout: float) -> bool:
        """Wait until running subscriptions have nothing in flight; `False` after `timeout` s."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            depths = await self.queue.depths()
            if not any(depths[each].total for each in self._workers if each in depths):
                return True
            await asyncio.sleep(LOOK_SECONDS)
        return False

    def _start_worker(self, subscription: str, plan: Plan) -> None:
        runtime = self._snapshot.runtime_of(plan)
        if runtime is None or self._stopped or subscription in self._withheld:
            return
        worker = Worker(
            plan=plan,
            runtime=runtime,
            queue=self.queue,
            clock=self.clock,
            observe=self._observe,
            pauses=self._snapshot.periods.pauses_of(self._snapshot.config, subscription),
        )
        task = asyncio.create_task(worker.run(), name=f"worker {subscription}")
        self._workers[subscription] = worker, task

    async def _stop_worker(self, subscription: str, within: float = FINISH_SECONDS) -> None:
        worker = await self._interrupt(subscription)
        await worker.finish(within=within)

    async def _interrupt(self, subscription: str) -> Worker:
        """Stop a worker from leasing; what it has leased continues."""
        worker, task = self._workers.pop(subscription)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return worker

    async def _retire(self, replaced: Iterable[Worker], old: Snapshot, new: Snapshot) -> None:
        kept = set(new.runtimes.values())
        try:
            await asyncio.gather(*(each.finish(within=FINISH_SECONDS) for each in replaced))
        finally:
            await _close(each for each in old.runtimes.values() if each not in kept)
        while self._accepting[old]:  # events that it still routes must not stay behind
            self._accepted.clear()
            await self._accepted.wait()
        del self._accepting[old]
        await self._end_removed()

    async def _end_removed(self) -> None:
        """End what waits in removed and disabled ones; retry until the storage recovers."""
        while True:
            try:
                # Locked: one that is enabled again meanwhile would lose the events it accepts.
                async with self._changing:
                    for subscription, depth in (await self.queue.depths()).items():
                        ending = why_ended(self._snapshot.config, subscription)
                        if depth.total and ending is not None:
                            n = await self.queue.cancel(subscription, **ending)
                            what = f"{n} waiting deliveries ended, {ending['reason']}"
                            about = {"action": "ended_waiting", "subscription": subscription}
                            log.warning("%s: %s", subscription, what, extra=about)
            except StorageError as error:
                log.warning(
                    "ending removed subscriptions: %s",
                    error,
                    extra={"action": "removed_storage"},
                )
                await asyncio.sleep(FAULT_PAUSE_SECONDS)
            else:
                return

    def _observe(self, plan: Plan, settlement: Settlement, lost: Collection[int]) -> None:
        self._alarm.note(settlement, lost)
        if not self.catalog.plugins.observes:
            return
        now = self.clock()
        ended = [
            plan.settled(settlement.lease.delivery(position), outcome, now)
            for position, outcome in settlement.outcomes()
            if outcome.stage is not Stage.RETRYING and position not in lost
        ]
        if ended:
            self.catalog.plugins.settled(ended)


async def _close(runtimes: Iterable[InstanceRuntime]) -> None:
    for runtime in runtimes:
        try:
            await runtime.close()
        except Exception:
            log.exception("closing instance %s", runtime.instance.name)


def _log_problems(problems: Mapping[str, str]) -> None:
    for place, problem in problems.items():
        about = {"action": "does_not_run"}
        log.error("%s does not run, its events wait: %s", place, problem, extra=about)
