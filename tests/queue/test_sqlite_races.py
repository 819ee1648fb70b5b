"""What interleaves in the engine on SQLite: failing writes, leases that lapse, a cancel."""

from __future__ import annotations

import asyncio
import gc
from types import FunctionType
from typing import TYPE_CHECKING

import pytest
from tests.clocks import clock_of
from tests.queue.conftest import Event, batch_of, ids_of

from offramp.errors import StorageError
from offramp.queue import Outcome, SqliteLedger, SqliteQueue, Stage, open_queue
from offramp.storage import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

OK = Outcome(stage=Stage.DELIVERED, reason="OK")
#: Seconds of a lease.
TTL = 60


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store; whatever the test did, the sums must hold after it."""
    async with Store.open(tmp_path) as store:
        yield store
        assert (await SqliteLedger(store).reconcile()).faults == ()


async def send(queue: SqliteQueue, n: int, prefix: str = "m") -> None:
    await queue.accept(batch_of(*[Event(f"{prefix}{number}") for number in range(n)]))


async def allow_pages(store: Store, more: int) -> None:
    """Let the file grow by so many pages and no further: a disk that is full."""

    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + more}").fetchone()

    await store.write(limit)


async def test_what_lapses_while_another_part_cannot_be_settled_has_one_holder(
    store: Store,
) -> None:
    """A part that could not be stored comes back alone: what lapsed meanwhile is with another."""
    now = [1_000.0]
    async with open_queue(store, clock=clock_of(lambda: now[0])) as queue:
        await send(queue, 10)
        first = await queue.lease("sub", 10, ttl=TTL)
        assert first is not None
        rejected = Outcome(stage=Stage.REJECTED, reason="400", payload=b"x" * 200_000)
        await allow_pages(store, 1)
        failing = asyncio.create_task(queue.settle(first.pick([0, 1]), rejected))
        await asyncio.sleep(0)
        now[0] += TTL + 1
        second = await queue.lease("sub", 10, ttl=TTL)
        assert second is not None
        assert ids_of(second) == [f"m{n}" for n in range(2, 10)]
        with pytest.raises(StorageError):
            await failing
        await allow_pages(store, 1_000)
        assert await queue.settle(first, OK) == list(range(2, 10))
        assert await queue.settle(second, OK) == []
        assert (await queue.depth("sub")).leased == 0


async def test_a_cancel_that_fails_midway_lends_nothing_that_it_ended(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is ended on disk is not waiting in memory either."""
    async with open_queue(store) as queue:
        assert await queue.lease("sub", 1, ttl=TTL) is None
        await send(queue, 3, "a")
        await send(queue, 3, "b")
        write = store.write
        calls = 0

        async def write_once(fn: Callable[[sqlite3.Connection], object]) -> object:
            nonlocal calls
            calls += 1
            if calls > 1:
                raise StorageError("the disk is gone")
            return await write(fn)

        with monkeypatch.context() as patched:
            patched.setattr(store, "write", write_once)
            with pytest.raises(StorageError):
                await queue.cancel("sub")
        lease = await queue.lease("sub", 10, ttl=TTL)
        assert ids_of(lease) == ["b0", "b1", "b2"]
        assert lease is not None
        assert await queue.settle(lease, OK) == []


async def test_a_lease_of_one_event_does_not_keep_the_others_in_memory(store: Store) -> None:
    """A hundred slow subscriptions hold what they have leased, not a whole block each."""
    async with open_queue(store) as queue:
        await queue.accept(batch_of(Event("small"), Event("large", body=b"x" * 1_000_000)))
    async with open_queue(store) as queue:
        lease = await queue.lease("sub", 1, ttl=TTL)
        assert ids_of(lease) == ["small"]
        assert lease is not None
        kept = _reachable(lease.parts[0].head)
        assert not [each for each in kept if isinstance(each, bytes) and len(each) > 1_000]


def _reachable(start: object) -> list[object]:
    """What a function keeps in memory by its object."""
    found = {id(start): start}
    left = [start]
    while left:
        for each in gc.get_referents(left.pop()):
            if id(each) not in found and not isinstance(each, type | FunctionType):
                found[id(each)] = each
                left.append(each)
    return list(found.values())
