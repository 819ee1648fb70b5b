"""Supervised workers: each is started again when it ends, and a call survives one death of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import attrs

from offramp import OfframpError, RetryableError
from offramp_segment.node import WorkerCommand
from offramp_segment.worker import SendFetch, Worker, WorkerDiedError

log = logging.getLogger(__name__)

#: Seconds before a worker is started that ended soon after its start; doubled each time.
FIRST_WAIT_SECONDS: Final = 0.1
MAX_WAIT_SECONDS: Final = 30.0
#: Seconds after which a worker that ended counts as one that had worked.
STABLE_SECONDS: Final = 60.0
#: Seconds for which a call waits for a worker.
MAX_AVAILABLE_SECONDS: Final = 20.0
#: Seconds for which the calls of a worker that is replaced may go on: the host's longest call.
DRAIN_SECONDS: Final = 300.0
#: Seconds for which calls like one that ended two workers run in a worker for themselves.
QUARANTINE_SECONDS: Final = 600.0


class EndsWorkersError(OfframpError):
    """A call ended two workers, the second one while it was alone in it."""


@attrs.define(eq=False)
class _Slot:
    """The place of one worker, which is filled again whenever it is empty."""

    command: WorkerCommand
    hello: Mapping[str, Any]
    worker: Worker | None = attrs.field(default=None, init=False)
    _available: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _draining: set[asyncio.Task[None]] = attrs.field(factory=set, init=False)
    _keeper: asyncio.Task[None] | None = attrs.field(default=None, init=False)

    async def start(self) -> None:
        """Start the first worker, and keep the place filled until `stop`."""
        self._fill(await Worker.start(self.command, self.hello))
        self._keeper = asyncio.create_task(self._keep(), name="keeper of a worker")

    async def stop(self) -> None:
        """End the worker, and those that still drain."""
        tasks = [*self._draining] if self._keeper is None else [self._keeper, *self._draining]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self.worker is not None:
            await self.worker.stop()

    async def find(self) -> Worker:
        """The worker, once there is one; raises `RetryableError` if there is none for long."""
        try:
            async with asyncio.timeout(MAX_AVAILABLE_SECONDS):
                await self._available.wait()
        except TimeoutError:
            message = f"no worker could be started within {MAX_AVAILABLE_SECONDS:g} s"
            raise RetryableError(message, code="NO_WORKER", status=503) from None
        assert self.worker is not None  # noqa: S101 - `_available` says so
        return self.worker

    def _fill(self, worker: Worker) -> None:
        self.worker = worker
        self._available.set()

    async def _keep(self) -> None:
        clock = asyncio.get_running_loop().time
        wait, started = 0.0, clock()
        while True:
            if self.worker is not None:
                await self.worker.worn.wait()
                wait = 0.0 if clock() - started > STABLE_SECONDS else wait
                self._retire(self.worker)
            await asyncio.sleep(wait)
            wait = min(max(2 * wait, FIRST_WAIT_SECONDS), MAX_WAIT_SECONDS)
            started = clock()
            try:
                self._fill(await Worker.start(self.command, self.hello))
            except (WorkerDiedError, OSError) as error:
                log.error("a worker could not be started: %s", error)  # noqa: TRY400 - the message says it

    def _retire(self, worker: Worker) -> None:
        self._available.clear()
        self.worker = None
        if worker.ended.is_set():
            log.warning("a worker of Segment's destinations ended: another one is started")
        else:
            task = asyncio.create_task(worker.drain(DRAIN_SECONDS))
            self._draining.add(task)
            task.add_done_callback(self._draining.discard)


@attrs.define(eq=False)
class _Lone:
    """A worker that runs one call at a time, so that it is known which call ended it."""

    command: WorkerCommand
    hello: Mapping[str, Any]
    _lock: asyncio.Lock = attrs.field(factory=asyncio.Lock, init=False)
    _worker: Worker | None = attrs.field(default=None, init=False)
    _waiting: int = attrs.field(default=0, init=False)

    async def call(self, message: Mapping[str, Any], send_fetch: SendFetch) -> Any:
        self._waiting += 1
        try:
            async with self._lock:
                try:
                    if self._worker is None or self._worker.ended.is_set():
                        self._worker = await Worker.start(self.command, self.hello)
                    return await self._worker.call(message, send_fetch)
                finally:
                    if self._waiting == 1:
                        await self.stop()
        finally:
            self._waiting -= 1

    async def stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            await worker.stop()


@attrs.define(eq=False)
class Pool:
    """Workers of one kind; what an instance calls goes to the same one, which knows its past."""

    command: WorkerCommand
    hello: Mapping[str, Any]
    size: int
    _slots: list[_Slot] = attrs.field(init=False)
    _lone: _Lone = attrs.field(init=False)
    #: By instance.
    _assigned: dict[str, _Slot] = attrs.field(factory=dict, init=False)
    #: By what ended workers: until when it runs alone, by the clock of the event loop.
    _quarantined: dict[Hashable, float] = attrs.field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._slots = [_Slot(self.command, self.hello) for _ in range(self.size)]
        self._lone = _Lone(self.command, self.hello)

    @asynccontextmanager
    async def run(self) -> AsyncIterator[None]:
        """Hold the workers open; raises `WorkerDiedError` if one does not start."""
        try:
            async with asyncio.TaskGroup() as group:
                for slot in self._slots:
                    group.create_task(slot.start())
            yield
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            await self._lone.stop()
            for slot in self._slots:
                await slot.stop()

    async def call(
        self, instance: str, kind: Hashable, message: Mapping[str, Any], send_fetch: SendFetch
    ) -> Any:
        """Run an operation for an instance; `kind` is what calls have in common that may be bad.

        A call whose worker ends is run once more, alone. Raises what `Worker.call` does, but
        `EndsWorkersError` in the place of `WorkerDiedError`.
        """
        if not self._is_quarantined((instance, kind)):
            worker = await self._slot(instance).find()
            try:
                return await worker.call(message, send_fetch)
            except WorkerDiedError:
                pass  # whichever of the calls in flight has ended it
        try:
            return await self._lone.call(message, send_fetch)
        except WorkerDiedError as error:
            until = asyncio.get_running_loop().time() + QUARANTINE_SECONDS
            self._quarantined[instance, kind] = until
            raise EndsWorkersError(f"the call ended two workers: {error}") from error

    def _slot(self, instance: str) -> _Slot:
        if instance not in self._assigned:
            taken = list(self._assigned.values())
            self._assigned[instance] = min(self._slots, key=taken.count)
        return self._assigned[instance]

    def _is_quarantined(self, kind: Hashable) -> bool:
        until = self._quarantined.get(kind)
        if until is not None and until <= asyncio.get_running_loop().time():
            del self._quarantined[kind]
            return False
        return until is not None
