"""What waits for damaged events is ended in the file itself: exact sums, and nothing in the way."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from tests.queue.damaging import BLOCKS, NOW, SIZE, SUBSCRIPTION, fill, flip, overwrite

from offramp.queue import (
    Clock,
    DamagedDeliveries,
    Outcome,
    Retention,
    SqliteLedger,
    Stage,
    open_queue,
)
from offramp.queue.sqlite.check import FileCheck
from offramp.queue.sqlite.retention import Pruner
from offramp.storage import DATABASE_FILE, Readers, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

DELIVERED = Outcome(stage=Stage.DELIVERED, reason="OK")
YEAR_S = 365 * 86_400


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with events that wait."""
    await fill(tmp_path)
    return tmp_path


async def check(store: Store) -> None:
    """Find what is damaged."""
    readers = Readers(store.path, store.damage, threads=1, name="check")
    try:
        await FileCheck(store, readers, lambda: NOW).run()
    finally:
        await readers.close()


@pytest.mark.parametrize("damage", [flip, lambda folder: overwrite(folder, "blocks")])
async def test_it_is_ended_exactly(folder: Path, damage: Callable[[Path], None]) -> None:
    """The sums hold, all else is delivered, and nothing is ended twice."""
    damage(folder)
    async with Store.open(folder) as store, open_queue(store) as queue:
        await check(store)
        damaged, ledger = DamagedDeliveries(store, queue), SqliteLedger(store)
        [found] = await damaged.list()
        [ended] = await damaged.expire(found.first)
        assert (ended.expired, ended.leased) == (SIZE, 0)
        assert not store.damage.undecided
        lease = await queue.lease(SUBSCRIPTION, BLOCKS * SIZE, ttl=60)
        assert lease is not None
        assert len(lease) == (BLOCKS - 1) * SIZE
        await queue.settle(lease, DELIVERED)
        assert (await queue.depth(SUBSCRIPTION)).total == 0
        assert (await ledger.reconcile()).faults == ()
        [again] = await damaged.list()
        assert (again.decided, again.in_flight) == (True, ())
        assert await damaged.expire(found.first) == []


async def test_it_is_forgotten_in_its_time(folder: Path) -> None:
    """Retention takes it with what was delivered, and the request that ended it."""
    flip(folder)
    async with Store.open(folder) as store, open_queue(store) as queue:
        await check(store)
        damaged = DamagedDeliveries(store, queue)
        for found in await damaged.list():
            await damaged.expire(found.first)
        lease = await queue.lease(SUBSCRIPTION, BLOCKS * SIZE, ttl=60)
        assert lease is not None
        await queue.settle(lease, DELIVERED)
        assert await Pruner(store, Retention()).prune(Clock()() + YEAR_S) == BLOCKS * SIZE
        assert (await SqliteLedger(store).reconcile()).faults == ()
        with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection:
            assert connection.execute("SELECT count(*) FROM deliveries").fetchone() == (0,)
            assert connection.execute("SELECT count(*) FROM requests").fetchone() == (0,)


async def test_what_is_being_sent_is_left(folder: Path) -> None:
    """Its lease ends it; what is given back can be expired afterwards, and only then is decided."""
    async with Store.open(folder) as store, open_queue(store) as queue:
        damaged = DamagedDeliveries(store, queue)
        # Read before the disk spoiled them.
        lease = await queue.lease(SUBSCRIPTION, SIZE + 2, ttl=60)
        assert lease is not None
        flipped = lease.parts[0].block
        store.damage.note_events(flipped, flipped + 2 * SIZE, "noted by hand")
        [ended] = await damaged.expire(flipped)
        assert (ended.expired, ended.leased) == (SIZE - 2, SIZE + 2)
        assert store.damage.undecided
        await queue.settle(lease, DELIVERED, {})
        assert await damaged.expire(flipped) == []
        assert not store.damage.undecided
        assert (await SqliteLedger(store).reconcile()).faults == ()
        assert (await queue.depth(SUBSCRIPTION)).total == (BLOCKS - 2) * SIZE


async def test_a_decision_outlives_the_host_and_covers_no_more(folder: Path) -> None:
    """Damage that grows beyond what a person saw has to be decided anew."""
    flip(folder)
    async with Store.open(folder) as store, open_queue(store) as queue:
        await check(store)
        [found] = store.damage.ranges
        await DamagedDeliveries(store, queue).expire(found.first)
    async with Store.open(folder) as store, open_queue(store) as queue:
        damaged = DamagedDeliveries(store, queue)
        await damaged.load()
        await check(store)
        assert [each.decided for each in await damaged.list()] == [True]
        store.damage.note_events(found.end, found.end + SIZE, found.cause)
        assert [each.decided for each in await damaged.list()] == [False]
        [ended] = await damaged.expire(found.first)
        assert (ended.expired, ended.leased) == (SIZE, 0)
        assert not store.damage.undecided


async def test_a_block_of_which_only_one_event_was_met_is_ended_whole(folder: Path) -> None:
    """Whoever looks up a message id may meet the damage in the middle of a block."""
    overwrite(folder, "blocks")
    async with Store.open(folder) as store, open_queue(store) as queue:
        await check(store)
        [found] = store.damage.ranges
    async with Store.open(folder) as store, open_queue(store) as queue:
        store.damage.note_events(found.first + 2, found.end, found.cause)
        damaged = DamagedDeliveries(store, queue)
        [[in_flight]] = [each.in_flight for each in await damaged.list()]
        assert (in_flight.first, in_flight.waiting) == (found.first, SIZE)
        [ended] = await damaged.expire(found.first + 2)
        assert ended.expired == SIZE
        assert await damaged.list() != []
        assert (await queue.depth(SUBSCRIPTION)).total == (BLOCKS - 1) * SIZE


async def test_a_neighbour_that_is_sound_is_left_alone(folder: Path) -> None:
    """What lies before the first event of a range is damaged only if its block is."""
    flip(folder)
    async with Store.open(folder) as store, open_queue(store) as queue:
        await check(store)
        [found] = store.damage.ranges
        damaged = DamagedDeliveries(store, queue)
        [[in_flight]] = [each.in_flight for each in await damaged.list()]
        assert (in_flight.first, in_flight.last) == (found.first, found.end - 1)
