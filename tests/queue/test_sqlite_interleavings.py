"""The engine on SQLite in orders that no real disk would show: reads and writes end when told."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from tests.clocks import MovedClock
from tests.queue.conftest import Event, batch_of

from offramp.errors import StorageError
from offramp.queue import DeadLetterFilter, Depth, Lease, Outcome, SqliteLedger, SqliteQueue, Stage
from offramp.queue.block import positions_of
from offramp.queue.lease import delivery_id
from offramp.queue.sqlite.settle import Settled
from offramp.storage import Damage, Store, Work
from offramp.storage.connect import connect_writer

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Coroutine
    from pathlib import Path

#: Steps of one life, and lives; each takes some 50 ms.
STEPS = 150
LIVES = 20
#: Seconds of a lease.
TTL = 10.0
SUBSCRIPTIONS = ("a", "b")
#: Rounds of the event loop after which every task has gone as far as it can.
ROUNDS = 12


@attrs.define
class _Write:
    work: Work[Any, Any]
    request: Any
    future: asyncio.Future[Any]
    result: Any = None


class SlowStore:
    """Stands for a `Store` whose reads and writes take each step when they are told to."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self.damage = Damage()
        self._connection = connection
        #: Called with each request that is on disk now.
        self.stored: Callable[[Any], None] = lambda _: None
        self._writes: deque[_Write] = deque()
        self._committed: deque[_Write] = deque()
        self._reads: list[tuple[Callable[[sqlite3.Connection], Any], asyncio.Future[Any]]] = []
        self._answers: list[tuple[asyncio.Future[Any], Any]] = []
        self._plain: Work[Callable[[sqlite3.Connection], Any], Any] = Work(
            run=lambda connection, requests: [fn(connection) for fn in requests], alone=True
        )

    def submit(self, work: Work[Any, Any], request: Any) -> asyncio.Future[Any]:
        future = asyncio.get_running_loop().create_future()
        self._writes.append(_Write(work, request, future))
        return future

    async def write(self, fn: Callable[[sqlite3.Connection], Any]) -> Any:
        return await self.submit(self._plain, fn)

    async def read(self, fn: Callable[[sqlite3.Connection], Any], *, urgent: bool = False) -> Any:
        del urgent
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._reads.append((fn, future))
        return await future

    def commit(self, *, fails: bool) -> None:
        """Store what some writes of one kind ask for, or nothing; nobody is told yet."""
        together = [self._writes.popleft()] if self._writes else []
        while self._writes and not together[0].work.alone:
            if self._writes[0].work is not together[0].work:
                break
            together.append(self._writes.popleft())
        if not together:
            return
        self._connection.execute("BEGIN")
        work = together[0].work
        results = work.run(self._connection, [each.request for each in together])
        self._connection.execute("ROLLBACK" if fails else "COMMIT")
        if fails and work.undone is not None:
            work.undone()
        if not fails:
            for each in together:
                self.stored(each.request)
        for each, result in zip(together, results, strict=True):
            each.result = StorageError("the disk failed") if fails else result
        self._committed += together

    def report(self) -> None:
        """Report the write that was committed first to who waits for it."""
        if self._committed:
            write = self._committed.popleft()
            if write.work.done is not None:
                write.work.done([(write.request, write.result)])
            if write.future.done():
                return
            if isinstance(write.result, BaseException):
                write.future.set_exception(write.result)
            else:
                write.future.set_result(write.result)

    def look(self, index: int = 0) -> None:
        """Read what one reader asks for; it does not get the answer yet."""
        if self._reads:
            fn, future = self._reads.pop(index % len(self._reads))
            self._answers.append((future, fn(self._connection)))

    def answer(self, index: int = 0) -> None:
        """Give a reader its answer."""
        if self._answers:
            future, answer = self._answers.pop(index % len(self._answers))
            if not future.done():
                future.set_result(answer)

    def all(self) -> None:
        """Do all that waits."""
        self.commit(fails=False)
        self.report()
        self.look()
        self.answer()


class Life:
    """One random order, and what must be true of who holds which delivery."""

    def __init__(self, seed: int, store: SlowStore) -> None:
        self.random = random.Random(seed)
        self.store = store
        store.stored = self.note_stored
        self.clock = MovedClock()
        self.queue = SqliteQueue(store, clock=self.clock)  # type: ignore[arg-type]
        self.tasks: set[asyncio.Task[Any]] = set()
        self.sent = 0
        #: Delivery -> token and end of the lease that has it; and those that are being settled.
        self.held: dict[str, tuple[str, float]] = {}
        self.settling: set[str] = set()
        #: Those that must never be lent again, and those that a replay only may bring back.
        self.delivered: set[str] = set()
        self.leases: list[Lease] = []
        self.faults: list[str] = []

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self.tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, StorageError):
            self.faults.append(repr(error))

    async def accept(self) -> None:
        events = []
        for _ in range(self.random.randint(1, 6)):
            self.sent += 1
            some = self.random.choice([("a",), ("b",), ("a", "b"), ()])
            events.append(Event(f"m{self.sent}", some))
        await self.queue.accept(batch_of(*events))

    async def lease(self, subscription: str, n: int, wait: float, onto: Lease | None) -> None:
        asked_at = self.clock.running()
        lease = await self.queue.lease(subscription, n, ttl=TTL, wait=wait, onto=onto)
        if lease is None:
            return
        again = onto is not None and lease.token == onto.token
        start = len(onto) if again and onto is not None else 0
        for position in range(start, len(lease)):
            each = lease.id(position)
            token, until = self.held.get(each, ("", 0.0))
            if until > self.clock.running():
                self.faults.append(f"{each} was lent to {lease.token} while {token} holds it")
            if each in self.settling:
                self.faults.append(f"{each} was lent while its outcome is on the way")
            if each in self.delivered:
                self.faults.append(f"{each} was lent after it had been delivered")
            self.held[each] = lease.token, 0.0
        for each, (token, until) in self.held.items():
            if token == lease.token:
                self.held[each] = token, max(until, asked_at + TTL)
        self.leases.append(lease)

    async def settle(self, lease: Lease, outcome: Outcome) -> None:
        ids = [lease.id(position) for position in range(len(lease))]
        # What has lapsed may be lost: it is not on its way then.
        mine = {
            each
            for each in ids
            if (held := self.held.get(each))
            and held[0] == lease.token
            and held[1] > self.clock.running()
        }
        before = {each: self.held.pop(each) for each in mine}
        self.settling |= mine
        try:
            lost = {ids[position] for position in await self.queue.settle(lease, outcome)}
        except StorageError:
            for each, (token, until) in before.items():
                self.held.setdefault(each, (token, until))
            raise
        finally:
            self.settling -= mine
        if outcome.stage is Stage.DELIVERED:
            stored = set(ids) - lost
            if twice := stored & self.delivered:
                self.faults.append(f"{twice} were delivered twice")
            self.delivered |= stored

    def note_stored(self, request: Any) -> None:
        """An outcome on disk is no longer on its way: a retry, or a replay, may be lent at once."""
        if isinstance(request, Settled):
            events = [row.event for row in request.claim.rows]
            for part, bits in request.claim.sets:
                events += [part.block + place for place in positions_of(bits)]
            self.settling -= {delivery_id(event, request.number) for event in events}

    async def release(self, lease: Lease) -> None:
        for position in range(len(lease)):
            each = lease.id(position)
            if self.held.get(each, ("",))[0] == lease.token:
                del self.held[each]
        await self.queue.release(lease)

    async def extend(self, lease: Lease) -> None:
        if await self.queue.extend(lease, TTL):
            for each, (token, _) in self.held.items():
                if token == lease.token:
                    self.held[each] = token, self.clock.running() + TTL

    def part(self) -> Lease | None:
        """A random part of a random lease."""
        if not self.leases:
            return None
        lease = self.random.choice(self.leases[-6:])
        n = self.random.randint(1, len(lease))
        return lease.pick(sorted(self.random.sample(range(len(lease)), n)))

    def outcome(self) -> Outcome:
        stage = self.random.choice([Stage.DELIVERED] * 3 + [Stage.RETRYING, Stage.REJECTED])
        retry_at = self.clock() + self.random.choice([0, 3]) if stage is Stage.RETRYING else None
        return Outcome(stage=stage, reason="R", retry_at=retry_at)

    def move_clock(self, seconds: float) -> None:
        self.clock.move(seconds)
        self.queue._time()

    def set_clock(self, seconds: float) -> None:
        self.clock.step(seconds)
        self.queue._time()

    def step(self) -> None:  # noqa: C901, PLR0912 - one case for each thing that may happen
        chance = self.random
        part = self.part()
        match chance.choices(
            ["commit", "report", "look", "answer", "accept", "lease", "settle", "release", "extend",
             "onto", "clock", "set", "cancel", "replay", "leave"],
            [14, 14, 14, 14, 8, 10, 10, 3, 2, 4, 4, 1, 1, 2, 1],
        )[0]:  # fmt: skip
            case "commit":
                self.store.commit(fails=chance.random() < 0.1)
            case "report":
                self.store.report()
            case "look":
                self.store.look(chance.randrange(9))
            case "answer":
                self.store.answer(chance.randrange(9))
            case "accept":
                self.start(self.accept())
            case "lease":
                name = chance.choice(SUBSCRIPTIONS)
                self.start(self.lease(name, chance.randint(1, 8), chance.choice([0, 99]), None))
            case "settle" if part is not None:
                self.start(self.settle(part, self.outcome()))
            case "release" if part is not None:
                self.start(self.release(part))
            case "extend" if part is not None:
                self.start(self.extend(part))
            case "onto" if part is not None:
                self.start(self.lease(part.subscription, chance.randint(1, 8), 0, part))
            case "clock":
                self.move_clock(chance.choice([0.5, 4, TTL + 1]))
            case "set":
                self.set_clock(chance.choice([-0.05, -3, -100, 100]))
            case "cancel":
                self.start(self.queue.cancel(chance.choice(SUBSCRIPTIONS)))
            case "replay":
                self.start(self.queue.replay(DeadLetterFilter()))
            case "leave" if self.tasks:
                chance.choice(sorted(self.tasks, key=lambda task: task.get_name())).cancel()

    async def settle_down(self) -> None:
        """Let all that was begun come to its end."""
        for _ in range(2_000):
            await self.turn()
            self.store.all()
            if not self.tasks:
                return
        raise AssertionError(f"these never end: {self.tasks}")

    async def turn(self) -> None:
        for _ in range(ROUNDS):
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Whatever is left comes to one holder, without anything that wakes it."""
        self.move_clock(1_000)
        for name in SUBSCRIPTIONS:
            for _ in range(1_000):
                known = len(self.leases)
                self.start(self.lease(name, 7, 0, None))
                await self.settle_down()
                if len(self.leases) == known:
                    break
                self.start(self.settle(self.leases[-1], Outcome(stage=Stage.DELIVERED, reason="R")))
                await self.settle_down()


@pytest.mark.parametrize("seed", range(LIVES))
async def test_no_order_lends_twice_or_forgets(tmp_path: Path, seed: int) -> None:
    """Never two holders, never a delivered one again, and at the end nothing waits unseen."""
    async with Store.open(tmp_path):
        pass
    connection = connect_writer(tmp_path / "offramp.sqlite3")
    store = SlowStore(tmp_path, connection)
    life = Life(seed, store)
    starting = life.start(life.queue.start())
    await life.settle_down()
    await starting
    for _ in range(STEPS):
        life.step()
        await life.turn()
        assert life.faults == []
    for task in life.tasks:
        if "lease" in repr(task.get_coro()):
            task.cancel()
    await life.settle_down()
    await life.drain()
    assert life.faults == []
    assert set((await life.queue.depths()).values()) <= {Depth()}
    recount = life.start(SqliteLedger(store).reconcile())  # type: ignore[arg-type]
    await life.settle_down()
    assert recount.result().faults == ()
    connection.close()
