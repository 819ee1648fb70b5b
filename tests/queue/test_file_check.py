"""The check of the whole file: what it finds, when it runs, and what it leaves alone."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from contextlib import AsyncExitStack, closing
from typing import TYPE_CHECKING

import pytest

from offramp.queue import EventBatch, Route, open_queue
from offramp.queue.sqlite import check
from offramp.queue.sqlite.check import FileCheck, checking
from offramp.storage import DATABASE_FILE, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

PAGE = 4096
BLOCKS, SIZE = 40, 5
NOW = 1_800_000_000.0
SUBSCRIPTION = "billing/Usage"


def batch(number: int) -> EventBatch:
    """Events that fill a page."""
    return EventBatch(
        source="web",
        received_at=NOW,
        message_ids=[f"{number}-{each}" for each in range(SIZE)],
        types=["track"] * SIZE,
        names=["usage"] * SIZE,
        bodies=[b'{"n":"%s"}' % (b"x" * 700)] * SIZE,
        routes=[Route(subscriptions=(SUBSCRIPTION,))],
        route_of=[0] * SIZE,
    )


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with events, closed in good order."""
    async with Store.open(tmp_path) as store, open_queue(store) as queue:
        for number in range(BLOCKS):
            await queue.accept(batch(number))
    return tmp_path


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that hardly rest."""
    monkeypatch.setattr(check, "REST_S", 0.01)


def overwrite(folder: Path, name: str, kind: str = "leaf") -> None:
    """Overwrite the middle page of a table or an index."""
    path = folder / DATABASE_FILE
    with closing(sqlite3.connect(path)) as connection:
        pages = connection.execute(
            "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY path", (name, kind)
        ).fetchall()
    [number] = pages[len(pages) // 2]
    with path.open("r+b") as file:
        file.seek((number - 1) * PAGE)
        file.write(random.Random(number).randbytes(PAGE))


def flip(folder: Path) -> None:
    """Change a byte of an event, which SQLite cannot notice."""
    with closing(sqlite3.connect(folder / DATABASE_FILE)) as connection, connection:
        connection.execute(
            "UPDATE blocks SET body = CAST(replace(body, 'xxx', 'xyx') AS BLOB) "
            "WHERE block = (SELECT block FROM blocks ORDER BY block LIMIT 1 OFFSET 7)"
        )


async def checked(folder: Path) -> tuple[list[tuple[int, int]], list[str]]:
    """The events and the other faults that a check finds."""
    async with Store.open(folder) as store, checking(store, lambda: NOW) as found:
        await found.run()
        ranges = [(each.first, each.end) for each in store.damage.ranges]
        return ranges, list(store.damage.faults)


#: What is damaged -> how many events are found, and what the other faults begin with.
CASES: Mapping[str, tuple[Callable[[Path], None], int, tuple[str, ...]]] = {
    "nothing": (lambda _: None, 0, ()),
    "a byte of an event": (flip, SIZE, ()),
    "a page of events": (lambda folder: overwrite(folder, "blocks"), SIZE, ()),
    "an index": (lambda folder: overwrite(folder, "deliveries_open"), 0, ("table deliveries: ",)),
    "a table": (lambda folder: overwrite(folder, "latencies"), 0, ()),
    "the ids": (lambda folder: overwrite(folder, "ids"), 0, ("table ids: ",)),
}


@pytest.mark.parametrize(("damage", "events", "faults"), CASES.values(), ids=CASES.keys())
async def test_a_check_finds_what_is_damaged(
    folder: Path, damage: Callable[[Path], None], events: int, faults: tuple[str, ...]
) -> None:
    """Events by their numbers, all else by its table; nothing else is found."""
    damage(folder)
    ranges, found = await checked(folder)
    assert sum(end - first for first, end in ranges) == events
    assert len(found) >= len(faults)
    assert all(text.startswith(faults) for text in found if faults)


async def test_everything_else_is_leased_and_accepted_while_a_file_is_checked(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A check rests between short stretches."""
    monkeypatch.setattr(check, "STRETCH_S", 0.0)
    monkeypatch.setattr(check, "REST_S", 0.1)
    async with (
        Store.open(folder) as store,
        open_queue(store) as queue,
        checking(store, lambda: NOW) as found,
    ):
        task = asyncio.create_task(found.run())
        await asyncio.sleep(check.REST_S / 2)
        assert await queue.accept(batch(BLOCKS)) == [True] * SIZE
        assert await queue.lease(SUBSCRIPTION, SIZE, ttl=60) is not None
        assert not task.done()
        task.cancel()


@pytest.mark.parametrize(("killed", "hours", "runs"), [(False, 1, 0), (False, 25, 1), (True, 1, 1)])
async def test_a_check_runs_after_an_unclean_end_and_once_a_day(
    folder: Path, monkeypatch: pytest.MonkeyPatch, *, killed: bool, hours: int, runs: int
) -> None:
    """Otherwise the host starts without reading the whole file."""
    await checked(folder)  # notes the time
    monkeypatch.setattr(check, "FIRST_AFTER_S", 0.0)
    n = 0

    async def count(_: FileCheck) -> None:
        nonlocal n
        n += 1

    monkeypatch.setattr(FileCheck, "run", count)
    async with AsyncExitStack() as stack:
        if killed:  # its log is still there
            (folder / f"{DATABASE_FILE}-wal").touch()
        store = await stack.enter_async_context(Store.open(folder))
        assert store.unclean is killed
        await stack.enter_async_context(checking(store, lambda: NOW + hours * 3_600))
        await asyncio.sleep(0.2)
    assert n == runs
