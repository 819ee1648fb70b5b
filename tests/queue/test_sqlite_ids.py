"""Message ids: found in memory, in the index, after a restart, after a group that was undone."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from typing import TYPE_CHECKING

import attrs
import pytest

from offramp.queue import NewItem, SqliteLedger, open_queue
from offramp.queue.sqlite import ids
from offramp.queue.sqlite.codes import digest, to_us
from offramp.storage import Store
from offramp.storage.migrate import known_migrations, migrate
from offramp.storage.store import DATABASE_FILE

if TYPE_CHECKING:
    from pathlib import Path

RUN = 8
#: How many migrations there were while all ids were in one table.
BEFORE_RUNS = 2


@pytest.fixture(autouse=True)
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The index is written after every eight ids."""
    monkeypatch.setattr(ids, "RUN", RUN)


def item(message_id: str, *lanes: str, source: str = "s") -> NewItem:
    return NewItem(
        source=source, message_id=message_id, type="track", received_at=0, body=b"{}", lanes=lanes
    )


def items(n: int, prefix: str) -> list[NewItem]:
    return [item(f"{prefix}{number}") for number in range(n)]


def _indexed(connection: sqlite3.Connection) -> tuple[int, int]:
    index = connection.execute("SELECT count(*) FROM known_ids").fetchone()[0]
    latest = connection.execute("SELECT count(*) FROM dedupe").fetchone()[0]
    return index, latest


async def test_ids_are_known_wherever_they_lie(tmp_path: Path) -> None:
    """In the index or not yet, before a restart or after: each is a duplicate with a story."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for start in range(0, 20, 5):
            assert (
                await queue.accept([item(f"id-{n}") for n in range(start, start + 5)]) == [True] * 5
            )
        assert await store.read(_indexed) == (10, 10)
        assert await queue.accept([item(f"id-{n}") for n in range(20)]) == [False] * 20
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        assert await queue.accept([item(f"id-{n}") for n in range(22)]) == [False] * 20 + [True] * 2
        ledger = SqliteLedger(store)
        for n in range(22):
            (story,) = await ledger.event(f"id-{n}")
            assert story.message_id == f"id-{n}"
        assert (await ledger.audit()).ok


async def test_two_sources_may_use_one_id(tmp_path: Path) -> None:
    """One digest leads to two events; neither hides the other, in memory or in the index."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for source in ("a", "b"):
            assert await queue.accept([item("same", source=source)]) == [True]
        for source in ("a", "b"):
            assert await queue.accept([item("same", source=source)]) == [False]
        await queue.accept(items(RUN, "x-"))
        await queue.accept(items(1, "more-"))
        for source in ("a", "b"):
            assert await queue.accept([item("same", source=source)]) == [False]


async def test_a_run_that_was_undone_is_not_forgotten(tmp_path: Path) -> None:
    """Where the commit that moved ids to the index fails, they are duplicates all the same."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        await queue.accept(items(RUN, "old-"))
        await store.write(
            lambda connection: connection.execute(
                "CREATE TRIGGER broken BEFORE INSERT ON deliveries "
                "WHEN (SELECT count(*) FROM dedupe) < 3 BEGIN SELECT RAISE(ROLLBACK, 'no'); END"
            )
        )
        with pytest.raises(sqlite3.IntegrityError):
            await queue.accept([item("new", "lane")])
        await store.write(lambda connection: connection.execute("DROP TRIGGER broken"))
        assert await store.read(_indexed) == (0, RUN)
        assert await queue.accept(items(RUN, "old-")) == [False] * RUN
        assert await queue.accept([item("new", "lane")]) == [True]
        assert (await SqliteLedger(store).audit()).ok


#: What breaks a group, at each of its steps: alone or with the whole transaction.
FAULTS = [
    f"{when} ON {table} BEGIN SELECT RAISE({how}, 'no'); END"
    for when, table in (
        ("BEFORE DELETE", "dedupe"),
        ("AFTER DELETE", "dedupe"),
        ("BEFORE INSERT", "dedupe"),
        ("AFTER INSERT", "dedupe"),
        ("BEFORE INSERT", "known_ids"),
        ("BEFORE INSERT", "deliveries"),
        ("AFTER INSERT", "counts"),
    )
    for how in ("ABORT", "ROLLBACK")
]


@attrs.frozen
class Execute:
    """A statement as a write."""

    sql: str

    def __call__(self, connection: sqlite3.Connection) -> None:
        connection.execute(self.sql)


@pytest.mark.parametrize("seed", range(4))
async def test_memory_follows_the_disk_through_any_faults(tmp_path: Path, seed: int) -> None:
    """Whatever is undone, and wherever: each id is new exactly once, also after a restart."""
    dice = random.Random(seed)
    taken: set[str] = set()
    for _ in range(3):
        async with Store.open(tmp_path) as store, open_queue(store) as queue:
            for _ in range(25):
                broken = dice.random() < 1 / 2
                if broken:
                    await store.write(Execute(f"CREATE TRIGGER broken {dice.choice(FAULTS)}"))
                requests = [
                    [item(f"id-{n}", "lane") for n in dice.sample(range(200), dice.randint(1, RUN))]
                    for _ in range(dice.randint(1, 4))
                ]
                answers = await asyncio.gather(*map(queue.accept, requests), return_exceptions=True)
                for request, answer in zip(requests, answers, strict=True):
                    if not isinstance(answer, BaseException):
                        ids_of = [each.message_id for each in request]
                        assert answer == [each not in taken for each in ids_of]
                        taken.update(ids_of)
                if broken:
                    await store.write(Execute("DROP TRIGGER broken"))
                assert (await queue.depth("lane")).total == len(taken)
            assert (await SqliteLedger(store).audit()).ok
    assert len(taken) > 2 * RUN


async def test_what_fails_again_and_again_takes_no_memory(tmp_path: Path) -> None:
    """A client that sends one event until the disk recovers is remembered but once."""
    known = ids.MessageIds()
    async with Store.open(tmp_path) as store:

        def fail(connection: sqlite3.Connection) -> None:
            known.catch_up(connection, 1)
            known.add(connection, 1, [7])
            raise ZeroDivisionError

        def look(connection: sqlite3.Connection) -> list[bool]:
            known.catch_up(connection, 1)
            return known.find_new(connection, items(1, "x"), [7], 0)

        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await store.write(fail)
        assert await store.write(look) == [True]
    assert not known._recent


async def test_ids_of_an_older_file_are_known(tmp_path: Path) -> None:
    """A file whose ids were all in one table is brought up to date: nothing is taken twice."""
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE_FILE)) as older:
        older.isolation_level = None
        migrate(older, known_migrations()[:BEFORE_RUNS])
        older.execute(
            "INSERT INTO events VALUES (1, 's', 'old', 'track', '', 0, :at, NULL, X'7B7D')",
            {"at": to_us(time.time())},
        )
        older.execute("INSERT INTO dedupe VALUES (:digest, 1)", {"digest": digest("old")})
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        assert await queue.accept([item("old"), item("new")]) == [False, True]
        ledger = SqliteLedger(store)
        assert [len(await ledger.event(name)) for name in ("old", "new")] == [1, 1]
        assert (await ledger.audit()).ok
