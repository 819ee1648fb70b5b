"""Message ids: found in memory, in the index, after a restart, after a group that was undone."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from offramp.queue import NewItem, SqliteLedger, open_queue
from offramp.queue.sqlite import ids
from offramp.storage import Store

if TYPE_CHECKING:
    from pathlib import Path

RUN = 8


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
