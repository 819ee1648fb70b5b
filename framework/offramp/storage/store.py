"""The store: a locked folder with one SQLite file, its writer and its readers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any, TypeVar

from offramp.errors import StorageError
from offramp.storage.connect import connect_writer
from offramp.storage.damage import Damage
from offramp.storage.files import sync_folder
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
#: SQLite's log of a file has its name with this behind it.
_LOG_SUFFIX = "-wal"
#: Files that a host makes in its data folder once its database has been written.
_LATER_FILES = ("secret.key", "token")
#: Threads for reads that people request: one slow listing must not delay the next.
READER_THREADS = 2


class Store:
    """The data folder of one process. Open it with `async with Store.open(folder) as store`."""

    def __init__(
        self, folder: Path, writer: Writer, damage: Damage, *, unclean: bool = False
    ) -> None:
        self.folder = folder
        #: Whether the process that had the folder last did not close the file.
        self.unclean = unclean
        #: What is known to be damaged in the file.
        self.damage = damage
        self.path = folder / DATABASE_FILE
        self._writer = writer
        self._plain: Work[Callable[[sqlite3.Connection], Any], Any] = Work(
            run=_run_each, alone=True
        )
        self._reads = Readers(self.path, damage, threads=READER_THREADS, name="offramp-reader")
        self._urgent = Readers(self.path, damage, threads=1, name="offramp-urgent")

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
            damage = Damage()
            # Whoever closes the file deletes its log.
            unclean = path.with_name(path.name + _LOG_SUFFIX).exists()
            writer = Writer(path, lambda: _connect(path), damage)
            await writer.start()
            store = cls(folder, writer, damage, unclean=unclean)
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
    _refuse_emptied(path)
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


def _refuse_emptied(path: Path) -> None:
    """Raise `StorageError` if the file is empty or missing, and was not before.

    SQLite would take it for a new one. A log beside it shows that, or, if the file is there and
    empty, what a host made after it.
    """
    size = path.stat().st_size if path.exists() else None
    if size:
        return
    log = path.with_name(path.name + _LOG_SUFFIX)
    traces = [log] if log.exists() and log.stat().st_size else []
    if size is not None:
        traces += [each for name in _LATER_FILES if (each := path.with_name(name)).exists()]
    if traces:
        state = "is missing" if size is None else "is empty"
        beside = ", ".join(each.name for each in traces)
        raise StorageError(
            f"{path} {state}, but it once held data: there is {beside} beside it. Nothing was "
            "changed. Copy the data folder, then restore the file from a backup; to begin without "
            "its events, move all files of the folder away"
        )
