"""What every engine is tested with: a clock that jumps, and a bench that opens and reopens it."""

from __future__ import annotations

import contextlib
import itertools
from typing import TYPE_CHECKING, Any

import attrs
import msgspec
import pytest
from tests.clocks import MovedClock

from offramp.queue import (
    Clock,
    Delivery,
    EventBatch,
    EventFilter,
    EventRecord,
    Lease,
    Ledger,
    Outcome,
    Queue,
    Route,
    SqliteLedger,
    Stage,
    open_queue,
)
from offramp.storage import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

#: The subscription of events for which a test names none.
SUBSCRIPTION = "sub"
#: What an `EventFilter` takes for filtered events.
FILTERED = frozenset({Stage.FILTERED})


@attrs.frozen
class Event:
    """One event of a batch, and the way that it goes."""

    message_id: str
    subscriptions: tuple[str, ...] = (SUBSCRIPTION,)
    filtered: Mapping[str, Sequence[str]] = attrs.field(factory=dict)
    type: str = "track"
    name: str = "Order Completed"
    body: bytes = attrs.field()

    @body.default
    def _default_body(self) -> bytes:
        return msgspec.json.encode({"messageId": self.message_id})


def batch_of(*events: Event, source: str = "source", received_at: float = 0) -> EventBatch:
    """The events as one request; those that go one way share its route."""
    ways = [(event.subscriptions, repr(event.filtered)) for event in events]
    routes = {
        way: Route(subscriptions=event.subscriptions, filtered=event.filtered)
        for way, event in zip(ways, events, strict=True)
    }
    indexes = {way: index for index, way in enumerate(routes)}
    return EventBatch(
        source=source,
        received_at=received_at,
        message_ids=[event.message_id for event in events],
        types=[event.type for event in events],
        names=[event.name for event in events],
        bodies=[event.body for event in events],
        routes=list(routes.values()),
        route_of=[indexes[way] for way in ways],
    )


@attrs.frozen
class Opened:
    """One engine on one set of data."""

    queue: Queue
    ledger: Ledger


@contextlib.asynccontextmanager
async def open_sqlite(folder: Path, clock: Clock) -> AsyncIterator[Opened]:
    """The engine on SQLite."""
    async with Store.open(folder) as store, open_queue(store, clock=clock) as queue:
        yield Opened(queue=queue, ledger=SqliteLedger(store))


#: Every engine that claims to keep the contract.
ENGINES = {"sqlite": open_sqlite}


class Bench:
    """An open engine, and short words for what most tests do with it."""

    def __init__(self, open_engine: Callable[[], AbstractAsyncContextManager[Opened]]) -> None:
        self.clock = MovedClock()
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

    def event(self, message_id: str = "", *subscriptions: str, **changes: Any) -> Event:
        """A track event; without an id it gets one that nobody else has."""
        event = Event(message_id or f"m{next(self._ids)}", subscriptions or (SUBSCRIPTION,))
        return attrs.evolve(event, **changes)

    def batch(self, *events: Event, source: str = "source") -> EventBatch:
        """The events as one request of a source, which came a quarter of a second ago."""
        return batch_of(*events, source=source, received_at=self.clock() - 0.25)

    async def send(self, *events: Event, source: str = "source") -> list[bool]:
        """Accept the events as one request; tell which of them are new."""
        return list(await self.queue.accept(self.batch(*events, source=source)))

    async def accept(self, n: int = 1, *subscriptions: str, source: str = "source") -> list[str]:
        """Accept so many events of new ids that go one way, in one request; tell their ids."""
        events = [self.event("", *subscriptions) for _ in range(n)]
        assert await self.send(*events, source=source) == [True] * n
        return [event.message_id for event in events]

    async def accept_apart(self, n: int, *subscriptions: str, apart: float = 1) -> list[str]:
        """Accept so many, each in a request and a block of its own, so many seconds apart."""
        ids = []
        for _ in range(n):
            ids += await self.accept(1, *subscriptions)
            self.clock.move(apart)
        return ids

    async def lease(
        self, n: int = 1, subscription: str = SUBSCRIPTION, ttl: float = 60
    ) -> Lease | None:
        return await self.queue.lease(subscription, n, ttl=ttl)

    async def take(self, n: int = 1, subscription: str = SUBSCRIPTION, ttl: float = 60) -> Lease:
        """Lease exactly so many."""
        lease = await self.lease(n, subscription, ttl)
        assert lease is not None
        assert len(lease) == n
        return lease

    def outcome(self, stage: Stage, **changes: Any) -> Outcome:
        """An outcome whose reason is the stage's name in capitals; a retry is due in a minute."""
        if stage is Stage.RETRYING:
            changes.setdefault("retry_at", self.clock() + 60)
        changes.setdefault("reason", stage.value.upper())
        return Outcome(stage=stage, **changes)

    async def settle(
        self,
        lease: Lease,
        stage: Stage,
        exceptions: Mapping[int, Stage | Outcome] | None = None,
        **changes: Any,
    ) -> list[int]:
        """Settle with one outcome, and exceptions by position; tell the positions lost."""
        named = {
            position: self.outcome(one) if isinstance(one, Stage) else one
            for position, one in (exceptions or {}).items()
        }
        return list(await self.queue.settle(lease, self.outcome(stage, **changes), named))

    async def end(
        self, n: int, stage: Stage, subscription: str = SUBSCRIPTION, **changes: Any
    ) -> list[str]:
        """Accept, lease and settle so many; tell their message ids."""
        ids = await self.accept(n, subscription)
        lease = await self.take(n, subscription)
        assert await self.settle(lease, stage, **changes) == []
        return ids

    async def delivery(self, message_id: str, subscription: str | None = None) -> Delivery:
        """The delivery of an event to a subscription, or the only one that it has."""
        (record,) = await self.ledger.event(message_id)
        (delivery,) = (one for one in record.deliveries if subscription in {None, one.subscription})
        return delivery

    async def records(
        self, which: EventFilter | None = None, limit: int = 500
    ) -> list[EventRecord]:
        """All accepted events that are meant, latest first, read page by page."""
        records: list[EventRecord] = []
        cursor = None
        while True:
            page = await self.ledger.events(which or EventFilter(), limit=limit, cursor=cursor)
            assert len(page.rows) <= limit
            records += page.rows
            cursor = page.cursor
            if cursor is None:
                return records

    async def stage(self, message_id: str, subscription: str | None = None) -> Stage:
        """Where a delivery stands; the event may have one only, where no subscription is named."""
        return (await self.delivery(message_id, subscription)).stage

    async def stages(self, message_ids: Sequence[str]) -> list[Stage]:
        """Where the only delivery of each event stands."""
        return [await self.stage(message_id) for message_id in message_ids]

    async def check(self) -> None:
        """The promise: every sum holds."""
        assert (await self.ledger.reconcile()).faults == ()


def ids_of(lease: Lease | None) -> list[str]:
    """The message ids of what is leased, in order of position; none without a lease."""
    if lease is None:
        return []
    return [lease.delivery(position).message_id for position in range(len(lease))]


@pytest.fixture(params=sorted(ENGINES))
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """A bench for each engine; whatever the test did, the sums must hold after it."""
    made = Bench(lambda: ENGINES[request.param](tmp_path / "data", made.clock))
    await made.start()
    yield made
    await made.check()
    await made.stop()
