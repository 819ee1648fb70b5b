"""The engine on SQLite forgets: each class at its time, in chunks, and never what is in flight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from offramp.errors import StorageError
from offramp.queue import (
    DeadFilter,
    NewItem,
    Outcome,
    Retention,
    SqliteLedger,
    SqliteQueue,
    Stage,
    open_queue,
)
from offramp.queue.sqlite import opening
from offramp.queue.sqlite.retention import Pruner
from offramp.storage import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path

DAY = 86_400
TABLES = ("events", "dedupe", "deliveries", "records", "exchanges", "counts", "latencies")


class Shelf:
    """A queue with a clock, a pruner, and a count of all rows."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queue: SqliteQueue
        self.ledger = SqliteLedger(store)
        self.pruner = Pruner(store, Retention())
        self.now = 1_790_000_000.0

    async def accept(self, *ids: str, **changes: Any) -> None:
        given = {"lanes": ("lane",), **changes}
        made = [
            NewItem(source="s", message_id=one, type="track", received_at=0, body=b"{}", **given)
            for one in ids
        ]
        assert all(await self.queue.accept(made))

    async def settle(self, stage: Stage, n: int = 1, lane: str = "lane") -> None:
        leases = await self.queue.lease(lane, n, ttl=60)
        assert len(leases) == n
        outcomes = [
            Outcome(lease=lease, stage=stage, reason="R", payload=b"p", exchange=b"shared")
            for lease in leases
        ]
        await self.queue.settle(outcomes)

    async def rows(self) -> dict[str, int]:
        def read(connection: sqlite3.Connection) -> dict[str, int]:
            return {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
                for table in TABLES
            }

        return await self.store.read(read)

    async def known(self, *ids: str) -> list[str]:
        return [one for one in ids if await self.ledger.event(one)]


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """An open shelf; whatever was forgotten, the sums must hold."""
    async with Store.open(tmp_path) as store:
        made = Shelf(store)
        async with open_queue(store, now=lambda: made.now) as made.queue:
            yield made
        assert (await made.ledger.audit()).faults == ()


async def test_each_class_is_kept_for_its_own_time(shelf: Shelf) -> None:
    """Delivered and filtered for 7 days, rejected and expired for 34; in flight for ever."""
    for stage in (Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED):
        await shelf.accept(stage.value)
        await shelf.settle(stage)
    await shelf.accept("unmatched", lanes=(), filtered={"TRIGGER_FALSE": ["lane"]})
    await shelf.accept("waiting", "latest")
    everything = ["delivered", "filtered", "unmatched", "rejected", "expired", "waiting"]
    assert await shelf.pruner.prune(shelf.now + 7 * DAY - 1) == 0
    assert await shelf.known(*everything) == everything
    assert await shelf.pruner.prune(shelf.now + 7 * DAY + 1) == 2
    assert await shelf.known(*everything) == ["rejected", "expired", "waiting"]
    assert await shelf.pruner.prune(shelf.now + 34 * DAY - 1) == 0
    assert await shelf.pruner.prune(shelf.now + 34 * DAY + 1) == 2
    assert await shelf.known(*everything) == ["waiting"]
    assert await shelf.pruner.prune(shelf.now + 9_999 * DAY) == 0
    assert await shelf.rows() == {
        "events": 2,
        "dedupe": 2,
        "deliveries": 2,
        "records": 0,
        "exchanges": 0,
        "counts": 0,
        "latencies": 0,
    }
    assert len(await shelf.queue.lease("lane", 9, ttl=60)) == 2


async def test_an_event_stays_for_its_last_delivery(shelf: Shelf) -> None:
    """Body and all, as long as one subscription's delivery may be replayed."""
    await shelf.accept("a", lanes=("x", "y"))
    await shelf.accept("latest")
    await shelf.settle(Stage.DELIVERED, lane="x")
    await shelf.settle(Stage.REJECTED, lane="y")
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 1
    (story,) = await shelf.ledger.event("a")
    assert (story.body, [one.lane for one in story.deliveries]) == (b"{}", ["y"])
    assert await shelf.queue.replay(DeadFilter()) == 1
    await shelf.settle(Stage.DELIVERED, lane="y")
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 1
    assert await shelf.known("a") == []


async def test_a_replay_starts_its_time_anew(shelf: Shelf) -> None:
    """What is waiting again is not forgotten for having ended once."""
    await shelf.accept("a", "latest")
    await shelf.settle(Stage.REJECTED)
    shelf.now += 33 * DAY
    await shelf.queue.replay(DeadFilter())
    assert await shelf.pruner.prune(shelf.now + 60 * DAY) == 0
    assert await shelf.known("a") == ["a"]


async def test_ids_outlive_bodies_until_duplicates_cannot_come(shelf: Shelf) -> None:
    """With a short retention the body goes at once, but the id is known for 24 hours."""
    pruner = Pruner(shelf.store, Retention(delivered=3_600))
    await shelf.accept("a", "latest")
    await shelf.settle(Stage.DELIVERED)
    shelf.now += 7_200
    assert await pruner.prune(shelf.now) == 1
    (story,) = await shelf.ledger.event("a")
    assert (story.body, story.deliveries) == (None, ())
    again = NewItem(source="s", message_id="a", type="track", received_at=0, body=b"")
    assert await shelf.queue.accept([again]) == [False]
    shelf.now += DAY
    await pruner.prune(shelf.now)
    assert await shelf.known("a") == []
    assert await shelf.queue.accept([again]) == [True]


async def test_thousands_are_forgotten_in_chunks(shelf: Shelf) -> None:
    """Others write in between; what matched nothing goes in chunks too."""
    await shelf.accept(*[f"d{n}" for n in range(4_500)])
    await shelf.settle(Stage.DELIVERED, 4_500)
    await shelf.accept(*[f"u{n}" for n in range(4_500)], lanes=(), filtered={"NO": ["lane"]})
    shelf.now += 8 * DAY
    pruning = asyncio.create_task(shelf.pruner.prune(shelf.now))
    await asyncio.sleep(0)
    await shelf.accept("meanwhile")
    assert await pruning == 4_500
    rows = await shelf.rows()
    assert (rows["events"], rows["dedupe"], rows["deliveries"]) == (1, 1, 1)
    assert (rows["records"], rows["exchanges"]) == (0, 0)


async def test_ids_of_events_are_not_used_twice(shelf: Shelf) -> None:
    """Though all is forgotten, a new delivery has an id that no older one had."""
    await shelf.accept("a")
    (lease,) = await shelf.queue.lease("lane", 1, ttl=60)
    await shelf.queue.settle([Outcome(lease=lease, stage=Stage.DELIVERED, reason="OK")])
    shelf.now += 99 * DAY
    await shelf.pruner.prune(shelf.now)
    await shelf.accept("b")
    (other,) = await shelf.queue.lease("lane", 1, ttl=60)
    assert int(other.id) > int(lease.id)


async def test_forgetting_runs_by_itself_and_outlives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the queue is open it forgets again and again, and a failed round is logged."""
    monkeypatch.setattr(opening, "PRUNE_EVERY_S", 0.01)
    rounds = []
    enough = asyncio.Event()

    async def prune(_: Pruner, now: float) -> int:
        rounds.append(now)
        if len(rounds) == 1:
            raise StorageError("disk trouble")
        enough.set()
        return 0

    monkeypatch.setattr(Pruner, "prune", prune)
    async with Store.open(tmp_path) as store, open_queue(store, now=lambda: 5.0):
        async with asyncio.timeout(5):
            await enough.wait()
    assert set(rounds) == {5.0}
    assert "disk trouble" in caplog.text
