"""The engine on SQLite: failures, bounds, and what keeps it quick."""

from __future__ import annotations

import asyncio
import gc
import itertools
import shutil
import sqlite3
import time
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from tests.clocks import MovedClock, clock_of
from tests.queue.conftest import Event, batch_of, ids_of

from offramp.errors import QueueFullError, StorageError, StorageFullError
from offramp.queue import (
    DeadLetterFilter,
    Depth,
    EventFilter,
    Lease,
    Limits,
    Outcome,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
)
from offramp.queue.block import Block, PackedHeads, read_block
from offramp.queue.sqlite import engine, heads, leases
from offramp.queue.sqlite.sql import SQL
from offramp.storage import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store; whatever the test did, the sums must hold after it."""
    async with Store.open(tmp_path) as store:
        yield store
        assert (await SqliteLedger(store).reconcile()).faults == ()


@pytest.fixture
async def queue(store: Store) -> AsyncIterator[SqliteQueue]:
    """A queue with the ordinary bounds."""
    async with open_queue(store) as queue:
        yield queue


OK = Outcome(stage=Stage.DELIVERED, reason="OK")


async def send(queue: SqliteQueue, *events: Event | str) -> list[bool]:
    """Accept events, or events of these ids, as one request."""
    made = [Event(event) if isinstance(event, str) else event for event in events]
    return list(await queue.accept(batch_of(*made)))


def names(n: int, prefix: str = "m") -> list[str]:
    return [f"{prefix}{number}" for number in range(n)]


async def take(queue: SqliteQueue, n: int, subscription: str = "sub") -> Lease:
    """Lease exactly so many."""
    lease = await queue.lease(subscription, n, ttl=60)
    assert lease is not None
    assert len(lease) == n
    return lease


def bad_event(message_id: str) -> Event:
    """An event whose body is none: a caller's mistake that only the writer notices."""
    return attrs.evolve(Event(message_id), body=None)  # type: ignore[arg-type]


async def allow_pages(store: Store, more: int) -> None:
    """Let the file grow by so many pages and no further: a disk that is full."""

    def limit(connection: sqlite3.Connection) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages + more}").fetchone()

    await store.write(limit)


async def test_a_full_disk_refuses_events_and_goes_on(store: Store, queue: SqliteQueue) -> None:
    """What does not fit is refused as a whole; once there is room, all is well."""
    big = [Event(name, body=b"x" * 10_000) for name in names(50, "big")]
    await send(queue, *names(10))
    await allow_pages(store, 3)
    with pytest.raises(StorageFullError, match="is full: free some room"):
        await send(queue, *big)
    assert await queue.depth("sub") == Depth(waiting=10)
    assert len(await take(queue, 10)) == 10
    assert await queue.lease("sub", 10, ttl=60) is None
    await allow_pages(store, 10_000)
    assert all(await send(queue, *big))
    assert await queue.depth("sub") == Depth(waiting=60, leased=10)
    assert ids_of(await queue.lease("sub", 100, ttl=60)) == names(50, "big")


async def test_outcomes_that_cannot_be_stored_keep_their_leases(
    store: Store, queue: SqliteQueue
) -> None:
    """The holder may settle again: nothing is lost, and nobody else got the lease meanwhile."""
    await send(queue, *names(10))
    lease = await take(queue, 10)
    part = lease.pick([1, 2, 5, 6, 7, 8])
    rejected = Outcome(stage=Stage.REJECTED, reason="400", payload=b"x" * 200_000)
    await allow_pages(store, 1)
    with pytest.raises(StorageFullError):
        await queue.settle(part, rejected, {0: OK})
    assert await queue.lease("sub", 10, ttl=60) is None
    assert await queue.depth("sub") == Depth(waiting=10, leased=10)
    await allow_pages(store, 1_000)
    assert await queue.settle(part, rejected, {0: OK}) == []
    assert await queue.depth("sub") == Depth(waiting=4, leased=4)
    assert await queue.settle(lease, OK) == [1, 2, 5, 6, 7, 8]
    assert await queue.depth("sub") == Depth()


async def test_a_bad_event_does_not_take_its_neighbours_along(queue: SqliteQueue) -> None:
    """A caller's mistake fails that caller alone, in whatever group it was."""
    bad = bad_event("bad")
    calls = [send(queue, one) for one in ("a", bad, Event("b", ("new",)), bad, "c")]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(result) for result in results] == [list, TypeError, list, TypeError, list]
    assert sorted(ids_of(await queue.lease("sub", 10, ttl=60))) == ["a", "c"]
    assert ids_of(await queue.lease("new", 10, ttl=60)) == ["b"]


async def test_a_subscription_that_was_undone_gets_its_number_again(
    store: Store, queue: SqliteQueue
) -> None:
    """Numbers kept in memory follow the file when a group is undone."""
    trigger = (
        "CREATE TRIGGER broken BEFORE INSERT ON deliveries BEGIN SELECT RAISE(ABORT, 'no'); END"
    )
    await store.write(lambda db: db.execute(trigger))
    for name in ("one", "two"):
        with pytest.raises(sqlite3.IntegrityError):
            await send(queue, Event("bad", (name,)))
    await store.write(lambda db: db.execute("DROP TRIGGER broken"))
    assert await send(queue, Event("a", ("two",)), Event("b", ("one",))) == [True, True]
    assert ids_of(await queue.lease("two", 9, ttl=60)) == ["a"]
    assert ids_of(await queue.lease("one", 9, ttl=60)) == ["b"]


async def test_an_event_may_go_to_many_subscriptions(queue: SqliteQueue) -> None:
    """There is no bound on them: each gets it, and settles it alone."""
    many = tuple(f"sub{n}" for n in range(2_000))
    await send(queue, Event("m", many), Event("n", many[:1]))
    assert {depth.total for depth in (await queue.depths()).values()} == {1, 2}
    assert await queue.settle(await take(queue, 1, many[-1]), OK) == []
    assert await queue.lease(many[-1], 1, ttl=60) is None
    assert ids_of(await queue.lease(many[0], 9, ttl=60)) == ["m", "n"]


async def test_a_queue_that_is_deep_enough_refuses_more(store: Store) -> None:
    """The bound holds with what is still on its way to disk, and eases with each settle."""
    async with open_queue(store, limits=Limits(max_in_flight=10, retry_after=7)) as queue:
        assert all(await send(queue, *names(9)))
        with pytest.raises(QueueFullError, match="9 deliveries in flight, 10 allowed") as full:
            await send(queue, *names(2, "n"))
        assert full.value.retry_after == 7
        calls = [send(queue, one) for one in names(2, "n")]
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(result) for result in results] == [list, QueueFullError]
        assert "raise the bound" in (queue.full() or "")
        assert await queue.settle(await take(queue, 1), OK) == []
        assert queue.full() is None
        assert await send(queue, "more") == [True]


async def test_what_is_left_out_does_not_count_towards_the_bound(store: Store) -> None:
    """Neither what waits in it already, nor what comes later; and it counts again after that."""
    async with open_queue(store, limits=Limits(max_in_flight=10)) as queue:
        assert all(await send(queue, *names(9)))
        queue.leave_out({"sub"})
        for prefix in "abc":
            assert all(await send(queue, *names(10, prefix)))
        assert all(await send(queue, *(Event(f"o{n}", ("other",)) for n in range(10))))
        assert "10 deliveries in flight, 10 allowed" in (queue.full() or "")
        queue.leave_out(())
        assert "49 deliveries in flight, 10 allowed" in (queue.full() or "")


async def test_a_disk_that_is_nearly_full_takes_outcomes_only(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last bytes are for what empties the queue."""
    async with open_queue(store) as queue:
        await send(queue, "a")
    free = shutil.disk_usage(store.folder).free
    async with open_queue(store, limits=Limits(min_free_bytes=free * 2)) as queue:
        with pytest.raises(QueueFullError, match=f"{free * 2} are kept free: make room"):
            await send(queue, "b")
        assert await queue.settle(await take(queue, 1), OK) == []


async def test_large_events_that_come_together_are_stored_in_several_blocks(
    store: Store, queue: SqliteQueue
) -> None:
    """A lease reads whole blocks, and a settle waits for whole commits: none may be enormous."""
    body = b"x" * 100_000
    requests = [[Event(f"{n}-{name}", body=body) for name in names(10)] for n in range(20)]
    await asyncio.gather(*(send(queue, *request) for request in requests))
    sizes = await store.read(lambda db: db.execute("SELECT length(body) FROM blocks").fetchall())
    assert sum(size for (size,) in sizes) == 200 * len(body)
    assert max(size for (size,) in sizes) < 10_000_000


async def test_a_closed_queue_accepts_nothing(queue: SqliteQueue) -> None:
    """It says so rather than to lose the event."""
    await queue.close()
    with pytest.raises(StorageError, match="the queue is closed"):
        await send(queue, "a")


async def test_a_late_holder_counts_until_the_lease_is_given_on(store: Store) -> None:
    """An outcome that is late but first saves a second delivery."""
    now = [1_000.0]
    async with open_queue(store, clock=clock_of(lambda: now[0])) as queue:
        await send(queue, "a")
        lease = await take(queue, 1)
        now[0] += 600
        assert await queue.settle(lease, OK) == []
        assert await queue.lease("sub", 1, ttl=10) is None


async def test_an_idle_subscription_costs_no_reads(
    store: Store, queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is known to be empty, or to have nothing due, is not looked at on disk."""
    await send(queue, "a", "b")
    lease = await take(queue, 2)
    retry = Outcome(stage=Stage.RETRYING, reason="503", retry_at=4e9)
    await queue.settle(lease, OK, {0: retry})
    assert await queue.lease("sub", 5, ttl=60) is None

    async def read(*_: object, **__: object) -> None:
        raise AssertionError("the file was read")

    monkeypatch.setattr(store, "read", read)
    for _ in range(3):
        assert await queue.lease("sub", 5, ttl=60, wait=0.01) is None


async def test_what_is_settled_leaves_no_trace_in_memory(queue: SqliteQueue) -> None:
    """However long leases might run, memory holds those that run, not those that ended."""

    async def work(rounds: int) -> None:
        for _ in range(rounds):
            await send(queue, *names(100, f"{next(numbers)}-"))
            lease = await queue.lease("sub", 100, ttl=86_400)
            assert lease is not None
            await queue.extend(lease, 86_400)
            for part in (lease.pick(range(0, 100, 2)), lease.pick(range(1, 100, 2))):
                assert await queue.settle(part, OK) == []

    numbers = itertools.count()
    await work(5)
    before = objects_of_queue()
    await work(20)
    assert objects_of_queue() <= before


async def test_subscriptions_that_share_a_block_share_its_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many want a block, and in however many parts, it is read from the disk once."""
    names_of_subscriptions = tuple(f"sub{n}" for n in range(20))
    read: list[int] = []

    def count(row: tuple[Any, ...]) -> Block:
        read.append(row[0])
        return read_block(row)

    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for n in range(3):
            await send(queue, *(Event(f"{n}-{m}", names_of_subscriptions) for m in range(10)))
    monkeypatch.setattr(heads, "read_block", count)
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for _ in range(5):
            leases = [await take(queue, 6, name) for name in names_of_subscriptions]
            assert len({tuple(ids_of(lease)) for lease in leases}) == 1
    assert sorted(read) == [1, 11, 21]


async def test_the_rest_of_a_block_is_leased_without_a_look_at_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One read of a backlog serves as many leases as its block has events, each of them once."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        await send(queue, *names(10, "a"))
        await send(queue, *names(10, "b"))
    reads = 0
    read = Store.read

    async def count(self: Store, fn: Any, *, urgent: bool = False) -> Any:
        nonlocal reads
        reads += 1
        return await read(self, fn, urgent=urgent)

    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        monkeypatch.setattr(Store, "read", count)
        first = await take(queue, 5)
        assert ids_of(await take(queue, 5)) == names(10, "a")[5:]
        assert reads == 1
        # What comes meanwhile, and what is given back, stands in its order.
        await send(queue, *names(5, "c"))
        await queue.release(first)
        assert ids_of(await take(queue, 10)) == [*names(5, "a"), *names(5, "b")]
        assert ids_of(await take(queue, 10)) == [*names(10, "b")[5:], *names(5, "c")]
        assert await queue.lease("sub", 5, ttl=60) is None


async def test_a_block_that_was_read_before_its_commit_was_reported_is_lent_once(
    store: Store,
) -> None:
    """A reader may be ahead of the message that a block has come: its events have one holder."""
    async with open_queue(store) as queue:
        await send(queue, "a", "b")
        retry = Outcome(stage=Stage.RETRYING, reason="503", retry_at=0.0)
        await queue.settle(await take(queue, 2), retry)
        subscription = queue._subscriptions["sub"]
        reported: list[tuple[int, int]] = []
        add_block = subscription.add_block
        subscription.add_block = lambda *block: reported.append(block)  # type: ignore[method-assign]
        await send(queue, *names(4))
        subscription.wake_all()
        assert ids_of(await take(queue, 5)) == ["a", "b", "m0", "m1", "m2"]
        add_block(*reported[0])
        assert ids_of(await take(queue, 1)) == ["m3"]
        assert await queue.lease("sub", 5, ttl=60) is None


def objects_of_queue() -> int:
    """How many objects of the queue's own classes are alive, but for the latest blocks."""
    gc.collect()
    classes = [type(found) for found in gc.get_objects()]
    own = [each for each in classes if str(each.__module__).startswith("offramp.queue")]
    return sum(each not in {Block, PackedHeads} for each in own)


#: The tables that grow with what is stored.
TABLES = ("blocks", "deliveries", "exceptions", "requests", "ids")
#: Part of the plan of statements that run often, or while much is stored.
PLANS = {
    "open_blocks": "deliveries_open (subscription=? AND block>? AND block<?)",
    "due_rows": "exceptions_due (subscription=? AND due_at<?)",
    "next_due": "exceptions_due (subscription=? AND due_at>?)",
    "cancellable_rows": "exceptions_due (subscription=? AND due_at>?)",
    "rebase_rows": "exceptions_due (subscription=? AND due_at>?)",
    "ended_rows": "exceptions_ended (subscription=? AND state=? AND updated_at>? AND updated_at<?)",
    "prunable_deliveries": "deliveries_ended (updated_at<?)",
    "prunable_rows": (
        "exceptions_ended (subscription=? AND state=? AND updated_at>? AND updated_at<?)"
    ),
    "open_below": "deliveries_open (subscription=? AND block<?)",
    "rows_in_flight": "exceptions_due (subscription=? AND due_at<?)",
    "ending_requests": "requests_recent (subscription=? AND state=? AND at>? AND at<?)",
    "known_ids": "PRIMARY KEY (period=? AND digest=?)",
    "heads_of_events": "SEARCH blocks USING INTEGER PRIMARY KEY (rowid=?)",
    "heads_not_indexed": "SEARCH blocks USING INTEGER PRIMARY KEY (rowid>?)",
    "idle_blocks": "SEARCH blocks USING INTEGER PRIMARY KEY (rowid=?)",
    "next_ids": "SEARCH ids USING PRIMARY KEY (period=? AND digest>?)",
    "blocks": "SEARCH blocks USING INTEGER PRIMARY KEY (rowid=?)",
    "settled_rows": "SEARCH deliveries USING PRIMARY KEY (block=? AND subscription=?)",
    "settle_rows": "SEARCH exceptions USING INTEGER PRIMARY KEY (rowid=?)",
}
#: A few rows that are due at the same time are put in order.
SORTED = {"rows_in_flight": "RIGHT PART OF ORDER BY"}


@pytest.mark.parametrize("name", PLANS)
async def test_what_must_be_quick_uses_its_index(store: Store, name: str) -> None:
    """However long the backlog, these read what they need and sort nothing of it."""
    statement = SQL[name]

    class Terms(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            return "[]" if key in {"held", "digests", "periods", "pairs", "rows", "blocks"} else 1

    def explain(connection: sqlite3.Connection) -> str:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement}", Terms()).fetchall()
        return "\n".join(row[3] for row in rows)

    plan = await store.read(explain)
    assert PLANS[name] in plan
    assert not [table for table in TABLES if f"SCAN {table}" in plan]
    sorts = [line for line in plan.splitlines() if "TEMP B-TREE" in line]
    assert all(name in SORTED and SORTED[name] in line for line in sorts)


FAULTS = {
    "a lost delivery": ("UPDATE deliveries SET open = NULL WHERE subscription = :a", "sub a"),
    "a wrong sum": ("UPDATE subscriptions SET accepted = 5 WHERE name = 'c'", "c"),
    "a wrong reference": ("UPDATE requests SET refs = 3", "3"),
    "a damaged block": ("UPDATE blocks SET body = zeroblob(length(body))", "damaged"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_reconciliation_finds_what_is_wrong(tmp_path: Path, fault: str) -> None:
    """Each kind of damage is reported in words, with the name of what it is about."""
    damage, message = FAULTS[fault]
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        await send(
            queue,
            *(Event(name, ("sub a",)) for name in names(2)),
            Event("c", ("b",), filtered={"NO": ["c"]}),
        )
        rejected = Outcome(stage=Stage.REJECTED, reason="400", exchange=b"x")
        assert await queue.settle(await take(queue, 1, "b"), rejected) == []
        assert (await SqliteLedger(store).reconcile()).ok
        numbers = dict(await store.read(_numbers))
        await store.write(lambda db: db.execute(damage, {"a": numbers["sub a"]}))
        faults = (await SqliteLedger(store).reconcile()).faults
        assert len(faults) >= 1
        assert message in "; ".join(faults)


def _numbers(connection: sqlite3.Connection) -> list[tuple[str, int]]:
    return connection.execute("SELECT name, subscription FROM subscriptions").fetchall()


async def test_what_is_held_is_never_lent_again(store: Store, queue: SqliteQueue) -> None:
    """An outcome may be on disk, due again, before its settler hears of it: still one holder."""
    await send(queue, "a")
    now = Outcome(stage=Stage.RETRYING, reason="503", retry_at=1.0)
    await queue.settle(await take(queue, 1), now)
    lease = await take(queue, 1)
    await store.write(lambda db: db.execute("UPDATE exceptions SET due_at = due_at + 1"))
    assert await queue.lease("sub", 1, ttl=60) is None
    await queue.release(lease)
    assert ids_of(await queue.lease("sub", 1, ttl=60)) == ["a"]


async def test_a_damaged_block_stops_nobody_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What the disk spoiled is left out, logged once, and named by the recount."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for name in ("a", "b", "c"):
            await send(queue, Event(name, ("sub", "other")))
        damage = "UPDATE blocks SET body = CAST(replace(body, 'b', 'x') AS BLOB) WHERE block = 2"
        await store.write(lambda db: db.execute(damage))
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for name in ("sub", "other"):
            lease = await queue.lease(name, 9, ttl=60)
            assert lease is not None
            assert ids_of(lease) == ["a", "c"]
            await queue.release(lease)
            assert ids_of(await queue.lease(name, 9, ttl=60)) == ["a", "c"]
        ledger = SqliteLedger(store)
        for _ in range(2):
            page = await ledger.events(EventFilter(), bodies=True)
            bodies = {record.message_id: record.body for record in page.rows}
            assert [name for name, body in bodies.items() if body is not None] == ["c", "a"]
        logged = [each for each in caplog.records if "damaged" in each.message]
        assert len(logged) == 1
        faults = (await ledger.reconcile()).faults
        assert "events 2 to 2 is damaged" in "; ".join(faults)
        assert await send(queue, "b") == [False]
        assert await send(queue, "d") == [True]


async def test_a_process_that_was_stopped_keeps_its_leases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After SIGSTOP, or a plugin that blocks everything, a holder could not extend: none lapses."""
    monkeypatch.setattr(leases, "STOPPED_S", 0.3)
    monkeypatch.setattr(engine, "BEAT_S", 0.01)
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        await queue.accept(batch_of(Event("a")))
        lease = await queue.lease("sub", 1, ttl=0.2)
        assert lease is not None
        time.sleep(0.5)  # noqa: ASYNC251 - this stops everything
        assert await queue.lease("sub", 1, ttl=0.2) is None
        assert await queue.extend(lease, 0.2)
        assert await queue.settle(lease, Outcome(stage=Stage.DELIVERED, reason="OK")) == []
        # One that nobody extends lapses all the same.
        await queue.accept(batch_of(Event("b")))
        late = await queue.lease("sub", 1, ttl=0.2)
        again = await queue.lease("sub", 1, ttl=0.2, wait=5)
        assert late is not None
        assert again is not None
        assert again.id(0) == late.id(0)


async def test_a_doubt_of_the_clock_is_logged_once_and_its_end_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Also if nobody leases anything."""
    monkeypatch.setattr(engine, "BEAT_S", 0.01)
    clock = MovedClock()
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock):
        clock.step(7_200)
        await asyncio.sleep(0.1)
        assert [each.levelname for each in caplog.records] == ["WARNING"]
        assert "2:00:00 ahead of the time that passed" in caplog.text
        clock.step(-7_200)
        await asyncio.sleep(0.1)
    assert [each.message for each in caplog.records][1:] == [
        "the clock of this machine is believed again"
    ]


async def test_what_is_cancelled_keeps_the_attempts_of_leases_that_lapsed(tmp_path: Path) -> None:
    """In its story; and another round begins with the first attempt."""
    clock = MovedClock()
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock) as queue:
        for message_id, retried in (("row", True), ("block", False)):
            await queue.accept(batch_of(Event(message_id)))
            lease = await queue.lease("sub", 1, ttl=10)
            assert lease is not None
            if retried:
                again = Outcome(stage=Stage.RETRYING, reason="R", retry_at=clock())
                await queue.settle(lease, again)
                assert await queue.lease("sub", 1, ttl=10) is not None
        clock.move(11)
        lease = await queue.lease("sub", 2, ttl=10)
        assert lease is not None
        await queue.release(lease)
        assert await queue.cancel("sub") == 2
        records = [(await SqliteLedger(store).event(each))[0] for each in ("row", "block")]
        assert [record.deliveries[0].attempts for record in records] == [2, 1]
        assert await queue.replay(DeadLetterFilter()) == 2
        lease = await queue.lease("sub", 2, ttl=10)
        assert lease is not None
        assert [lease.attempt(position) for position in range(2)] == [1, 1]
