"""A real worker on time that jumps ahead: hours of waiting pass in a moment."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from itertools import count, groupby
from operator import itemgetter
from typing import Any, TypeVar

import attrs
from tests.clocks import clock_of
from tests.delivery.parts import event, make_plan, make_small_runtime

from offramp import OutgoingRequest, Response, _json
from offramp.delivery.limits import Gate
from offramp.delivery.runtime import InstanceRuntime
from offramp.delivery.worker import Worker
from offramp.queue import EventHead, Lease, LeasePart, Outcome, Stage

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
    id: str
    body: bytes
    accepted_at: float
    due: float
    attempt: int = 1
    #: By which lease it is lent, and until when; nothing where it is free.
    token: str | None = None
    lent_until: float | None = None


@attrs.define
class MemoryQueue:
    """One subscription in memory, by the loop's time: as much of a queue as a worker asks for."""

    rows: dict[str, _Row] = attrs.field(factory=dict)
    ends: dict[str, Outcome] = attrs.field(factory=dict)
    #: Every outcome, in order.
    outcomes: list[Outcome] = attrs.field(factory=list)
    changed: asyncio.Event = attrs.field(factory=asyncio.Event)
    #: By the number of an event.
    _all: list[_Row] = attrs.field(factory=list)
    _tokens: Iterator[int] = attrs.field(factory=count)

    def accept(self, ids: Sequence[str]) -> None:
        now = _now()
        for each in ids:
            self.rows[each] = _Row(each, _json.dumps(event(each)), now, now)
            self._all.append(self.rows[each])
        self.changed.set()

    async def lease(
        self, subscription: str, n: int, *, ttl: float, wait: float = 0, onto: Lease | None = None
    ) -> Lease | None:
        until = _now() + wait
        while True:
            self.changed.clear()
            now = _now()
            free = [(row.due, at) for at, row in enumerate(self._all) if self._is_free(row)]
            due = [at for when, at in sorted(free, key=itemgetter(0)) if when <= now][:n]
            if due or now >= until:
                return self._lend(due, subscription, ttl, onto) if due else None
            soon = min([until, *(when for when, _ in free)])
            try:
                async with asyncio.timeout(soon - now):
                    await self.changed.wait()
            except TimeoutError:
                continue

    def _is_free(self, row: _Row) -> bool:
        return row.token is None and row.id in self.rows

    def _lend(self, due: Sequence[int], subscription: str, ttl: float, onto: Lease | None) -> Lease:
        token = str(next(self._tokens)) if onto is None else onto.token
        until = _now() + ttl
        numbers = [*(() if onto is None else onto.events()), *due]
        for at in numbers:
            self._all[at].token, self._all[at].lent_until = token, until
        parts = [
            LeasePart(
                block=0,
                positions=alike,
                bodies=[self._all[at].body for at in alike],
                attempt=attempt,
                accepted_at=accepted_at,
                opened_at=accepted_at,
                head=self._head,
            )
            for (attempt, accepted_at), group in groupby(numbers, self._part_of)
            for alike in [list(group)]
        ]
        return Lease(subscription=subscription, number=1, token=token, parts=tuple(parts))

    def _part_of(self, number: int) -> tuple[int, float]:
        return self._all[number].attempt, self._all[number].accepted_at

    def _head(self, number: int) -> EventHead:
        return EventHead("site", self._all[number].id, "track", "", 0)

    def _lent(self, lease: Lease) -> list[_Row]:
        rows = [self._all[at] for at in lease.events()]
        return [row for row in rows if row.token == lease.token]

    async def extend(self, lease: Lease, ttl: float) -> bool:
        lent = [row for row in self._all if row.token == lease.token]
        for row in lent:
            row.lent_until = _now() + ttl
        return bool(lent)

    async def begin_request(self, lease: Lease) -> None:
        assert len(self._lent(lease)) == len(lease), "sent, and not leased"

    async def release(self, lease: Lease) -> None:
        for row in self._lent(lease):
            row.token = row.lent_until = None
        self.changed.set()

    async def settle(
        self, lease: Lease, outcome: Outcome | None, exceptions: Mapping[int, Outcome]
    ) -> Sequence[int]:
        assert len(self._lent(lease)) == len(lease), "settled, and not leased"
        for position, number in enumerate(lease.events()):
            self._settle(self._all[number], exceptions.get(position, outcome))
        self.changed.set()
        return ()

    def _settle(self, row: _Row, outcome: Outcome | None) -> None:
        assert outcome is not None, "settled without an outcome"
        assert row.lent_until is not None
        assert row.lent_until >= _now(), "the lease lapsed: another worker may have sent it"
        self.outcomes.append(outcome)
        row.token = row.lent_until = None
        row.attempt += outcome.attempted
        if outcome.stage is Stage.RETRYING:
            assert outcome.retry_at is not None
            row.due = outcome.retry_at
        else:
            self.ends[row.id] = outcome
            del self.rows[row.id]


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
            clock=clock_of(_now),
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
