"""The writer: groups, savepoints, order, failures."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING

import pytest

from offramp.errors import StorageError, StorageFullError
from offramp.storage import Rank, Store, Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    """An open store with one scratch table."""
    async with Store.open(tmp_path) as store:
        await store.write(
            lambda c: c.execute("CREATE TABLE scratch (n INTEGER PRIMARY KEY, b BLOB)")
        )
        yield store


def add(connection: sqlite3.Connection, numbers: Sequence[int]) -> list[int]:
    """A kind of work: stores each number, and fails for one that is there."""
    for number in numbers:
        connection.execute("INSERT INTO scratch (n) VALUES (?)", (number,))
    return list(numbers)


async def numbers(store: Store) -> list[int]:
    rows = await store.read(lambda c: c.execute("SELECT n FROM scratch ORDER BY n").fetchall())
    return [number for (number,) in rows]


class Hold:
    """Keeps the writer busy, so that what is submitted meanwhile waits for one group."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._go = threading.Event()
        self._began = threading.Event()

    async def __aenter__(self) -> None:
        self._task = asyncio.create_task(self._store.write(self._wait))
        await asyncio.to_thread(self._began.wait)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0)
        self._go.set()
        await self._task

    def _wait(self, _: sqlite3.Connection) -> None:
        self._began.set()
        self._go.wait()


async def test_what_waits_together_is_one_commit(store: Store) -> None:
    """A hundred waiting requests cost one run and one commit, not a hundred."""
    runs = []

    def run(connection: sqlite3.Connection, requests: Sequence[int]) -> list[int]:
        runs.append(len(requests))
        return add(connection, requests)

    work = Work(run=run)
    async with Hold(store):
        waiting = [store.submit(work, number) for number in range(100)]
    assert await asyncio.gather(*waiting) == list(range(100))
    assert runs == [100]


async def test_a_bad_request_fails_alone(store: Store) -> None:
    """One bad request among good ones is undone by itself, and its caller gets the error."""
    work = Work(run=add)
    async with Hold(store):
        waiting = [store.submit(work, number) for number in (1, 2, 2, 3)]
        other = asyncio.create_task(store.write(lambda c: add(c, [4])))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [int, int, sqlite3.IntegrityError, int]
    assert await other == [4]
    assert await numbers(store) == [1, 2, 3, 4]


async def test_a_write_that_raises_leaves_nothing_behind(store: Store) -> None:
    """What `fn` did before it raised is undone; its neighbours of the group stay."""

    def fail(connection: sqlite3.Connection) -> None:
        add(connection, [1])
        raise KeyError("mine")

    async with Hold(store):
        bad = asyncio.create_task(store.write(fail))
        good = asyncio.create_task(store.write(lambda c: add(c, [2])))
    with pytest.raises(KeyError, match="mine"):
        await bad
    assert await good == [2]
    assert await numbers(store) == [2]


async def test_settling_runs_before_accepting(store: Store) -> None:
    """Work runs by rank, not by arrival, and a capped kind leaves the rest to the next group."""
    order = []

    def noting(name: str, rank: Rank, most: int | None = None) -> Work[int, int]:
        def run(_: sqlite3.Connection, requests: Sequence[int]) -> list[int]:
            order.append((name, sum(requests)))
            return list(requests)

        return Work(run=run, rank=rank, most=most, weigh=lambda request: request)

    last, first = noting("last", Rank.LAST, most=10), noting("first", Rank.FIRST)
    async with Hold(store):
        waiting = [store.submit(last, 4) for _ in range(4)]
        waiting += [store.submit(last, 50)]
        waiting += [store.submit(first, 1)]
    await asyncio.gather(*waiting)
    assert order == [("first", 1), ("last", 8), ("last", 8), ("last", 50)]


async def test_a_vanished_awaiter_is_no_error(store: Store) -> None:
    """Cancelling the wait does not undo the write, nor hurt its neighbours; `done` is told."""
    messages: list[tuple[int, int | BaseException]] = []
    work = Work(run=add, done=messages.extend)
    async with Hold(store):
        gone = store.submit(work, 1)
        stays = store.submit(work, 2)
        gone.cancel()
    assert await stays == 2
    assert messages == [(1, 1), (2, 2)]
    assert await numbers(store) == [1, 2]


async def test_done_is_told_before_the_awaiters_and_of_failures(store: Store) -> None:
    """`done` hears of a whole group at once, errors among the results."""
    messages: list[tuple[int, int | BaseException]] = []
    work = Work(run=add, done=messages.extend)
    await store.submit(work, 1)
    with pytest.raises(sqlite3.IntegrityError):
        await store.submit(work, 1)
    assert messages[0] == (1, 1)
    assert isinstance(messages[1][1], sqlite3.IntegrityError)


async def test_a_done_that_raises_does_not_hang_the_awaiters(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """The write is on disk, so its caller is told; the fault is logged."""

    def fail(_: object) -> None:
        raise KeyError("mine")

    assert await store.submit(Work(run=add, done=fail), 1) == 1
    assert "its callback failed" in caplog.text


async def test_a_full_disk_fails_its_group_and_the_writer_goes_on(store: Store) -> None:
    """What does not fit is undone with a clear error; once there is room, writes succeed."""

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO scratch (b) VALUES (zeroblob(1000000))")

    (pages,) = await store.write(lambda c: c.execute("PRAGMA page_count").fetchone())
    await store.write(lambda c: c.execute(f"PRAGMA max_page_count = {pages + 2}").fetchone())
    with pytest.raises(StorageFullError, match=r"the disk of .*offramp\.sqlite3 is full: free"):
        await store.write(fill)
    assert await numbers(store) == []
    assert await store.write(lambda c: add(c, [7])) == [7]
    await store.write(lambda c: c.execute("PRAGMA max_page_count = 1000000").fetchone())
    await store.write(fill)
    assert await numbers(store) == [7, 8]


async def test_a_commit_that_fails_undoes_the_group_and_tells_each(store: Store) -> None:
    """If the file cannot be written at all, every request of the group gets a clear error."""

    def doom(connection: sqlite3.Connection) -> None:
        add(connection, [1])
        # The commit checks what was put off until then, and so fails.
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("INSERT INTO child (n) VALUES (99)")

    def neighbour(connection: sqlite3.Connection) -> None:
        add(connection, [2])

    await store.write(lambda c: c.execute("CREATE TABLE child (n INTEGER REFERENCES scratch (n))"))
    async with Hold(store):
        waiting = [asyncio.create_task(store.write(doom))]
        waiting.append(asyncio.create_task(store.write(neighbour)))
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [sqlite3.IntegrityError] * 2
    assert await numbers(store) == []
    assert await store.write(lambda c: add(c, [3])) == [3]


async def test_a_work_hears_of_each_time_that_it_was_undone(store: Store) -> None:
    """Alone in its group, beside others, and where the commit fails; never after a success."""
    undone: list[str] = []
    work = Work(run=add, undone=lambda: undone.append("undone"))
    assert await store.submit(work, 1) == 1
    assert undone == []
    with pytest.raises(sqlite3.IntegrityError):
        await store.submit(work, 1)
    assert len(undone) == 1
    async with Hold(store):
        beside = asyncio.create_task(store.write(lambda c: add(c, [2])))
        waiting = [asyncio.ensure_future(store.submit(work, n)) for n in (1, 3)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [sqlite3.IntegrityError, int]
    assert await beside == [2]
    # Once for both together, and once for the one that failed alone.
    assert len(undone) == 3

    def doom(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA defer_foreign_keys = ON")
        connection.execute("INSERT INTO child (n) VALUES (99)")

    await store.write(lambda c: c.execute("CREATE TABLE child (n INTEGER REFERENCES scratch (n))"))
    async with Hold(store):
        doomed = asyncio.create_task(store.write(doom))
        late = asyncio.ensure_future(store.submit(work, 4))
    ends = await asyncio.gather(doomed, late, return_exceptions=True)
    assert [type(each) for each in ends] == [sqlite3.IntegrityError] * 2
    assert len(undone) == 4
    assert await numbers(store) == [1, 2, 3]


async def test_a_foreign_lock_is_waited_for_and_then_told(tmp_path: Path) -> None:
    """A person's shell that holds the file makes writes fail clearly, not hang."""
    async with Store.open(tmp_path) as store:
        await store.write(lambda c: c.execute("PRAGMA busy_timeout = 10").fetchone())
        other = sqlite3.connect(store.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StorageError, match="database is locked"):
            await store.write(lambda _: None)
        other.execute("ROLLBACK")
        other.close()
        assert await store.write(lambda _: 1) == 1


async def test_what_cannot_be_weighed_fails_its_caller(store: Store) -> None:
    """The thread goes on for the others."""

    def weigh(_: int) -> int:
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        store.submit(Work(run=add, weigh=weigh), 1)
    assert await store.submit(Work(run=add), 2) == 2


async def test_an_error_that_no_future_can_hold_leaves_nobody_waiting(store: Store) -> None:
    """A `StopIteration` from a write fails its caller, and those of the same group are told."""
    writes = [store.write(lambda _: next(iter(()))), store.write(lambda c: add(c, [1]))]
    async with Hold(store):
        waiting = asyncio.gather(*writes, return_exceptions=True)
        await asyncio.sleep(0)
    async with asyncio.timeout(5):
        failed, stored = await waiting
    assert isinstance(failed, RuntimeError)
    assert stored == [1]


async def test_closing_commits_what_waits(tmp_path: Path) -> None:
    """What was handed in before the close is on disk after it."""
    async with Store.open(tmp_path) as store:
        await store.write(lambda c: c.execute("CREATE TABLE scratch (n INTEGER PRIMARY KEY)"))
        work = Work(run=add, most=3)
        async with Hold(store):
            waiting = [store.submit(work, number) for number in range(10)]
    assert await asyncio.gather(*waiting) == list(range(10))
    async with Store.open(tmp_path) as store:
        assert await numbers(store) == list(range(10))
