"""The check of the whole file: what it finds, when it runs, and what it leaves alone."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import pytest
from tests.queue.damaging import BLOCKS, NOW, SIZE, SUBSCRIPTION, batch, fill, flip, overwrite

from offramp.queue import open_queue
from offramp.queue.sqlite import check
from offramp.queue.sqlite.check import FileCheck, checking
from offramp.storage import DATABASE_FILE, Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A folder with events, closed in good order."""
    await fill(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks that hardly rest."""
    monkeypatch.setattr(check, "REST_S", 0.01)


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
