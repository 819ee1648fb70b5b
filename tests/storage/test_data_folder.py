"""The store: its folder, its lock, its file, its reads and its backup."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from offramp.errors import StorageError
from offramp.storage import Store
from offramp.storage.copying import copy_pages

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOLD_LOCK = """
import pathlib, sys
from offramp.storage.lock import lock_folder
lock_folder(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def add_row(connection: sqlite3.Connection, name: str) -> int:
    cursor = connection.execute("INSERT INTO subscriptions (name) VALUES (?)", (name,))
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def row_names(connection: sqlite3.Connection) -> list[str]:
    return [
        name
        for (name,) in connection.execute("SELECT name FROM subscriptions ORDER BY subscription")
    ]


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that holds the lock of the folder."""
    command = [sys.executable, "-c", HOLD_LOCK, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


async def test_folder_and_files_are_private(tmp_path: Path) -> None:
    """Nobody but the owner can read events or secrets, whatever the umask says."""
    umask = os.umask(0)
    try:
        async with Store.open(tmp_path / "new" / "data") as store:
            await store.write(lambda connection: add_row(connection, "a"))
            modes = {
                path.name: stat.S_IMODE(path.stat().st_mode) for path in store.folder.iterdir()
            }
    finally:
        os.umask(umask)
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert set(modes.values()) == {0o600}
    assert {"lock", "offramp.sqlite3", "offramp.sqlite3-wal"} <= modes.keys()


async def test_writes_survive_reopening_and_leave_one_file(tmp_path: Path) -> None:
    """What was written is there again, and closing folds the log into the file."""
    async with Store.open(tmp_path) as store:
        await store.write(lambda connection: add_row(connection, "a"))
        await store.read(row_names)
    assert files(tmp_path) == ["lock", "offramp.sqlite3"]
    async with Store.open(tmp_path) as store:
        assert await store.read(row_names) == ["a"]


async def test_the_writer_is_power_safe(tmp_path: Path) -> None:
    """The writing connection uses the log and syncs each commit."""
    async with Store.open(tmp_path) as store:
        journal = await store.write(lambda c: c.execute("PRAGMA journal_mode").fetchone())
        synchronous = await store.write(lambda c: c.execute("PRAGMA synchronous").fetchone())
    assert (journal, synchronous) == (("wal",), (2,))


async def test_a_second_store_on_the_folder_is_refused(tmp_path: Path) -> None:
    """Two stores would deliver twice; the error names the folder, and the first goes on."""
    async with Store.open(tmp_path) as store:
        with pytest.raises(StorageError, match=f"{tmp_path} is in use by process {os.getpid()}"):
            async with Store.open(tmp_path):
                pass
        assert await store.write(lambda connection: add_row(connection, "a")) == 1


async def test_the_lock_of_another_process_ends_with_it(
    tmp_path: Path, holder: subprocess.Popen[bytes]
) -> None:
    """While another process holds the folder its id is told; its death frees the folder."""
    with pytest.raises(StorageError, match=f"in use by process {holder.pid}: stop that"):
        async with Store.open(tmp_path):
            pass
    holder.kill()
    holder.wait()
    async with Store.open(tmp_path) as store:
        assert await store.read(row_names) == []


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error says which folder and why."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"data folder .*/file/data: Not a directory"):
        async with Store.open(tmp_path / "file" / "data"):
            pass


async def test_a_file_that_is_no_database_is_told_and_the_lock_let_go(tmp_path: Path) -> None:
    """The error names the file, and the folder can be opened once that is mended."""
    database = tmp_path / "offramp.sqlite3"
    database.write_text("this is not a database, and it is long enough to tell" * 10)
    with pytest.raises(StorageError, match=r"offramp\.sqlite3 is damaged: file is not a database"):
        async with Store.open(tmp_path):
            pass
    database.unlink()
    async with Store.open(tmp_path) as store:
        assert await store.read(row_names) == []


async def test_readers_see_the_last_commit_and_cannot_write(tmp_path: Path) -> None:
    """A read sees what was acknowledged before it, one moment of it, and changes nothing."""
    async with Store.open(tmp_path) as store:
        await store.write(lambda connection: add_row(connection, "a"))
        for urgent in (False, True):
            assert await store.read(row_names, urgent=urgent) == ["a"]
            with pytest.raises(StorageError, match="readonly database"):
                await store.read(lambda connection: add_row(connection, "b"), urgent=urgent)
        assert await store.read(row_names) == ["a"]


async def test_a_read_that_raises_leaves_the_reader_usable(tmp_path: Path) -> None:
    """An error of the caller's own is raised as it is, and ends the read transaction."""

    def fail(_: sqlite3.Connection) -> None:
        raise KeyError("mine")

    async with Store.open(tmp_path) as store:
        for _ in range(5):
            with pytest.raises(KeyError, match="mine"):
                await store.read(fail, urgent=True)
        await store.write(lambda connection: add_row(connection, "a"))
        assert await store.read(row_names, urgent=True) == ["a"]


async def test_a_slow_read_does_not_hold_up_an_urgent_one(tmp_path: Path) -> None:
    """Leases are read in a thread of their own."""
    async with Store.open(tmp_path) as store:
        slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000000) "
        slow += "SELECT max(i) FROM n"
        listings = [
            asyncio.create_task(store.read(lambda c: c.execute(slow).fetchone())) for _ in range(4)
        ]
        assert await store.read(row_names, urgent=True) == []
        assert not any(task.done() for task in listings)
        assert await asyncio.gather(*listings) == [(3_000_000,)] * 4


async def test_a_copy_is_consistent_private_and_whole(tmp_path: Path) -> None:
    """It can be opened as a store, and holds what was written before it began."""
    copy = tmp_path / "copy" / "offramp.sqlite3"
    copy.parent.mkdir()
    done: list[int] = []
    async with Store.open(tmp_path / "data") as store:
        await store.write(lambda connection: add_row(connection, "a"))

        await asyncio.to_thread(copy_pages, store.path, copy, done.append)
        await store.write(lambda connection: add_row(connection, "b"))
    assert done[-1] == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    async with Store.open(copy.parent) as store:
        assert await store.read(row_names) == ["a"]


async def test_a_copy_never_overwrites(tmp_path: Path) -> None:
    """A file that exists stays as it is."""
    (tmp_path / "precious").write_text("mine")
    async with Store.open(tmp_path / "data") as store:
        with pytest.raises(StorageError, match=r"/precious: File exists"):
            copy_pages(store.path, tmp_path / "precious", lambda _: None)
    assert (tmp_path / "precious").read_text() == "mine"


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """A write after the end is an error, not a hang."""
    async with Store.open(tmp_path) as store:
        pass
    with pytest.raises(StorageError, match="is closed"):
        await store.write(row_names)
