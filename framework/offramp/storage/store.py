"""The store: a locked folder with one SQLite file, its writer and its readers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

from offramp.storage.connect import connect_writer
from offramp.storage.copying import sync_folder
from offramp.storage.lock import lock_folder
from offramp.storage.migrate import known_migrations, migrate
from offramp.storage.readers import Readers
from offramp.storage.writer import Work, Writer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

T = TypeVar("T")
Q = TypeVar("Q")
R = TypeVar("R")

DATABASE_FILE = "offramp.sqlite3"
#: Threads for reads that people request: one slow listing must not delay the next.
READER_THREADS = 2


class Store:
    """The data folder of one process. Open it with `async with Store.open(folder) as store`."""

    def __init__(self, folder: Path, writer: Writer) -> None:
        self.folder = folder
        self.path = folder / DATABASE_FILE
        self._writer = writer
        self._plain: Work[Callable[[sqlite3.Connection], Any], Any] = Work(
            run=_run_each, alone=True
        )
        self._reads = Readers(self.path, threads=READER_THREADS, name="offramp-reader")
        self._urgent = Readers(self.path, threads=1, name="offramp-urgent")

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, folder: Path) -> AsyncIterator[Store]:
        """Make or open the folder, lock it, bring its tables up to date; close it at the end.

        The folder must be on a local disk. Raises `StorageError` if another process has locked
        it, if it cannot be used, if a newer version wrote it, or if the disk has too little room to
        bring it up to date.
        """
        lock = await asyncio.to_thread(lock_folder, folder)
        try:
            path = folder / DATABASE_FILE
            writer = Writer(path, lambda: _connect(path))
            await writer.start()
            store = cls(folder, writer)
            try:
                yield store
            finally:
                await store._close()
        finally:
            os.close(lock)

    async def write(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` in the next group, in its own savepoint; returns once it is on disk.

        If `fn` raises, only its own changes are undone, and the error is raised here. Raises
        `StorageError` if the disk fails. `fn` runs in the writer's thread: keep it short.
        """
        result: T = await self._writer.submit(self._plain, fn)
        return result

    def submit(self, work: Work[Q, R], request: Q) -> asyncio.Future[R]:
        """Submit a request of a kind of work that runs many together; see `Work`."""
        return self._writer.submit(work, request)

    async def read(self, fn: Callable[[sqlite3.Connection], T], *, urgent: bool = False) -> T:
        """Run `fn` in a read transaction in another thread; `urgent` reads have their own."""
        return await (self._urgent if urgent else self._reads).read(fn)

    async def _close(self) -> None:
        # The readers close first: the last connection to close deletes the log, and only the
        # writer's may do that.
        await self._urgent.close()
        await self._reads.close()
        await self._writer.close()


def _connect(path: Path) -> sqlite3.Connection:
    connection = connect_writer(path)
    try:
        migrate(connection, known_migrations())
        sync_folder(path.parent)
    except BaseException:
        connection.close()
        raise
    return connection


def _run_each(
    connection: sqlite3.Connection, requests: Sequence[Callable[[sqlite3.Connection], Any]]
) -> list[Any]:
    return [fn(connection) for fn in requests]
