"""The check of the whole file in the background: after an unclean end, and once a day."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from functools import partial
from typing import TYPE_CHECKING

from offramp.errors import StorageError
from offramp.queue.limits import DAY_S
from offramp.queue.sqlite.heads import HeadReader
from offramp.queue.sqlite.marks import read_mark, set_mark
from offramp.queue.sqlite.sql import SQL
from offramp.storage import Readers

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable

    from offramp.storage import Store

_log = logging.getLogger("offramp.queue")

#: Seconds for which blocks are read at a stretch, and rests in between: so a check takes a sixth of
#: a thread's time, and others read and write as before.
STRETCH_S = 0.02
REST_S = 0.1
#: Seconds after the start before a check that is due begins, so that a backlog comes first.
FIRST_AFTER_S = 5.0
#: Seconds between two looks at the clock.
LOOK_EVERY_S = 60.0
#: The name of the mark that says when the last check ended, in epoch seconds.
CHECKED = "checked"
#: Its events are read anyway, with everything that a check of its pages would read.
READ_AS_A_WHOLE = "blocks"


class FileCheck:
    """Reads the whole file: each block with its checksum, and the pages of all other tables."""

    def __init__(self, store: Store, readers: Readers, now: Callable[[], float]) -> None:
        self._store = store
        self._readers = readers
        self._now = now
        self._heads = HeadReader(store.damage)

    async def run_when_due(self) -> None:
        """Check after an unclean end, and when the last check is a day old; until cancelled."""
        await asyncio.sleep(FIRST_AFTER_S)
        due = self._store.unclean
        while True:
            try:
                if due or await self._is_due():
                    await self.run()
                    due = False
            except StorageError as error:
                _log.warning("the check of the file could not be made: %s", error)
            await asyncio.sleep(LOOK_EVERY_S)

    async def run(self) -> None:
        """Check once; what is found is noted in the damage of the store, and logged."""
        findings: list[str] = []
        low: int | None = 0
        while low is not None:
            try:
                low = await self._readers.read(partial(self._read_blocks, low=low))
            except StorageError as error:
                findings.append(str(error))
                break
            await asyncio.sleep(REST_S)
        for table in await self._readers.read(_tables):
            if table != READ_AS_A_WHOLE:
                findings += await self._check_table(table)
                await asyncio.sleep(REST_S)
        self._store.damage.note_check(findings)
        for each in findings:
            _log.error("the check of the file found: %s", each)
        await self._store.write(partial(set_mark, name=CHECKED, value=round(self._now())))

    async def _is_due(self) -> bool:
        checked = await self._readers.read(partial(read_mark, name=CHECKED))
        return checked is None or self._now() - checked >= DAY_S

    async def _check_table(self, table: str) -> list[str]:
        try:
            return await self._readers.read(partial(_check_table, table=table))
        except StorageError as error:
            return [f"table {table}: {error}"]

    def _read_blocks(self, connection: sqlite3.Connection, low: int) -> int | None:
        """Read blocks from a number on for a stretch; answers where to go on, if anywhere."""
        until = time.monotonic() + STRETCH_S
        rows = self._heads.rows_from(connection, "whole_blocks", {}, low)
        with contextlib.closing(rows):
            for row in rows:
                self._heads.read_whole(row)
                if time.monotonic() >= until:
                    return int(row[0] + row[1])
        return None


@contextlib.asynccontextmanager
async def checking(store: Store, now: Callable[[], float]) -> AsyncIterator[FileCheck]:
    """Check a store's file in the background when that is due; `now` answers epoch seconds."""
    readers = Readers(store.path, store.damage, threads=1, name="offramp-check")
    check = FileCheck(store, readers, now)
    task = asyncio.create_task(check.run_when_due(), name="offramp-queue-check")
    try:
        yield check
    finally:
        task.cancel()
        readers.interrupt()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await readers.close()


def _tables(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute(SQL["tables"])]


def _check_table(connection: sqlite3.Connection, table: str) -> list[str]:
    """What SQLite finds wrong with a table and its indexes."""
    rows = connection.execute(f'PRAGMA quick_check("{table}")').fetchall()
    return [f"table {table}: {text}" for (text,) in rows if text != "ok"]
