"""Threads that only read; each has its own connection and sees the last commit."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from offramp.storage.connect import connect_reader, storage_error
from offramp.storage.damage import Damage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


class Readers:
    """A few threads for reads, so that a long one delays neither the loop nor the writer."""

    def __init__(
        self, path: Path, damage: Damage | None = None, *, threads: int, name: str
    ) -> None:
        self._path = path
        self._damage = damage or Damage()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn` in one read transaction: all its queries see the same moment."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._run, fn)

    def interrupt(self) -> None:
        """End the reads under way with an error, as soon as SQLite looks."""
        for connection in self._opened:
            connection.interrupt()

    async def close(self) -> None:
        """Wait for the reads under way, then close the connections."""
        await asyncio.to_thread(self._pool.shutdown)
        for connection in self._opened:
            connection.close()

    def _run(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._connection()
            connection.execute("BEGIN")
            try:
                return fn(connection)
            finally:
                # Not COMMIT, which fails after a damaged page was met, even if nothing was written.
                connection.execute("ROLLBACK")
        except sqlite3.Error as error:
            described = storage_error(error, self._path)
            self._damage.note_error(described)
            raise described from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = connect_reader(self._path)
            self._opened.append(connection)
        return connection
