"""The ledger on SQLite: damaged blocks, long scans, clocks set back, and what a recount finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
import pytest
from tests.clocks import MovedClock
from tests.queue.conftest import FILTERED, Bench, Opened, ids_of

from offramp.queue import EventFilter, SqliteLedger, Stage, open_queue
from offramp.queue.sqlite import scan
from offramp.storage import Store

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator
    from pathlib import Path

NO = {"TRIGGER_FALSE": ["sub"]}


class Desk(Bench):
    """A bench on SQLite, whose tables a test can change."""

    store: Store

    async def execute(self, statement: str, *terms: object) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(statement, terms)

        await self.store.write(write)

    async def damage(self, message_id: str, column: str) -> None:
        """Change one byte of the block of an event, as a failing disk does."""
        (record,) = await self.ledger.event(message_id)
        await self.execute(
            f"UPDATE blocks SET {column} = CAST("  # noqa: S608 - our own names
            f"x'00' || substr({column}, 2) AS BLOB) "
            "WHERE block = (SELECT max(block) FROM blocks WHERE block <= ?)",
            int(record.id),
        )

    async def faults(self) -> tuple[str, ...]:
        return (await self.ledger.reconcile()).faults


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """An open desk; a test may leave faults."""
    clock = MovedClock()
    async with Store.open(tmp_path) as store, open_queue(store, clock=clock) as queue:
        made = Desk(lambda: Opened(queue, SqliteLedger(store)))  # type: ignore[arg-type, return-value]
        made.clock, made.store = clock, store
        made.queue, made.ledger = queue, SqliteLedger(store)
        yield made


async def test_damaged_heads_are_left_out_and_logged_once(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """All other events are listed and found; the recount names the block."""
    for letter in "abc":
        await desk.send(desk.event(letter, "sub", "x"))
    await desk.settle(await desk.take(1, "x"), Stage.DELIVERED)
    await desk.damage("b", "heads")
    for _ in range(2):
        assert [record.message_id for record in await desk.records()] == ["c", "a"]
        assert [one.message_id for one in (await desk.ledger.recent("sub")).rows] == ["c", "a"]
        assert await desk.ledger.event("b") == []
    assert (await desk.ledger.event("a"))[0].body == desk.event("a").body
    (message,) = [record.message for record in caplog.records if "damaged" in record.message]
    assert message == (
        "the block of events 2 to 2 is damaged on disk: its checksum is wrong; restore the data "
        "folder from a backup, and check the disk; what is damaged is left out"
    )
    faults = await desk.faults()
    assert faults[0].startswith("the block of events 2 to 2 is damaged on disk")
    assert len(faults) == 1


@pytest.mark.parametrize("run", [2, 1_000])
async def test_damaged_heads_do_not_stop_accepting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    """Duplicates of all others are found, in memory learnt anew and in the index."""
    monkeypatch.setattr("offramp.queue.sqlite.ids.RUN", run)
    for letter in "abcdef":
        await desk.send(desk.event(letter))
    await desk.damage("b", "heads")
    async with open_queue(desk.store, clock=desk.clock) as desk.queue:
        assert await desk.send(*map(desk.event, "cabg")) == [False, False, True, True]
        assert ids_of(await desk.lease(9)) == [*"acdef", "b", "g"]


async def test_a_damaged_body_hides_nothing_else(desk: Desk) -> None:
    """What became of the events is shown without it; the recount names the block."""
    await desk.send(desk.event("a"), desk.event("b", "y", filtered=NO))
    await desk.settle(await desk.take(1), Stage.REJECTED)
    await desk.damage("b", "body")
    (b,) = await desk.ledger.event("b")
    assert b.body is None
    assert [one.stage for one in b.deliveries] == [Stage.WAITING, Stage.FILTERED]
    (a,) = await desk.ledger.event("a")
    assert a.body == desk.event("a").body  # a dead letter has its own
    assert [record.message_id for record in await desk.records()] == ["b", "a"]
    assert (await desk.ledger.events(EventFilter(), bodies=True)).rows == ()
    (fault,) = await desk.faults()
    assert fault.startswith("the block of events 1 to 2 is damaged on disk")


async def test_rows_of_their_own_outlive_a_damaged_block(desk: Desk) -> None:
    """A dead letter of it is still listed and replayed with its event."""
    (message_id,) = await desk.end(1, Stage.REJECTED)
    await desk.accept(1)
    await desk.damage(message_id, "heads")
    (letter,) = (await desk.ledger.recent("sub", stage=Stage.REJECTED)).rows
    assert letter.message_id == message_id
    groups = await desk.ledger.errors("sub")
    assert [one.samples[0].message_id for one in groups] == [message_id]


@pytest.mark.parametrize("run", [4, 1_000])
async def test_events_are_found_in_the_index_and_before_they_are_in_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, run: int
) -> None:
    """Each by its whole id, also those whose blocks hold many."""
    monkeypatch.setattr("offramp.queue.sqlite.ids.RUN", run)
    sent = {}
    for n in range(12):
        for message_id in await desk.accept(3):
            sent[message_id] = n
    await desk.send(desk.event("m1"), source="other")
    for message_id in sent:
        records = await desk.ledger.event(message_id, source="source")
        assert [record.message_id for record in records] == [message_id]
    assert len(await desk.ledger.event("m1")) == 2
    assert await desk.faults() == ()


async def test_a_long_scan_goes_on_page_by_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page looks through so many events, may be empty, and says where to go on."""
    monkeypatch.setattr(scan, "SCAN", 10)
    await desk.send(desk.event("first", "x", filtered=NO))
    for _ in range(9):
        await desk.accept(5)
    await desk.send(desk.event("last", "x", filtered=NO))
    which = EventFilter(subscription="sub", stages=FILTERED)
    pages = []
    cursor = None
    while True:
        page = await desk.ledger.events(which, cursor=cursor)
        pages.append([record.message_id for record in page.rows])
        cursor = page.cursor
        if cursor is None:
            break
    assert pages == [["last"], [], [], [], ["first"]]
    assert [record.message_id for record in await desk.records(which)] == ["last", "first"]


@pytest.mark.parametrize("part", ["heads", "body"])
async def test_a_search_leaves_out_what_is_damaged_and_says_so(desk: Desk, part: str) -> None:
    """The events of a damaged block are counted, and all others are searched."""
    for letter in "abc":
        await desk.send(desk.event(letter), desk.event(f"{letter}2", "x"))
    await desk.damage("b", part)
    page = await desk.ledger.events(EventFilter(where=lambda body: b"2" in body))
    assert [record.message_id for record in page.rows] == ["c2", "a2"]
    assert page.damaged == 2
    asked = EventFilter(subscription="sub", where=lambda _: True)
    assert [record.message_id for record in await desk.records(asked)] == ["c", "a"]


async def test_blocks_are_searched_in_groups_of_any_size(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where deliveries of neighbouring blocks are read together makes no difference."""
    ends = (Stage.DELIVERED, Stage.REJECTED, Stage.FILTERED)
    for n in range(12):
        ids = await desk.accept(n % 4 + 1)
        await desk.settle(await desk.take(len(ids)), ends[n % 3], {0: ends[n % 2]})
    for stage in ends:
        found = []
        for group in (1, 3, 7, scan.GROUP):
            monkeypatch.setattr(scan, "GROUP", group)
            which = EventFilter(subscription="sub", stages=frozenset({stage}))
            found.append([record.message_id for record in await desk.records(which, limit=3)])
        assert found[0]
        assert found == [found[0]] * 4


async def test_a_search_of_bodies_looks_each_up_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on below what it found, page by page; a large body takes more of a page."""
    monkeypatch.setattr(scan, "SCAN", 40)
    body = b'{"large":"%s"}' % (b"x" * 20_000)
    events = [desk.event(str(n)) for n in range(12)]
    for event in events:
        await desk.send(event if event.message_id != "5" else attrs.evolve(event, body=body))
    seen = []

    def where(body: bytes) -> bool:
        seen.append(body)
        return len(seen) % 2 == 0

    rows, scanned, cursors = 0, 0, []
    cursor = None
    while True:
        page = await desk.ledger.events(EventFilter(where=where), limit=2, cursor=cursor)
        rows, scanned, cursor = rows + len(page.rows), scanned + page.scanned, page.cursor
        if cursor is None:
            break
        cursors.append(cursor)
    assert (rows, scanned, len(seen), len(set(seen))) == (6, 12, 12, 12)
    assert len(cursors) >= 3


async def test_a_listing_by_time_reads_only_blocks_of_that_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks out of it are found by bisection: what lies far before or behind costs nothing."""
    monkeypatch.setattr(scan, "SCAN", 8)
    start = desk.clock()
    ids = await desk.accept_apart(200, apart=3_600)
    for first, last in [(0, 2), (100, 103), (197, 200), (50, 50)]:
        which = EventFilter(since=start + first * 3_600, until=start + last * 3_600)
        page = await desk.ledger.events(which)
        assert [record.message_id for record in page.rows] == ids[first:last][::-1]
        assert page.cursor is None


async def test_a_clock_that_was_set_back_hides_no_event(desk: Desk) -> None:
    """Listings by time show what was accepted in it, listings of what waits all of it, once."""
    start = desk.clock()
    ids = []
    for move in (0, 600, 600, -1_500, 60, 60, 3_000):
        desk.clock.move(move)
        ids += await desk.accept(2)
    accepted = {record.message_id: record.accepted_at for record in await desk.records()}
    for first, last in [(0, 700), (-400, 100), (500, 1_300), (1_300, 9_000)]:
        which = EventFilter(since=start + first, until=start + last)
        found = {record.message_id for record in await desk.records(which)}
        assert found == {one for one, at in accepted.items() if start + first <= at < start + last}
    for limit in (1, 3, 50):
        seen = []
        cursor = None
        while True:
            page = await desk.ledger.recent("sub", limit=limit, cursor=cursor)
            seen += [one.message_id for one in page.rows]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == ids[::-1]


async def test_filtered_ones_are_listed_though_rows_replaced_some(desk: Desk) -> None:
    """Rows of their own of the same block take out what was made due, and only that."""
    events = [desk.event(f"e{n}", "x", filtered=NO) for n in range(40)]
    await desk.send(*events)
    records = await desk.records(EventFilter(subscription="sub", stages=FILTERED))
    chosen = [record.id for record in records[::3]]
    assert await desk.queue.backfill("sub", chosen) == len(chosen)
    left = await desk.records(EventFilter(subscription="sub", stages=FILTERED), limit=7)
    assert [one.id for one in left] == [one.id for one in records if one.id not in chosen]
    assert await desk.faults() == ()


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        (
            "UPDATE tallies SET n = n + 1 WHERE state = 2",
            "sub: 3 delivered, but the counter says 4",
        ),
        ("UPDATE subscriptions SET accepted = 9", "sub: 9 accepted, but ends and in flight sum up"),
        ("UPDATE deliveries SET open = x'01'", "some of its deliveries stand at two places"),
        ("UPDATE deliveries SET open = NULL", "1 of its deliveries stand nowhere"),
        ("UPDATE deliveries SET results = NULL", "3 of its deliveries stand nowhere"),
        ("UPDATE requests SET refs = 2 WHERE parts IS NOT NULL", "1 row of it, but it says 2"),
        ("UPDATE requests SET parts = NULL", "does not name the same deliveries"),
        ("UPDATE requests SET subscription = 7", "does not name the same deliveries"),
        ("DELETE FROM requests WHERE parts IS NOT NULL", "request 1 is gone"),
        ("DELETE FROM exceptions", "1 of its deliveries stand nowhere"),
        ("UPDATE exceptions SET due_at = 1", "rejected, and due at 1"),
        ("UPDATE exceptions SET event = 99", "1 event cannot be found by message id"),
        ("DELETE FROM blocks", "is gone, but subscription sub has it"),
        (
            "INSERT OR REPLACE INTO marks VALUES ('indexed', 6)",
            "5 events cannot be found by message id",
        ),
        ("UPDATE deliveries SET block = 2", "block 2 is gone, but subscription sub has it"),
    ],
)
async def test_a_recount_finds_what_is_wrong(desk: Desk, statement: str, fault: str) -> None:
    """Each kind of fault is named, with its place."""
    await desk.accept(5)
    outcome = desk.outcome(Stage.REJECTED, exchange=b"400")
    await desk.settle(await desk.take(4), Stage.DELIVERED, {1: outcome}, exchange=b"200")
    assert await desk.faults() == ()
    await desk.execute(statement)
    faults = await desk.faults()
    assert any(fault in each for each in faults), faults
