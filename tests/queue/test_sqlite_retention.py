"""The engine on SQLite forgets: each class at its time, in chunks, and never what is in flight."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.clocks import clock_of
from tests.queue.conftest import FILTERED, ids_of

from offramp.errors import StorageError
from offramp.queue import (
    Counted,
    DeadLetterFilter,
    EventBatch,
    EventFilter,
    Outcome,
    Retention,
    Route,
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
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from offramp.queue import Lease

DAY = 86_400
TABLES = ("blocks", "deliveries", "exceptions", "requests", "ids", "counts", "latencies")
NO = {"TRIGGER_FALSE": ["sub"]}


class Shelf:
    """A queue with a clock, a pruner, and a count of all rows."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.queue: SqliteQueue
        self.ledger = SqliteLedger(store)
        self.pruner = Pruner(store, Retention())
        self.now = 1_790_000_000.0

    async def accept(
        self,
        *ids: str,
        to: Sequence[str] = ("sub",),
        filtered: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        """Accept events that go one way, in one block."""
        n = len(ids)
        batch = EventBatch(
            source="s",
            received_at=self.now,
            message_ids=ids,
            types=["track"] * n,
            names=[""] * n,
            bodies=[b'{"id":"%s"}' % one.encode() for one in ids],
            routes=[Route(subscriptions=tuple(to), filtered=filtered or {})],
            route_of=[0] * n,
        )
        assert list(await self.queue.accept(batch)) == [True] * n

    async def take(self, n: int = 1, subscription: str = "sub") -> Lease:
        lease = await self.queue.lease(subscription, n, ttl=60)
        assert lease is not None
        assert len(lease) == n
        return lease

    def outcome(self, stage: Stage) -> Outcome:
        retry_at = self.now + 60 if stage is Stage.RETRYING else None
        return Outcome(stage=stage, reason="R", retry_at=retry_at, payload=b"p", exchange=b"shared")

    async def settle(
        self, stage: Stage, n: int = 1, subscription: str = "sub", **but: Stage
    ) -> None:
        """Settle the next `n`; `but` names others by message id."""
        lease = await self.take(n, subscription)
        others = {ids_of(lease).index(name): self.outcome(one) for name, one in but.items()}
        assert not await self.queue.settle(lease, self.outcome(stage), others)

    async def rows(self) -> dict[str, int]:
        def read(connection: sqlite3.Connection) -> dict[str, int]:
            return {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own names
                for table in TABLES
            }

        return await self.store.read(read)

    async def execute(self, statement: str, *terms: Any) -> Any:
        return await self.store.write(
            lambda connection: connection.execute(statement, terms).fetchall()
        )

    async def known(self, *ids: str) -> list[str]:
        return [one for one in ids if await self.ledger.event(one)]

    async def check(self) -> None:
        assert (await self.ledger.reconcile()).faults == ()


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    """An open shelf; whatever was forgotten, the sums must hold."""
    async with Store.open(tmp_path) as store:
        made = Shelf(store)
        async with open_queue(store, clock=clock_of(lambda: made.now)) as made.queue:
            yield made
        await made.check()


async def test_each_class_is_kept_for_its_own_time(shelf: Shelf) -> None:
    """Delivered and filtered for 7 days, rejected and expired for 34; in flight for ever."""
    for stage in (Stage.DELIVERED, Stage.FILTERED, Stage.REJECTED, Stage.EXPIRED):
        await shelf.accept(stage.value)
        await shelf.settle(stage)
    await shelf.accept("unmatched", to=(), filtered=NO)
    await shelf.accept("waiting")
    await shelf.accept("latest")
    everything = ["delivered", "filtered", "unmatched", "rejected", "expired", "waiting"]
    assert await shelf.pruner.prune(shelf.now + 7 * DAY - 1) == 0
    assert await shelf.known(*everything) == everything
    assert await shelf.pruner.prune(shelf.now + 7 * DAY + 1) == 2
    assert await shelf.known(*everything) == ["rejected", "expired", "waiting"]
    await shelf.check()
    assert await shelf.pruner.prune(shelf.now + 34 * DAY - 1) == 0
    assert await shelf.pruner.prune(shelf.now + 34 * DAY + 1) == 2
    assert await shelf.known(*everything) == ["waiting"]
    assert await shelf.pruner.prune(shelf.now + 9_999 * DAY) == 0
    assert await shelf.rows() == {
        "blocks": 2,
        "deliveries": 2,
        "exceptions": 0,
        "requests": 0,
        "ids": 0,
        "counts": 0,
        "latencies": 0,
    }
    await shelf.take(2)


async def test_a_block_goes_though_a_dead_letter_of_it_stays(shelf: Shelf) -> None:
    """The letter is still shown, found by its event's id, and replayed with its event."""
    await shelf.accept("a", "b", "c")
    await shelf.accept("latest", to=("other",))
    await shelf.settle(Stage.DELIVERED, 3, b=Stage.REJECTED)
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 2
    rows = await shelf.rows()
    assert (rows["blocks"], rows["exceptions"], rows["requests"]) == (1, 1, 1)
    assert await shelf.known("a", "b", "c") == ["b"]
    (record,) = await shelf.ledger.event("b")
    assert (record.body, record.source, record.type) == (b'{"id":"b"}', "s", "track")
    assert [one.payload for one in record.deliveries] == [b"p"]
    listed = await shelf.ledger.events(EventFilter(), bodies=True)
    assert [(one.message_id, one.body) for one in listed.rows] == [
        ("latest", b'{"id":"latest"}'),
        ("b", b'{"id":"b"}'),
    ]
    assert [one.message_id for one in (await shelf.ledger.recent("sub")).rows] == ["b"]
    (letter,) = (await shelf.queue.dead_letters(DeadLetterFilter())).rows
    assert (letter.message_id, letter.id) == ("b", record.deliveries[0].id)
    await shelf.check()
    assert await shelf.queue.replay(DeadLetterFilter(ids=(letter.id,))) == 1
    lease = await shelf.take(1)
    assert (ids_of(lease), list(lease.bodies)) == (["b"], [b'{"id":"b"}'])
    await shelf.queue.settle(lease, shelf.outcome(Stage.DELIVERED))
    assert await shelf.known("b") == ["b"]
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 1
    assert await shelf.known("b") == []


async def test_what_is_left_of_events_is_listed_among_the_others(shelf: Shelf) -> None:
    """Page by page, in order, where blocks before, between and behind are gone."""
    for letter in "abcdefgh":
        await shelf.accept(f"{letter}1", f"{letter}2", to=("sub",) if letter in "bceh" else ())
    await shelf.settle(Stage.REJECTED, 4)
    await shelf.settle(Stage.DELIVERED, 2, e1=Stage.EXPIRED)
    shelf.now += 8 * DAY
    await shelf.pruner.prune(shelf.now)
    expected = ["h2", "h1", "e1", "c2", "c1", "b2", "b1"]
    for limit in (1, 2, 3, 50):
        seen: list[str] = []
        cursor = None
        while True:
            page = await shelf.ledger.events(EventFilter(), limit=limit, cursor=cursor)
            seen += [record.message_id for record in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == expected
    none = await shelf.ledger.events(EventFilter(source="other"))
    assert none.rows == ()
    late = await shelf.ledger.events(EventFilter(since=shelf.now))
    assert late.rows == ()


async def test_an_event_stays_for_its_last_delivery(shelf: Shelf) -> None:
    """Body and all, as long as one subscription's delivery may be replayed."""
    await shelf.accept("a", to=("x", "y"))
    await shelf.accept("latest")
    await shelf.settle(Stage.DELIVERED, subscription="x")
    await shelf.settle(Stage.REJECTED, subscription="y")
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 1
    (record,) = await shelf.ledger.event("a")
    assert record.body == b'{"id":"a"}'
    assert [one.subscription for one in record.deliveries] == ["y"]
    assert await shelf.queue.replay(DeadLetterFilter()) == 1
    await shelf.settle(Stage.DELIVERED, subscription="y")
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 1
    assert await shelf.known("a") == []


async def test_a_block_stays_whole_while_anything_of_it_waits(shelf: Shelf) -> None:
    """A subscription that is held back for weeks loses nothing; what ended elsewhere goes."""
    await shelf.accept("a", "b", to=("fast", "held"))
    await shelf.accept("latest", to=())
    await shelf.settle(Stage.DELIVERED, 2, "fast")
    await shelf.settle(Stage.DELIVERED, 1, "held")
    shelf.now += 50 * DAY
    assert await shelf.pruner.prune(shelf.now) == 2
    await shelf.check()
    (record,) = await shelf.ledger.event("b")
    assert [one.subscription for one in record.deliveries] == ["held"]
    assert ids_of(await shelf.take(1, "held")) == ["b"]
    (a,) = await shelf.ledger.event("a")
    assert [one.stage for one in a.deliveries] == [Stage.DELIVERED]


async def test_dead_letters_may_go_before_their_block(shelf: Shelf) -> None:
    """With a short time for them they go, and what they were does not come back as anything."""
    pruner = Pruner(shelf.store, Retention(dead=3_600))
    await shelf.accept("a", "b", "c")
    await shelf.settle(Stage.DELIVERED, 2, a=Stage.REJECTED)
    shelf.now += 7_200
    assert await pruner.prune(shelf.now) == 1
    await shelf.check()
    assert (await shelf.queue.dead_letters(DeadLetterFilter())).rows == ()
    (record,) = await shelf.ledger.event("a")
    assert record.deliveries == ()
    assert await shelf.queue.backfill("sub", [record.id]) == 0
    await shelf.settle(Stage.REJECTED)
    shelf.now += 7_200
    assert await pruner.prune(shelf.now) == 1
    await shelf.check()
    await shelf.accept("latest", to=())
    shelf.now += 8 * DAY
    assert await pruner.prune(shelf.now) == 1
    assert await shelf.known("a", "b", "c") == []


async def test_what_was_filtered_and_replayed_is_not_filtered_again_by_forgetting(
    shelf: Shelf,
) -> None:
    """Its own row stays as long as the block, which still says that it was filtered."""
    await shelf.accept("a", "b", to=("x",), filtered=NO)
    await shelf.accept("latest", to=())
    records = (await shelf.ledger.events(EventFilter(subscription="sub", stages=FILTERED))).rows
    assert await shelf.queue.backfill("sub", [records[1].id]) == 1
    await shelf.settle(Stage.DELIVERED)
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 0
    await shelf.check()
    (record,) = await shelf.ledger.event("a")
    assert {one.subscription: one.stage for one in record.deliveries} == {
        "x": Stage.WAITING,
        "sub": Stage.DELIVERED,
    }
    await shelf.settle(Stage.DELIVERED, 2, "x")
    shelf.now += 8 * DAY
    # The block goes in the first round, and what it kept in the next.
    assert await shelf.pruner.prune(shelf.now) + await shelf.pruner.prune(shelf.now) == 3
    assert await shelf.known("a", "b") == []
    rows = await shelf.rows()
    assert (rows["blocks"], rows["exceptions"], rows["requests"]) == (1, 0, 0)


async def test_a_replay_starts_its_time_anew(shelf: Shelf) -> None:
    """What is waiting again is not forgotten for having ended once."""
    await shelf.accept("a")
    await shelf.accept("latest")
    await shelf.settle(Stage.REJECTED)
    shelf.now += 33 * DAY
    await shelf.queue.replay(DeadLetterFilter())
    assert await shelf.pruner.prune(shelf.now + 60 * DAY) == 0
    assert await shelf.known("a") == ["a"]


async def test_ids_outlive_bodies_until_duplicates_cannot_come(shelf: Shelf) -> None:
    """With a short retention the body goes at once, but the id is known for 24 hours."""
    pruner = Pruner(shelf.store, Retention(delivered=3_600))
    await shelf.accept("a", to=("sub",), filtered={"NO": ["y"]})
    await shelf.accept("latest")
    await shelf.settle(Stage.DELIVERED)
    shelf.now += 7_200
    assert await pruner.prune(shelf.now) == 1
    await shelf.check()
    (record,) = await shelf.ledger.event("a")
    assert record.body is None
    assert [one.stage for one in record.deliveries] == [Stage.FILTERED]
    again = EventBatch(
        source="s",
        received_at=shelf.now,
        message_ids=["a"],
        types=["track"],
        names=[""],
        bodies=[b"{}"],
        routes=[Route()],
        route_of=[0],
    )
    assert list(await shelf.queue.accept(again)) == [False]
    shelf.now += DAY
    await pruner.prune(shelf.now)
    assert await shelf.known("a") == []
    assert list(await shelf.queue.accept(again)) == [True]


async def test_thousands_are_forgotten_in_chunks(shelf: Shelf) -> None:
    """Others write in between; what matched nothing goes in chunks too."""
    await shelf.accept(*[f"d{n}" for n in range(4_500)])
    await shelf.settle(Stage.DELIVERED, 4_500)
    for start in range(0, 4_500, 500):
        await shelf.accept(*[f"u{start + n}" for n in range(500)], to=(), filtered={"NO": ["sub"]})
    await shelf.accept(*[f"r{n}" for n in range(4_500)])
    await shelf.settle(Stage.REJECTED, 4_500)
    shelf.now += 35 * DAY
    pruning = asyncio.create_task(shelf.pruner.prune(shelf.now))
    await asyncio.sleep(0)
    await shelf.accept("meanwhile")
    assert await pruning == 9_000
    rows = await shelf.rows()
    assert (rows["blocks"], rows["deliveries"], rows["exceptions"], rows["requests"]) == (
        1,
        1,
        0,
        0,
    )


async def test_a_request_that_others_refer_to_forgets_what_is_gone(shelf: Shelf) -> None:
    """A batch of two blocks, of which one is still in use, lists what is left of it."""
    await shelf.accept("a")
    await shelf.accept("b", "c")
    lease = await shelf.take(2)
    await shelf.queue.settle(lease, shelf.outcome(Stage.DELIVERED))
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 1
    await shelf.check()
    page = await shelf.ledger.recent("sub", stage=Stage.DELIVERED)
    assert [one.message_id for one in page.rows] == ["b"]
    assert await shelf.known("a", "b", "c") == ["b", "c"]


async def test_numbers_of_events_are_not_used_twice(shelf: Shelf) -> None:
    """Though all is forgotten, a new delivery has an id that no older one had."""
    await shelf.accept("a")
    lease = await shelf.take(1)
    await shelf.queue.settle(lease, shelf.outcome(Stage.DELIVERED))
    shelf.now += 99 * DAY
    await shelf.pruner.prune(shelf.now)
    await shelf.accept("b")
    other = await shelf.take(1)
    assert int(other.id(0).split("-")[0]) > int(lease.id(0).split("-")[0])


async def test_ids_go_with_what_they_lead_to(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the index too: of blocks that are gone, and of dead letters when these go."""
    monkeypatch.setattr("offramp.queue.sqlite.ids.RUN", 4)
    await shelf.accept(*"abcd")
    await shelf.settle(Stage.DELIVERED, 4, b=Stage.REJECTED)
    for n in range(4):
        await shelf.accept(f"later{n}", to=())
    assert (await shelf.rows())["ids"] == 4
    for days, left in [(7.1, 4), (9, 1), (33, 1), (36, 0)]:
        await shelf.pruner.prune(shelf.now + days * DAY)
        assert (await shelf.rows())["ids"] == left, days
        await shelf.check()
        assert await shelf.known("b") == (["b"] if left else [])


async def test_counts_outlive_what_they_count(shelf: Shelf) -> None:
    """Figures of the last weeks stay after their deliveries."""
    await shelf.accept("a")
    await shelf.accept("latest")
    await shelf.settle(Stage.DELIVERED)
    start = shelf.now
    shelf.now += 8 * DAY
    await shelf.pruner.prune(shelf.now)
    counts = await shelf.ledger.counts(start - 60, shelf.now, subscription="sub")
    assert {(one.counted, one.n) for one in counts} == {
        (Counted.ACCEPTED, 2),
        (Counted.DELIVERED, 1),
    }


async def test_forgetting_runs_by_itself_and_outlives_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While the queue is open it forgets again and again, and a failed round is logged."""
    monkeypatch.setattr(opening, "PRUNE_EVERY_S", 0.01)
    rounds = []
    enough = asyncio.Event()

    async def prune(_: Pruner, now: float, **_more: object) -> int:
        rounds.append(now)
        if len(rounds) == 1:
            raise StorageError("disk trouble")
        enough.set()
        return 0

    monkeypatch.setattr(Pruner, "prune", prune)
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock_of(lambda: 5.0)):
        async with asyncio.timeout(5):
            await enough.wait()
    assert set(rounds) == {5.0}
    assert "disk trouble" in caplog.text


async def test_a_damaged_block_stays_and_stops_no_other(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    """What ended in it is forgotten; it is logged once, and all others go."""
    for message_id in "abc":
        await shelf.accept(message_id)
    await shelf.accept("latest", to=())
    await shelf.settle(Stage.DELIVERED, 3)
    (good,) = await shelf.execute("SELECT heads FROM blocks WHERE block = 2")
    await shelf.execute("UPDATE blocks SET heads = x'00' WHERE block = 2")
    shelf.now += 8 * DAY
    assert await shelf.pruner.prune(shelf.now) == 3
    assert await shelf.pruner.prune(shelf.now) == 0
    rows = await shelf.rows()
    assert (rows["blocks"], rows["deliveries"], rows["requests"]) == (2, 0, 0)
    assert len([record for record in caplog.records if "damaged" in record.message]) == 1
    (fault,) = (await shelf.ledger.reconcile()).faults
    assert fault.startswith("the block of events 2 to 2 is damaged")
    await shelf.execute("UPDATE blocks SET heads = ? WHERE block = 2", *good)


async def test_a_dead_letter_is_found_and_becomes_due_elsewhere_without_its_block(
    shelf: Shelf,
) -> None:
    """Its own copy of the event is searched, and is what another subscription gets."""
    await shelf.accept("a", "b")
    await shelf.accept("latest", to=())
    await shelf.settle(Stage.DELIVERED, 2, a=Stage.REJECTED)
    shelf.now += 8 * DAY
    await shelf.pruner.prune(shelf.now)
    assert (await shelf.rows())["blocks"] == 1
    which = EventFilter(where=lambda body: b'"a"' in body)
    (record,) = (await shelf.ledger.events(which)).rows
    assert record.message_id == "a"
    assert await shelf.queue.backfill("other", [record.id]) == 1
    lease = await shelf.take(1, "other")
    assert (ids_of(lease), list(lease.bodies)) == (["a"], [b'{"id":"a"}'])
    await shelf.check()


async def test_a_search_says_what_it_cannot_read(shelf: Shelf) -> None:
    """Events whose JSON retention dropped are counted; without a condition on it they are found."""
    pruner = Pruner(shelf.store, Retention(delivered=3_600))
    await shelf.accept("a", "b")
    await shelf.settle(Stage.DELIVERED, 2)
    shelf.now += 7_200
    await pruner.prune(shelf.now)
    await shelf.accept("c")
    page = await shelf.ledger.events(EventFilter(where=lambda _: True))
    assert [record.message_id for record in page.rows] == ["c"]
    assert (page.scanned, page.without_body, page.damaged) == (3, 2, 0)
    page = await shelf.ledger.events(EventFilter())
    assert [record.message_id for record in page.rows] == ["c", "b", "a"]
    assert (page.without_body, page.reached_at) == (0, shelf.now - 7_200)
