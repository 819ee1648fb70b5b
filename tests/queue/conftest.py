"""What every engine is tested with: a clock that jumps, and a bench that opens and reopens it."""

from __future__ import annotations

import contextlib
import itertools
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from offramp.queue import Lease, Ledger, NewItem, Outcome, Queue, SqliteLedger, Stage, open_queue
from offramp.storage import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

#: An arbitrary moment, in epoch seconds, with microseconds that a coarse column would lose.
START = 1_790_000_000.123457


class Clock:
    """Stands still until it is moved, or runs with the real one from then on."""

    def __init__(self) -> None:
        self._at = START
        self._running_since: float | None = None

    def __call__(self) -> float:
        if self._running_since is None:
            return self._at
        return self._at + time.monotonic() - self._running_since

    def move(self, seconds: float) -> None:
        self._at += seconds

    def run(self) -> None:
        self._running_since = time.monotonic()


@attrs.frozen
class Opened:
    """One engine on one set of data."""

    queue: Queue
    ledger: Ledger


@contextlib.asynccontextmanager
async def open_sqlite(folder: Path, now: Callable[[], float]) -> AsyncIterator[Opened]:
    """The engine on SQLite."""
    async with Store.open(folder) as store, open_queue(store, now=now) as queue:
        yield Opened(queue=queue, ledger=SqliteLedger(store))


#: Every engine that claims to keep the contract.
ENGINES = {"sqlite": open_sqlite}


class Bench:
    """An open engine, and short words for what most tests do with it."""

    def __init__(self, open_engine: Callable[[], AbstractAsyncContextManager[Opened]]) -> None:
        self.clock = Clock()
        self.queue: Queue
        self.ledger: Ledger
        self._open_engine = open_engine
        self._stack = contextlib.AsyncExitStack()
        self._ids = itertools.count()

    async def start(self) -> None:
        opened = await self._stack.enter_async_context(self._open_engine())
        self.queue, self.ledger = opened.queue, opened.ledger

    async def stop(self) -> None:
        await self._stack.aclose()

    async def reopen(self) -> None:
        """End the process, as far as the engine can tell, and start it again."""
        await self.stop()
        await self.start()

    def item(self, message_id: str = "", *lanes: str, **changes: Any) -> NewItem:
        """A track event; without an id it gets one that nobody else has."""
        message_id = message_id or f"m{next(self._ids)}"
        item = NewItem(
            source="source",
            message_id=message_id,
            type="track",
            name="Order Completed",
            received_at=self.clock() - 0.25,
            body=f'{{"messageId":"{message_id}"}}'.encode(),
            lanes=lanes or ("lane",),
        )
        return attrs.evolve(item, **changes)

    async def accept(self, n: int = 1, *lanes: str, **changes: Any) -> list[str]:
        """Accept so many events of new ids, and tell these."""
        items = [self.item("", *lanes, **changes) for _ in range(n)]
        assert all(await self.queue.accept(items))
        return [item.message_id for item in items]

    async def lease(self, n: int = 1, lane: str = "lane", ttl: float = 60) -> list[Lease]:
        return await self.queue.lease(lane, n, ttl=ttl)

    async def lease_one(self, lane: str = "lane", ttl: float = 60) -> Lease:
        (lease,) = await self.lease(1, lane, ttl)
        return lease

    async def settle(self, leases: Iterable[Lease], stage: Stage, **changes: Any) -> list[bool]:
        """Settle all alike; the reason is the stage's name in capitals."""
        if stage is Stage.RETRYING:
            changes.setdefault("retry_at", self.clock() + 60)
        changes.setdefault("reason", stage.value.upper())
        return await self.queue.settle(
            [Outcome(lease=lease, stage=stage, **changes) for lease in leases]
        )

    async def end(self, n: int, stage: Stage, lane: str = "lane", **changes: Any) -> list[str]:
        """Accept, lease and settle so many; tell their message ids."""
        ids = await self.accept(n, lane)
        leases = await self.lease(n, lane)
        assert await self.settle(leases, stage, **changes) == [True] * n
        return ids

    async def stage(self, message_id: str) -> Stage:
        """Where the one delivery of an event stands."""
        (story,) = await self.ledger.event(message_id)
        (delivery,) = story.deliveries
        return delivery.stage

    async def check(self) -> None:
        """The promise: every sum holds."""
        audit = await self.ledger.audit()
        assert audit.faults == ()


def ids_of(leases: Sequence[Lease]) -> list[str]:
    return [lease.message_id for lease in leases]


@pytest.fixture(params=sorted(ENGINES))
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench for each engine; whatever the test did, the sums must hold after it."""
    made = Bench(lambda: ENGINES[request.param](tmp_path / "data", made.clock))
    await made.start()
    yield made
    await made.check()
    await made.stop()
