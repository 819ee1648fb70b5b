"""A real worker on time that jumps ahead: hours of waiting pass in a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Sequence
from operator import itemgetter
from typing import Any, TypeVar

import attrs
from tests.delivery.parts import event, make_plan, make_small_runtime

from offramp import OutgoingRequest, Response, _json
from offramp.delivery.limits import Gate
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.worker import Worker
from offramp.queue import Lease, Outcome, Stage

T = TypeVar("T")

SUBSCRIPTION = "small/one"


class _JumpingSelector(selectors.DefaultSelector):
    """Where the loop would wait, its time goes on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 1_000_000.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout:
            self.seconds += timeout
            timeout = 0
        return super().select(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose time jumps to the next timer whenever it would wait."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.seconds


def run(main: Callable[[], Awaitable[T]]) -> T:
    """Run a coroutine function on virtual time."""

    async def begin() -> T:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(begin())


@attrs.define
class _Row:
    body: bytes
    accepted_at: float
    due: float
    attempt: int = 1
    #: Until when it is lent; nothing where it is free.
    lent_until: float | None = None


@attrs.define
class MemoryQueue:
    """One subscription in memory, by the loop's time: as much of a queue as a worker asks for."""

    rows: dict[str, _Row] = attrs.field(factory=dict)
    ends: dict[str, Outcome] = attrs.field(factory=dict)
    #: Every outcome, in order.
    outcomes: list[Outcome] = attrs.field(factory=list)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)

    def accept(self, ids: Sequence[str]) -> None:
        now = _now()
        for each in ids:
            self.rows[each] = _Row(_json.dumps(event(each)), now, now)
        self.changed.set()

    async def lease(self, subscription: str, n: int, *, ttl: float, wait: float = 0) -> list[Lease]:
        until = _now() + wait
        while True:
            self.changed.clear()
            now = _now()
            free = [(row.due, key) for key, row in self.rows.items() if row.lent_until is None]
            due = [key for when, key in sorted(free, key=itemgetter(0)) if when <= now][:n]
            if due or now >= until:
                return [self._lend(each, subscription, ttl) for each in due]
            soon = min([until, *(when for when, _ in free)])
            try:
                async with asyncio.timeout(soon - now):
                    await self.changed.wait()
            except TimeoutError:
                continue

    def _lend(self, key: str, subscription: str, ttl: float) -> Lease:
        row = self.rows[key]
        row.lent_until = _now() + ttl
        return Lease(
            id=key, token="t", lane=subscription, source="site", message_id=key, type="track",
            name="", body=row.body, attempt=row.attempt, accepted_at=row.accepted_at,
            opened_at=row.accepted_at, expires_at=row.lent_until,
        )  # fmt: skip

    async def extend(self, leases: Sequence[Lease], ttl: float) -> list[bool]:
        for lease in leases:
            if lease.id in self.rows and self.rows[lease.id].lent_until is not None:
                self.rows[lease.id].lent_until = _now() + ttl
        return [True] * len(leases)

    async def release(self, leases: Sequence[Lease]) -> None:
        for lease in leases:
            if lease.id in self.rows:
                self.rows[lease.id].lent_until = None
        self.changed.set()

    async def settle(self, outcomes: Sequence[Outcome]) -> list[bool]:
        for outcome in outcomes:
            row = self.rows[outcome.lease.id]
            assert row.lent_until is not None, "settled, and not leased"
            assert row.lent_until >= _now(), "the lease lapsed: another worker may have sent it"
            self.outcomes.append(outcome)
            row.lent_until = None
            row.attempt += outcome.attempted
            if outcome.stage is Stage.RETRYING:
                assert outcome.retry_at is not None
                row.due = outcome.retry_at
            else:
                self.ends[outcome.lease.id] = outcome
                del self.rows[outcome.lease.id]
        self.changed.set()
        return [True] * len(outcomes)


def _now() -> float:
    return asyncio.get_running_loop().time()


#: A status by the ids of a request.
Judge = Callable[[Sequence[str]], int | Exception]


@attrs.define
class World:
    """One instance with its partner; `step` lets its workers go on."""

    judge: Judge
    action: str = "take"
    #: Seconds that each answer takes.
    latency: float = 0.02
    headers: dict[str, str] = attrs.field(factory=dict)
    #: Each request: when it was answered, its ids, and the status.
    requests: list[tuple[float, list[str], int]] = attrs.field(factory=list)
    queue: MemoryQueue = attrs.field(factory=MemoryQueue)
    started: float = attrs.field(factory=_now)
    runtime: InstanceRuntime = attrs.field(init=False)
    _workers: list[tuple[Worker, asyncio.Task[None]]] = attrs.field(factory=list, init=False)

    @runtime.default
    def _make_runtime(self) -> InstanceRuntime:
        runtime = make_small_runtime(self._answer)
        runtime.gate = Gate(now=_now)
        return runtime

    async def _answer(self, outgoing: OutgoingRequest) -> Response:
        await asyncio.sleep(self.latency)
        ids = _json.loads(outgoing.body or b"[]")
        status = self.judge(ids)
        self.requests.append((self.elapsed, ids, 0 if isinstance(status, Exception) else status))
        if isinstance(status, Exception):
            raise status
        headers = {} if status == 200 else self.headers
        return Response(status=status, headers=headers, body=b"", url=outgoing.url)

    @property
    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return _now() - self.started

    @property
    def delivered(self) -> list[str]:
        """The ids that arrived, in order."""
        return [each for _, ids, status in self.requests if status == 200 for each in ids]

    @property
    def stages(self) -> dict[str, str]:
        """How each delivery ended that has ended."""
        return {key: outcome.stage.value for key, outcome in self.queue.ends.items()}

    def start(self, queue: MemoryQueue | None = None, action: str | None = None) -> Worker:
        """Start a worker, of the world's own queue or of another subscription's."""
        worker = Worker(
            plan=make_plan(action or self.action),
            runtime=self.runtime,
            queue=queue or self.queue,  # type: ignore[arg-type] # what a worker needs of one
            clock=_now,
            observe=lambda *_: None,
        )
        self._workers.append((worker, asyncio.create_task(worker.run())))
        return worker

    async def until(self, true: Callable[[], bool], *, within: float, every: float = 0.05) -> None:
        """Wait until something holds; fails after so many seconds."""
        deadline = _now() + within
        while not true():
            assert _now() < deadline, f"not within {within:g} s"
            await asyncio.sleep(every)

    async def stop(self) -> None:
        """Stop all workers."""
        for worker, task in self._workers:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await worker.finish(within=10)
