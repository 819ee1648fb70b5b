"""The engine on SQLite: failures, bounds, and what keeps it quick."""

from __future__ import annotations

import asyncio
import gc
import shutil
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from offramp.errors import QueueFullError, StorageError, StorageFullError
from offramp.queue import (
    Depth,
    Limits,
    NewItem,
    Outcome,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
)
from offramp.queue.sqlite import accepting, ledger, retention
from offramp.queue.sqlite.leases import Held
from offramp.storage import Store, load_statements

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store; whatever the test did, the sums must hold after it."""
    async with Store.open(tmp_path) as store:
        yield store
        assert (await SqliteLedger(store).audit()).faults == ()


@pytest.fixture
async def queue(store: Store) -> AsyncIterator[SqliteQueue]:
    """A queue with the ordinary bounds."""
    async with open_queue(store) as queue:
        yield queue


def item(message_id: str, *lanes: str, **changes: Any) -> NewItem:
    made = NewItem(
        source="source",
        message_id=message_id,
        type="track",
        received_at=0,
        body=b"{}",
        lanes=lanes or ("lane",),
    )
    return attrs.evolve(made, **changes)


def items(n: int, prefix: str = "m", **changes: Any) -> list[NewItem]:
    return [item(f"{prefix}{number}", **changes) for number in range(n)]


async def allow_pages(store: Store, more: int) -> None:
    """Let the file grow by so many pages and no further: a disk that is full."""

    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + more}").fetchone()

    await store.write(limit)


async def test_a_full_disk_refuses_events_and_goes_on(store: Store, queue: SqliteQueue) -> None:
    """What does not fit is refused as a whole; once there is room, all is well."""
    await queue.accept(items(10))
    await allow_pages(store, 3)
    with pytest.raises(StorageFullError, match="is full: free some room"):
        await queue.accept(items(50, "big", body=b"x" * 10_000))
    assert await queue.depth("lane") == Depth(waiting=10)
    assert len(await queue.lease("lane", 100, ttl=60)) == 10
    await allow_pages(store, 10_000)
    assert all(await queue.accept(items(50, "big", body=b"x" * 10_000)))
    assert await queue.depth("lane") == Depth(waiting=60, leased=10)


async def test_outcomes_that_cannot_be_stored_keep_their_leases(
    store: Store, queue: SqliteQueue
) -> None:
    """The holder may settle again: nothing is lost, and nobody else got the lease meanwhile."""
    await queue.accept(items(10))
    leases = await queue.lease("lane", 10, ttl=60)
    outcomes = [
        Outcome(lease=lease, stage=Stage.REJECTED, reason="400", payload=b"x" * 5_000)
        for lease in leases
    ]
    await allow_pages(store, 1)
    with pytest.raises(StorageFullError):
        await queue.settle(outcomes)
    assert await queue.lease("lane", 10, ttl=60) == []
    assert await queue.depth("lane") == Depth(waiting=10, leased=10)
    await allow_pages(store, 1_000)
    assert await queue.settle(outcomes) == [True] * 10
    assert await queue.depth("lane") == Depth()


async def test_a_bad_event_does_not_take_its_neighbours_along(queue: SqliteQueue) -> None:
    """A caller's mistake fails that caller alone, in whatever group it was."""
    bad = item("bad", body=None)
    calls = [queue.accept([one]) for one in (item("a"), bad, item("b", "new"), bad, item("c"))]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [list, TypeError, list, TypeError, list]
    assert len(await queue.lease("lane", 10, ttl=60)) == 2
    assert len(await queue.lease("new", 10, ttl=60)) == 1


async def test_a_lane_that_was_undone_gets_its_number_again(queue: SqliteQueue) -> None:
    """Numbers kept in memory follow the file when a group is undone."""
    for name in ("one", "two"):
        with pytest.raises(TypeError):
            await queue.accept([item("bad", name, body=None)])
    assert await queue.accept([item("a", "two"), item("b", "one")]) == [True, True]
    assert [lease.message_id for lease in await queue.lease("two", 9, ttl=60)] == ["a"]
    assert [lease.message_id for lease in await queue.lease("one", 9, ttl=60)] == ["b"]


async def test_an_event_has_a_bound_of_lanes(queue: SqliteQueue) -> None:
    """Beyond it ids would run into the next event's."""
    with pytest.raises(ValueError, match="m: an event has 65536 lanes at most"):
        await queue.accept([item("m", *(f"lane{n}" for n in range(65_537)))])
    assert await queue.depths() == {}


async def test_a_queue_that_is_deep_enough_refuses_more(store: Store) -> None:
    """The bound holds with what is still on its way to disk, and eases with each settle."""
    async with open_queue(store, limits=Limits(max_in_flight=10, retry_after=7)) as queue:
        assert all(await queue.accept(items(9)))
        with pytest.raises(QueueFullError, match="9 deliveries in flight, 10 allowed") as full:
            await queue.accept(items(2, "n"))
        assert full.value.retry_after == 7
        calls = [queue.accept([one]) for one in items(2, "n")]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [list, QueueFullError]
        assert "raise the bound" in (queue.full() or "")
        leases = await queue.lease("lane", 1, ttl=60)
        await queue.settle([Outcome(lease=leases[0], stage=Stage.DELIVERED, reason="OK")])
        assert queue.full() is None
        assert await queue.accept([item("more")]) == [True]


async def test_a_disk_that_is_nearly_full_takes_outcomes_only(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last bytes are for what empties the queue."""
    async with open_queue(store) as queue:
        await queue.accept([item("a")])
    free = shutil.disk_usage(store.folder).free
    async with open_queue(store, limits=Limits(min_free_bytes=free * 2)) as queue:
        with pytest.raises(QueueFullError, match=f"{free * 2} are kept free: make room"):
            await queue.accept([item("b")])
        (lease,) = await queue.lease("lane", 1, ttl=60)
        outcome = Outcome(lease=lease, stage=Stage.DELIVERED, reason="OK")
        assert await queue.settle([outcome]) == [True]


async def test_a_closed_queue_accepts_nothing(queue: SqliteQueue) -> None:
    """It says so rather than to lose the event."""
    await queue.close()
    with pytest.raises(StorageError, match="the queue is closed"):
        await queue.accept([item("a")])


async def test_a_late_holder_counts_until_the_lease_is_given_on(store: Store) -> None:
    """An outcome that is late but first saves a second delivery."""
    now = [1_000.0]
    async with open_queue(store, now=lambda: now[0]) as queue:
        await queue.accept([item("a")])
        (lease,) = await queue.lease("lane", 1, ttl=10)
        now[0] += 60
        outcome = Outcome(lease=lease, stage=Stage.DELIVERED, reason="OK")
        assert await queue.settle([outcome]) == [True]
        assert await queue.lease("lane", 1, ttl=10) == []


async def test_ids_with_one_digest_are_told_apart(
    store: Store, queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two message ids may share 64 bits; neither is then taken for a duplicate or the other."""
    for module in (accepting, ledger, retention):
        monkeypatch.setattr(module, "digest", lambda _: 7)
    assert await queue.accept([item("a"), item("b"), item("a")]) == [True, True, False]
    assert await queue.accept([item("b"), item("c")]) == [False, True]
    (story,) = await SqliteLedger(store).event("b")
    assert story.message_id == "b"


async def test_an_idle_lane_costs_no_reads(
    store: Store, queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lane that is known to be empty, or to have nothing due, is not looked at on disk."""
    await queue.accept(items(2))
    (first, second) = await queue.lease("lane", 5, ttl=60)
    retry = Outcome(lease=first, stage=Stage.RETRYING, reason="503", retry_at=4e9)
    await queue.settle([retry, Outcome(lease=second, stage=Stage.DELIVERED, reason="OK")])
    assert await queue.lease("lane", 5, ttl=60) == []

    async def read(*_: object, **__: object) -> None:
        raise AssertionError("the file was read")

    monkeypatch.setattr(store, "read", read)
    for _ in range(3):
        assert await queue.lease("lane", 5, ttl=60, wait=0.01) == []


async def test_what_is_settled_leaves_no_trace_in_memory(queue: SqliteQueue) -> None:
    """However long leases might run, memory holds those that run, not those that ended."""
    for n in range(20):
        await queue.accept(items(100, f"{n}-"))
        leases = await queue.lease("lane", 100, ttl=86_400)
        await queue.extend(leases, 86_400)
        await queue.settle(
            [Outcome(lease=lease, stage=Stage.DELIVERED, reason="OK") for lease in leases]
        )
    del leases
    gc.collect()
    assert sum(isinstance(found, Held) for found in gc.get_objects()) == 0


PLANS = {
    ("lease.sql", "due"): "deliveries_due (lane=? AND due_at>? AND due_at<?)",
    ("lease.sql", "next_due"): "deliveries_due (lane=? AND due_at>?)",
    ("upkeep.sql", "cancellable"): "deliveries_due (lane=? AND due_at>?)",
    ("upkeep.sql", "rebase"): "deliveries_due (lane=? AND due_at>?)",
    ("upkeep.sql", "prunable"): "deliveries_ended (lane=? AND state=? AND updated_at<?)",
    ("dead.sql", "dead_by_lane"): (
        "deliveries_ended (lane=? AND state=? AND updated_at>? AND updated_at<?)"
    ),
    ("ledger.sql", "recent_in_flight"): "deliveries_due (lane=? AND due_at<?)",
    ("accept.sql", "known_ids"): "PRIMARY KEY (digest=?)",
    ("ledger.sql", "find_event"): "PRIMARY KEY (digest=?)",
}


@pytest.mark.parametrize(("file", "name"), PLANS)
async def test_what_must_be_quick_uses_its_index(store: Store, file: str, name: str) -> None:
    """However long the backlog, these read what they need and sort nothing of it."""
    statement = load_statements("offramp.queue.sqlite", file)[name]

    class Terms(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            return "[]" if key in {"held", "digests"} else 1

    def explain(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", Terms()).fetchall()
        return "\n".join(row[3] for row in rows)

    plan = await store.read(explain)
    assert PLANS[file, name] in plan
    assert "SCAN deliveries" not in plan
    assert name == "find_event" or "TEMP B-TREE" not in plan


FAULTS = {
    "a lost delivery": (
        "DELETE FROM deliveries WHERE id = (SELECT min(id) FROM deliveries)",
        ["lane a: 1 waiting, but the counter says 2"],
    ),
    "a wrong sum": (
        "UPDATE lanes SET accepted = 5 WHERE name = 'c'",
        ["lane c: 5 accepted, but ends and in flight sum up to 1"],
    ),
    "a wrong reference": (
        "UPDATE exchanges SET refs = 3",
        ["exchange 1: 1 record of it, but the counter says 3"],
    ),
    "a lost id": (
        "DELETE FROM dedupe WHERE seq = 1",
        ["3 events have 2 message ids, of which 2 lead to an event"],
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_audit_finds_what_is_wrong(tmp_path: Path, fault: str) -> None:
    """Each kind of damage is told in words, with the lane's name."""
    damage, told = FAULTS[fault]
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        await queue.accept([*items(2, lanes=("a",)), item("c", "b", filtered={"NO": ["c"]})])
        (lease,) = await queue.lease("b", 1, ttl=60)
        outcome = Outcome(lease=lease, stage=Stage.REJECTED, reason="400", exchange=b"x")
        await queue.settle([outcome])
        assert (await SqliteLedger(store).audit()).ok
        await store.write(lambda connection: connection.execute(damage))
        assert list((await SqliteLedger(store).audit()).faults) == told


async def test_what_is_held_is_never_lent_again(store: Store, queue: SqliteQueue) -> None:
    """An outcome may be on disk, due again, before its settler hears of it: still one holder."""
    await queue.accept([item("a", "lane")])
    (lease,) = await queue.lease("lane", 1, ttl=60)
    await store.write(lambda db: db.execute("UPDATE deliveries SET due_at = due_at + 1"))
    assert await queue.lease("lane", 1, ttl=60) == []
    await queue.release([lease])
    (again,) = await queue.lease("lane", 1, ttl=60)
    assert again.message_id == "a"
